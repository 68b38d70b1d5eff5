//! Memories bounded in bytes: how much is remembered must not be up to strangers.

use std::hash::Hash;

use moka::future::{Cache, CacheBuilder};

/// What an entry takes beside its texts, roughly.
const OVERHEAD: usize = 256;

/// A cache of at most `most` bytes. `size` tells the bytes of an entry's texts.
pub fn bounded_by_size<K, V>(
    most: u64,
    size: impl Fn(&K, &V) -> usize + Send + Sync + 'static,
) -> CacheBuilder<K, V, Cache<K, V>>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder().max_capacity(most).weigher(move |key, value| {
        u32::try_from(size(key, value).saturating_add(OVERHEAD)).unwrap_or(u32::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn long_entries_leave_room_for_fewer() {
        const MOST: u64 = 1024 * 1024;
        let cache =
            bounded_by_size(MOST, |key: &u32, text: &String| size_of_val(key) + text.len()).build();
        for index in 0..500 {
            cache.insert(index, "x".repeat(16 * 1024)).await;
            cache.run_pending_tasks().await;
        }
        assert!((1..=64).contains(&cache.entry_count()), "{}", cache.entry_count());
        cache.insert(1_000, "x".repeat(2 * 1024 * 1024)).await;
        cache.run_pending_tasks().await;
        assert!(!cache.contains_key(&1_000), "longer than all the room there is");
    }
}
