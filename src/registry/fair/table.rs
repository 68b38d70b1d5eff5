//! Where what is kept is found.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use super::Kept;

/// Parts of the table, each with a lock of its own, which a reader holds for a moment.
const SHARDS: u64 = 64;
/// A part is rid of what is past its time when something is put there and it was not for so long.
const SWEEP: u64 = 10_000;

/// All that is kept, by hash. Should two ever have the same one, the later takes the place of the
/// earlier: a memory may forget.
pub(super) struct Table<K, V> {
    hasher: RandomState,
    shards: Box<[RwLock<Shard<K, V>>]>,
    began: Instant,
}

struct Shard<K, V> {
    entries: HashMap<u64, Arc<Kept<K, V>>, BuildHasherDefault<AsItIs>>,
    sweep_at: u64,
}

impl<K, V> Shard<K, V> {
    /// Forgets what is past its time.
    fn sweep(&mut self, now: u64) {
        self.sweep_at = now + SWEEP;
        self.entries.retain(|_, kept| {
            let keeps = now < kept.until;
            if !keeps {
                kept.give_way();
            }
            keeps
        });
    }
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

impl<K, V> Table<K, V> {
    pub(super) fn new() -> Self {
        let shard = |_| RwLock::new(Shard { entries: HashMap::default(), sweep_at: SWEEP });
        Self {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(shard).collect(),
            began: Instant::now(),
        }
    }

    /// Milliseconds since the table was made.
    fn now(&self) -> u64 {
        self.until(Duration::ZERO)
    }

    /// When this time is over that begins now.
    pub(super) fn until(&self, lifetime: Duration) -> u64 {
        let until = self.began.elapsed().saturating_add(lifetime);
        u64::try_from(until.as_millis()).unwrap_or(u64::MAX)
    }

    #[cfg(test)]
    pub(super) fn sweep_all(&self) {
        self.shards.iter().for_each(|shard| shard.write().unwrap().sweep(self.now()));
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        let read = |shard: &RwLock<Shard<K, V>>| shard.read().unwrap().entries.len();
        self.shards.iter().map(read).sum()
    }
}

impl<K: Hash + Eq, V> Table<K, V> {
    /// What is kept of `key`.
    pub(super) fn get(&self, key: &K) -> Option<Arc<Kept<K, V>>> {
        let hash = self.hasher.hash_one(key);
        let kept = self.read(hash)?.entries.get(&hash)?.clone();
        (kept.key == *key && self.now() < kept.until).then_some(kept)
    }

    /// Keeps it, in place of what was kept of its key.
    pub(super) fn put(&self, kept: &Arc<Kept<K, V>>) {
        let (hash, now) = (self.hasher.hash_one(&kept.key), self.now());
        let Some(mut shard) = self.write(hash) else { return };
        if now >= shard.sweep_at {
            shard.sweep(now);
        }
        let before = shard.entries.insert(hash, kept.clone());
        drop(shard);
        if let Some(before) = before {
            before.give_way();
        }
    }

    /// Forgets what is kept of `key`.
    pub(super) fn remove(&self, key: &K) {
        self.remove_if(key, |kept| kept.key == *key);
    }

    /// Forgets this one; another may have come in its place.
    pub(super) fn take_out(&self, kept: &Arc<Kept<K, V>>) {
        self.remove_if(&kept.key, |now| Arc::ptr_eq(now, kept));
    }

    fn remove_if(&self, key: &K, is: impl FnOnce(&Arc<Kept<K, V>>) -> bool) {
        let hash = self.hasher.hash_one(key);
        let Some(mut shard) = self.write(hash) else { return };
        let removed = shard.entries.get(&hash).is_some_and(is).then(|| shard.entries.remove(&hash));
        drop(shard);
        if let Some(Some(kept)) = removed {
            kept.give_way();
        }
    }

    fn read(&self, hash: u64) -> Option<RwLockReadGuard<'_, Shard<K, V>>> {
        Some(self.shard(hash)?.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, hash: u64) -> Option<RwLockWriteGuard<'_, Shard<K, V>>> {
        Some(self.shard(hash)?.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// By bits in the middle: the map goes by those at both ends.
    fn shard(&self, hash: u64) -> Option<&RwLock<Shard<K, V>>> {
        self.shards.get(usize::try_from((hash >> 32) % SHARDS).ok()?)
    }
}
