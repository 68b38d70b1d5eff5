//! What the audit is told of older answers that stood in for registries which failed. Users are
//! told nothing: nothing is wrong with what they apply.

use std::fmt::Write as _;
use std::time::Duration;

use crate::facts::{Facts, Outcome, Stale, Unchecked};
use crate::message::printable;

/// Length, in bytes, beyond which no further image is named.
const LONGEST: usize = 3_000;

/// The images that rest on older answers: each as written, its registry, and what is behind it.
pub(super) fn images<'a>(
    facts: &'a Facts<'_>,
) -> impl Iterator<Item = (&'a str, &'a str, &'a Stale)> {
    facts.images.iter().filter_map(|image| {
        let stale = image.attempts.iter().find_map(|attempt| attempt.stale.as_deref())?;
        let host = image.reference.as_ref().map(|reference| reference.host());
        Some((image.image, host.unwrap_or_default(), stale))
    })
}

/// All of them in one line, bounded and escaped.
pub(super) fn words(facts: &Facts<'_>) -> String {
    let mut text = String::new();
    for (image, _, stale) in images(facts) {
        let separator = if text.is_empty() { "" } else { " | " };
        if text.len() > LONGEST {
            text.push_str(" | and more");
            break;
        }
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{separator}{}: {} old, {}",
            printable(image, 255),
            age(stale.age),
            why(stale)
        );
    }
    text
}

fn age(age: Duration) -> String {
    match age.as_secs() / 60 {
        minutes @ 0..120 => format!("{minutes} min"),
        minutes => format!("{} h", minutes / 60),
    }
}

/// Why nothing newer is known.
fn why(stale: &Stale) -> String {
    let inner = stale.entries.iter().map(|entry| &entry.outcome);
    let troubles = std::iter::once(&stale.now).chain(inner).find_map(|outcome| match outcome {
        Outcome::Trouble(trouble) => Some(trouble),
        _ => None,
    });
    match (troubles, &stale.now) {
        (Some(trouble), _) => {
            format!("{} now: {}", printable(&trouble.host, 80), printable(&trouble.detail, 80))
        }
        (None, Outcome::NotChecked(Unchecked::Budget(budget))) => printable(budget, 80),
        (None, _) => "not asked in time".to_owned(),
    }
}
