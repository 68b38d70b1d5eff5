//! Equal shares: a bound for each key, where keys (hosts, namespaces) come from strangers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

/// Keys remembered before those that nobody uses are forgotten.
const KEYS: usize = 1_024;

/// A semaphore of the same size for every key.
#[derive(Debug)]
pub struct Shares {
    each: usize,
    of: Mutex<HashMap<Box<str>, Arc<Semaphore>>>,
}

impl Shares {
    /// Shares of `each` permits.
    pub fn new(each: usize) -> Self {
        Self { each, of: Mutex::default() }
    }

    /// The share of `key`.
    pub fn of(&self, key: &str) -> Arc<Semaphore> {
        let mut shares = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(key) {
            return share.clone();
        }
        if shares.len() >= KEYS {
            // Whoever holds or waits for a permit holds the semaphore too.
            shares.retain(|_, share| Arc::strong_count(share) > 1);
        }
        let share = Arc::new(Semaphore::new(self.each));
        shares.insert(key.into(), share.clone());
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_share_is_its_keys_own_and_forgotten_when_nobody_holds_it() {
        let shares = Shares::new(1);
        let held = shares.of("a").acquire_owned().await.unwrap();
        assert!(shares.of("a").try_acquire_owned().is_err());
        assert!(shares.of("b").try_acquire_owned().is_ok());
        for n in 0..3 * KEYS {
            shares.of(&n.to_string());
        }
        assert!(shares.of.lock().unwrap().len() <= KEYS + 1);
        assert!(shares.of("a").try_acquire_owned().is_err(), "held shares are kept");
        drop(held);
        assert!(shares.of("a").try_acquire_owned().is_ok());
    }
}
