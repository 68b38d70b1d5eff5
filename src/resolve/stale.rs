//! What stands in where a registry fails: the last good answer to the same question, given to the
//! same credential, for a bounded time.
//!
//! It is taken only where nothing but our own view failed: whatever the registry says now counts,
//! above all its "no". It is taken whole or not at all, and `gather` takes it back where anything
//! would be said against the image for it.

use tokio::time::Instant;

use super::chain::Chain;
use super::entries::{Room, wanted};
use super::spot::{Spot, fact};
use super::tries::Try;
use super::{Key, Question, Shared};
use crate::facts::{Attempt, Entry, EntryFact, Found, Outcome, Stale, Unchecked};

/// What is said of a lookup for which there was no room.
const FULL: &str = "too many lookups are under way";

/// How a lookup ends for which there was no room.
pub(super) fn declined() -> Outcome {
    Outcome::NotChecked(Unchecked::Budget(FULL.to_owned()))
}

/// Whether an older answer makes good for it. What was left out for safety, or because a budget
/// was used up, stays left out.
fn is_failure(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Trouble(_) | Outcome::NotChecked(Unchecked::Deadline) => true,
        Outcome::NotChecked(Unchecked::Budget(budget)) => budget == FULL,
        _ => false,
    }
}

/// Whether something of the attempt failed, and nothing worse happened to it.
fn only_failed(attempt: &Attempt) -> bool {
    attempt.any_manifest(|outcome, _| is_failure(outcome))
        && !attempt.any_manifest(|outcome, _| {
            !is_failure(outcome) && !matches!(outcome, Outcome::Found(_))
        })
}

impl Chain {
    /// Puts what the registry said before in place of an attempt that failed.
    pub(super) fn stand_in(&self, next: &Try<'_>, spot: Option<&Spot>, attempt: &mut Attempt) {
        let refused = spot.is_some_and(Spot::is_refused);
        if self.question.anew || refused || !only_failed(attempt) {
            return;
        }
        let mut before = Before::new(&self.shared, &self.question, next);
        let key = self.shared.key(&self.question, next, None);
        let Some((outcome, entries)) = before.of(&key, 0, &Room::new()) else { return };
        // The tag leads elsewhere now.
        if let (Outcome::Found(Found { digest, .. }), Outcome::Found(before)) =
            (&attempt.outcome, &outcome)
            && *digest != before.digest
        {
            return;
        }
        let now = std::mem::replace(&mut attempt.outcome, outcome);
        let entries = std::mem::replace(&mut attempt.entries, entries);
        let age = before.now.saturating_duration_since(before.oldest);
        if age.is_zero() {
            // Others have asked in the meantime: nothing of it is too old.
            attempt.remembered = before.remembered;
        } else {
            attempt.stale = Some(Box::new(Stale { age, now, entries }));
        }
    }
}

/// A manifest and what an index leads to.
type Known = (Outcome, Vec<EntryFact>);

/// What the registry said before, as far as it is kept.
struct Before<'a> {
    shared: &'a Shared,
    question: &'a Question,
    next: &'a Try<'a>,
    now: Instant,
    /// When it gave the oldest of the answers whose time is over.
    oldest: Instant,
    /// Whether it rests on a tag of a while ago.
    remembered: bool,
}

impl<'a> Before<'a> {
    fn new(shared: &'a Shared, question: &'a Question, next: &'a Try<'a>) -> Self {
        let now = Instant::now();
        Self { shared, question, next, now, oldest: now, remembered: false }
    }

    /// A manifest and all that the nodes would fetch of it, unless some of it is not known, or was
    /// not good.
    fn of(&mut self, key: &Key, depth: usize, room: &Room) -> Option<Known> {
        let answer = self.shared.answers.get(&self.question.tenant, key)?;
        let good = answer.good(self.now)?;
        self.remembered |= answer.is_old_content(key);
        if answer.before.is_some() || !answer.is_fresh(self.now) {
            self.oldest = self.oldest.min(good.asked);
        }
        let entries = match good.outcome.index() {
            Some(list) => self.entries(list, depth, room)?,
            None => Vec::new(),
        };
        Some((good.outcome, entries))
    }

    fn entries(&mut self, list: &[Entry], depth: usize, room: &Room) -> Option<Vec<EntryFact>> {
        let mut facts = Vec::new();
        for entry in wanted(&self.question.nodes, list, depth, room) {
            let descriptor = entry.ask.ok()?;
            let key = self.shared.key(self.question, self.next, Some(descriptor.clone()));
            let (outcome, inner) = self.of(&key, depth + 1, room)?;
            facts.push(fact(entry.index, Some(&descriptor), outcome, inner));
        }
        Some(facts)
    }
}
