//! `imagePullSecrets` where the API server drops it: inside a container, beside the pod's spec.

use super::{Basis, Cause, Certainty, Code, Finding, Severity, Standing, View};
use crate::facts::Front;
use crate::message;

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("pull-secret-misplaced"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "Advice, Proven (`check` only)",
    what: "`imagePullSecrets` stands inside a container, or beside the pod's spec, or is misspelt.",
    why: "It belongs to the pod's spec, beside `containers`; anywhere else, and in any other \
          spelling, the API server drops it, so the pull goes without.",
    fix: "Move it to the pod's spec, beside `containers`, and write `imagePullSecrets`.",
    seen_as: &[
        "unknown field \"spec.template.spec.containers[0].imagePullSecrets\"",
        "unknown field \"spec.imagePullSecrets\"",
    ],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    if facts.front != Front::Check {
        return; // What the API server has dropped never arrives at the webhook.
    }
    for field in facts.misplaced_pull_secrets {
        let message = message::line(
            field.as_str(),
            None,
            "not a field there, the API server drops it",
            "write imagePullSecrets in the pod's spec, beside containers",
            CAUSE.code,
        );
        findings.push(Finding::new(
            &CAUSE,
            Severity::Advice,
            Certainty::Proven,
            field.as_str(),
            message,
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::facts::Settings;
    use crate::workload::{Kind, extract};

    #[test]
    fn the_field_inside_the_container_is_named_for_manifests_only() {
        let pod = r#"{"spec":{"containers":[{"image":"a","imagePullSecrets":[{"name":"x"}]}]}}"#;
        let workload = extract(Kind::find("", "Pod").unwrap(), pod).unwrap();
        let settings = Settings::default();
        let mut facts = facts(Vec::new(), &settings);
        facts.misplaced_pull_secrets = &workload.misplaced_pull_secrets;
        assert!(found(&CAUSE, &facts).is_empty());
        facts.front = Front::Check;
        let message = only(&CAUSE, &facts).2;
        assert!(message.starts_with("spec.containers[0].imagePullSecrets: "), "{message}");
    }
}
