//! One lookup under way, shared by everybody who wants its answer.
//!
//! moka would coalesce too, but its initialiser belongs to the first caller and tells nobody how
//! far it came; a deadline here must be answered with the phase that was reached.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use super::lifetime::{self, Answer};
use super::{Key, Limits, Question, Shared};
use crate::credentials::Credential;
use crate::facts::Outcome;
use crate::registry::{Lookup, Phase, Progress, RequestBudget};

/// The lookups under way.
#[derive(Debug)]
pub(super) struct Flights {
    begun: Mutex<Begun>,
    most: usize,
    most_per_tenant: usize,
}

#[derive(Debug, Default)]
struct Begun {
    by_key: HashMap<Key, Arc<Flight>>,
    /// How many tasks each namespace has begun; none is kept at nought.
    by_tenant: HashMap<Arc<str>, usize>,
    all: usize,
}

impl Flights {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            begun: Mutex::default(),
            most: limits.begun,
            most_per_tenant: limits.begun_per_tenant,
        }
    }

    fn begun(&self) -> MutexGuard<'_, Begun> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One lookup under way.
#[derive(Debug)]
pub(super) struct Flight {
    /// How far it came.
    pub(super) progress: Progress,
    /// On whose behalf it was begun.
    tenant: Arc<str>,
    requests: RequestBudget,
    answer: watch::Receiver<Option<Outcome>>,
}

/// How a flight ended.
pub(super) enum Landed {
    Outcome(Outcome),
    /// The task ended without an answer: a panic.
    Crashed,
}

impl Flight {
    /// The flight for `key`, begun now if there is none; `None` when too many are under way.
    pub(super) fn join_or_start(
        shared: &Arc<Shared>,
        key: &Key,
        credential: Option<&Credential>,
        question: &Question,
    ) -> Option<Arc<Flight>> {
        let flights = &shared.flights;
        let mut begun = flights.begun();
        // A flight that waits for another namespace's turn is not waited for: that namespace may
        // have filled its share with registries that hang.
        // Nor is one that found an absence long ago and still looks for its explanation.
        let joined = begun.by_key.get(key).filter(|flight| {
            let moves = flight.progress.phase() != Phase::Queued;
            let since = flight.progress.absent_since();
            (moves || flight.tenant == question.tenant)
                && since.is_none_or(|since| since.elapsed() < lifetime::ABSENT)
        });
        if let Some(flight) = joined {
            return Some(flight.clone());
        }
        let own = begun.by_tenant.get(&question.tenant).copied().unwrap_or_default();
        if begun.all >= flights.most || own >= flights.most_per_tenant {
            return None;
        }
        let (sender, answer) = watch::channel(None);
        let flight = Arc::new(Flight {
            progress: Progress::within(question.requests.clone()),
            tenant: question.tenant.clone(),
            requests: question.requests.clone(),
            answer,
        });
        begun.all += 1;
        begun.by_tenant.insert(question.tenant.clone(), own + 1);
        begun.by_key.insert(key.clone(), flight.clone());
        drop(begun);
        let landing = Landing { shared: shared.clone(), key: key.clone(), flight: flight.clone() };
        tokio::spawn(fly(landing, credential.cloned(), sender));
        Some(flight)
    }

    /// Whether it was begun by the review that asks `question`, and so on its own budgets.
    pub(super) fn is_of(&self, question: &Question) -> bool {
        self.requests.is(&question.requests)
    }

    /// Waits for the answer.
    pub(super) async fn landed(&self) -> Landed {
        let mut answer = self.answer.clone();
        match answer.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().map_or(Landed::Crashed, Landed::Outcome),
            Err(_) => Landed::Crashed,
        }
    }
}

/// Takes the flight off the list however its task ends.
struct Landing {
    shared: Arc<Shared>,
    key: Key,
    flight: Arc<Flight>,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut begun = self.shared.flights.begun();
        begun.all = begun.all.saturating_sub(1);
        if let Some(own) = begun.by_tenant.get_mut(&self.flight.tenant) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                begun.by_tenant.remove(&self.flight.tenant);
            }
        }
        // Another namespace may have begun one of its own in the meantime.
        if begun.by_key.get(&self.key).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight)) {
            begun.by_key.remove(&self.key);
        }
    }
}

async fn fly(
    landing: Landing,
    credential: Option<Credential>,
    sender: watch::Sender<Option<Outcome>>,
) {
    let Landing { shared, key, flight } = &landing;
    let _permit = shared.gate.enter(&flight.tenant, key.reference.host()).await;
    // While this one waited for its turn, another namespace's may have come back.
    let known = shared.answers.get(key).await;
    let outcome = if let Some(known) = known {
        known.outcome.clone()
    } else {
        let lookup = Lookup {
            reference: &key.reference,
            credential: credential.as_ref(),
            tenant: &flight.tenant,
            entry: key.entry.as_deref(),
        };
        let asked = Instant::now();
        let outcome = shared.client.lookup(lookup, &flight.progress).await;
        shared.metrics.lookup(outcome.label());
        let age = flight.progress.absent_since().map(|since| since.elapsed());
        let keep = lifetime::of(key, &outcome, age);
        if !keep.is_zero() {
            let answer = Answer { outcome: outcome.clone(), keep, asked };
            shared.answers.insert(key.clone(), Arc::new(answer)).await;
        }
        outcome
    };
    // The list first: who comes after must find the answer in the cache or begin anew.
    drop(landing);
    sender.send_replace(Some(outcome));
}
