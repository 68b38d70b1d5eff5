//! `imagePullSecrets` inside a container, where the API server drops it.

use super::{Basis, Cause, Certainty, Code, Finding, Severity, Standing};
use crate::facts::{Facts, Front};
use crate::message;

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("pull-secret-misplaced"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "Advice, Proven (`check` only)",
    what: "`imagePullSecrets` stands inside a container.",
    why: "It belongs to the pod's spec, beside `containers`; inside a container the API server \
          drops it, so the pull goes without.",
    fix: "Move it two spaces out, to the pod's spec.",
    seen_as: &["unknown field \"spec.template.spec.containers[0].imagePullSecrets\""],
    detect,
};

fn detect(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    if facts.front != Front::Check {
        return; // What the API server has dropped never arrives at the webhook.
    }
    for field in facts.misplaced_pull_secrets {
        let message = message::line(
            field.as_str(),
            None,
            "imagePullSecrets inside a container is dropped by the API server",
            "move it to the pod's spec, beside containers",
            CAUSE.code,
        );
        findings.push(Finding::new(&CAUSE, Severity::Advice, Certainty::Proven, field.as_str(), message));
    }
}
