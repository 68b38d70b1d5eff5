//! What lookups have seen, so that depth costs nothing the second time.
//!
//! Everything belongs to a host, a repository, a digest and the credential that it was seen with:
//! nobody learns from here what another's credential opened, and a registry that tells lies tells
//! them to those who ask it. Only what is there is kept, never what is missing.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use super::bounded::bounded_by_size;
use super::content::{Config, Seen};
use super::identity::CredentialId;
use super::manifest::{Kind, Outline};
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
/// Hosts and credentials whose quota is kept, and hosts that know no HEAD.
const HOSTS: u64 = 16_384;

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
    manifests: Cache<(Key, Kind), (u64, Outline)>,
    /// Verified configs, and how long they are.
    pub(super) configs: Cache<Key, (u64, Config)>,
    /// Blobs that are there.
    pub(super) blobs: Cache<Key, Seen>,
    quotas: Cache<(String, CredentialId), Quota>,
    headless: Cache<String, ()>,
}

impl Memory {
    pub(super) fn new() -> Self {
        let manifest =
            |(key, _): &(Key, Kind), (_, outline): &(u64, Outline)| key.size() + outline.size();
        Self {
            manifests: bounded_by_size(MANIFESTS, manifest).time_to_live(VERIFIED).build(),
            configs: bounded_by_size(CONFIGS, |key: &Key, (_, config): &(u64, Config)| {
                key.size() + config.size()
            })
            .time_to_live(VERIFIED)
            .build(),
            blobs: bounded_by_size(BLOBS, |key: &Key, _: &Seen| key.size())
                .time_to_live(PRESENT)
                .build(),
            quotas: Cache::builder().max_capacity(HOSTS).time_to_live(QUOTA).build(),
            headless: Cache::builder().max_capacity(HOSTS).time_to_live(HEADLESS).build(),
        }
    }

    /// The manifest and its length, if it was verified as of this kind.
    pub(super) async fn manifest(&self, key: Key, kind: Kind) -> Option<(u64, Outline)> {
        self.manifests.get(&(key, kind)).await
    }

    pub(super) async fn keep_manifest(&self, key: Key, kind: Kind, length: u64, outline: Outline) {
        self.manifests.insert((key, kind), (length, outline)).await;
    }

    /// What the host last told this credential of its quota.
    pub(super) async fn quota(&self, host: &str, who: CredentialId) -> Option<Quota> {
        self.quotas.get(&(host.to_owned(), who)).await
    }

    /// The host has told its quota now, or none: then there is no limit.
    pub(super) async fn keep_quota(&self, host: &str, who: CredentialId, quota: Option<Quota>) {
        let key = (host.to_owned(), who);
        match quota {
            Some(quota) => self.quotas.insert(key, quota).await,
            None => self.quotas.invalidate(&key).await,
        }
    }

    /// Whether this host refused HEAD of a blob that it then handed out.
    pub(super) fn is_headless(&self, host: &str) -> bool {
        self.headless.contains_key(host)
    }

    pub(super) async fn keep_headless(&self, host: &str) {
        self.headless.insert(host.to_owned(), ()).await;
    }
}
