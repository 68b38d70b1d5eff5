//! The repository is there, the tag is not.

use super::{Basis, Cause, Code, Finding, Severity, Standing, certainty};
use crate::facts::{Conclusion, Facts, Missing};
use crate::message::printable;

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("tag-not-found"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Proven (Likely where a mirror, a cache or an unknown secret may have it)",
    what: "The registry answered that the repository has no such tag.",
    why: "A typing mistake, a tag that was deleted, or a build that has not pushed yet.",
    fix: "Use one of the registry's tags (the message names a near one), or push this one first.",
    seen_as: &["ErrImagePull: ... not found", "manifest unknown", "failed to resolve reference"],
    detect,
};

fn detect(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for image in &facts.images {
        let (Ok(reference), Conclusion::Absent(_, absent)) = (&image.reference, image.conclusion())
        else {
            continue;
        };
        if absent.what != Missing::Tag {
            continue;
        }
        let doubt = certainty::of_absence(facts, image, absent.listed);
        let tag = reference.tag().unwrap_or("latest");
        let implied = if reference.tag_given() { "" } else { ", which no tag means" };
        let empty = if absent.no_tags { ", nor any other, or does not exist" } else { "" };
        let what = format!(
            "{} has no tag {}{implied}{empty} ({}){}",
            printable(reference.name(), 100),
            printable(tag, 60),
            absent.evidence,
            doubt.clause()
        );
        let fix = match &absent.suggestion {
            Some(near) => format!("did you mean {}?", printable(near, 60)),
            None => "correct the tag or push it first".to_owned(),
        };
        let certainty = doubt.certainty();
        findings.push(Finding::of_image(&CAUSE, Severity::WontPull, certainty, image, &what, &fix));
    }
}
