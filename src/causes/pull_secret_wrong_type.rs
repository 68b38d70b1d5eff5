//! A pull secret of a shape the kubelet ignores without a word.

use super::{Basis, Cause, Certainty, Code, Finding, Severity, Standing, View, words};
use crate::credentials::{DecodedSecret, SecretState};
use crate::facts::Front;
use crate::message::printable;

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("pull-secret-wrong-type"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "Advice, Proven",
    what: "The pod names a pull secret that the kubelet ignores.",
    why: "Only type kubernetes.io/dockerconfigjson with key .dockerconfigjson and type \
          kubernetes.io/dockercfg with key .dockercfg count; an Opaque or basic-auth secret is \
          skipped without a word.",
    fix: "Create it with kubectl create secret docker-registry. The type of an existing Secret \
          cannot be changed.",
    seen_as: &["pull access denied (the secret is silently ignored)"],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    for fact in &facts.secrets {
        let SecretState::Read(DecodedSecret::WrongType(hint)) = &fact.secret.state else {
            continue;
        };
        let key = hint
            .key
            .as_ref()
            .map(|key| format!(" with key {}", printable(key, 40)))
            .unwrap_or_default();
        // The type of a Secret that exists cannot be changed; one in a file can be written.
        let keys = DecodedSecret::KEYS;
        let right = keys.iter().find(|(_, key)| hint.key.as_deref() == Some(key));
        let fix = match (right, facts.front) {
            (Some((type_, _)), Front::Check) => format!("set its type to {type_}"),
            _ => "create it anew with kubectl create secret docker-registry".to_owned(),
        };
        findings.push(Finding::of_object(
            &CAUSE,
            Severity::Advice,
            Certainty::Proven,
            (&fact.field, &fact.secret.name),
            &format!(
                "{} has type {}{key}, which the kubelet ignores",
                words::object("Secret", facts, &fact.secret.name, 40),
                printable(&hint.type_, 50)
            ),
            &fix,
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::credentials::WrongTypeHint;
    use crate::facts::Settings;

    #[test]
    fn the_type_and_the_telling_key_are_named() {
        let settings = Settings::default();
        let mut facts = facts(Vec::new(), &settings);
        let hint =
            WrongTypeHint { type_: "Opaque".to_owned(), key: Some("config.json".to_owned()) };
        let state = SecretState::Read(DecodedSecret::WrongType(hint));
        facts.secrets.push(secret("regcred", state, false));
        let (severity, _, message) = only(&CAUSE, &facts);
        assert_eq!(severity, Severity::Advice);
        assert!(
            message.contains("has type Opaque with key config.json, which the kubelet ignores")
        );
    }
}
