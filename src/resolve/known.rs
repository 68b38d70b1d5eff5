//! A question answered from the cache alone, which is how most are: nothing of it is copied.

use std::sync::Arc;

use tokio::time::Instant;

use super::entries::{Room, wanted};
use super::lifetime::Answer;
use super::spot::fact;
use super::tries::{Try, tries};
use super::{Key, Question, Shared, ahead};
use crate::facts::{Attempt, Entry, EntryFact};
use crate::registry::Kept;

/// The attempts, if the cache can answer all that a node would ask.
pub(super) fn attempts(shared: &Arc<Shared>, question: &Question) -> Option<Vec<Attempt>> {
    let now = Instant::now();
    let mut attempts = Vec::with_capacity(1);
    for next in tries(question) {
        let key = shared.key(question, &next, None);
        let answer = at_hand(shared, question, &next, &key, now)?;
        let entries = match answer.outcome.index() {
            Some(list) => {
                let asked = Asked { shared, question, next: &next, now };
                entries(asked, list, 0, &Room::new())?
            }
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
    Some(attempts)
}

/// An answer that may be used as it is.
fn at_hand(
    shared: &Arc<Shared>,
    question: &Question,
    next: &Try<'_>,
    key: &Key,
    now: Instant,
) -> Option<Arc<Kept<Key, Answer>>> {
    let answer = shared.kept(question, key, now)?;
    // What stands in for it is looked for at more leisure.
    if answer.before.is_some() {
        return None;
    }
    ahead::follow(shared, question, next, key, &answer, now);
    Some(answer)
}

/// On whose behalf, and when.
#[derive(Clone, Copy)]
struct Asked<'a> {
    shared: &'a Arc<Shared>,
    question: &'a Question,
    next: &'a Try<'a>,
    now: Instant,
}

/// The same of an index's entries.
fn entries(asked: Asked<'_>, list: &[Entry], depth: usize, room: &Room) -> Option<Vec<EntryFact>> {
    let Asked { shared, question, next, now } = asked;
    let mut facts = Vec::new();
    for entry in wanted(&question.nodes, list, depth, room) {
        let descriptor = match entry.ask {
            Ok(descriptor) => descriptor,
            Err(outcome) => {
                facts.push(fact(entry.index, None, outcome, Vec::new()));
                continue;
            }
        };
        let key = shared.key(question, next, Some(Arc::clone(&descriptor)));
        let answer = at_hand(shared, question, next, &key, now)?;
        let inner = match answer.outcome.index() {
            Some(list) => entries(asked, list, depth + 1, room)?,
            None => Vec::new(),
        };
        facts.push(fact(entry.index, Some(&descriptor), answer.outcome.clone(), inner));
    }
    Some(facts)
}
