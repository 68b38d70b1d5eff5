//! What is being asked for, once for everybody who wants to know at the same time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

/// The questions under way, each with its answer to be.
pub(super) struct Asking<K, A>(Mutex<HashMap<K, Arc<OnceCell<A>>>>);

impl<K: Clone + Hash + Eq, A: Clone> Asking<K, A> {
    /// What `ask` comes to, or what somebody else's comes to who asks already. Where that one goes
    /// away, another of those who wait asks.
    pub(super) async fn once(&self, key: &K, ask: impl Future<Output = A>) -> A {
        let cell = self.open().entry(key.clone()).or_default().clone();
        let asked = Asked { asking: self, key, cell };
        asked.cell.get_or_init(|| ask).await.clone()
    }
}

impl<K, A> Asking<K, A> {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    fn open(&self) -> MutexGuard<'_, HashMap<K, Arc<OnceCell<A>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn under_way(&self) -> usize {
        self.open().len()
    }
}

/// Takes the question off the list when it is answered, or the last one who waits goes away.
struct Asked<'a, K: Hash + Eq, A> {
    asking: &'a Asking<K, A>,
    key: &'a K,
    cell: Arc<OnceCell<A>>,
}

impl<K: Hash + Eq, A> Drop for Asked<'_, K, A> {
    fn drop(&mut self) {
        let mut open = self.asking.open();
        // The list has one, and this another.
        let over = self.cell.initialized() || Arc::strong_count(&self.cell) <= 2;
        if over && open.get(self.key).is_some_and(|cell| Arc::ptr_eq(cell, &self.cell)) {
            open.remove(self.key);
        }
    }
}
