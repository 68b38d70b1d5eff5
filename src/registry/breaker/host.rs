//! What is known of one host: who gets an answer there, and who does not. Pure: the time comes in.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::Asker;
use super::circuit::{Circuit, Failure, Proof};
use super::holds::Holds;
use crate::facts::{Trouble, TroubleKind};
use crate::registry::trouble::is_behind_a_redirect;

/// Namespaces kept apart at one host. Those beyond them are let through like those that never
/// failed, unless the host fails for everybody: then they wait like all others.
const MOST_NAMESPACES: usize = 32;

/// One host.
#[derive(Debug, Default)]
pub(super) struct Host {
    /// When it last gave anybody an answer.
    answered: Option<Instant>,
    /// For everybody.
    whole: Circuit,
    /// For each namespace whose last lookup here failed, up to the bound.
    namespaces: HashMap<Arc<str>, Circuit>,
    holds: Holds,
}

/// Whose circuit a lookup probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Everybodys,
    Namespaces,
}

/// How asking a host ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verdict<'a> {
    /// It answered, whatever it said.
    Answered,
    /// Our own view failed.
    Failed(&'a Trouble),
    /// It was not asked, or we broke off by ourselves.
    Nothing,
}

/// A lookup that has come to its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended<'a> {
    pub(super) asker: &'a Asker,
    pub(super) repository: &'a str,
    pub(super) begun: Instant,
    pub(super) probe: Option<Whose>,
    pub(super) verdict: Verdict<'a>,
}

/// What is worth a line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Opened(Whose),
    Closed(Whose),
}

impl Host {
    /// What is said to `asker` instead of asking now.
    pub(super) fn trouble(&self, asker: &Asker, authority: &str, now: Instant) -> Option<Trouble> {
        if let Some(held) = self.holds.trouble(asker, authority, self.answered, now) {
            return Some(held);
        }
        let own = self.namespaces.get(&asker.tenant);
        if self.whole.is_open() {
            // Who has not failed here is the likeliest to find it well again. Of more than are
            // kept apart nobody knows who has.
            let new = own.is_none() && self.namespaces.len() < MOST_NAMESPACES;
            let probes = self.whole.wants_a_probe(new, now);
            return if probes { None } else { self.whole.trouble(authority, now) };
        }
        let own = own.filter(|own| own.is_open() && !own.wants_a_probe(false, now))?;
        own.trouble(authority, now)
    }

    /// Lets `asker` ask; whose circuit that probes, if any.
    pub(super) fn admit(
        &mut self,
        asker: &Asker,
        authority: &str,
        now: Instant,
    ) -> Result<Option<Whose>, Trouble> {
        if let Some(trouble) = self.trouble(asker, authority, now) {
            return Err(trouble);
        }
        if self.whole.is_open() {
            self.whole.probe();
            return Ok(Some(Whose::Everybodys));
        }
        match self.namespaces.get_mut(&asker.tenant).filter(|own| own.is_open()) {
            Some(own) => {
                own.probe();
                Ok(Some(Whose::Namespaces))
            }
            None => Ok(None),
        }
    }

    /// A lookup that was let through has ended.
    pub(super) fn ended(&mut self, ended: Ended<'_>, now: Instant) -> Option<Change> {
        match ended.probe {
            Some(Whose::Everybodys) => self.whole.probed(),
            Some(Whose::Namespaces) => {
                if let Some(own) = self.namespaces.get_mut(&ended.asker.tenant) {
                    own.probed();
                }
            }
            None => {}
        }
        match ended.verdict {
            Verdict::Nothing => None,
            Verdict::Answered => {
                self.answered = Some(now);
                self.lives(&ended.asker.tenant, now)
            }
            Verdict::Failed(trouble) => {
                // What it leads to speaks for itself only.
                let itself = !is_behind_a_redirect(trouble);
                let wait = trouble.retry_after.filter(|_| itself);
                if let Some(wait) = wait {
                    self.holds.add(ended.asker, trouble, wait, now);
                }
                if trouble.kind == TroubleKind::RateLimited {
                    let probes = ended.probe == Some(Whose::Everybodys);
                    // Whoever tells an account to slow down is there for others.
                    if wait.is_some() || (probes && itself) {
                        return self.lives(&ended.asker.tenant, now);
                    }
                    if probes {
                        self.whole.pause_anew(now);
                    }
                }
                self.failed(ended, trouble, now)
            }
        }
    }

    /// It has answered somebody.
    fn lives(&mut self, tenant: &str, now: Instant) -> Option<Change> {
        if self.whole.is_open() {
            self.whole = Circuit::default();
            self.namespaces.clear();
            return Some(Change::Closed(Whose::Everybodys));
        }
        self.whole.forget_failures();
        let own = self.namespaces.remove(tenant);
        // Others may have failed for the same reason, which is gone now.
        self.namespaces.values_mut().for_each(|other| other.hurry(now));
        own.filter(Circuit::is_open).map(|_| Change::Closed(Whose::Namespaces))
    }

    fn failed(&mut self, ended: Ended<'_>, trouble: &Trouble, now: Instant) -> Option<Change> {
        let Ended { asker, repository, begun, probe, .. } = ended;
        // It is as old as the wait for it, and the host has answered others since.
        let outdated = self.answered.is_some_and(|answered| begun < answered);
        if outdated && probe.is_none() {
            return None;
        }
        let failure = Failure { trouble, tenant: &asker.tenant, repository, begun };
        let is_known = self.namespaces.contains_key(&asker.tenant);
        let mut change = None;
        if is_known || self.namespaces.len() < MOST_NAMESPACES {
            let own = self.namespaces.entry(asker.tenant.clone()).or_default();
            let probes = probe == Some(Whose::Namespaces);
            if own.failed(failure, Proof::One, probes, now) && !self.whole.is_open() {
                change = Some(Change::Opened(Whose::Namespaces));
            }
        }
        // A limit without a time is an account's.
        if !outdated && trouble.kind != TroubleKind::RateLimited {
            let probes = probe == Some(Whose::Everybodys);
            if self.whole.failed(failure, Proof::Two, probes, now) {
                change = Some(Change::Opened(Whose::Everybodys));
            }
        }
        change
    }

    /// How many lookups have failed on whose word it is not asked, and for how many seconds.
    pub(super) fn failures(&self, whose: Whose, tenant: &str, now: Instant) -> (u32, u64) {
        let circuit = match whose {
            Whose::Everybodys => Some(&self.whole),
            Whose::Namespaces => self.namespaces.get(tenant),
        };
        let (failures, since) =
            circuit.map_or_else(Default::default, |circuit| circuit.failures(now));
        (failures, since.as_secs())
    }

    #[cfg(test)]
    pub(super) fn namespaces_kept(&self) -> usize {
        self.namespaces.len()
    }
}
