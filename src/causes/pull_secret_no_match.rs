//! A pull secret that covers none of the pod's images.

use super::{Basis, Cause, Certainty, Code, Finding, Severity, Standing, View, words};
use crate::credentials::{DecodedSecret, SecretState};
use crate::message::list;

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("pull-secret-no-match"),
    standing: Standing::AuditOnly,
    basis: Basis::Pull,
    class: "Advice, Proven",
    what: "None of the secret's entries matches any image of the pod.",
    why: "The secret is for other registries, which is normal where one list of secrets serves \
          many pods; or its key is misspelt: host, port and case must match exactly, and a path \
          must be a prefix of the image's.",
    fix: "Correct the key of the secret's entry, or drop the secret from this pod.",
    seen_as: &["pull access denied, repository does not exist or may require authorization"],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    if facts.images.iter().all(|image| image.reference.is_err()) {
        return;
    }
    for fact in facts.secrets.iter().filter(|fact| !fact.used) {
        let SecretState::Read(DecodedSecret::Config(config)) = &fact.secret.state else {
            continue;
        };
        let hosts = config.hosts();
        let covers = if hosts.is_empty() {
            "has no entries".to_owned()
        } else {
            format!("covers only {}", list(hosts.iter().map(String::as_str), 3))
        };
        findings.push(Finding::of_object(
            &CAUSE,
            Severity::Advice,
            Certainty::Proven,
            (&fact.field, &fact.secret.name),
            &format!(
                "{} {covers}, none of the images",
                words::object("Secret", facts, &fact.secret.name, 40)
            ),
            "correct its key or drop it here",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::facts::Settings;

    #[test]
    fn only_a_secret_that_serves_no_image_is_named_with_what_it_covers() {
        let settings = Settings::default();
        let mut facts = facts(vec![image("ghcr.io/acme/api:v2", Vec::new())], &settings);
        let json = r#"{"auths":{"quay.io":{"username":"u","password":"p"}}}"#;
        facts.secrets.push(secret("used", docker_config(json), true));
        facts.secrets.push(secret("unused", docker_config(json), false));
        let message = only(&CAUSE, &facts).2;
        assert!(message.contains("Secret shop/unused covers only quay.io, none of the images"));
    }
}
