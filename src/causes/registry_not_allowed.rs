//! The operator's list of registries does not hold this one.

use super::{Basis, Cause, Certainty, Code, Finding, Severity, Standing, View};
use crate::message::printable;

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("registry-not-allowed"),
    standing: Standing::Off,
    basis: Basis::Rule,
    class: "Advice, Proven",
    what: "The image's registry is not in the operator's `allowedRegistries`.",
    why: "The platform team decided where images may come from. Such a registry is never contacted.",
    fix: "Use an allowed registry, or ask the platform team to add this one.",
    seen_as: &[],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    for image in facts.images.iter().filter(|image| !image.registry_allowed) {
        let Ok(reference) = &image.reference else { continue };
        findings.push(Finding::of_image(
            &CAUSE,
            Severity::Advice,
            Certainty::Proven,
            image,
            &format!(
                "registry {} is not allowed in this cluster",
                printable(reference.registry(), 80)
            ),
            "use a registry that the platform team allows",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::facts::Settings;

    #[test]
    fn only_what_is_not_allowed_is_named() {
        let settings = Settings::default();
        let mut bad = image("evil.example/x:1", Vec::new());
        bad.registry_allowed = false;
        let facts = facts(vec![image("nginx:1", Vec::new()), bad], &settings);
        let (_, certainty, message) = only(&CAUSE, &facts);
        assert_eq!(certainty, Certainty::Proven);
        assert!(message.contains("registry evil.example is not allowed"), "{message}");
    }
}
