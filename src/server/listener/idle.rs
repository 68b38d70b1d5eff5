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

    /// Returns once there was no request for `first` from now on, or later for all of `idle`
    /// (noticed at most that much too late).
    pub(super) async fn ceased(&self, first: Duration, idle: Duration) {
        sleep(first).await;
        let mut seen = self.begun();
        if seen == 0 {
            return;
        }
        loop {
            // Both looks must find the same requests and all of them ended.
            let quiet = self.ended() == seen;
            sleep(idle).await;
            let now = self.begun();
            if quiet && now == seen {
                return;
            }
            seen = now;
        }
    }

    fn begun(&self) -> u64 {
        self.0.begun.load(Ordering::Relaxed)
    }

    fn ended(&self) -> u64 {
        self.0.ended.load(Ordering::Relaxed)
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
