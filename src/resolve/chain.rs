//! One image's credentials tried one after the other, as a node does: the first that works ends
//! it, whatever the error of those before.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::{Instant, timeout_at};

use super::flight::{Flight, Landed};
use super::{Key, Question, Shared};
use crate::credentials::Credential;
use crate::facts::{Attempt, CredentialSource, Outcome, Unchecked};

/// One question on its way through its credentials.
#[derive(Clone)]
pub(super) struct Chain {
    shared: Arc<Shared>,
    question: Arc<Question>,
    trace: Arc<Mutex<Trace>>,
}

/// What is known of a chain so far, for the one whose deadline comes first.
#[derive(Default)]
struct Trace {
    done: Vec<Attempt>,
    current: Option<Arc<Flight>>,
}

/// One attempt to be made.
struct Try<'a> {
    source: Option<&'a CredentialSource>,
    credential: Option<&'a Credential>,
}

impl Try<'_> {
    fn attempt(&self, outcome: Outcome) -> Attempt {
        Attempt {
            source: self.source.cloned(),
            anonymous: self.credential.is_none(),
            outcome,
            entries: Vec::new(),
        }
    }
}

impl Chain {
    pub(super) fn new(shared: Arc<Shared>, question: Question) -> Self {
        Self { shared, question: Arc::new(question), trace: Arc::default() }
    }

    /// The attempts, if the cache can answer all that a node would ask.
    pub(super) async fn known(&self) -> Option<Vec<Attempt>> {
        let mut attempts = Vec::with_capacity(1);
        for next in tries(&self.question) {
            let answer = self.shared.answers.get(&self.key(&next)).await?;
            let ends = matches!(answer.outcome, Outcome::Found(_));
            attempts.push(next.attempt(answer.outcome.clone()));
            if ends {
                break;
            }
        }
        self.shared.metrics.cache("hit");
        Some(attempts)
    }

    /// Tries in a task of its own; at `deadline` what is known by then.
    pub(super) async fn run_until(self, deadline: Instant) -> Vec<Attempt> {
        self.shared.metrics.cache("miss");
        let task = tokio::spawn(self.clone().run());
        match timeout_at(deadline, task).await {
            Ok(Ok(attempts)) => attempts,
            Ok(Err(_)) => self.so_far(|_| Outcome::NotChecked(Unchecked::Failed)),
            Err(_) => {
                self.shared.metrics.deadline_missed();
                self.so_far(|flight| match flight {
                    Some(flight) => flight.progress.at_deadline(Instant::now()),
                    None => Outcome::NotChecked(Unchecked::Deadline),
                })
            }
        }
    }

    async fn run(self) -> Vec<Attempt> {
        for next in tries(&self.question) {
            let outcome = self.ask(&next).await;
            let ends = matches!(outcome, Outcome::Found(_));
            let mut trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
            trace.current = None;
            trace.done.push(next.attempt(outcome));
            if ends {
                break;
            }
        }
        self.trace.lock().unwrap_or_else(PoisonError::into_inner).done.clone()
    }

    async fn ask(&self, next: &Try<'_>) -> Outcome {
        let key = self.key(next);
        loop {
            if let Some(answer) = self.shared.answers.get(&key).await {
                return answer.outcome.clone();
            }
            let Some(flight) =
                Flight::join_or_start(&self.shared, &key, next.credential, &self.question)
            else {
                let budget = "too many lookups are under way".to_owned();
                return Outcome::NotChecked(Unchecked::Budget(budget));
            };
            self.trace.lock().unwrap_or_else(PoisonError::into_inner).current =
                Some(flight.clone());
            match flight.landed().await {
                // Another review's budget, or another namespace's, is no answer for this one.
                Landed::Outcome(Outcome::NotChecked(Unchecked::Budget(_)))
                    if !flight.is_of(&self.question) => {}
                Landed::Outcome(outcome) => return outcome,
                Landed::Crashed => return Outcome::NotChecked(Unchecked::Failed),
            }
        }
    }

    fn key(&self, next: &Try<'_>) -> Key {
        let credential = self.shared.client.credential_id(next.credential);
        Key { reference: self.question.reference.clone(), credential }
    }

    /// The attempts done, and what `open` says of the one under way or not begun.
    fn so_far(&self, open: impl FnOnce(Option<&Arc<Flight>>) -> Outcome) -> Vec<Attempt> {
        let trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
        let mut attempts = trace.done.clone();
        if let Some(next) = tries(&self.question).nth(attempts.len()) {
            attempts.push(next.attempt(open(trace.current.as_ref())));
        }
        attempts
    }
}

/// What a node would try: every credential in order, or one anonymous attempt if there is none.
/// An empty credential is an anonymous attempt as well.
fn tries(question: &Question) -> impl Iterator<Item = Try<'_>> {
    let anonymous =
        question.credentials.is_empty().then_some(Try { source: None, credential: None });
    let named = question.credentials.iter().map(|(source, credential)| Try {
        source: Some(source),
        credential: (!credential.is_anonymous()).then_some(credential),
    });
    anonymous.into_iter().chain(named)
}
