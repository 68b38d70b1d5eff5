//! A pull secret that does not exist.

use super::{Basis, Cause, Certainty, Code, Finding, Severity, Standing, View, words};
use crate::credentials::SecretState;
use crate::facts::Front;
use crate::message::printable;

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("pull-secret-not-found"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "Advice, Likely",
    what: "The pod names a pull secret that is not in its namespace.",
    why: "A typing mistake, a secret in another namespace (pull secrets are never shared across \
          namespaces), or one that is created a moment later. The kubelet skips it with an event.",
    fix: "Create the secret in the pod's namespace or correct the name.",
    seen_as: &["FailedToRetrieveImagePullSecret", "Unable to retrieve some image pull secrets"],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    for fact in &facts.secrets {
        let (similar, where_to) = match (&fact.secret.state, facts.front) {
            (SecretState::Absent { similar }, _) => (similar, "does not exist"),
            (SecretState::Undecided { similar }, Front::Check) => {
                (similar, "is not among the manifests")
            }
            _ => continue,
        };
        let near = words::did_you_mean(similar.as_ref());
        let namespace = printable(facts.namespace, 60);
        findings.push(Finding::of_object(
            &CAUSE,
            Severity::Advice,
            Certainty::Likely,
            (&fact.field, &fact.secret.name),
            &format!("{} {where_to}{near}", words::object("Secret", facts, &fact.secret.name, 60)),
            &format!("create it in namespace {namespace} or correct the name"),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::facts::Settings;

    #[test]
    fn the_near_name_is_offered() {
        let settings = Settings::default();
        let mut facts = facts(Vec::new(), &settings);
        let state = SecretState::Absent { similar: Some("reg-cred".to_owned()) };
        facts.secrets.push(secret("regcred", state, false));
        assert_eq!(
            only(&CAUSE, &facts),
            (
                Severity::Advice,
                Certainty::Likely,
                "spec.imagePullSecrets[0] \"regcred\": Secret shop/regcred does not exist, did you \
                 mean reg-cred?; create it in namespace shop or correct the name \
                 [pull-secret-not-found]"
                    .to_owned()
            )
        );
    }

    #[test]
    fn what_nobody_was_asked_about_is_said_only_where_manifests_are_checked() {
        let settings = Settings::default();
        let mut facts = facts(Vec::new(), &settings);
        facts.secrets.push(secret("r", SecretState::Undecided { similar: None }, false));
        assert!(found(&CAUSE, &facts).is_empty());
        facts.front = Front::Check;
        assert!(only(&CAUSE, &facts).2.contains("Secret shop/r is not among the manifests"));
    }
}
