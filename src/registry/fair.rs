//! Memories that namespaces share: bounded in bytes, and fair. How much is remembered must not be
//! up to strangers, nor must what others use give way to one namespace's flood.
//!
//! What is kept is on the account of the namespace that brought it. Where room is needed, the
//! largest account gives up its oldest, but for what other namespaces have used since: whoever
//! floods a memory forgets their own.

mod account;

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::future::Cache;

use account::{Account, Purse};

/// What an entry takes beside its texts, roughly.
const OVERHEAD: usize = 256;
/// Accounts before those that hold nothing are forgotten.
const ACCOUNTS: usize = 1_024;

/// Tells the bytes of an entry's texts.
type Size<K, V> = Box<dyn Fn(&K, &V) -> usize + Send + Sync>;

/// A memory of at most so many bytes, over all namespaces.
pub struct Fair<K, V> {
    entries: Cache<Arc<K>, Arc<Kept<V>>>,
    size: Size<K, V>,
    most: u64,
    held: Arc<AtomicU64>,
    accounts: Mutex<HashMap<Arc<str>, Arc<Account<K, V>>>>,
}

/// Something kept.
#[derive(Debug)]
pub struct Kept<V> {
    value: V,
    purse: Arc<Purse>,
    /// What it takes; nothing once it has given way.
    bytes: AtomicU64,
    /// Another namespace has used it since it was last spared.
    wanted: AtomicBool,
}

impl<V> Deref for Kept<V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.value
    }
}

impl<V> Kept<V> {
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
        self.purse.take_off(self.bytes.swap(0, Ordering::Relaxed));
    }
}

impl<V> Drop for Kept<V> {
    fn drop(&mut self) {
        self.give_way();
    }
}

/// How long each is kept.
struct ByValue<F>(F);

impl<K, V, F: Fn(&V) -> Duration> Expiry<Arc<K>, Arc<Kept<V>>> for ByValue<F> {
    fn expire_after_create(&self, _: &Arc<K>, kept: &Arc<Kept<V>>, _: Instant) -> Option<Duration> {
        Some((self.0)(kept))
    }

    fn expire_after_update(
        &self,
        _: &Arc<K>,
        kept: &Arc<Kept<V>>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some((self.0)(kept))
    }
}

impl<K, V> Fair<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// A memory of at most `most` bytes. `size` tells the bytes of an entry's texts, `lifetime`
    /// how long it is kept.
    pub fn new(
        most: u64,
        size: impl Fn(&K, &V) -> usize + Send + Sync + 'static,
        lifetime: impl Fn(&V) -> Duration + Send + Sync + 'static,
    ) -> Self {
        Self {
            entries: Cache::builder().expire_after(ByValue(lifetime)).build(),
            size: Box::new(size),
            most,
            held: Arc::default(),
            accounts: Mutex::default(),
        }
    }

    /// What is kept of `key`, now used by `tenant`.
    pub async fn get(&self, tenant: &str, key: &K) -> Option<Arc<Kept<V>>> {
        let kept = self.entries.get::<K>(key).await?;
        kept.used_by(tenant);
        Some(kept)
    }

    /// Whether anything is kept of `key`.
    pub fn has(&self, key: &K) -> bool {
        self.entries.contains_key::<K>(key)
    }

    /// Keeps `value`, on the account of `tenant`. On the heap, as all of these: whoever waits for
    /// it stands deep in a lookup.
    pub fn insert(&self, tenant: &Arc<str>, key: K, value: V) -> impl Future<Output = ()> {
        Box::pin(async move {
            let key = Arc::new(key);
            let account = self.account(tenant);
            let kept = self.weigh(&account, &key, value);
            let before = self.entries.get::<K>(&key).await;
            if !kept.is_held() {
                return self.entries.invalidate::<K>(&key).await;
            }
            self.entries.insert(key.clone(), kept.clone()).await;
            if let Some(before) = before {
                before.give_way();
            }
            account.add(key, &kept);
            self.make_room().await;
        })
    }

    /// What is kept of `key`, or what `ask` gets, which everybody who asks meanwhile waits for.
    ///
    /// # Errors
    /// As `ask` ends.
    pub fn get_or_try<E: Send + Sync + 'static>(
        &self,
        tenant: &Arc<str>,
        key: K,
        ask: impl Future<Output = Result<V, E>>,
    ) -> impl Future<Output = Result<Arc<Kept<V>>, Arc<E>>> {
        Box::pin(async move {
            if let Some(kept) = self.get(tenant, &key).await {
                return Ok(kept);
            }
            let key = Arc::new(key);
            let mut new = None;
            let weighed = async {
                let value = ask.await?;
                let account = self.account(tenant);
                let kept = self.weigh(&account, &key, value);
                new = Some((account, kept.clone()));
                Ok(kept)
            };
            let kept = self.entries.try_get_with_by_ref(&key, weighed).await?;
            kept.used_by(tenant);
            match new {
                Some((account, kept)) if kept.is_held() => {
                    account.add(key, &kept);
                    self.make_room().await;
                }
                Some(_) => self.entries.invalidate::<K>(&key).await,
                None => {}
            }
            Ok(kept)
        })
    }

    /// Forgets what is kept of `key`.
    pub fn invalidate(&self, key: &K) -> impl Future<Output = ()> {
        Box::pin(async move {
            if let Some(kept) = self.entries.remove::<K>(key).await {
                kept.give_way();
            }
        })
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.entries.iter().count()
    }

    /// With its bytes on the account, unless it is larger than all the room there is.
    fn weigh(&self, account: &Account<K, V>, key: &K, value: V) -> Arc<Kept<V>> {
        let size = (self.size)(key, &value).saturating_add(OVERHEAD);
        let bytes = u64::try_from(size).ok().filter(|bytes| *bytes <= self.most);
        let bytes = bytes.unwrap_or_default();
        let purse = account.purse.clone();
        purse.put_on(bytes);
        Arc::new(Kept { value, purse, bytes: bytes.into(), wanted: AtomicBool::new(false) })
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

    async fn make_room(&self) {
        while self.held.load(Ordering::Relaxed) > self.most {
            let Some((key, kept)) = self.next_to_go() else { return };
            kept.give_way();
            let now = self.entries.get::<K>(&key).await;
            // Another may have come in its place.
            if now.is_some_and(|now| Arc::ptr_eq(&now, &kept)) {
                self.entries.invalidate::<K>(&key).await;
            }
        }
    }

    fn next_to_go(&self) -> Option<(Arc<K>, Arc<Kept<V>>)> {
        let largest = {
            let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
            accounts.values().max_by_key(|account| account.purse.holds())?.clone()
        };
        largest.oldest()
    }
}

impl<K, V> fmt::Debug for Fair<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Some of what is kept, and what it is kept by, is nobody's business.
        f.debug_struct("Fair").field("most", &self.most).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
