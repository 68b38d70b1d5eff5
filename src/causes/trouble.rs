//! What the registry-* causes share: our own view failed, and that says nothing of the image.

use super::{Cause, Certainty, Finding, Severity};
use crate::facts::{Conclusion, Facts, Outcome, Trouble, TroubleKind};
use crate::message::printable;

/// Adds a finding of `cause` for every image whose answer ended in trouble of `kind`; `words`
/// gives what happened and the fix.
pub(super) fn detect(
    cause: &Cause,
    kind: TroubleKind,
    facts: &Facts<'_>,
    findings: &mut Vec<Finding>,
    words: fn(&Trouble, &str) -> (String, String),
) {
    for image in &facts.images {
        let Conclusion::Unseen(Outcome::Trouble(trouble)) = image.conclusion() else { continue };
        if trouble.kind != kind {
            continue;
        }
        let host = printable(&trouble.host, 80);
        let (what, fix) = words(trouble, &host);
        findings.push(
            Finding::of_image(
                cause,
                Severity::WontPull,
                Certainty::Unknown,
                image,
                &format!("not checked, {what}; the image is unverified"),
                &fix,
            )
            .at_host(&trouble.host),
        );
    }
}

/// `in 3 s`, or nothing where no wait was measured.
pub(super) fn waited(trouble: &Trouble) -> String {
    match trouble.waited {
        Some(waited) if waited.as_millis() < 1_000 => format!(" in {} ms", waited.as_millis()),
        Some(waited) => format!(" in {:.0} s", waited.as_secs_f64()),
        None => String::new(),
    }
}
