//! What one namespace has brought into a memory, in order.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::Kept;

/// How many in a row are spared because others use them.
const SPARED: usize = 64;
/// The queue is rid of what is kept no more when it has grown by half of what was left, and to
/// this: until then the places of what is gone are taken.
const SHORT: usize = 64;

/// How much a namespace holds, and all of them.
#[derive(Debug)]
pub(super) struct Purse {
    pub(super) tenant: Arc<str>,
    own: AtomicU64,
    all: Arc<AtomicU64>,
}

impl Purse {
    pub(super) fn holds(&self) -> u64 {
        self.own.load(Ordering::Relaxed)
    }

    pub(super) fn put_on(&self, bytes: u64) {
        self.own.fetch_add(bytes, Ordering::Relaxed);
        self.all.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn take_off(&self, bytes: u64) {
        self.own.fetch_sub(bytes, Ordering::Relaxed);
        self.all.fetch_sub(bytes, Ordering::Relaxed);
    }
}

pub(super) struct Account<K, V> {
    pub(super) purse: Arc<Purse>,
    queue: Mutex<Queue<K, V>>,
}

struct Queue<K, V> {
    entries: VecDeque<Weak<Kept<K, V>>>,
    sweep_at: usize,
}

impl<K, V> Account<K, V> {
    pub(super) fn new(tenant: Arc<str>, all: Arc<AtomicU64>) -> Self {
        let queue = Queue { entries: VecDeque::new(), sweep_at: SHORT };
        Self {
            purse: Arc::new(Purse { tenant, own: AtomicU64::default(), all }),
            queue: Mutex::new(queue),
        }
    }

    pub(super) fn add(&self, kept: &Arc<Kept<K, V>>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.entries.push_back(Arc::downgrade(kept));
        if queue.entries.len() >= queue.sweep_at {
            queue.entries.retain(|kept| kept.upgrade().is_some_and(|kept| kept.is_held()));
            queue.sweep_at = (queue.entries.len() / 2 * 3).max(SHORT);
        }
    }

    /// Takes the oldest that no other namespace has used since it was last its turn.
    pub(super) fn oldest(&self) -> Option<Arc<Kept<K, V>>> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let mut spared = 0;
        while let Some(entry) = queue.entries.pop_front() {
            let Some(kept) = entry.upgrade().filter(|kept| kept.is_held()) else { continue };
            if spared < SPARED && kept.wanted.swap(false, Ordering::Relaxed) {
                spared += 1;
                queue.entries.push_back(entry);
                continue;
            }
            return Some(kept);
        }
        None
    }

    #[cfg(test)]
    pub(super) fn queued(&self) -> usize {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).entries.len()
    }
}
