//! Pull secrets and the keyring, exactly as the kubelet reads them. Knows only `image`.

mod docker_config;
mod keyring;
mod secret;

pub use docker_config::{ConfigFormat, DecodeError, DockerConfig, Entry};
pub use keyring::{Keyring, Match};
pub use secret::{DecodedSecret, PullSecret, SecretState, WrongTypeHint};

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A user name and password as the kubelet hands them to the runtime.
///
/// Never printed: `Debug` shows neither.
#[derive(Clone)]
pub struct Credential {
    username: SecretString,
    password: SecretString,
}

impl Credential {
    /// A credential; an empty user name makes it anonymous, whatever the password.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: username.into().into(), password: password.into().into() }
    }

    /// The user name, for the request only.
    pub fn username(&self) -> &str {
        self.username.expose_secret()
    }

    /// The password, for the request only.
    pub fn password(&self) -> &str {
        self.password.expose_secret()
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
