//! One image's credentials tried one after the other, as a node does: the first that works ends
//! it, whatever the error of those before. Of an index, what the nodes would fetch is asked for
//! with the same credential.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::entries::{Room, wanted};
use super::flight::{self, Flight};
use super::spot::Spot;
use super::tries::{Try, tries};
use super::{Question, Shared, known, lifetime, stale};
use crate::facts::{Attempt, Outcome, Unchecked};
use crate::registry::Phase;

/// One question on its way through its credentials.
#[derive(Clone)]
pub(super) struct Chain {
    pub(super) shared: Arc<Shared>,
    pub(super) question: Arc<Question>,
    trace: Arc<Mutex<Trace>>,
}

/// What is known of a chain so far, for the one whose deadline comes first.
#[derive(Default)]
struct Trace {
    done: Vec<Attempt>,
    current: Option<Arc<Spot>>,
    /// Whether the current one rests on a tag of a while ago.
    remembered: bool,
}

impl Chain {
    pub(super) fn new(shared: Arc<Shared>, question: Question) -> Self {
        Self { shared, question: Arc::new(question), trace: Arc::default() }
    }

    /// Tries in a task of its own; at `deadline` what is known by then.
    pub(super) async fn run_until(self, deadline: Instant) -> Vec<Attempt> {
        self.shared.metrics.cache("miss");
        let task = tokio::spawn(self.clone().run());
        match timeout_at(deadline, task).await {
            Ok(Ok(attempts)) => attempts,
            Ok(Err(_)) => self.so_far(|_| Outcome::NotChecked(Unchecked::Failed)),
            Err(_) => self.at_deadline(),
        }
    }

    /// What is known now, or was before: what is kept is at hand.
    fn at_deadline(&self) -> Vec<Attempt> {
        let now = Instant::now();
        let waits = Cell::new(false);
        let mut attempts = self.so_far(|flight| match flight {
            Some(flight) => {
                let progress = &flight.work.progress;
                waits.set(waits.get() || progress.phase() == Phase::Queued);
                progress.at_deadline(now)
            }
            None => Outcome::NotChecked(Unchecked::Deadline),
        });
        // While one waits for its turn, another namespace's may have brought the answer.
        if waits.get()
            && let Some(attempts) = known::attempts(&self.shared, &self.question)
        {
            return attempts;
        }
        let current = {
            let trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
            trace.current.clone()
        };
        let last = attempts.len().checked_sub(1).and_then(|last| tries(&self.question).nth(last));
        if let (Some(next), Some(attempt)) = (last, attempts.last_mut()) {
            self.stand_in(&next, current.as_deref(), attempt);
        }
        if !attempts.iter().any(Attempt::works) {
            self.shared.metrics.deadline_missed();
        }
        attempts
    }

    async fn run(self) -> Vec<Attempt> {
        for next in tries(&self.question) {
            let spot = Spot::image();
            let key = self.shared.key(&self.question, &next, None);
            let kept = self.shared.kept(&self.question, &key, Instant::now());
            let remembered = kept.is_some_and(|answer| answer.is_old_content(&key));
            {
                let mut trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
                trace.current = Some(spot.clone());
                trace.remembered = remembered;
            }
            self.look(&next, spot.clone(), 0, &Room::new()).await;
            // Nothing is open any more.
            let known = spot.so_far(&|_| Outcome::NotChecked(Unchecked::Failed));
            let mut attempt = next.attempt(known, remembered);
            self.stand_in(&next, Some(&spot), &mut attempt);
            let ends = attempt.works();
            let mut trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
            trace.current = None;
            trace.done.push(attempt);
            if ends {
                break;
            }
        }
        self.trace.lock().unwrap_or_else(PoisonError::into_inner).done.clone()
    }

    /// Asks for one manifest and then for what the nodes would fetch of it, side by side.
    fn look<'a>(
        &'a self,
        next: &'a Try<'_>,
        spot: Arc<Spot>,
        depth: usize,
        room: &'a Room,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            let outcome = self.ask(next, &spot).await;
            let list = outcome.index().unwrap_or_default();
            let mut entries = Vec::new();
            let mut open = Vec::new();
            for entry in wanted(&self.question.nodes, list, depth, room) {
                let child = match entry.ask {
                    Ok(descriptor) => {
                        let child = Spot::entry(entry.index, Some(descriptor));
                        open.push(child.clone());
                        child
                    }
                    Err(outcome) => {
                        let child = Spot::entry(entry.index, None);
                        child.landed(outcome, Vec::new());
                        child
                    }
                };
                entries.push(child);
            }
            spot.landed(outcome, entries);
            join_all(open.into_iter().map(|child| self.look(next, child, depth + 1, room))).await;
        })
    }

    async fn ask(&self, next: &Try<'_>, spot: &Spot) -> Outcome {
        let key = self.shared.key(&self.question, next, spot.entry.clone());
        loop {
            if let Some(answer) = self.shared.kept(&self.question, &key, Instant::now()) {
                return answer.outcome.clone();
            }
            // What is there is too old for who asks anew.
            let old = self.question.anew.then(|| Instant::now().checked_sub(lifetime::ABSENT));
            let Some(flight) = flight::join_or_start(
                &self.shared,
                &key,
                next.credential,
                &self.question,
                old.flatten(),
            ) else {
                return stale::declined();
            };
            spot.flies(flight.clone());
            match flight.landed().await {
                Some(outcome)
                    if !flight.work.is_of(&self.question)
                        && !flight::counts(&flight, &outcome, &self.question.tenant) => {}
                Some(outcome) => return outcome,
                // The task has panicked.
                None => return Outcome::NotChecked(Unchecked::Failed),
            }
        }
    }

    /// The attempts done, and what `open` says of what is under way or not begun.
    fn so_far(&self, open: impl Fn(Option<&Flight>) -> Outcome) -> Vec<Attempt> {
        let trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
        let mut attempts = trace.done.clone();
        if let Some(next) = tries(&self.question).nth(attempts.len()) {
            let known = match &trace.current {
                Some(spot) => spot.so_far(&open),
                None => (open(None), Vec::new()),
            };
            attempts.push(next.attempt(known, trace.remembered));
        }
        attempts
    }
}
