//! What lookups have seen, so that depth costs nothing the second time.
//!
//! Everything belongs to a host, a repository, a digest and the credential that it was seen with:
//! nobody learns from here what another's credential opened, and a registry that tells lies tells
//! them to those who ask it. Only what is there is kept, never what is missing. No namespace takes
//! the room of what others use.

use std::sync::Arc;
use std::time::Duration;

use super::content::{Config, Seen};
use super::fair::Fair;
use super::identity::CredentialId;
use super::manifest::{Kind, Outline};
use super::who::Who;
use crate::facts::Quota;
use crate::image::Digest;

/// How long what was verified against its digest is kept: it cannot change.
const VERIFIED: Duration = Duration::from_secs(24 * 3_600);
/// How long a blob that was there is taken for present.
const PRESENT: Duration = Duration::from_secs(3_600);
/// How long what a host told of its quota counts for what is asked for next.
const QUOTA: Duration = Duration::from_secs(10 * 60);
/// How long a host that does not answer HEAD for its blobs is asked by GET.
const HEADLESS: Duration = Duration::from_secs(3_600);
/// Bytes of manifests, of configs, and of what is known of blobs.
const MANIFESTS: u64 = 32 * 1024 * 1024;
const CONFIGS: u64 = 8 * 1024 * 1024;
const BLOBS: u64 = 32 * 1024 * 1024;
/// Bytes of what is known of hosts: their quotas, and that they know no HEAD.
const HOSTS: u64 = 4 * 1024 * 1024;

/// What a memory belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// `host[:port]` that was asked.
    pub(super) host: Arc<str>,
    pub(super) repository: Arc<str>,
    pub(super) digest: Digest,
    pub(super) who: CredentialId,
}

impl Key {
    fn size(&self) -> usize {
        self.host.len() + self.repository.len() + self.digest.as_str().len()
    }
}

/// The memories.
#[derive(Debug)]
pub(super) struct Memory {
    /// Verified manifests, by what their bytes were taken for, and how long they are.
    manifests: Fair<(Key, Kind), (u64, Outline)>,
    /// Verified configs, and how long they are.
    pub(super) configs: Fair<Key, (u64, Config)>,
    /// Blobs that are there.
    pub(super) blobs: Fair<Key, Seen>,
    quotas: Fair<(String, CredentialId), Quota>,
    headless: Fair<String, ()>,
}

impl Memory {
    pub(super) fn new() -> Self {
        let manifest =
            |(key, _): &(Key, Kind), (_, outline): &(u64, Outline)| key.size() + outline.size();
        let config = |key: &Key, (_, config): &(u64, Config)| key.size() + config.size();
        Self {
            manifests: Fair::new(MANIFESTS, manifest, |_| VERIFIED),
            configs: Fair::new(CONFIGS, config, |_| VERIFIED),
            blobs: Fair::new(BLOBS, |key: &Key, _| key.size(), |_| PRESENT),
            quotas: Fair::new(HOSTS, |(host, _): &(String, _), _| host.len(), |_| QUOTA),
            headless: Fair::new(HOSTS, |host: &String, ()| host.len(), |()| HEADLESS),
        }
    }

    /// The manifest and its length, if it was verified as of this kind.
    pub(super) async fn manifest(
        &self,
        tenant: &str,
        key: Key,
        kind: Kind,
    ) -> Option<(u64, Outline)> {
        let kept = self.manifests.get(tenant, &(key, kind)).await?;
        Some((**kept).clone())
    }

    pub(super) async fn keep_manifest(
        &self,
        tenant: &Arc<str>,
        key: Key,
        kind: Kind,
        length: u64,
        outline: Outline,
    ) {
        self.manifests.insert(tenant, (key, kind), (length, outline)).await;
    }

    /// What the host last told this credential of its quota.
    pub(super) async fn quota(&self, host: &str, who: &Who) -> Option<Quota> {
        let kept = self.quotas.get(&who.tenant, &(host.to_owned(), who.id())).await?;
        Some(**kept)
    }

    /// The host has told its quota now, or none: then there is no limit.
    pub(super) async fn keep_quota(&self, host: &str, who: &Who, quota: Option<Quota>) {
        let key = (host.to_owned(), who.id());
        match quota {
            Some(quota) => self.quotas.insert(&who.tenant, key, quota).await,
            None => self.quotas.invalidate(&key).await,
        }
    }

    /// Whether this host refused HEAD of a blob that it then handed out.
    pub(super) fn is_headless(&self, host: &str) -> bool {
        self.headless.has(&host.to_owned())
    }

    pub(super) async fn keep_headless(&self, tenant: &Arc<str>, host: &str) {
        self.headless.insert(tenant, host.to_owned(), ()).await;
    }
}
