//! The kubelet's credential providers: their configuration, which images they are for, what they
//! are asked and how their answers are read.
//!
//! Upstream is `pkg/credentialprovider/plugin` of Kubernetes v1.36.3 and the API types of
//! `k8s.io/kubelet`. What is never here: files and processes.

mod config;
mod exchange;
mod problem;
#[cfg(test)]
mod tests;
mod token;
mod tree;
mod validate;

use std::fmt;
use std::time::Duration;

pub use config::{Document, Named, read};
pub use exchange::{CacheKeyType, Response, ResponseFault};
pub use problem::{Problem, Problems};

use super::keyring::Pattern;

/// One provider, valid by construction.
#[derive(Clone)]
pub struct Provider {
    /// Its name, which is that of its executable.
    pub name: String,
    /// What of `matchImages` can match anything.
    match_images: Vec<Pattern>,
    /// For how long its answers are kept where they do not say.
    pub default_cache_duration: Duration,
    /// How it is spoken to.
    pub version: Version,
    /// Its arguments, as they are.
    pub args: Vec<String>,
    /// What is added to its environment, in order; may hold secrets.
    pub env: Vec<(String, String)>,
    /// It is given a token of the pod's ServiceAccount (`tokenAttributes`).
    pub needs_token: bool,
}

impl Provider {
    /// Whether the kubelet asks it for credentials for an image of this normalised name
    /// (`domain/path`).
    pub fn is_for(&self, name: &str) -> bool {
        self.match_images.iter().any(|pattern| pattern.matches_name(name))
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("name", &self.name)
            .field("match_images", &self.match_images)
            .field("default_cache_duration", &self.default_cache_duration)
            .field("version", &self.version)
            .field("needs_token", &self.needs_token)
            .finish_non_exhaustive()
    }
}

/// The versions of `CredentialProviderRequest` and `CredentialProviderResponse` that the kubelet
/// of 1.36 speaks. For a provider that needs no token they differ in name only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `credentialprovider.kubelet.k8s.io/v1`.
    V1,
    /// `credentialprovider.kubelet.k8s.io/v1beta1`.
    V1Beta1,
    /// `credentialprovider.kubelet.k8s.io/v1alpha1`.
    V1Alpha1,
}

impl Version {
    /// All of them, the one to use first.
    pub const ALL: [Self; 3] = [Self::V1, Self::V1Beta1, Self::V1Alpha1];

    /// Group and version as `apiVersion` spells them.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "credentialprovider.kubelet.k8s.io/v1",
            Self::V1Beta1 => "credentialprovider.kubelet.k8s.io/v1beta1",
            Self::V1Alpha1 => "credentialprovider.kubelet.k8s.io/v1alpha1",
        }
    }
}
