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
    line(images(facts).map(|(image, _, stale)| (image, stale)))
}

fn line<'a>(images: impl Iterator<Item = (&'a str, &'a Stale)>) -> String {
    let mut text = String::new();
    for (image, stale) in images {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Trouble, TroubleKind};

    fn stale(minutes: u64, now: Outcome) -> Stale {
        Stale { age: Duration::from_secs(minutes * 60), now, entries: Vec::new() }
    }

    fn trouble(host: &str) -> Outcome {
        Outcome::Trouble(Trouble {
            kind: TroubleKind::Timeout,
            host: host.to_owned(),
            detail: "no answer".to_owned(),
            waited: None,
            retry_after: None,
        })
    }

    #[test]
    fn each_image_is_told_with_its_age_and_why() {
        let deadline = Outcome::NotChecked(Unchecked::Deadline);
        let budget = Outcome::NotChecked(Unchecked::Budget("too many".to_owned()));
        let all = [
            ("reg.io/a:1", stale(12, trouble("reg.io"))),
            ("reg.io/b:1", stale(119, deadline)),
            ("reg.io/c:1", stale(120, budget)),
        ];
        let line = line(all.iter().map(|(image, stale)| (*image, stale)));
        assert_eq!(
            line,
            "reg.io/a:1: 12 min old, reg.io now: no answer | reg.io/b:1: 119 min old, not asked \
             in time | reg.io/c:1: 2 h old, too many"
        );
    }

    #[test]
    fn foreign_text_is_bounded_and_escaped() {
        let (image, host) = ("x".repeat(1_000), format!("reg\n::error{}", "y".repeat(1_000)));
        let stale = stale(12, trouble(&host));
        let line = line((0..64).map(|_| (image.as_str(), &stale)));
        assert!(line.len() < 4_000 && line.ends_with(" | and more"), "{line}");
        assert!(line.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()));
    }
}
