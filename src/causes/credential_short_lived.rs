//! A login that will stop working within hours, kept in a static Secret.

use super::{Basis, Cause, Certainty, Code, Finding, Severity, Standing, View, words};
use crate::credentials::{DecodedSecret, Entry, SecretState};
use crate::message::printable;

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("credential-short-lived"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "Advice, Proven",
    what: "A pull secret holds an ECR login, which is valid for 12 hours.",
    why: "The user name AWS on an ECR host means a token from `aws ecr get-login-password`. It works \
          now, and pods that are rescheduled tomorrow will not pull.",
    fix: "Let the nodes' role or a controller that renews the secret do it.",
    seen_as: &["Your authorization token has expired. Reauthenticate and try again."],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    for fact in facts.secrets.iter().filter(|fact| fact.used) {
        let SecretState::Read(DecodedSecret::Config(config)) = &fact.secret.state else {
            continue;
        };
        let Some(host) = config.entries.iter().find_map(ecr_host) else { continue };
        findings.push(Finding::of_object(
            &CAUSE,
            Severity::Advice,
            Certainty::Proven,
            (&fact.field, &fact.secret.name),
            &format!(
                "{} holds a login for {} that lasts 12 hours at most",
                words::object("Secret", facts, &fact.secret.name, 40),
                printable(&host, 60)
            ),
            "have it renewed, or use the nodes' role",
        ));
    }
}

/// The entry's host, if it is an ECR host with ECR's own user name.
fn ecr_host(entry: &Entry) -> Option<String> {
    let host = entry.host()?;
    let ecr = host.contains(".dkr.ecr") && host.contains(".amazonaws.com");
    (ecr && entry.credential.username() == b"AWS").then_some(host)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::facts::Settings;

    #[test]
    fn only_ecrs_own_user_on_an_ecr_host_is_named() {
        let settings = Settings::default();
        for (host, user, named) in [
            ("1.dkr.ecr.eu-west-1.amazonaws.com", "AWS", true),
            ("1.dkr.ecr.cn-north-1.amazonaws.com.cn", "AWS", true),
            ("1.dkr.ecr.eu-west-1.amazonaws.com", "robot", false),
            ("ghcr.io", "AWS", false),
        ] {
            let json =
                format!(r#"{{"auths":{{"{host}":{{"username":"{user}","password":"p"}}}}}}"#);
            let mut facts = facts(Vec::new(), &settings);
            facts.secrets.push(secret("ecr", docker_config(&json), true));
            assert_eq!(found(&CAUSE, &facts).len(), usize::from(named), "{host} {user}");
        }
    }
}
