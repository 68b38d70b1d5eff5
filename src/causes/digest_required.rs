//! The operator wants images named by digest.

use super::{Basis, Cause, Certainty, Code, Finding, Severity, Standing};
use crate::facts::{Conclusion, Facts};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("digest-required"),
    standing: Standing::Off,
    basis: Basis::Rule,
    class: "Advice, Proven",
    what: "The image is named without a digest.",
    why: "A tag can be moved, so that pods of one Deployment run different images.",
    fix: "Append the digest, as name:tag@sha256:....",
    seen_as: &[],
    detect,
};

fn detect(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    if !facts.settings.digest_required {
        return;
    }
    for image in &facts.images {
        let Ok(reference) = &image.reference else { continue };
        if reference.digest().is_some() {
            continue;
        }
        let fix = match image.conclusion() {
            Conclusion::Pulls(found) => format!("append @{}", found.digest),
            _ => "append @sha256:... of the image you mean".to_owned(),
        };
        findings.push(Finding::of_image(
            &CAUSE,
            Severity::Advice,
            Certainty::Proven,
            image,
            "images must be named by digest here",
            &fix,
        ));
    }
}
