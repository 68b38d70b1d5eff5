//! One lookup under way, shared by everybody who wants its answer.
//!
//! moka would coalesce too, but its initialiser belongs to the first caller and tells nobody how
//! far it came; a deadline here must be answered with the phase that was reached.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::{Key, Question, Shared};
use crate::credentials::Credential;
use crate::facts::Outcome;
use crate::registry::{Lookup, Progress, RequestBudget};

/// The lookups under way.
#[derive(Debug)]
pub(super) struct Flights {
    begun: Mutex<HashMap<Key, Arc<Flight>>>,
    most: usize,
}

impl Flights {
    pub(super) fn new(most: usize) -> Self {
        Self { begun: Mutex::default(), most }
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
        let mut begun = shared.flights.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = begun.get(key) {
            return Some(flight.clone());
        }
        if begun.len() >= shared.flights.most {
            return None;
        }
        let (sender, answer) = watch::channel(None);
        let flight = Arc::new(Flight {
            progress: Progress::within(question.requests.clone()),
            tenant: question.tenant.clone(),
            requests: question.requests.clone(),
            answer,
        });
        begun.insert(key.clone(), flight.clone());
        drop(begun);
        let landing = Landing { shared: shared.clone(), key: key.clone() };
        tokio::spawn(fly(landing, flight.clone(), credential.cloned(), sender));
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
}

impl Drop for Landing {
    fn drop(&mut self) {
        let flights = &self.shared.flights.begun;
        flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

async fn fly(
    landing: Landing,
    flight: Arc<Flight>,
    credential: Option<Credential>,
    sender: watch::Sender<Option<Outcome>>,
) {
    let (shared, key) = (&landing.shared, &landing.key);
    let _permit = shared.gate.enter(key.reference.host()).await;
    let lookup = Lookup {
        reference: &key.reference,
        credential: credential.as_ref(),
        tenant: &flight.tenant,
    };
    let outcome = shared.client.lookup(lookup, &flight.progress).await;
    shared.metrics.lookup(outcome.label());
    // A budget belongs to one namespace and what was declined cost nothing: neither is kept.
    if !matches!(outcome, Outcome::NotChecked(_)) {
        shared.answers.insert(key.clone(), Arc::new(outcome.clone())).await;
    }
    // The list first: who comes after must find the answer in the cache or begin anew.
    drop(landing);
    sender.send_replace(Some(outcome));
}
