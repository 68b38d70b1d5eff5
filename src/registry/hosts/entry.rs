//! One host as a `hosts.toml` or a folder of certificates says it, before anything is read or
//! filled in. Pure.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};

/// What is written of one host: the equivalent of containerd's `hostConfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::registry) struct Entry {
    /// Where it is; an empty host in the last entry is the registry itself.
    pub(super) place: Place,
    /// What it may be asked for.
    pub(super) capabilities: Capabilities,
    /// Certificates added to the system's roots; none is not the same as an empty list, which
    /// makes containerd try TLS at an `http` host.
    pub(super) ca: Option<Vec<PathBuf>>,
    /// Client certificates, the first that the server takes being shown.
    pub(super) clients: Vec<ClientPair>,
    /// Whether the server's certificate goes unchecked, where that is said.
    pub(super) skip_verify: Option<bool>,
    /// Sent with every request, and to the token server.
    pub(super) headers: Headers,
    /// The longest wait for a connection.
    pub(super) dial_timeout: Option<Duration>,
}

/// An address as Go takes it apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// In lower case; may be empty, and may be none that is spoken.
    pub(super) scheme: String,
    /// `host[:port]`, without user and password.
    pub(super) host: String,
    /// What comes before the repository, without a slash at its end.
    pub(super) path: String,
}

/// What a host may be asked for, as far as pulls go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::registry) struct Capabilities {
    /// Content by digest.
    pub(in crate::registry) pull: bool,
    /// From a tag to a digest.
    pub(in crate::registry) resolve: bool,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self { pull: true, resolve: true }
    }
}

/// A client certificate's file, and its key's; without one both are in the same file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientPair {
    pub(super) certificate: PathBuf,
    pub(super) key: Option<PathBuf>,
}

/// Headers that the operator wants sent. Their values are nobody else's business.
#[derive(Clone, Default, PartialEq, Eq)]
pub(in crate::registry) struct Headers {
    map: HeaderMap,
    fault: Option<&'static str>,
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.map.keys()).finish()
    }
}

/// Headers that belong to a connection or a body: Go's client writes its own, or would break the
/// request with them.
const OUR_OWN: [&str; 8] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Headers {
    /// Adds a value. One that can never be sent fails every request instead, as in Go.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        let Ok(name) = name.parse::<HeaderName>() else {
            self.fault = Some("one of its headers has a name that cannot be sent");
            return;
        };
        if OUR_OWN.contains(&name.as_str()) {
            return;
        }
        match HeaderValue::from_bytes(value.as_bytes()) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.map.append(name, value);
            }
            Err(_) => self.fault = Some("one of its headers has a value that cannot be sent"),
        }
    }

    /// Why no request can be sent with these headers.
    pub(super) fn fault(&self) -> Option<&'static str> {
        self.fault
    }

    pub(in crate::registry) fn map(&self) -> &HeaderMap {
        &self.map
    }
}
