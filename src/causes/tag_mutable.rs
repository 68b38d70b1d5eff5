//! `latest`, written or implied.

use super::{Basis, Cause, Certainty, Code, Finding, Severity, Standing, View};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("tag-mutable"),
    standing: Standing::AuditOnly,
    basis: Basis::Rule,
    class: "Advice, Proven",
    what: "The image has the tag latest, or none, which means the same.",
    why: "What latest means changes with every push, so a restart can bring another image.",
    fix: "Name a version or a digest.",
    seen_as: &[],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    for image in &facts.images {
        let Ok(reference) = &image.reference else { continue };
        if !reference.is_floating() {
            continue;
        }
        let what = if reference.tag_given() {
            "tag latest moves"
        } else {
            "no tag means latest, which moves"
        };
        findings.push(Finding::of_image(
            &CAUSE,
            Severity::Advice,
            Certainty::Proven,
            image,
            what,
            "name a version or a digest",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::facts::Settings;

    #[test]
    fn latest_is_named_whether_written_or_implied() {
        let settings = Settings::default();
        let digest = format!("nginx:latest@sha256:{}", "0".repeat(64));
        for (name, said) in [
            ("nginx", Some("no tag means latest")),
            ("nginx:latest", Some("tag latest moves")),
            ("nginx:1.27", None),
            (digest.as_str(), None),
        ] {
            let facts = facts(vec![image(name, Vec::new())], &settings);
            let findings = found(&CAUSE, &facts);
            assert_eq!(findings.len(), usize::from(said.is_some()), "{name}");
            assert!(findings.iter().all(|f| f.message.contains(said.unwrap_or_default())));
        }
    }
}
