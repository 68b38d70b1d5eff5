//! On whose behalf a lookup asks.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use super::identity::{CredentialId, Identities, UserId};
use crate::credentials::Credential;

/// A namespace and what it logs in with.
#[derive(Clone)]
pub(super) struct Who {
    /// The namespace, for budgets.
    pub(super) tenant: Arc<str>,
    /// What to log in with; `None` is an anonymous request.
    pub(super) login: Option<Login>,
    /// There was a user name without a password, which containerd logs in nowhere with.
    pub(super) incomplete: bool,
    anonymous: CredentialId,
}

/// A complete credential.
#[derive(Clone)]
pub(super) struct Login {
    credential: Credential,
    pub(super) id: CredentialId,
    pub(super) user: UserId,
}

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Who")
            .field("tenant", &self.tenant)
            .field("anonymous", &self.login.is_none())
            .finish_non_exhaustive()
    }
}

impl Who {
    pub(super) fn new(tenant: &str, credential: Option<&Credential>, ids: &Identities) -> Self {
        let named = credential.filter(|credential| !credential.is_anonymous());
        // Without a password containerd asks for a token anonymously and refuses Basic.
        let complete = named.filter(|credential| !credential.password().is_empty());
        Self {
            tenant: tenant.into(),
            login: complete.map(|credential| Login {
                credential: credential.clone(),
                id: ids.credential(Some(credential)),
                user: ids.user(credential),
            }),
            incomplete: named.is_some() && complete.is_none(),
            anonymous: ids.credential(None),
        }
    }

    /// The id of what is sent.
    pub(super) fn id(&self) -> CredentialId {
        self.login.as_ref().map_or(self.anonymous, |login| login.id)
    }
}

impl Login {
    pub(super) fn username(&self) -> &[u8] {
        self.credential.username()
    }

    pub(super) fn password(&self) -> &[u8] {
        self.credential.password()
    }

    /// The `Authorization` header of Basic.
    pub(super) fn basic(&self) -> Option<HeaderValue> {
        let pair = SecretSlice::from([self.username(), b":", self.password()].concat());
        let text = SecretString::from(format!("Basic {}", STANDARD.encode(pair.expose_secret())));
        let mut header = HeaderValue::from_str(text.expose_secret()).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}
