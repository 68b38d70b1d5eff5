//! The template names a ServiceAccount that does not exist.

use super::{Basis, Cause, Certainty, Code, Finding, Severity, Standing, View, words};
use crate::facts::{Front, ServiceAccountState};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("service-account-not-found"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "Advice, Likely (templates; in `check` pods too)",
    what: "The template names a ServiceAccount that is not in its namespace.",
    why: "Its pods would be refused by the API server until it exists. It may be created a moment \
          later; the account `default` always is, so that one is never reported.",
    fix: "Create the ServiceAccount or correct serviceAccountName.",
    seen_as: &["error looking up service account", "serviceaccount \"...\" not found"],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    let account = &facts.service_account;
    if account.name == "default" || !(facts.is_template || facts.front == Front::Check) {
        return;
    }
    let (similar, where_to) = match (&account.state, facts.front) {
        (ServiceAccountState::Absent { similar }, _) => (similar, "does not exist"),
        (ServiceAccountState::Undecided { similar }, Front::Check) => {
            (similar, "is not among the manifests")
        }
        _ => return,
    };
    let near = words::did_you_mean(similar.as_ref());
    findings.push(Finding::of_object(
        &CAUSE,
        Severity::Advice,
        Certainty::Likely,
        (&account.field, &account.name),
        &format!("{} {where_to}{near}", words::object("ServiceAccount", facts, &account.name, 60)),
        "create it or correct the name",
    ));
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::facts::Settings;

    #[test]
    fn a_missing_account_of_a_template_is_named_and_default_never_is() {
        let settings = Settings::default();
        let mut facts = facts(Vec::new(), &settings);
        facts.is_template = true;
        facts.service_account.state =
            ServiceAccountState::Absent { similar: Some("api".to_owned()) };
        assert!(found(&CAUSE, &facts).is_empty());
        facts.service_account.name = "apy".to_owned();
        let (severity, _, message) = only(&CAUSE, &facts);
        assert_eq!(severity, Severity::Advice);
        assert!(message.contains("ServiceAccount shop/apy does not exist, did you mean api?"));
        facts.is_template = false;
        assert!(found(&CAUSE, &facts).is_empty());
    }
}
