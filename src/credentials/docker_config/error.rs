//! Why a docker configuration does not decode; never what it holds.

use std::fmt;

use crate::credentials::keyring::host_of;

/// The longest host that is told.
const HOST_MAX: usize = 80;

/// A docker configuration that the kubelet cannot decode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// The host of the entry at fault, printable and bounded; none if the fault is elsewhere or
    /// the key names no host. Never the key itself, which may hold a login.
    pub entry: Option<String>,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a docker configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not one JSON value (or nested deeper than Go follows).
    #[error("the data is not JSON")]
    NotJson,
    /// JSON of another type than the kubelet decodes into.
    #[error("{field} is {found}, not {}", field.expected())]
    WrongType {
        /// Which part.
        field: Field,
        /// What stands there.
        found: JsonType,
    },
    /// `auth` is not base64.
    #[error("auth is not base64")]
    AuthNotBase64,
    /// `auth` is base64 of something without a colon.
    #[error("auth decodes to something without a colon between user name and password")]
    AuthWithoutColon,
    /// `auth` is base64 of what `auth` should be.
    #[error("auth is base64 of base64")]
    AuthEncodedTwice,
    /// Base64 of JSON, where JSON was to be: `data` was encoded twice.
    #[error("the data is base64 of base64")]
    EncodedTwice,
    /// A manifest has the JSON itself under `data`.
    #[error("data holds raw JSON, not base64")]
    DataIsJson,
    /// A manifest has something under `data` that is not base64.
    #[error("data is not base64")]
    DataNotBase64,
    /// A manifest has base64 under `data` that was folded into lines.
    #[error("data has spaces inside its base64")]
    DataHasSpaces,
    /// A manifest has something else than text under `data` or `stringData`.
    #[error("a value in data or stringData is not text")]
    DataNotText,
    /// A manifest has something else than a mapping as `data` or `stringData`.
    #[error("{0} is not a mapping of keys to values")]
    DataNotMapping(&'static str),
    /// A manifest has the JSON under `stringData` without quotes or a block, so that YAML reads
    /// it as a mapping.
    #[error("stringData holds a mapping, not text")]
    StringDataIsMapping,
    /// A manifest has base64 under `stringData`, which the API server encodes once more.
    #[error("stringData holds base64, which belongs under data")]
    StringDataIsBase64,
    /// A manifest has the type of a pull secret and lacks the key that goes with it.
    #[error("its type needs the key {0}, which is not there")]
    KeyMissing(&'static str),
    /// The same, and the key stands beside `data`.
    #[error("{0} stands outside data and stringData")]
    KeyMisplaced(&'static str),
}

/// The parts of a docker configuration that the kubelet decodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The whole.
    Document,
    /// `auths`.
    Auths,
    /// `HttpHeaders`.
    HttpHeaders,
    /// A value in `HttpHeaders`.
    HttpHeader,
    /// A value in `auths`.
    Entry,
    /// `username`.
    Username,
    /// `password`.
    Password,
    /// `email`, which is decoded and never used.
    Email,
    /// `auth`.
    Auth,
}

/// The types of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonType {
    /// `{}`.
    Object,
    /// `[]`.
    Array,
    /// `""`.
    String,
    /// `0`.
    Number,
    /// `true`, `false`.
    Boolean,
    /// `null`.
    Null,
}

impl DecodeError {
    /// A short imperative fix.
    pub fn fix(&self) -> &'static str {
        match self.fault {
            Fault::AuthNotBase64 | Fault::AuthWithoutColon => {
                "set auth to base64 of user:password, on one line"
            }
            Fault::DataIsJson => "move it from data to stringData, as a block of text after |",
            Fault::DataNotBase64 => "encode it with base64, or move it to stringData",
            Fault::DataNotText => "write it as text: quoted, or as a block after |",
            Fault::AuthEncodedTwice => "encode user:password once",
            Fault::EncodedTwice => "encode it once",
            Fault::DataHasSpaces => "write the base64 on one line (base64 -w0)",
            Fault::DataNotMapping(_) => "write .dockerconfigjson and its value below it, indented",
            Fault::StringDataIsMapping => "write it as a block of text after |",
            Fault::StringDataIsBase64 => "move it to data, or write the JSON itself",
            Fault::KeyMisplaced(_) => "indent it by two more spaces, below data or stringData",
            Fault::WrongType { field: Field::Email, .. } => "remove email or make it a string",
            Fault::NotJson | Fault::WrongType { .. } | Fault::KeyMissing(_) => {
                "make it again with kubectl create secret docker-registry"
            }
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.entry {
            Some(host) => write!(f, "entry {host}: {}", self.fault),
            None => self.fault.fmt(f),
        }
    }
}

impl std::error::Error for DecodeError {}

impl Fault {
    /// The API server would not store such a Secret: it refuses what cannot be read as an object
    /// at all, and leaves the JSON of a pull secret to the kubelet otherwise (K
    /// pkg/apis/core/validation, `ValidateSecret`).
    pub fn is_refused_by_api_server(self) -> bool {
        match self {
            Self::AuthNotBase64 | Self::AuthWithoutColon | Self::AuthEncodedTwice => false,
            Self::WrongType { field, .. } => field == Field::Document,
            _ => true,
        }
    }

    /// This fault in the entry under `key`.
    pub fn at(self, key: Option<&str>) -> DecodeError {
        DecodeError { entry: key.and_then(host_of).and_then(|host| shown(&host)), fault: self }
    }
}

impl Field {
    fn expected(self) -> &'static str {
        match self {
            Self::Document | Self::Auths | Self::HttpHeaders | Self::Entry => "an object",
            _ => "a string",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Document => "the document",
            Self::Auths => "auths",
            Self::HttpHeaders => "HttpHeaders",
            Self::HttpHeader => "a value in HttpHeaders",
            Self::Entry => "the entry",
            Self::Username => "username",
            Self::Password => "password",
            Self::Email => "email",
            Self::Auth => "auth",
        })
    }
}

impl fmt::Display for JsonType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Object => "an object",
            Self::Array => "a list",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::Null => "null",
        })
    }
}

fn shown(host: &str) -> Option<String> {
    let printable = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic());
    let cut = |host: &str| host.get(..HOST_MAX).map(|start| format!("{start}..."));
    printable
        .then(|| cut(host).filter(|_| host.len() > HOST_MAX).unwrap_or_else(|| host.to_owned()))
}
