//! One Secret of the API, reduced to what a pull uses of it.

use super::{DecodeError, DockerConfig};

/// A pull secret by name and what is known of it.
#[derive(Debug, Clone)]
pub struct PullSecret {
    /// `metadata.name`.
    pub name: String,
    /// What is known of it.
    pub state: SecretState,
}

/// What is known of a Secret that a pod names.
#[derive(Debug, Clone)]
pub enum SecretState {
    /// Read and decoded.
    Read(DecodedSecret),
    /// It does not exist; the nearest name that does, where names may be listed.
    Absent { similar: Option<String> },
    /// pullcheck has no right to read it.
    Forbidden,
    /// The API server did not answer; why, in our own words.
    Unreadable(String),
    /// Nobody was asked: no cluster, and not among the manifests.
    Undecided,
}

/// A Secret as the kubelet's keyring sees it.
#[derive(Debug, Clone)]
pub enum DecodedSecret {
    /// One of the two shapes that count.
    Config(DockerConfig),
    /// A shape the kubelet ignores without a word.
    WrongType(WrongTypeHint),
    /// One of the two shapes, undecodable: every pull of the pod fails.
    Malformed(DecodeError),
}

/// Why the kubelet ignores a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongTypeHint {
    /// The Secret's `type` ("Opaque" when empty).
    pub type_: String,
    /// The data key that looks like a docker config, if any (`.dockerconfigjson`, `config.json`).
    pub key: Option<String>,
}
