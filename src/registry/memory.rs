//! What lookups have seen, so that depth costs nothing the second time.
//!
//! Everything belongs to a host, a repository, a digest and the credential that it was seen with:
//! nobody learns from here what another's credential opened, and a registry that tells lies tells
//! them to those who ask it. Only what is there is kept, never what is missing. No namespace takes
//! the room of what others use.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::content::{Config, Seen, Unseen};
use super::fair::Fair;
use super::identity::{CredentialId, KEPT, cut};
use super::manifest::{Kind, Outline, Packed};
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
/// Bytes of manifests, of configs, and of what is known of blobs: of a hundred thousand images.
const MANIFESTS: u64 = 72 * 1024 * 1024;
const CONFIGS: u64 = 44 * 1024 * 1024;
const BLOBS: u64 = 44 * 1024 * 1024;
/// Bytes of what is known of hosts: their quotas, and that they know no HEAD.
const HOSTS: u64 = 4 * 1024 * 1024;

/// What a memory belongs to: a host, a repository, a digest and a credential. There are many, so
/// that of all four only a hash is kept; to meet another's would take more than anybody can
/// compute, and whoever seeks two of their own that meet deceives themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; KEPT]);

impl Key {
    /// The key of what `who` has seen at `host`, which is `host[:port]`.
    pub(super) fn of(host: &str, repository: &str, digest: &Digest, who: CredentialId) -> Self {
        let mut hash = Sha256::new();
        // None of them holds a line feed, so that no two keys are made of the same text.
        for part in [host, repository, digest.as_str()] {
            hash.update(part);
            hash.update("\n");
        }
        hash.update(who.as_bytes());
        Self(cut(hash.finalize()))
    }
}

/// The memories.
#[derive(Debug)]
pub(super) struct Memory {
    /// Verified manifests, by what their bytes were taken for, and how long they are.
    manifests: Fair<(Key, Kind), (u64, Packed)>,
    /// Verified configs, and how long they are.
    pub(super) configs: Fair<Key, (u64, Config)>,
    /// Blobs that are there.
    pub(super) blobs: Fair<Key, Seen, Unseen>,
    quotas: Fair<(String, CredentialId), Quota>,
    headless: Fair<String, ()>,
}

impl Memory {
    pub(super) fn new() -> Self {
        let manifest = |_: &(Key, Kind), (_, packed): &(u64, Packed)| packed.size();
        let config = |_: &Key, (_, config): &(u64, Config)| config.size();
        Self {
            manifests: Fair::new(MANIFESTS, manifest, |_| VERIFIED),
            configs: Fair::new(CONFIGS, config, |_| VERIFIED),
            blobs: Fair::new(BLOBS, |_, _| 0, |_| PRESENT),
            quotas: Fair::new(HOSTS, |(host, _): &(String, _), _| host.len(), |_| QUOTA),
            headless: Fair::new(HOSTS, |host: &String, ()| host.len(), |()| HEADLESS),
        }
    }

    /// The manifest and its length, if it was verified as of this kind.
    pub(super) fn manifest(&self, tenant: &str, key: Key, kind: Kind) -> Option<(u64, Outline)> {
        let kept = self.manifests.get(tenant, &(key, kind))?;
        let (length, packed) = &**kept;
        Some((*length, packed.unpack()))
    }

    pub(super) fn keep_manifest(
        &self,
        tenant: &Arc<str>,
        key: Key,
        kind: Kind,
        length: u64,
        outline: Outline,
    ) {
        self.manifests.insert(tenant, (key, kind), (length, Packed::of(outline)));
    }

    /// What the host last told this credential of its quota.
    pub(super) fn quota(&self, host: &str, who: &Who) -> Option<Quota> {
        let kept = self.quotas.get(&who.tenant, &(host.to_owned(), who.id()))?;
        Some(**kept)
    }

    /// The host has told its quota now, or none: then there is no limit.
    pub(super) fn keep_quota(&self, host: &str, who: &Who, quota: Option<Quota>) {
        let key = (host.to_owned(), who.id());
        match quota {
            Some(quota) => self.quotas.insert(&who.tenant, key, quota),
            None => self.quotas.invalidate(&key),
        }
    }

    /// Whether this host refused HEAD of a blob that it then handed out.
    pub(super) fn is_headless(&self, host: &str) -> bool {
        self.headless.has(&host.to_owned())
    }

    pub(super) fn keep_headless(&self, tenant: &Arc<str>, host: &str) {
        self.headless.insert(tenant, host.to_owned(), ());
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::outline;
    use super::*;
    use crate::image::Algorithm;

    fn digest(number: usize) -> Digest {
        Digest::of(Algorithm::Sha256, &number.to_be_bytes())
    }

    /// Of five layers, one of which no other image has.
    #[test]
    fn what_was_seen_of_a_hundred_thousand_images_has_room() {
        let memory = Memory::new();
        let part = |kind: &str, number| {
            let (digest, media) = (digest(number), "application/vnd.oci.image");
            format!(r#"{{"mediaType":"{media}.{kind}","digest":"{digest}","size":12345678}}"#)
        };
        let layers = [1, 2, 3, 4, 5].map(|number| part("layer.v1.tar+gzip", number)).join(",");
        let config = part("config.v1+json", 0);
        let text = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layers}]}}"#);
        let outline = outline(text.as_bytes(), Kind::Image);
        let config = Config::read(br#"{"os":"linux","architecture":"amd64"}"#);
        let key = Key::of("registry.example", "team/app", &digest(0), CredentialId::ANONYMOUS);
        let tenant = Arc::from("shop");
        let room = |held: u64, most: u64| {
            let bytes = usize::try_from(held).unwrap();
            assert!(most / held >= 100_000, "{bytes} of {most}");
            bytes
        };
        memory.keep_manifest(&tenant, key, Kind::Image, 1_500, outline.clone());
        memory.configs.insert(&tenant, key, (1_000, config));
        assert_eq!(memory.manifest(&tenant, key, Kind::Image), Some((1_500, outline)));
        let bytes = room(memory.manifests.held(), MANIFESTS)
            + room(memory.configs.held(), CONFIGS)
            + room(Fair::<Key, Seen, Unseen>::BYTES as u64, BLOBS);
        assert!(bytes <= 1_600, "{bytes}");
    }

    #[test]
    fn what_one_has_seen_is_not_found_under_anything_else() {
        let key = |host, repository, number| {
            Key::of(host, repository, &digest(number), CredentialId::ANONYMOUS)
        };
        let one = key("a.test", "team/app", 1);
        assert_eq!(one, key("a.test", "team/app", 1));
        for other in [
            key("b.test", "team/app", 1),
            key("a.test", "team/ap", 1),
            key("a.test", "team/app", 2),
        ] {
            assert_ne!(one, other);
        }
    }
}
