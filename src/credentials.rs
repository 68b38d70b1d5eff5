//! Pull secrets and the keyring, exactly as the kubelet reads them. Knows only `image`.
//!
//! Upstream is `pkg/credentialprovider` of Kubernetes v1.36.3, built with Go 1.26. What is never
//! here: fetching Secrets, talking to registries, and running credential providers.

mod docker_config;
mod json;
mod keyring;
pub mod provider;
mod secret;

pub use docker_config::{ConfigFormat, DecodeError, DockerConfig, Entry, Fault, Field, JsonType};
pub use keyring::{Keyring, Match};
pub use secret::{DecodedSecret, PullSecret, SecretState, WrongTypeHint};

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretSlice};

/// A user name and password as the kubelet hands them to the runtime.
///
/// Bytes, since `auth` may decode to what is not UTF-8 (a password typed in Latin-1, say).
/// Never printed: `Debug` shows neither. Clones share them: every review has one for each image.
#[derive(Clone)]
pub struct Credential(Arc<Login>);

struct Login {
    username: SecretSlice<u8>,
    password: SecretSlice<u8>,
}

impl Credential {
    /// A credential; an empty user name makes it anonymous, whatever the password.
    pub fn new(username: impl Into<Vec<u8>>, password: impl Into<Vec<u8>>) -> Self {
        let login = Login { username: username.into().into(), password: password.into().into() };
        Self(Arc::new(login))
    }

    /// The user name, for the request only.
    pub fn username(&self) -> &[u8] {
        self.0.username.expose_secret()
    }

    /// The password, for the request only.
    pub fn password(&self) -> &[u8] {
        self.0.password.expose_secret()
    }

    /// containerd looks at the user name first: without one the request is anonymous.
    pub fn is_anonymous(&self) -> bool {
        self.username().is_empty()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(redacted)")
    }
}
