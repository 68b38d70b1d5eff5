//! Docker Hub's pull quota runs low, so the manifest was left for the nodes.

use super::{Basis, Cause, Certainty, Code, Finding, Severity, Standing, View};
use crate::facts::{Conclusion, Content, Found, Outcome, Quota, Unread};
use crate::message::printable;

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("registry-quota-low"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "Advice, Proven",
    what: "The registry has the image and tells that little of the pull quota is left.",
    why: "Fetching a manifest counts as a pull at Docker Hub. Once less than half of the limit is \
          left, pullcheck looks only at headers, which are free, so that the nodes keep the rest.",
    fix: "Log in with a pull secret, or use a pull-through cache.",
    seen_as: &["toomanyrequests: You have reached your unauthenticated pull rate limit"],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    for image in &facts.images {
        let (Ok(reference), Conclusion::Pulls(found)) = (&image.reference, image.conclusion())
        else {
            continue;
        };
        let entries = image.attempts.iter().flat_map(|attempt| &attempt.entries);
        let Some(quota) = left_alone(found)
            .or_else(|| entries.filter_map(|entry| found_of(&entry.outcome)).find_map(left_alone))
        else {
            continue;
        };
        findings.push(
            Finding::of_image(
                &CAUSE,
                Severity::Advice,
                Certainty::Proven,
                image,
                &format!(
                    "{} has it, and {} of {} pulls are left, so its manifest was not looked at",
                    printable(reference.registry(), 60),
                    quota.remaining,
                    quota.limit
                ),
                "log in with a pull secret or use a cache",
            )
            .at_host(reference.registry()),
        );
    }
}

fn found_of(outcome: &Outcome) -> Option<&Found> {
    match outcome {
        Outcome::Found(found) => Some(found),
        _ => None,
    }
}

/// The quota for whose sake its content was not looked at.
fn left_alone(found: &Found) -> Option<Quota> {
    matches!(found.content, Content::Unread(Unread::Quota)).then_some(found.quota)?
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::facts::Settings;
    use crate::image::{Algorithm, Digest};

    #[test]
    fn a_low_quota_is_advice_with_its_figures() {
        let settings = Settings::default();
        let found = |content| {
            let digest = Digest::of(Algorithm::Sha256, b"x");
            let quota = Some(Quota { limit: 100, remaining: 12 });
            vec![anonymous(Outcome::Found(Found { digest, quota, content }))]
        };
        let low = facts(vec![image("nginx:1", found(Content::Unread(Unread::Quota)))], &settings);
        let (severity, _, message) = only(&CAUSE, &low);
        assert_eq!(severity, Severity::Advice);
        assert!(message.contains("12 of 100 pulls are left"), "{message}");
        let whole = found(image_for("linux", "amd64"));
        only_these(&[], &facts(vec![image("nginx:1", whole)], &settings));
        let entry = found(Content::Unread(Unread::Quota)).remove(0).outcome;
        let entry = vec![index(&[("linux/amd64", entry)])];
        only_these(&[&CAUSE], &facts(vec![image("nginx:1", entry)], &settings));
    }
}
