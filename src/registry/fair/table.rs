//! Where what is kept is found, and for how long: in moka.

use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::ops::compute::Op;
use moka::sync::Cache;

use super::{Kept, Lifetime};

/// All that is kept, by the hash of its key, so that the key is there once. Should two ever have
/// the same hash, the later takes the place of the earlier: a memory may forget.
pub(super) struct Table<K, V> {
    hasher: RandomState,
    entries: Cache<u64, Arc<Kept<K, V>>, BuildHasherDefault<AsItIs>>,
}

/// What is hashed already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, _: &[u8]) {
        debug_assert!(false, "only ever one hash");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// How long each is kept.
struct ByValue<V>(Lifetime<V>);

impl<K, V> Expiry<u64, Arc<Kept<K, V>>> for ByValue<V> {
    fn expire_after_create(&self, _: &u64, kept: &Arc<Kept<K, V>>, _: Instant) -> Option<Duration> {
        Some((self.0)(kept))
    }

    fn expire_after_update(
        &self,
        _: &u64,
        kept: &Arc<Kept<K, V>>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some((self.0)(kept))
    }
}

impl<K, V> Table<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// Without a bound of its own.
    pub(super) fn new(lifetime: Lifetime<V>) -> Self {
        let entries = Cache::builder().expire_after(ByValue(lifetime));
        Self {
            hasher: RandomState::new(),
            entries: entries.build_with_hasher(BuildHasherDefault::default()),
        }
    }

    /// What is kept of `key`.
    pub(super) fn get(&self, key: &K) -> Option<Arc<Kept<K, V>>> {
        let kept = self.entries.get(&self.hasher.hash_one(key))?;
        (kept.key == *key).then_some(kept)
    }

    /// Keeps it, in place of what was kept of its key.
    pub(super) fn put(&self, kept: &Arc<Kept<K, V>>) {
        let hash = self.hasher.hash_one(&kept.key);
        let before = self.entries.get(&hash);
        self.entries.insert(hash, kept.clone());
        if let Some(before) = before {
            before.give_way();
        }
    }

    /// Forgets what is kept of `key`.
    pub(super) fn remove(&self, key: &K) {
        if let Some(kept) = self.get(key) {
            self.take_out(&kept);
        }
    }

    /// Forgets this one; another may have come in its place.
    pub(super) fn take_out(&self, kept: &Arc<Kept<K, V>>) {
        let place = self.entries.entry(self.hasher.hash_one(&kept.key));
        place.and_compute_with(|now| match now {
            Some(now) if Arc::ptr_eq(now.value(), kept) => Op::Remove,
            _ => Op::Nop,
        });
        kept.give_way();
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.entries.iter().count()
    }
}
