//! Answers kept for a while, and one question at a time for each.
//!
//! A caller that goes away does not end the question for the others: it runs in a task of its own.

use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant as StdInstant};

use moka::Expiry;
use moka::future::Cache;
use tokio::time::{Instant, timeout_at};

use super::Freshness;

/// Answers by path, for as long as each says, within a bound in bytes.
pub(super) struct Memory<V> {
    cache: Cache<String, Kept<V>>,
}

/// An answer and how long it holds.
#[derive(Clone)]
pub(super) struct Kept<V> {
    value: V,
    keep_for: Duration,
    size: u32,
}

impl<V> Kept<V> {
    /// An answer of about `size` bytes that holds for a while.
    pub(super) fn new(value: V, keep_for: Duration, size: usize) -> Self {
        Self { value, keep_for, size: u32::try_from(size).unwrap_or(u32::MAX) }
    }

    /// An answer that holds only for those who wait for it.
    pub(super) fn never(value: V) -> Self {
        Self::new(value, Duration::ZERO, 0)
    }
}

struct AsItSays;

impl<V> Expiry<String, Kept<V>> for AsItSays {
    fn expire_after_create(&self, _: &String, kept: &Kept<V>, _: StdInstant) -> Option<Duration> {
        Some(kept.keep_for)
    }

    fn expire_after_update(
        &self,
        _: &String,
        kept: &Kept<V>,
        _: StdInstant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(kept.keep_for)
    }
}

/// What an entry costs beside its answer, in bytes, so that small ones are bounded too.
const ENTRY: u32 = 256;

impl<V: Clone + Send + Sync + 'static> Memory<V> {
    /// A memory of at most about this many bytes.
    pub(super) fn new(bytes: u64) -> Self {
        let cache = Cache::builder()
            .max_capacity(bytes)
            .weigher(|_, kept: &Kept<V>| kept.size.saturating_add(ENTRY))
            .expire_after(AsItSays)
            .build();
        Self { cache }
    }

    /// The answer kept for this path, or else what `look` finds; `None` if that takes longer than
    /// until `deadline`. It goes on then, and its answer is kept.
    ///
    /// Who asks for a fresh answer while the same question is under way waits for that one: it is
    /// no older than one question takes. Meanwhile what was kept still serves everybody else, or a
    /// single pod that is refused would make all others of its namespace wait.
    pub(super) async fn read(
        &self,
        path: &str,
        freshness: Freshness,
        deadline: Instant,
        look: impl Future<Output = Kept<V>> + Send + 'static,
    ) -> Option<V> {
        if freshness == Freshness::Cached
            && let Some(kept) = self.cache.get(path).await
        {
            return Some(kept.value);
        }
        let cache = self.cache.clone();
        let path = path.to_owned();
        let question = tokio::spawn(async move {
            let anew = |_: &Kept<V>| freshness == Freshness::Fresh;
            cache.entry(path).or_insert_with_if(look, anew).await.into_value().value
        });
        timeout_at(deadline, question).await.ok()?.ok()
    }

    /// The answer kept for this path, without asking.
    pub(super) async fn recall(&self, path: &str) -> Option<V> {
        self.cache.get(path).await.map(|kept| kept.value)
    }

    /// Keeps an answer that came some other way.
    pub(super) async fn remember(&self, path: &str, kept: Kept<V>) {
        self.cache.insert(path.to_owned(), kept).await;
    }
}

impl<V> fmt::Debug for Memory<V> {
    /// Without the answers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::oneshot;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn kept(value: u32) -> Kept<u32> {
        Kept::new(value, LONG, 0)
    }

    #[tokio::test]
    async fn what_is_kept_serves_others_while_it_is_asked_for_anew() {
        let memory = Arc::new(Memory::new(1 << 20));
        let far = Instant::now() + LONG;
        memory.read("/a", Freshness::Cached, far, async { kept(1) }).await;

        let (begun, has_begun) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        let asking = memory.clone();
        let first = tokio::spawn(async move {
            let look = async {
                begun.send(()).unwrap();
                kept(answered.await.unwrap())
            };
            asking.read("/a", Freshness::Fresh, far, look).await
        });
        has_begun.await.unwrap();
        // With no time to wait.
        let now = Instant::now();
        let never = async || -> Kept<u32> { panic!("it is being asked for") };
        assert_eq!(memory.read("/a", Freshness::Cached, now, never()).await, Some(1));

        answer.send(2).unwrap();
        assert_eq!(first.await.unwrap(), Some(2));
        assert_eq!(memory.read("/a", Freshness::Cached, now, never()).await, Some(2));
    }
}
