//! How many lookups run at one time, in all and at one registry.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The bounds on concurrency.
#[derive(Debug)]
pub(super) struct Gate {
    all: Arc<Semaphore>,
    hosts: Mutex<HashMap<Box<str>, Arc<Semaphore>>>,
    per_host: usize,
}

/// Leave to run; given back on drop.
pub(super) struct Permit {
    _host: Option<OwnedSemaphorePermit>,
    _all: Option<OwnedSemaphorePermit>,
}

impl Gate {
    pub(super) fn new(all: usize, per_host: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), hosts: Mutex::default(), per_host }
    }

    /// Waits for leave to ask `host`: first among its own, so that the many who wait for one
    /// registry take nothing from the others.
    pub(super) async fn enter(&self, host: &str) -> Permit {
        let own = self.of_host(host);
        // The semaphores are never closed, so that both are always `Some`.
        let host = own.acquire_owned().await.ok();
        let all = self.all.clone().acquire_owned().await.ok();
        Permit { _host: host, _all: all }
    }

    fn of_host(&self, host: &str) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = hosts.get(host) {
            return semaphore.clone();
        }
        // Hosts come from strangers: those that nobody waits for are forgotten now and then.
        if hosts.len() >= 1_024 {
            hosts.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
        }
        let semaphore = Arc::new(Semaphore::new(self.per_host));
        hosts.insert(host.into(), semaphore.clone());
        semaphore
    }
}
