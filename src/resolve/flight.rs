//! One lookup under way, shared by everybody who wants its answer.
//!
//! moka would coalesce too, but its initialiser belongs to the first caller and tells nobody how
//! far it came; a deadline here must be answered with the phase that was reached.

use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

use super::lifetime::{self, Answer};
use super::queue::Place;
use super::{Key, Question, Shared, turn};
use crate::credentials::Credential;
use crate::facts::{Outcome, Unchecked};
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
    /// What is kept is not enough for it, unless the registry was asked later than then.
    after: Option<Instant>,
    /// When it began to ask the registry.
    asked: OnceLock<Instant>,
}

/// The flight for `key`, begun now if there is none; `None` when too many are under way. Its answer
/// is a later one than that of `after`, where that is given.
pub(super) fn join_or_start(
    shared: &Arc<Shared>,
    key: &Key,
    credential: Option<&Credential>,
    question: &Question,
    after: Option<Instant>,
) -> Option<Arc<Flight>> {
    // A flight that waits for another namespace's turn is not waited for: that namespace may
    // have filled its share with registries that hang. One that waits for its own turn may come to
    // be content with what is kept.
    // Nor is one that found an absence long ago and still looks for its explanation.
    let joins = |flight: &Flight| {
        (flight.work.moves() || flight.tenant == question.tenant) && flight.work.answers(after)
    };
    let requests = question.requests.clone();
    let work = Work {
        progress: Progress::within(requests.clone()),
        requests,
        after,
        asked: OnceLock::new(),
    };
    let fly = || {
        let place = shared.queue.take(&question.tenant, key.reference.host(), &shared.lively)?;
        Some(|flight| fly(shared.clone(), key.clone(), credential.cloned(), flight, place))
    };
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

    /// Whether its answer is later than that of `after`, and not too old.
    fn answers(&self, after: Option<Instant>) -> bool {
        let is_later = |after: Instant| {
            let asked = self.asked.get().is_some_and(|asked| *asked > after);
            asked || self.after.is_some_and(|own| own >= after)
        };
        after.is_none_or(is_later) && self.is_recent()
    }

    /// It has found no absence, or one that still counts.
    fn is_recent(&self) -> bool {
        self.progress.absent_since().is_none_or(|since| since.elapsed() < lifetime::ABSENT)
    }
}

/// Whether this flight asks already, and `follower` may wait for its answer.
pub(super) fn leads(flight: &Flight, follower: &Flight) -> bool {
    flight.work.moves() && flight.work.answers(follower.work.after)
}

/// Whether what a flight brought counts for `tenant`. The budget of another's review does not, nor
/// that another namespace's own breaker is open.
pub(super) fn counts(flight: &Flight, outcome: &Outcome, tenant: &str) -> bool {
    match outcome {
        Outcome::NotChecked(Unchecked::Budget(_)) => false,
        Outcome::Trouble(_) => *flight.tenant == *tenant || !flight.work.progress.has_spared(),
        _ => true,
    }
}

/// What has been kept since `flight` was begun, and is enough for it.
pub(super) fn known(shared: &Shared, key: &Key, flight: &Flight) -> Option<Outcome> {
    let known = shared.answers.get(&flight.tenant, key)?;
    let is_later = flight.work.after.is_none_or(|after| known.asked > after);
    (is_later && known.is_fresh(Instant::now())).then(|| known.outcome.clone())
}

/// Looks the image up, and leaves the answer in the cache: who comes after must find it there or
/// begin anew.
async fn fly(
    shared: Arc<Shared>,
    key: Key,
    credential: Option<Credential>,
    flight: Arc<Flight>,
    _place: Place,
) -> Outcome {
    let progress = &flight.work.progress;
    let lookup = Lookup {
        reference: &key.reference,
        credential: credential.as_ref(),
        tenant: &flight.tenant,
        entry: key.entry.as_deref(),
    };
    // What is not asked needs no turn.
    if let Some(refusal) = shared.client.refusal(lookup).await {
        return refusal;
    }
    let host = key.reference.host();
    let permit = match turn::take(&shared, &key, &flight, lookup).await {
        Ok(permit) => permit,
        Err(brought) => return brought,
    };
    // While this one waited for its turn, another namespace's may have come back.
    if let Some(known) = known(&shared, &key, &flight) {
        return known;
    }
    let asked = *flight.work.asked.get_or_init(Instant::now);
    // Thousands may wait for their turn, and a lookup is large.
    let outcome = permit.run(Box::pin(shared.client.lookup(lookup, progress))).await;
    shared.lively.note(host, &outcome);
    shared.metrics.lookup(host, outcome.label());
    // One namespace's word on a registry is not kept for the others.
    if progress.has_spared() && matches!(outcome, Outcome::Trouble(_)) {
        return outcome;
    }
    let age = progress.absent_since().map(|since| since.elapsed());
    let answer = Answer::new(&key, outcome.clone(), asked, age);
    shared.keep(&flight.tenant, key, answer);
    outcome
}

impl Shared {
    /// Keeps an answer for its time. Trouble never takes the place of what is still good, and a
    /// "no" always does, even one too old to be kept.
    pub(super) fn keep(&self, tenant: &Arc<str>, key: Key, mut answer: Answer) {
        let now = Instant::now();
        let known = self.answers.get(tenant, &key);
        // Who asked earlier may hear later.
        if known.as_ref().is_some_and(|known| known.is_later_word_than(&answer)) {
            return;
        }
        if !answer.is_fresh(now) {
            if !answer.outcome.is_unseen() {
                self.answers.invalidate(&key);
            }
            return;
        }
        if let (Outcome::Trouble(_), Some(known)) = (&answer.outcome, known) {
            if matches!(known.outcome, Outcome::Found(_)) && known.is_fresh(now) {
                return;
            }
            answer.before = known.good(now).map(Box::new);
        }
        self.answers.insert(tenant, key, answer);
    }
}
