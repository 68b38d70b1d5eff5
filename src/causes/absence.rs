//! What the *-not-found causes share: the registry says that it is not there.

use super::{Cause, Finding, Severity, certainty, words};
use crate::facts::{Absent, Conclusion, Facts, ImageFact, Missing};
use crate::image::Reference;

/// Adds a finding of `cause` for every image of which `missing` is missing; `phrase` gives what
/// happened and the fix.
pub(super) fn detect(
    cause: &Cause,
    missing: Missing,
    facts: &Facts<'_>,
    findings: &mut Vec<Finding>,
    phrase: fn(&ImageFact<'_>, &Reference, &Absent) -> (String, String),
) {
    for image in &facts.images {
        let (Ok(reference), Conclusion::Absent(_, absent)) = (&image.reference, image.conclusion())
        else {
            continue;
        };
        if absent.what != missing {
            continue;
        }
        let doubt = certainty::of_absence(facts, image, absent);
        let (what, fix) = phrase(image, reference, absent);
        let said = words::said(&absent.evidence, reference);
        findings.push(Finding::of_image(
            cause,
            Severity::WontPull,
            doubt.certainty(),
            image,
            &format!("{what} ({said}){}", doubt.clause()),
            &fix,
        ));
    }
}
