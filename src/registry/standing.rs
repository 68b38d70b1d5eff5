//! What is known of a credential at a host: refused there, or accepted lately.
//!
//! A refused credential is not asked about again for a while, whoever brings it: accounts get
//! locked. Credentials are known by their ids only.

use std::time::Duration;

use moka::future::Cache;

use super::identity::CredentialId;
use crate::facts::Refusal;

/// How long a refusal stands.
const REFUSED: Duration = Duration::from_secs(5 * 60);
/// How long an accepted login counts as proof.
const PROVEN: Duration = Duration::from_secs(15 * 60);
/// Entries kept of each.
const KEPT: u64 = 65_536;

type LoginKey = (String, CredentialId);
type RepositoryKey = (String, String, CredentialId);

/// What is known of credentials.
#[derive(Debug)]
pub(super) struct Standing {
    /// By realm host, or registry host for Basic: the login itself was refused.
    logins: Cache<LoginKey, Refusal>,
    /// By registry host and repository: whatever was refused there.
    repositories: Cache<RepositoryKey, Refusal>,
    proven: Cache<LoginKey, ()>,
}

impl Standing {
    pub(super) fn new() -> Self {
        Self {
            logins: kept_for(REFUSED),
            repositories: kept_for(REFUSED),
            proven: kept_for(PROVEN),
        }
    }

    /// The refusal of this login at this host that still stands.
    pub(super) async fn refused_login(&self, host: &str, who: CredentialId) -> Option<Refusal> {
        self.logins.get(&(host.to_owned(), who)).await
    }

    /// The refusal for this repository that still stands.
    pub(super) async fn refused_repository(
        &self,
        host: &str,
        repository: &str,
        who: CredentialId,
    ) -> Option<Refusal> {
        self.repositories.get(&(host.to_owned(), repository.to_owned(), who)).await
    }

    /// Whether this host has accepted this login lately.
    pub(super) fn is_proven(&self, host: &str, who: CredentialId) -> bool {
        self.proven.contains_key(&(host.to_owned(), who))
    }

    /// The login was accepted.
    pub(super) async fn accept(&self, host: &str, who: CredentialId) {
        self.proven.insert((host.to_owned(), who), ()).await;
    }

    /// The login itself was refused.
    pub(super) async fn refuse_login(&self, host: &str, who: CredentialId, refusal: &Refusal) {
        let key = (host.to_owned(), who);
        self.proven.invalidate(&key).await;
        self.logins.insert(key, refusal.clone()).await;
    }

    /// This repository was refused.
    pub(super) async fn refuse_repository(
        &self,
        host: &str,
        repository: &str,
        who: CredentialId,
        refusal: &Refusal,
    ) {
        let key = (host.to_owned(), repository.to_owned(), who);
        self.repositories.insert(key, refusal.clone()).await;
    }
}

fn kept_for<K, V>(time: Duration) -> Cache<K, V>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder().max_capacity(KEPT).time_to_live(time).build()
}
