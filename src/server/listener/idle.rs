//! Tells a connection that is used from one that only takes up a place.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::sleep;

/// Counts the requests of one connection, begun and ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Traffic(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicU64,
    ended: AtomicU64,
}

impl Traffic {
    /// A request has begun; it ends when the answer is dropped.
    pub(super) fn begin(&self) -> Ongoing {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        Ongoing(Arc::clone(&self.0))
    }

    /// Returns once there was no request for as long as `limit` says at that moment. It is asked
    /// as often as `every` says. Both are told whether there was any request at all; what was
    /// before the first time is not counted.
    pub(super) async fn ceased(
        &self,
        every: impl Fn(bool) -> Duration,
        limit: impl Fn(bool) -> Duration,
    ) {
        let mut quiet = Duration::ZERO;
        let mut before = self.counts().0;
        loop {
            let pause = every(before > 0);
            sleep(pause).await;
            let (begun, ended) = self.counts();
            if begun != before || begun != ended {
                (before, quiet) = (begun, Duration::ZERO);
                continue;
            }
            quiet += pause;
            if quiet >= limit(begun > 0) {
                return;
            }
        }
    }

    fn counts(&self) -> (u64, u64) {
        (self.0.begun.load(Ordering::Relaxed), self.0.ended.load(Ordering::Relaxed))
    }
}

/// One request under way.
#[derive(Debug)]
pub(super) struct Ongoing(Arc<Counts>);

impl Drop for Ongoing {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}
