//! Which registries have answered lately: what they are asked is not kept waiting by what strangers
//! make us ask of hosts that nobody has ever heard of.

use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::sync::Notify;

use crate::facts::Outcome;

/// How long an answer speaks for a host.
const LATELY: Duration = Duration::from_secs(5 * 60);
/// Hosts kept. What falls out is a stranger again until its next answer.
const HOSTS: u64 = 4_096;

/// The hosts that have answered lately.
#[derive(Debug)]
pub(super) struct Lively {
    hosts: Cache<String, ()>,
    /// Some host has answered that was not known.
    grown: Notify,
}

impl Lively {
    pub(super) fn new() -> Self {
        let hosts = Cache::builder()
            .max_capacity(HOSTS)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(LATELY);
        Self { hosts: hosts.build(), grown: Notify::new() }
    }

    /// Whether `host` has answered lately.
    pub(super) fn knows(&self, host: &str) -> bool {
        self.hosts.contains_key(host)
    }

    /// Waits until `host` is known.
    pub(super) async fn until_known(&self, host: &str) {
        loop {
            // It hears of all that come after this, waited for or not.
            let grown = self.grown.notified();
            if self.knows(host) {
                return;
            }
            grown.await;
        }
    }

    /// Asking `host` ended like this.
    pub(super) fn note(&self, host: &str, outcome: &Outcome) {
        if !outcome.is_unseen() {
            let is_new = !self.knows(host);
            self.hosts.insert(host.to_owned(), ());
            if is_new {
                self.grown.notify_waiters();
            }
        }
    }
}
