//! What is known of a credential at a host: refused there, or accepted lately.
//!
//! A refused credential is not asked about again for a while, whoever brings it: accounts get
//! locked. Credentials are known by their ids only.

use std::sync::Arc;
use std::time::Duration;

use super::fair::Fair;
use super::identity::CredentialId;
use crate::facts::{Heard, Refusal};

/// How long a refusal stands.
const REFUSED: Duration = Duration::from_secs(5 * 60);
/// How long an accepted login counts as proof.
const PROVEN: Duration = Duration::from_secs(15 * 60);
/// Bytes kept of each: some 50,000 entries.
const KEPT: u64 = 16 * 1024 * 1024;

type LoginKey = (String, CredentialId);
type RepositoryKey = (String, String, CredentialId);

/// What is known of credentials.
#[derive(Debug)]
pub(super) struct Standing {
    /// By realm host, or registry host for Basic: the login itself was refused.
    logins: Fair<LoginKey, Refusal>,
    /// By registry host and repository: whatever was refused there.
    repositories: Fair<RepositoryKey, Refusal>,
    proven: Fair<LoginKey, ()>,
}

impl Standing {
    pub(super) fn new() -> Self {
        Self {
            logins: Fair::new(
                KEPT,
                |(host, _): &LoginKey, refusal: &Refusal| host.len() + size(refusal),
                |_| REFUSED,
            ),
            repositories: Fair::new(
                KEPT,
                |(host, repository, _): &RepositoryKey, refusal: &Refusal| {
                    host.len() + repository.len() + size(refusal)
                },
                |_| REFUSED,
            ),
            proven: Fair::new(KEPT, |(host, _): &LoginKey, ()| host.len(), |()| PROVEN),
        }
    }

    /// The refusal of this login at this host that still stands.
    pub(super) fn refused_login(
        &self,
        tenant: &str,
        host: &str,
        who: CredentialId,
    ) -> Option<Refusal> {
        let refusal = self.logins.get(tenant, &(host.to_owned(), who))?;
        Some((**refusal).clone())
    }

    /// The refusal for this repository that still stands.
    pub(super) fn refused_repository(
        &self,
        tenant: &str,
        host: &str,
        repository: &str,
        who: CredentialId,
    ) -> Option<Refusal> {
        let key = (host.to_owned(), repository.to_owned(), who);
        let refusal = self.repositories.get(tenant, &key)?;
        Some((**refusal).clone())
    }

    /// Whether this host has accepted this login lately.
    pub(super) fn is_proven(&self, host: &str, who: CredentialId) -> bool {
        self.proven.has(&(host.to_owned(), who))
    }

    /// The login was accepted.
    pub(super) fn accept(&self, tenant: &Arc<str>, host: &str, who: CredentialId) {
        self.proven.insert(tenant, (host.to_owned(), who), ());
    }

    /// The login itself was refused.
    pub(super) fn refuse_login(
        &self,
        tenant: &Arc<str>,
        host: &str,
        who: CredentialId,
        refusal: &Refusal,
    ) {
        let key = (host.to_owned(), who);
        self.proven.invalidate(&key);
        self.logins.insert(tenant, key, refusal.clone());
    }

    /// This repository was refused.
    pub(super) fn refuse_repository(
        &self,
        tenant: &Arc<str>,
        (host, repository): (&str, &str),
        who: CredentialId,
        refusal: &Refusal,
    ) {
        let key = (host.to_owned(), repository.to_owned(), who);
        self.repositories.insert(tenant, key, refusal.clone());
    }
}

/// Bytes that a refusal takes in memory beside itself.
fn size(refusal: &Refusal) -> usize {
    let others = refusal.evidence.others.iter().map(|heard| size_of::<Heard>() + heard.host.len());
    refusal.evidence.host.len() + others.sum::<usize>()
}
