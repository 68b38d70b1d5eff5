//! What is written to a provider and what it writes back: `CredentialProviderRequest` and
//! `CredentialProviderResponse`.
//!
//! The answer is decoded as strictly as the kubelet decodes it, because one that it drops gives a
//! node no credentials. Nothing here quotes an answer: it holds passwords.

use std::collections::HashSet;
use std::time::Duration;

use super::{Provider, Version};
use crate::credentials::docker_config::{Entry, JsonType};
use crate::credentials::json::Value;
use crate::credentials::{Credential, DockerConfig};
use crate::go_duration;

/// Most credentials in one answer; matching costs each image as many comparisons.
const MOST_ENTRIES: usize = 1_000;

/// What an answer holds for, beside the image that was asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CacheKeyType {
    /// That image alone, in all its tags.
    Image,
    /// Every image of its registry.
    Registry,
    /// Every image that the provider is for.
    Global,
}

/// An answer that the kubelet would use.
#[derive(Debug)]
pub struct Response {
    /// What it holds for.
    pub cache_key_type: CacheKeyType,
    /// For how long it may be kept; zero means not at all.
    pub cache_duration: Duration,
    /// The credentials, by the patterns of the images that they are for. The kubelet puts them
    /// into a keyring like those of a pull secret.
    pub auth: DockerConfig,
}

/// Why the kubelet would drop an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResponseFault {
    /// Not one JSON object.
    #[error("its output is not one JSON object")]
    NotJson,
    /// Another `apiVersion` than that of the request, or none.
    #[error("its output has another apiVersion than the configuration")]
    OtherVersion,
    /// Another `kind` than `CredentialProviderResponse`, or none.
    #[error("its output is not of kind CredentialProviderResponse")]
    OtherKind,
    /// A field that is not known.
    #[error("its output has an unknown field")]
    UnknownField,
    /// A field or a key of `auth` that is there twice.
    #[error("its output has a field or key twice")]
    Twice,
    /// A field of the wrong type.
    #[error("its output has a field of the wrong type")]
    WrongType,
    /// `cacheKeyType` is none of the three words.
    #[error("its cacheKeyType is none of Image, Registry and Global")]
    CacheKeyType,
    /// `cacheDuration` is not a duration as Go writes them.
    #[error("its cacheDuration is not a duration")]
    CacheDuration,
    /// More credentials than we match; the kubelet knows no such bound.
    #[error("its output has more than {MOST_ENTRIES} credentials")]
    TooMany,
}

impl Version {
    /// The request for an image of this normalised name, byte by byte what the kubelet writes.
    pub fn request(self, name: &str) -> Vec<u8> {
        let image = serde_json::Value::from(name);
        let version = self.as_str();
        format!(
            "{{\"kind\":\"CredentialProviderRequest\",\"apiVersion\":\"{version}\",\
             \"image\":{image}}}\n"
        )
        .into_bytes()
    }
}

impl Provider {
    /// Decodes what it wrote to its standard output.
    pub fn response(&self, output: &[u8]) -> Result<Response, ResponseFault> {
        let document = Value::document(output).ok_or(ResponseFault::NotJson)?;
        if document.kind() != JsonType::Object {
            return Err(ResponseFault::NotJson);
        }
        // First, as at the kubelet: an answer in another version has other fields.
        let mut version = None;
        for (name, value) in document.members() {
            if name == "apiVersion" {
                version = value.string();
            }
        }
        if version.as_deref() != Some(self.version.as_str()) {
            return Err(ResponseFault::OtherVersion);
        }
        self.decode(document)
    }

    fn decode(&self, document: Value<'_>) -> Result<Response, ResponseFault> {
        let mut kind = String::new();
        let mut key_type = String::new();
        let mut duration = None;
        let mut auth = DockerConfig::default();
        for (name, value) in members(document)? {
            match name.as_str() {
                "apiVersion" => {}
                "kind" => kind = string(value)?,
                "cacheKeyType" => key_type = string(value)?,
                "cacheDuration" if value.kind() == JsonType::Null => {}
                "cacheDuration" => {
                    // Kept until a time in the past is not kept.
                    let read = go_duration::parse_signed(&string(value)?);
                    let (negative, size) = read.ok_or(ResponseFault::CacheDuration)?;
                    duration = Some(if negative { Duration::ZERO } else { size });
                }
                "auth" => auth = entries(value)?,
                _ => return Err(ResponseFault::UnknownField),
            }
        }
        if kind != "CredentialProviderResponse" {
            return Err(ResponseFault::OtherKind);
        }
        Ok(Response {
            cache_key_type: match key_type.as_str() {
                "Image" => CacheKeyType::Image,
                "Registry" => CacheKeyType::Registry,
                "Global" => CacheKeyType::Global,
                _ => return Err(ResponseFault::CacheKeyType),
            },
            cache_duration: duration.unwrap_or(self.default_cache_duration),
            auth,
        })
    }
}

fn entries(value: Value<'_>) -> Result<DockerConfig, ResponseFault> {
    let mut entries = Vec::new();
    for (key, value) in members(value)? {
        if entries.len() == MOST_ENTRIES {
            return Err(ResponseFault::TooMany);
        }
        let (mut username, mut password) = (String::new(), String::new());
        for (name, value) in members(value)? {
            match name.as_str() {
                "username" => username = string(value)?,
                "password" => password = string(value)?,
                _ => return Err(ResponseFault::UnknownField),
            }
        }
        let credential = Credential::new(username, password);
        entries.push(Entry::new(key, credential));
    }
    Ok(DockerConfig { entries: entries.into() })
}

/// The members of an object, each name there once; null has none.
fn members(value: Value<'_>) -> Result<Vec<(String, Value<'_>)>, ResponseFault> {
    if !matches!(value.kind(), JsonType::Object | JsonType::Null) {
        return Err(ResponseFault::WrongType);
    }
    let members: Vec<_> = value.members().collect();
    let mut seen = HashSet::new();
    if members.iter().all(|(name, _)| seen.insert(name)) {
        Ok(members)
    } else {
        Err(ResponseFault::Twice)
    }
}

/// A string; null leaves the empty one.
fn string(value: Value<'_>) -> Result<String, ResponseFault> {
    match value.kind() {
        JsonType::Null => Ok(String::new()),
        JsonType::String => value.string().ok_or(ResponseFault::WrongType),
        _ => Err(ResponseFault::WrongType),
    }
}
