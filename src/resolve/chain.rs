//! One image's credentials tried one after the other, as a node does: the first that works ends
//! it, whatever the error of those before. Of an index, what the nodes would fetch is asked for
//! with the same credential.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::entries::{Room, wanted};
use super::flight::{self, Flight};
use super::lifetime::Answer;
use super::spot::{Spot, fact};
use super::{Key, Question, Shared};
use crate::credentials::Credential;
use crate::facts::{Attempt, CredentialSource, Descriptor, Entry, EntryFact, Outcome, Unchecked};

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
    current: Option<Arc<Spot>>,
    /// Whether the current one rests on a tag of a while ago.
    remembered: bool,
}

/// One attempt to be made.
struct Try<'a> {
    source: Option<&'a CredentialSource>,
    credential: Option<&'a Credential>,
}

impl Try<'_> {
    fn attempt(&self, (outcome, entries): (Outcome, Vec<EntryFact>), remembered: bool) -> Attempt {
        Attempt {
            source: self.source.cloned(),
            anonymous: self.credential.is_none(),
            outcome,
            entries,
            remembered,
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
            let key = self.key(&next, None);
            let answer = self.kept(&key).await?;
            let entries = match answer.outcome.index() {
                Some(list) => self.known_entries(&next, list, 0, &Room::new()).await?,
                None => Vec::new(),
            };
            let remembered = answer.is_old_content(&key);
            let attempt = next.attempt((answer.outcome.clone(), entries), remembered);
            let ends = attempt.works();
            attempts.push(attempt);
            if ends {
                break;
            }
        }
        self.shared.metrics.cache("hit");
        Some(attempts)
    }

    /// The answer that is kept, unless it is older than the question takes.
    async fn kept(&self, key: &Key) -> Option<Arc<Answer>> {
        let answer = self.shared.answers.get(key).await?;
        if self.question.anew && answer.is_old_content(key) {
            self.shared.answers.invalidate(key).await;
            return None;
        }
        Some(answer)
    }

    /// The same of an index's entries. Boxed, because indexes lie in each other.
    fn known_entries<'a>(
        &'a self,
        next: &'a Try<'_>,
        list: &'a [Entry],
        depth: usize,
        room: &'a Room,
    ) -> Pin<Box<dyn Future<Output = Option<Vec<EntryFact>>> + Send + 'a>> {
        Box::pin(async move {
            let mut facts = Vec::new();
            for entry in wanted(&self.question.nodes, list, depth, room) {
                let descriptor = match entry.ask {
                    Ok(descriptor) => descriptor,
                    Err(outcome) => {
                        facts.push(fact(entry.index, None, outcome, Vec::new()));
                        continue;
                    }
                };
                let key = self.key(next, Some(descriptor.clone()));
                let answer = self.shared.answers.get(&key).await?;
                let entries = match answer.outcome.index() {
                    Some(list) => self.known_entries(next, list, depth + 1, room).await?,
                    None => Vec::new(),
                };
                let outcome = answer.outcome.clone();
                facts.push(fact(entry.index, Some(&descriptor), outcome, entries));
            }
            Some(facts)
        })
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
                let now = Instant::now();
                self.so_far(|flight| match flight {
                    Some(flight) => flight.work.progress.at_deadline(now),
                    None => Outcome::NotChecked(Unchecked::Deadline),
                })
            }
        }
    }

    async fn run(self) -> Vec<Attempt> {
        for next in tries(&self.question) {
            let spot = Spot::image();
            let key = self.key(&next, None);
            let remembered =
                self.kept(&key).await.is_some_and(|answer| answer.is_old_content(&key));
            {
                let mut trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
                trace.current = Some(spot.clone());
                trace.remembered = remembered;
            }
            self.look(&next, spot.clone(), 0, &Room::new()).await;
            // Nothing is open any more.
            let known = spot.so_far(&|_| Outcome::NotChecked(Unchecked::Failed));
            let attempt = next.attempt(known, remembered);
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
        let key = self.key(next, spot.entry.clone());
        loop {
            if let Some(answer) = self.kept(&key).await {
                return answer.outcome.clone();
            }
            let Some(flight) =
                flight::join_or_start(&self.shared, &key, next.credential, &self.question)
            else {
                let budget = "too many lookups are under way".to_owned();
                return Outcome::NotChecked(Unchecked::Budget(budget));
            };
            spot.flies(flight.clone());
            match flight.landed().await {
                // Another review's budget, or another namespace's, is no answer for this one.
                Some(Outcome::NotChecked(Unchecked::Budget(_)))
                    if !flight.work.is_of(&self.question) => {}
                Some(outcome) => return outcome,
                // The task has panicked.
                None => return Outcome::NotChecked(Unchecked::Failed),
            }
        }
    }

    fn key(&self, next: &Try<'_>, entry: Option<Arc<Descriptor>>) -> Key {
        let credential = self.shared.client.credential_id(next.credential);
        let image = &self.question.reference;
        let reference = match &entry {
            Some(entry) => image.by_digest(entry.digest.clone()),
            None => image.clone(),
        };
        Key { reference, credential, entry }
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
