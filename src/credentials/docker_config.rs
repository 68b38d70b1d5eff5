//! Docker configuration as Secrets hold it, decoded as the kubelet does (`config.go`).
//!
//! One undecodable entry fails the whole document, and with it every pull of the pod; so this
//! must agree with the kubelet on what is undecodable, to the letter. What is never here: which
//! entry serves which image (`keyring`), and anything of `credHelpers`, `credsStore` or token
//! fields, which the kubelet does not know.

mod auth;
mod error;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

pub use error::{DecodeError, Fault, Field, JsonType};

use super::Credential;
use super::json::{self, Value};
use super::keyring::{Rule, host_of};
use crate::go_json::folds_to;

/// Which of the two documents a Secret holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConfigFormat {
    /// `{"auths": {key: entry}}`, type `kubernetes.io/dockerconfigjson`.
    DockerConfigJson,
    /// `{key: entry}`, type `kubernetes.io/dockercfg`.
    DockerCfg,
}

/// One entry of `auths`.
#[derive(Clone)]
pub struct Entry {
    /// As written: may hold a scheme, a path, even a login. Not to be shown; `host` is.
    pub key: String,
    /// What the runtime gets; empty if the entry has neither `auth` nor `username`.
    pub credential: Credential,
    /// It has an `identitytoken` or `registrytoken`, which the kubelet ignores.
    pub has_identity_token: bool,
    /// What the key matches, made ready once; none if the kubelet skips the entry for its key.
    pub(super) rule: Option<Rule>,
}

impl Entry {
    /// An entry as a document has it.
    pub fn new(key: impl Into<String>, credential: Credential) -> Self {
        let key = key.into();
        Self { rule: Rule::of(&key), key, credential, has_identity_token: false }
    }

    /// The `host[:port]` of the key; none if the kubelet skips the entry for its key.
    pub fn host(&self) -> Option<String> {
        host_of(&self.key)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("host", &self.host())
            .field("has_identity_token", &self.has_identity_token)
            .finish_non_exhaustive()
    }
}

/// The entries of one document, each key once, in the document's order.
#[derive(Debug, Clone, Default)]
pub struct DockerConfig {
    /// The kubelet's own order among two spellings of one key is random (a Go map). Clones share
    /// them: every review has one of each pull secret.
    pub entries: Arc<[Entry]>,
}

impl DockerConfig {
    /// The distinct hosts of the entries, in their order: what the secret is for. Foreign text.
    pub fn hosts(&self) -> Vec<String> {
        let mut hosts = Vec::new();
        for host in self.entries.iter().filter_map(Entry::host) {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        hosts
    }

    /// Decodes a document.
    pub fn decode(format: ConfigFormat, data: &[u8]) -> Result<Self, DecodeError> {
        let document = Value::document(data).ok_or_else(|| not_json(data).at(None))?;
        let mut entries = Entries::default();
        match format {
            ConfigFormat::DockerCfg => entries.merge(document, Field::Document)?,
            ConfigFormat::DockerConfigJson => {
                for (name, value) in members(document, Field::Document, None)? {
                    if folds_to(&name, "auths") {
                        entries.merge(value, Field::Auths)?;
                    } else if folds_to(&name, "httpheaders") {
                        for (_, header) in members(value, Field::HttpHeaders, None)? {
                            string(header, Field::HttpHeader, None)?;
                        }
                    }
                }
            }
        }
        Ok(Self { entries: entries.list.into() })
    }
}

/// What data that is not JSON is instead.
fn not_json(data: &[u8]) -> Fault {
    let decoded = auth::base64(data.trim_ascii());
    let is_object = |decoded: Vec<u8>| {
        Value::document(&decoded).is_some_and(|value| value.kind() == JsonType::Object)
    };
    if decoded.is_some_and(is_object) { Fault::EncodedTwice } else { Fault::NotJson }
}

/// Entries by key: a later one replaces an earlier one, as in Go's map.
#[derive(Default)]
struct Entries {
    list: Vec<Entry>,
    at: HashMap<String, usize>,
}

impl Entries {
    fn merge(&mut self, map: Value<'_>, field: Field) -> Result<(), DecodeError> {
        if map.kind() == JsonType::Null {
            // `null` empties the map, whatever an earlier `auths` had put there.
            *self = Self::default();
        }
        for (key, value) in members(map, field, None)? {
            let entry = decode_entry(key, value)?;
            let earlier = self.at.get(&entry.key).and_then(|&at| self.list.get_mut(at));
            if let Some(earlier) = earlier {
                *earlier = entry;
            } else {
                self.at.insert(entry.key.clone(), self.list.len());
                self.list.push(entry);
            }
        }
        Ok(())
    }
}

fn decode_entry(key: String, value: Value<'_>) -> Result<Entry, DecodeError> {
    let mut username = String::new();
    let mut password = String::new();
    let mut auth = String::new();
    let mut has_identity_token = false;
    for (name, value) in members(value, Field::Entry, Some(&key))? {
        let field = |field| string(value, field, Some(&key));
        // `null` leaves what an earlier field of the same name has set.
        if folds_to(&name, "username") {
            username = field(Field::Username)?.unwrap_or(username);
        } else if folds_to(&name, "password") {
            password = field(Field::Password)?.unwrap_or(password);
        } else if folds_to(&name, "auth") {
            auth = field(Field::Auth)?.unwrap_or(auth);
        } else if folds_to(&name, "email") {
            field(Field::Email)?;
        } else if folds_to(&name, "identitytoken") || folds_to(&name, "registrytoken") {
            has_identity_token |= value.string().is_some_and(|token| !token.is_empty());
        }
    }
    let credential = if auth.is_empty() {
        Credential::new(username, password)
    } else {
        auth::decode(&auth).map_err(|fault| fault.at(Some(&key)))?
    };
    Ok(Entry { has_identity_token, ..Entry::new(key, credential) })
}

/// The members of an object; none if it is `null`.
fn members<'a>(
    value: Value<'a>,
    field: Field,
    key: Option<&str>,
) -> Result<json::Members<'a>, DecodeError> {
    match value.kind() {
        JsonType::Object | JsonType::Null => Ok(value.members()),
        found => Err(Fault::WrongType { field, found }.at(key)),
    }
}

/// A string; none if it is `null`.
fn string(
    value: Value<'_>,
    field: Field,
    key: Option<&str>,
) -> Result<Option<String>, DecodeError> {
    match (value.string(), value.kind()) {
        (None, JsonType::Null) => Ok(None),
        (None, found) => Err(Fault::WrongType { field, found }.at(key)),
        (text, _) => Ok(text),
    }
}
