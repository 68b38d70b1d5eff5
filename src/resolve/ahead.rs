//! What is in use is asked for again before its time is over, so that nobody waits for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::lifetime::Answer;
use super::tries::Try;
use super::{Key, Question, Shared, flight};

/// Has a good answer near its end followed by a later one, on behalf of the review that has just
/// used it. Every answer is followed once: where that fails, it serves its time.
pub(super) fn follow(
    shared: &Arc<Shared>,
    question: &Question,
    next: &Try<'_>,
    key: &Key,
    answer: &Answer,
    now: Instant,
) {
    if !answer.is_near_its_end(now) || answer.followed.swap(true, Ordering::Relaxed) {
        return;
    }
    // The other half is for what somebody waits for.
    let begun = !shared.flights.is_half_full(&question.tenant)
        && flight::join_or_start(shared, key, next.credential, question, Some(answer.asked))
            .is_some();
    if begun {
        shared.metrics.refreshed();
    } else {
        answer.followed.store(false, Ordering::Relaxed);
    }
}
