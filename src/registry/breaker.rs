//! Which hosts fail, and who may ask them now: after many failures in a row one lookup at a time
//! looks whether a host is back, and all others are told at once how the last one ended. A host
//! that says when to come again is left alone until then.
//!
//! Hosts come from strangers, and so do the repositories that fail: what one namespace meets is
//! believed for that namespace, and for everybody only once another has met it too
//! (`docs/adr/0014-breakers.md`).

mod circuit;
mod holds;
mod host;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::time::Instant;

use self::host::{Change, Ended, Host, Verdict, Whose};
use super::Step;
use super::identity::CredentialId;
use super::progress;
use super::trouble::trouble;
use super::who::Who;
use crate::facts::{Outcome, TroubleKind};
use crate::message::printable;
use crate::telemetry::{Metrics, Sparingly};

/// Hosts kept. What falls out is asked like any other.
const HOSTS: u64 = 4_096;
/// How long a host that nobody asks for is kept.
const UNUSED: Duration = Duration::from_secs(15 * 60);
/// How often a change of some host gets a line: their names come from strangers.
const LINES: Duration = Duration::from_secs(1);

/// What is known of all hosts.
pub(super) struct Breakers {
    hosts: Cache<String, Arc<Mutex<Host>>>,
    metrics: Option<Arc<Metrics>>,
    opened: Sparingly,
    closed: Sparingly,
}

impl fmt::Debug for Breakers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Breakers")
    }
}

/// On whose behalf, and as whom, a host is asked.
#[derive(Debug, Clone)]
struct Asker {
    tenant: Arc<str>,
    id: CredentialId,
}

/// Where a host is, in the one spelling that it is known by, and as it is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) key: &'a str,
    pub(super) authority: &'a str,
}

/// Leave to ask one host, for one lookup.
#[derive(Debug)]
pub(super) struct Asking {
    breakers: Arc<Breakers>,
    host: Arc<Mutex<Host>>,
    authority: String,
    repository: String,
    asker: Asker,
    begun: Instant,
    probe: Option<Whose>,
    /// Something was really asked.
    sent: AtomicBool,
    over: AtomicBool,
}

impl Breakers {
    pub(super) fn new(metrics: Option<Arc<Metrics>>) -> Self {
        let hosts = Cache::builder()
            .max_capacity(HOSTS)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(UNUSED)
            .build();
        let (opened, closed) = (Sparingly::new(LINES), Sparingly::new(LINES));
        Self { hosts, metrics, opened, closed }
    }

    /// Leave to ask `place` for something in `repository`.
    ///
    /// # Errors
    /// It fails too often to be asked now, or wants to be left alone.
    pub(super) fn ask(
        self: &Arc<Self>,
        place: Place<'_>,
        repository: &str,
        who: &Who,
    ) -> Step<Arc<Asking>> {
        let (asker, begun) = (Asker::of(who), Instant::now());
        let host = self.hosts.get_with_by_ref(place.key, Arc::default);
        let admitted = lock(&host).admit(&asker, place.authority, begun);
        match admitted {
            Ok(probe) => Ok(Arc::new(Asking {
                breakers: self.clone(),
                host,
                authority: place.authority.to_owned(),
                repository: repository.to_owned(),
                asker,
                begun,
                probe,
                sent: AtomicBool::new(false),
                over: AtomicBool::new(false),
            })),
            Err(trouble) => {
                self.spared(place.authority);
                progress::spared();
                Err(Outcome::Trouble(trouble))
            }
        }
    }

    /// What is said instead of asking `place` now, if it would not be asked.
    pub(super) fn refusal(&self, place: Place<'_>, who: &Who) -> Option<Outcome> {
        let host = self.hosts.get(place.key)?;
        let trouble = lock(&host).trouble(&Asker::of(who), place.authority, Instant::now());
        trouble.map(Outcome::Trouble)
    }

    /// A lookup was answered without asking this host.
    pub(super) fn spared(&self, authority: &str) {
        self.count(authority, "spared");
    }

    fn count(&self, authority: &str, event: &'static str) {
        if let Some(metrics) = &self.metrics {
            metrics.breaker(authority, event);
        }
    }
}

impl Asker {
    fn of(who: &Who) -> Self {
        Self::new(who.tenant.clone(), who.id())
    }
}

fn lock(host: &Mutex<Host>) -> MutexGuard<'_, Host> {
    host.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Asking {
    /// Something is asked now.
    pub(super) fn sent(&self) {
        self.sent.store(true, Ordering::Relaxed);
    }

    /// It is over, and this came of it.
    pub(super) fn ended(&self, outcome: &Outcome) {
        self.end(match outcome {
            Outcome::Trouble(trouble) => Verdict::Failed(trouble),
            Outcome::NotChecked(_) => Verdict::Nothing,
            _ => Verdict::Answered,
        });
    }

    /// It is over, and the host has answered.
    pub(super) fn answered(&self) {
        self.end(Verdict::Answered);
    }

    fn end(&self, verdict: Verdict<'_>) {
        if self.over.swap(true, Ordering::Relaxed) {
            return;
        }
        // What was remembered says nothing of how the host is now.
        let sent = self.sent.load(Ordering::Relaxed);
        let verdict = if sent { verdict } else { Verdict::Nothing };
        let now = Instant::now();
        let Self { asker, repository, begun, probe, .. } = self;
        let ended = Ended { asker, repository, begun: *begun, probe: *probe, verdict };
        let (change, failures) = {
            let mut host = lock(&self.host);
            let change = host.ended(ended, now);
            let failures = match change {
                Some(Change::Opened(whose)) => host.failures(whose, &asker.tenant, now),
                _ => Default::default(),
            };
            (change, failures)
        };
        if let Some(change) = change {
            self.tell(change, failures);
        }
    }

    fn tell(&self, change: Change, (failures, seconds): (u32, u64)) {
        let registry = printable(&self.authority, 255);
        let namespace = |whose| match whose {
            Whose::Everybodys => None,
            Whose::Namespaces => Some(&*self.asker.tenant),
        };
        match change {
            Change::Opened(whose) => {
                self.breakers.count(&self.authority, "opened");
                if self.breakers.opened.now() {
                    let namespace = namespace(whose);
                    tracing::warn!(
                        %registry,
                        namespace,
                        failures,
                        seconds,
                        "a registry fails again and again, one lookup at a time asks it from now on"
                    );
                }
            }
            Change::Closed(whose) => {
                self.breakers.count(&self.authority, "closed");
                if self.breakers.closed.now() {
                    let namespace = namespace(whose);
                    tracing::info!(%registry, namespace, "a registry answers again");
                }
            }
        }
    }
}

impl Drop for Asking {
    /// Whoever waited has gone away at the end of all its time.
    fn drop(&mut self) {
        let late = trouble(TroubleKind::Timeout, &self.authority, "no complete answer");
        self.ended(&late);
    }
}
