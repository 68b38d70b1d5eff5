//! One lookup under way, shared by everybody who wants its answer.
//!
//! moka would coalesce too, but its initialiser belongs to the first caller and tells nobody how
//! far it came; a deadline here must be answered with the phase that was reached.

use std::sync::Arc;

use tokio::time::Instant;

use super::lifetime::{self, Answer};
use super::{Key, Question, Shared, turn};
use crate::credentials::Credential;
use crate::facts::Outcome;
use crate::flights;
use crate::registry::{Lookup, Phase, Progress, RequestBudget};

/// The lookups under way.
pub(super) type Flights = flights::Flights<Key, Work, Outcome>;

/// One of them.
pub(super) type Flight = flights::Flight<Work, Outcome>;

/// One lookup under way.
#[derive(Debug)]
pub(super) struct Work {
    /// How far it came.
    pub(super) progress: Progress,
    requests: RequestBudget,
}

/// The flight for `key`, begun now if there is none; `None` when too many are under way.
pub(super) fn join_or_start(
    shared: &Arc<Shared>,
    key: &Key,
    credential: Option<&Credential>,
    question: &Question,
) -> Option<Arc<Flight>> {
    // A flight that waits for another namespace's turn is not waited for: that namespace may
    // have filled its share with registries that hang.
    // Nor is one that found an absence long ago and still looks for its explanation.
    let joins = |flight: &Flight| {
        (flight.work.moves() || flight.tenant == question.tenant) && flight.work.is_recent()
    };
    let requests = question.requests.clone();
    let work = Work { progress: Progress::within(requests.clone()), requests };
    let fly = |flight| fly(shared.clone(), key.clone(), credential.cloned(), flight);
    shared.flights.join_or_start(key.clone(), &question.tenant, joins, work, fly)
}

impl Work {
    /// Whether it was begun by the review that asks `question`, and so on its own budgets.
    pub(super) fn is_of(&self, question: &Question) -> bool {
        self.requests.is(&question.requests)
    }

    /// It has got its turn.
    fn moves(&self) -> bool {
        self.progress.phase() != Phase::Queued
    }

    /// It has found no absence, or one that still counts.
    fn is_recent(&self) -> bool {
        self.progress.absent_since().is_none_or(|since| since.elapsed() < lifetime::ABSENT)
    }
}

/// Whether this flight asks already, and its answer may be waited for.
pub(super) fn leads(flight: &Flight) -> bool {
    flight.work.moves() && flight.work.is_recent()
}

/// Looks the image up, and leaves the answer in the cache: who comes after must find it there or
/// begin anew.
async fn fly(
    shared: Arc<Shared>,
    key: Key,
    credential: Option<Credential>,
    flight: Arc<Flight>,
) -> Outcome {
    let progress = &flight.work.progress;
    let _permit = match turn::take(&shared, &key, &flight).await {
        Ok(permit) => permit,
        Err(brought) => return brought,
    };
    // While this one waited for its turn, another namespace's may have come back.
    if let Some(known) = shared.answers.get(&key).await {
        return known.outcome.clone();
    }
    let lookup = Lookup {
        reference: &key.reference,
        credential: credential.as_ref(),
        tenant: &flight.tenant,
        entry: key.entry.as_deref(),
    };
    let asked = Instant::now();
    let outcome = shared.client.lookup(lookup, progress).await;
    shared.metrics.lookup(key.reference.host(), outcome.label());
    let age = progress.absent_since().map(|since| since.elapsed());
    let keep = lifetime::of(&key, &outcome, age);
    if !keep.is_zero() {
        let answer = Answer { outcome: outcome.clone(), keep, asked };
        shared.answers.insert(key, Arc::new(answer)).await;
    }
    outcome
}
