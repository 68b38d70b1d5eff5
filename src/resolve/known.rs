//! A question answered from the cache alone, which is how most are: nothing of it is copied.

use std::pin::Pin;
use std::sync::Arc;

use super::entries::{Room, wanted};
use super::spot::fact;
use super::tries::{Try, tries};
use super::{Question, Shared};
use crate::facts::{Attempt, Entry, EntryFact};

/// The attempts, if the cache can answer all that a node would ask.
pub(super) async fn attempts(shared: &Shared, question: &Question) -> Option<Vec<Attempt>> {
    let mut attempts = Vec::with_capacity(1);
    for next in tries(question) {
        let key = shared.key(question, &next, None);
        let answer = shared.kept(question, &key).await?;
        let entries = match answer.outcome.index() {
            Some(list) => entries(shared, question, &next, list, 0, &Room::new()).await?,
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
    shared.metrics.cache("hit");
    Some(attempts)
}

/// The same of an index's entries. Boxed, because indexes lie in each other.
fn entries<'a>(
    shared: &'a Shared,
    question: &'a Question,
    next: &'a Try<'_>,
    list: &'a [Entry],
    depth: usize,
    room: &'a Room,
) -> Pin<Box<dyn Future<Output = Option<Vec<EntryFact>>> + Send + 'a>> {
    Box::pin(async move {
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
            let answer = shared.answers.get(&key).await?;
            let inner = match answer.outcome.index() {
                Some(list) => entries(shared, question, next, list, depth + 1, room).await?,
                None => Vec::new(),
            };
            facts.push(fact(entry.index, Some(&descriptor), answer.outcome.clone(), inner));
        }
        Some(facts)
    })
}
