//! Which registries have answered lately: what they are asked is not kept waiting by what strangers
//! make us ask of hosts that nobody has ever heard of.

use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::facts::Outcome;

/// How long an answer speaks for a host.
const LATELY: Duration = Duration::from_secs(5 * 60);
/// Hosts kept. What falls out is a stranger again until its next answer.
const HOSTS: u64 = 4_096;

/// The hosts that have answered lately.
#[derive(Debug)]
pub(super) struct Lively(Cache<String, ()>);

impl Lively {
    pub(super) fn new() -> Self {
        let hosts = Cache::builder()
            .max_capacity(HOSTS)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(LATELY);
        Self(hosts.build())
    }

    /// Whether `host` has answered lately.
    pub(super) fn knows(&self, host: &str) -> bool {
        self.0.contains_key(host)
    }

    /// Asking `host` ended like this.
    pub(super) fn note(&self, host: &str, outcome: &Outcome) {
        if !outcome.is_unseen() {
            self.0.insert(host.to_owned(), ());
        }
    }
}
