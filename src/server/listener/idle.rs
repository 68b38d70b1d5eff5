//! Tells a connection that is used from one that only takes up a place.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Counts the requests of one connection, begun and ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Traffic(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicU64,
    ended: AtomicU64,
    first: Notify,
}

impl Traffic {
    /// A request has begun; it ends when the answer is dropped.
    pub(super) fn begin(&self) -> Ongoing {
        if self.0.begun.fetch_add(1, Ordering::Relaxed) == 0 {
            self.0.first.notify_one();
        }
        Ongoing(Arc::clone(&self.0))
    }

    /// Returns if no request has begun within `first`, or else once there was none for all of
    /// `idle`, which is noticed within two such periods.
    pub(super) async fn ceased(&self, first: Duration, idle: Duration) {
        if timeout(first, self.0.first.notified()).await.is_err() {
            return;
        }
        loop {
            let (begun, ended) = self.counts();
            sleep(idle).await;
            if begun == ended && begun == self.counts().0 {
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
