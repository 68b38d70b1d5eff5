//! Memories that namespaces share: bounded in bytes, and fair. How much is remembered must not be
//! up to strangers, nor must what others use give way to one namespace's flood.
//!
//! What is kept is on the account of the namespace that brought it. Where room is needed, the
//! largest account gives up its oldest, but for what other namespaces have used since: whoever
//! floods a memory forgets their own.
//!
//! There may be hundreds of thousands of entries, so that what each takes beside itself counts:
//! moka's own notes on it, which are most of it, one piece of the heap and a place in its account's
//! queue.

mod account;
mod asking;
mod table;

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use account::{Account, Purse};
use asking::Asking;
use table::Table;

/// What an entry takes beside itself: moka's notes on it, its place in the queue, which is up to
/// half empty, and what the allocator takes for itself. Measured, over a hundred thousand.
const BESIDE: usize = 368;
/// Accounts before those that hold nothing are forgotten.
const ACCOUNTS: usize = 1_024;

/// Bytes that a piece of the heap takes: allocators deal in multiples of 16 and keep a few for
/// themselves.
pub const fn on_heap(bytes: usize) -> usize {
    if bytes == 0 { 0 } else { (bytes + 8).next_multiple_of(16) }
}

/// The same of what is shared by counting: its counts lie before it.
pub const fn shared_on_heap(bytes: usize) -> usize {
    on_heap(2 * size_of::<usize>() + bytes)
}

/// Tells the bytes that an entry has elsewhere on the heap.
type Size<K, V> = Box<dyn Fn(&K, &V) -> usize + Send + Sync>;
/// Tells how long a value is kept.
type Lifetime<V> = Box<dyn Fn(&V) -> Duration + Send + Sync>;

/// By namespace.
type Accounts<K, V> = HashMap<Arc<str>, Arc<Account<K, V>>>;
/// What came of asking, for everybody who waited for it.
type Asked<K, V, E> = Result<Arc<Kept<K, V>>, Arc<E>>;

/// A memory of at most so many bytes, over all namespaces. `E` is how asking for something may end
/// without it.
pub struct Fair<K, V, E = Infallible> {
    entries: Table<K, V>,
    asking: Asking<K, Asked<K, V, E>>,
    size: Size<K, V>,
    most: u64,
    held: Arc<AtomicU64>,
    accounts: Mutex<Accounts<K, V>>,
}

/// Something kept.
#[derive(Debug)]
pub struct Kept<K, V> {
    key: K,
    value: V,
    purse: Arc<Purse>,
    /// What it takes; nothing once it has given way.
    bytes: AtomicU32,
    /// Another namespace has used it since it was last spared.
    wanted: AtomicBool,
}

impl<K, V> Deref for Kept<K, V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.value
    }
}

impl<K, V> Kept<K, V> {
    /// Read by everybody, so that it is written only where it changes.
    fn used_by(&self, tenant: &str) {
        if !self.wanted.load(Ordering::Relaxed) && *self.purse.tenant != *tenant {
            self.wanted.store(true, Ordering::Relaxed);
        }
    }

    fn is_held(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > 0
    }

    /// Its room is others' from now on.
    fn give_way(&self) {
        self.purse.take_off(self.bytes.swap(0, Ordering::Relaxed).into());
    }
}

impl<K, V> Drop for Kept<K, V> {
    fn drop(&mut self) {
        self.give_way();
    }
}

impl<K, V, E> Fair<K, V, E>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// A memory of at most `most` bytes. `size` tells the bytes that an entry has elsewhere on the
    /// heap, `lifetime` how long it is kept.
    pub fn new(
        most: u64,
        size: impl Fn(&K, &V) -> usize + Send + Sync + 'static,
        lifetime: impl Fn(&V) -> Duration + Send + Sync + 'static,
    ) -> Self {
        Self {
            entries: Table::new(Box::new(lifetime)),
            asking: Asking::new(),
            size: Box::new(size),
            most,
            held: Arc::default(),
            accounts: Mutex::default(),
        }
    }

    /// What is kept of `key`, now used by `tenant`.
    pub fn get(&self, tenant: &str, key: &K) -> Option<Arc<Kept<K, V>>> {
        let kept = self.entries.get(key)?;
        kept.used_by(tenant);
        Some(kept)
    }

    /// Whether anything is kept of `key`.
    pub fn has(&self, key: &K) -> bool {
        self.entries.get(key).is_some()
    }

    /// Keeps `value`, on the account of `tenant`.
    pub fn insert(&self, tenant: &Arc<str>, key: K, value: V) {
        self.keep(tenant, key, value);
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.entries.count()
    }

    /// Forgets what is kept of `key`.
    pub fn invalidate(&self, key: &K) {
        self.entries.remove(key);
    }

    /// Keeps it, unless it is larger than all the room there is.
    fn keep(&self, tenant: &Arc<str>, key: K, value: V) -> Arc<Kept<K, V>> {
        let account = self.account(tenant);
        let size = Self::BYTES.saturating_add((self.size)(&key, &value));
        let bytes = u32::try_from(size).ok().filter(|bytes| u64::from(*bytes) <= self.most);
        let bytes = bytes.unwrap_or_default();
        let purse = account.purse.clone();
        purse.put_on(bytes.into());
        let (bytes, wanted) = (bytes.into(), AtomicBool::new(false));
        let kept = Arc::new(Kept { key, value, purse, bytes, wanted });
        if kept.is_held() {
            self.entries.put(&kept);
            account.add(&kept);
            self.make_room();
        } else {
            self.entries.remove(&kept.key);
        }
        kept
    }

    fn account(&self, tenant: &Arc<str>) -> Arc<Account<K, V>> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.get(tenant) {
            return account.clone();
        }
        if accounts.len() >= ACCOUNTS {
            accounts.retain(|_, it| it.purse.holds() > 0 || Arc::strong_count(it) > 1);
        }
        let account = Arc::new(Account::new(tenant.clone(), self.held.clone()));
        accounts.insert(tenant.clone(), account.clone());
        account
    }

    fn make_room(&self) {
        while self.held.load(Ordering::Relaxed) > self.most {
            let Some(kept) = self.next_to_go() else { return };
            kept.give_way();
            self.entries.take_out(&kept);
        }
    }

    fn next_to_go(&self) -> Option<Arc<Kept<K, V>>> {
        let largest = {
            let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
            accounts.values().max_by_key(|account| account.purse.holds())?.clone()
        };
        largest.oldest()
    }
}

impl<K, V, E> Fair<K, V, E> {
    /// Bytes of an entry that has nothing elsewhere on the heap.
    pub const BYTES: usize = size_of::<Kept<K, V>>() + BESIDE;

    /// Bytes of all that is kept.
    #[cfg(test)]
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }
}

impl<K, V, E> Fair<K, V, E>
where
    K: Clone + Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// What is kept of `key`, or what `ask` gets, which everybody who asks meanwhile waits for.
    ///
    /// # Errors
    /// As `ask` ends.
    pub async fn get_or_try(
        &self,
        tenant: &Arc<str>,
        key: K,
        ask: impl Future<Output = Result<V, E>>,
    ) -> Asked<K, V, E> {
        if let Some(kept) = self.get(tenant, &key) {
            return Ok(kept);
        }
        let asked = self.asking.once(&key, async {
            // Whoever asked before may have got it just now.
            match self.get(tenant, &key) {
                Some(kept) => Ok(kept),
                None => Ok(self.keep(tenant, key.clone(), ask.await.map_err(Arc::new)?)),
            }
        });
        let asked = Box::pin(asked).await;
        asked.inspect(|kept| kept.used_by(tenant))
    }
}

impl<K, V, E> fmt::Debug for Fair<K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Some of what is kept, and what it is kept by, is nobody's business.
        f.debug_struct("Fair").field("most", &self.most).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
