//! The registry refused, and no credential of the pod was at fault.

use super::{Basis, Cause, Code, Finding, Severity, Standing, View, certainty, words};
use crate::credentials::{DecodedSecret, DockerConfig, SecretState};
use crate::facts::{
    Attempt, Conclusion, CredentialSource, Facts, ImageFact, Outcome, Refusal, RefusedAt,
    SecretFact,
};
use crate::image::{Reference, hub};
use crate::message::{list, printable};
use crate::near_miss::nearest;

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("access-denied"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Proven (Likely where an unknown secret, a node's own login or a mirror may cure it)",
    what: "The registry refused the pull: without a credential because none matched, or with one \
           that may log in and may not pull this repository.",
    why: "The image is private and no pull secret of the pod covers its registry; or it does not \
          exist, which many registries do not tell apart; or the account lacks the right.",
    fix: "Add an imagePullSecret for the registry (to the pod or its ServiceAccount), correct the \
          name, or grant the account the right to pull.",
    seen_as: &[
        "pull access denied, repository does not exist or may require authorization",
        "insufficient_scope: authorization failed",
        "no basic auth credentials",
        "failed to authorize: failed to fetch anonymous token",
        "401 Unauthorized",
        "403 Forbidden",
    ],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    for (image, reference, attempts) in refused_images(facts) {
        if credential_at_fault(attempts).is_some() {
            continue;
        }
        let Some(refusal) = attempts.iter().find_map(refusal) else { continue };
        let doubt = certainty::of_refusal(facts, image);
        let name = words::repository(image, reference);
        let said = words::said(&refusal.evidence, reference);
        let logged_in = attempts.iter().find(|attempt| !attempt.anonymous);
        let (what, fix) = match logged_in {
            Some(attempt) if refusal.no_basic || refusal.incomplete_login => (
                format!(
                    "{} has no password, so nodes log in nowhere with it, and {name} is private or \
                     absent ({said})",
                    source(facts, attempt)
                ),
                "give it user name and password; tokens in it do not count".to_owned(),
            ),
            Some(attempt) => (
                format!(
                    "{} may log in but not pull {name}, or it is absent ({said})",
                    source(facts, attempt)
                ),
                "grant that account the right to pull, or correct the name".to_owned(),
            ),
            None => (
                format!("{name} is private or absent ({said}){}", covered(facts)),
                official_name(reference)
                    .or_else(|| missing_secret(facts, reference))
                    .unwrap_or_else(|| {
                        format!("add an imagePullSecret for {}", registry(reference))
                    }),
            ),
        };
        let what = format!("{what}{}", doubt.clause());
        let certainty = doubt.certainty();
        findings.push(Finding::of_image(&CAUSE, Severity::WontPull, certainty, image, &what, &fix));
    }
}

fn registry(reference: &Reference) -> String {
    printable(reference.registry(), 60)
}

/// The images that were refused, with what was tried. None where a secret of the pod cannot be
/// decoded: then no pull comes to a registry, and that is the finding.
pub(super) fn refused_images<'a>(
    facts: &'a Facts<'_>,
) -> impl Iterator<Item = (&'a ImageFact<'a>, &'a Reference, &'a [Attempt])> {
    let images = if malformed_secret(facts) { &[] } else { facts.images.as_slice() };
    images.iter().filter_map(|image| match (&image.reference, image.conclusion()) {
        (Ok(reference), Conclusion::Refused(attempts)) => Some((image, reference, attempts)),
        _ => None,
    })
}

/// The refusal of an attempt.
pub(super) fn refusal(attempt: &Attempt) -> Option<&Refusal> {
    match &attempt.outcome {
        Outcome::Refused(refusal) => Some(refusal),
        _ => None,
    }
}

/// The first attempt whose credential itself was refused: the registry would not log it in.
pub(super) fn credential_at_fault(attempts: &[Attempt]) -> Option<(&Attempt, &Refusal)> {
    let refused = |attempt| refusal(attempt).map(|refusal| (attempt, refusal));
    let faulty = |(attempt, refusal): &(&Attempt, &Refusal)| {
        !attempt.anonymous
            && !refusal.no_basic
            && !refusal.incomplete_login
            && (refusal.expired || refusal.at != RefusedAt::Repository)
    };
    let mut all = attempts.iter().filter_map(refused).filter(faulty);
    let first = all.next()?;
    Some(all.find(|(_, refusal)| refusal.expired).unwrap_or(first))
}

/// A secret of the pod cannot be decoded, so that the kubelet gives up before any registry.
fn malformed_secret(facts: &Facts<'_>) -> bool {
    facts
        .secrets
        .iter()
        .any(|fact| matches!(fact.secret.state, SecretState::Read(DecodedSecret::Malformed(_))))
}

/// `the login in Secret shop/regcred`.
pub(super) fn login(facts: &Facts<'_>, attempt: &Attempt) -> String {
    let source = source(facts, attempt);
    match &attempt.source {
        Some(CredentialSource::DockerConfig) => source,
        Some(CredentialSource::Provider(_)) => format!("the login from {source}"),
        _ => format!("the login in {source}"),
    }
}

/// Whether a credential provider gave the credential, so that no person can renew it.
pub(super) fn is_provided(attempt: &Attempt) -> bool {
    matches!(attempt.source, Some(CredentialSource::Provider(_)))
}

/// `Secret shop/regcred`, or what the operator gave.
pub(super) fn source(facts: &Facts<'_>, attempt: &Attempt) -> String {
    match &attempt.source {
        Some(CredentialSource::Secret(name)) => words::object("Secret", facts, name, 40),
        Some(CredentialSource::DockerConfig) => "the login in --docker-config".to_owned(),
        Some(CredentialSource::Provider(name)) => {
            format!("credential provider {}", printable(name, 40))
        }
        None => "no credential".to_owned(),
    }
}

/// Where a secret that the pod names is not there, that one is probably what is wanted.
fn missing_secret(facts: &Facts<'_>, reference: &Reference) -> Option<String> {
    let missing = |fact: &&SecretFact| {
        matches!(fact.secret.state, SecretState::Absent { .. } | SecretState::Undecided { .. })
    };
    let fact = facts.secrets.iter().find(missing)?;
    let name = printable(&fact.secret.name, 40);
    Some(format!("create Secret {name} for {} or correct its name", registry(reference)))
}

/// What the pod's secrets do cover, for the one who wonders why none matched; or that one of them
/// is of a kind that does not count.
fn covered(facts: &Facts<'_>) -> String {
    let ignored = facts.secrets.iter().find_map(|fact| match &fact.secret.state {
        SecretState::Read(DecodedSecret::WrongType(hint)) => Some((&fact.secret.name, hint)),
        _ => None,
    });
    if let Some((name, hint)) = ignored {
        let (name, type_) = (printable(name, 40), printable(&hint.type_, 40));
        return format!(", its secret {name} is ignored for its type {type_}");
    }
    let mut hosts: Vec<String> = facts
        .secrets
        .iter()
        .filter_map(|fact| match &fact.secret.state {
            SecretState::Read(DecodedSecret::Config(config)) => Some(config),
            _ => None,
        })
        .flat_map(DockerConfig::hosts)
        .collect();
    hosts.sort_unstable();
    hosts.dedup();
    if hosts.is_empty() {
        String::new()
    } else {
        format!(", its secrets cover {}", list(hosts.iter().map(String::as_str), 3))
    }
}

/// For a name on Docker Hub that is nearly that of an official image: what was probably meant.
pub(super) fn official_name(reference: &Reference) -> Option<String> {
    if reference.registry() != hub::DOMAIN {
        return None;
    }
    let name = reference.repository().strip_prefix("library/")?;
    let near = nearest(name, hub::OFFICIAL.iter().copied())?;
    Some(format!("did you mean {near}:{}?", printable(reference.tag().unwrap_or("latest"), 40)))
}

#[cfg(test)]
mod tests {
    use super::super::Certainty;
    use super::super::testing::*;
    use super::*;
    use crate::credentials::SecretState;
    use crate::facts::{ProviderAnswer, RefusedAt, ServiceAccountState, Settings, SpecCode};
    use crate::glob::Glob;

    fn private() -> Vec<Attempt> {
        let refused = refused(
            RefusedAt::Repository,
            401,
            Some(SpecCode::InsufficientScope),
            "registry-1.docker.io",
        );
        vec![anonymous(refused)]
    }

    #[test]
    fn a_misspelt_official_image_is_private_or_absent_and_gets_its_name() {
        let settings = Settings::default();
        let facts = facts(vec![image("ngnix:1.27", private())], &settings);
        assert_eq!(
            only(&CAUSE, &facts),
            (
                Severity::WontPull,
                Certainty::Proven,
                "spec.containers[0].image \"ngnix:1.27\": docker.io/library/ngnix is private or \
                 absent (401 insufficient_scope); did you mean \
                 nginx:1.27? [access-denied]"
                    .to_owned()
            )
        );
        only_these(&[&CAUSE], &facts);
    }

    #[test]
    fn what_the_secrets_do_cover_is_said() {
        let settings = Settings::default();
        let mut facts = facts(vec![image("ghcr.io/acme/api:v2", private())], &settings);
        let json = r#"{"auths":{"quay.io":{"username":"u","password":"p"}}}"#;
        facts.secrets.push(secret("regcred", docker_config(json), false));
        let (_, certainty, message) = only(&CAUSE, &facts);
        assert_eq!(certainty, Certainty::Proven);
        assert!(message.contains("its secrets cover quay.io; add an imagePullSecret for ghcr.io"));
    }

    #[test]
    fn a_secret_that_is_ignored_for_its_type_is_part_of_the_reason() {
        let settings = Settings::default();
        let mut facts = facts(vec![image("ghcr.io/acme/api:v2", private())], &settings);
        let hint = crate::credentials::WrongTypeHint { type_: "Opaque".to_owned(), key: None };
        let state = SecretState::Read(DecodedSecret::WrongType(hint));
        facts.secrets.push(secret("regcred", state, false));
        let message = only(&CAUSE, &facts).2;
        assert!(message.contains("its secret regcred is ignored for its type Opaque"), "{message}");
    }

    #[test]
    fn what_may_yet_cure_it_makes_it_likely_and_is_said() {
        let doubts = [
            (SecretState::Absent { similar: None }, "Secret shop/regcred does not exist yet"),
            (SecretState::Forbidden, "may not be read by pullcheck"),
            (SecretState::Unreadable("x".to_owned()), "could not be read"),
            (SecretState::Undecided { similar: None }, "was not given to pullcheck"),
        ];
        let settings = Settings::default();
        for (state, said) in doubts {
            let mut facts = facts(vec![image("ghcr.io/acme/api:v2", private())], &settings);
            facts.secrets.push(secret("regcred", state, false));
            let (_, certainty, message) = only(&CAUSE, &facts);
            assert_eq!(certainty, Certainty::Likely, "{message}");
            assert!(message.contains(said), "{message}");
        }
        for (state, said) in [
            (ServiceAccountState::Absent { similar: None }, "does not exist yet"),
            (ServiceAccountState::Undecided { similar: None }, "were not given"),
        ] {
            let mut facts = facts(vec![image("ghcr.io/acme/api:v2", private())], &settings);
            facts.service_account.state = state;
            let (_, certainty, message) = only(&CAUSE, &facts);
            assert_eq!(certainty, Certainty::Likely, "{message}");
            assert!(message.contains(said), "{message}");
        }
    }

    #[test]
    fn where_nodes_log_in_by_themselves_it_is_likely() {
        let settings =
            Settings { node_credentials: vec![Glob::new("*.azurecr.io")], ..Settings::default() };
        let azure = facts(vec![image("acme.azurecr.io/api:1", private())], &settings);
        assert_eq!(only(&CAUSE, &azure).1, Certainty::Likely);
        let other = facts(vec![image("ghcr.io/acme/api:1", private())], &settings);
        assert_eq!(only(&CAUSE, &other).1, Certainty::Proven);
    }

    /// An image that was refused after these providers were asked.
    fn refused_after(answers: &[ProviderAnswer]) -> ImageFact<'static> {
        let mut attempts = Vec::new();
        for answer in answers {
            if *answer == ProviderAnswer::Login {
                let no = refused(RefusedAt::Repository, 403, Some(SpecCode::Denied), "x");
                attempts.push(provided("ecr", no));
            }
        }
        if attempts.is_empty() {
            attempts = private();
        }
        let mut image = image("acme.azurecr.io/api:1", attempts);
        image.providers = answers.iter().map(|answer| provider("ecr", *answer)).collect();
        image
    }

    #[test]
    fn only_a_providers_own_login_that_was_refused_too_proves_it() {
        use ProviderAnswer::{Failed, Login, NeedsToken, NoLogin};
        let elsewhere = Settings::default();
        let listed =
            Settings { node_credentials: vec![Glob::new("*.azurecr.io")], ..Settings::default() };
        for (answers, said) in [
            (&[][..], "unless nodes log in there by themselves"),
            (&[Login], ""),
            (&[Login, Login], ""),
            (&[NoLogin], "credential provider ecr gave no login"),
            (&[Failed], "credential provider ecr failed"),
            (&[NeedsToken], "credential provider ecr was not run, it needs the pod's token"),
            (&[Login, NoLogin], "gave no login"),
            (&[Login, Failed], "failed"),
            (&[NeedsToken, Login], "was not run"),
        ] {
            for (settings, is_listed) in [(&listed, true), (&elsewhere, false)] {
                let facts = facts(vec![refused_after(answers)], settings);
                let (_, certainty, message) = only(&CAUSE, &facts);
                let cured = !said.is_empty() && (is_listed || !answers.is_empty());
                let expected = if cured { Certainty::Likely } else { Certainty::Proven };
                assert_eq!(certainty, expected, "{answers:?} {message}");
                assert!(!cured || message.contains(said), "{message}");
            }
        }
    }

    #[test]
    fn a_provider_whose_login_may_not_pull_is_named() {
        let settings = Settings::default();
        let facts = facts(vec![refused_after(&[ProviderAnswer::Login])], &settings);
        let (_, certainty, message) = only(&CAUSE, &facts);
        assert_eq!(certainty, Certainty::Proven);
        assert!(message.contains("credential provider ecr may log in but not pull"), "{message}");
        only_these(&[&CAUSE], &facts);
    }

    #[test]
    fn a_login_that_may_not_pull_is_named() {
        let settings = Settings::default();
        let refused = refused(RefusedAt::Repository, 403, Some(SpecCode::Denied), "ghcr.io");
        let facts =
            facts(vec![image("ghcr.io/acme/api:v2", vec![with("regcred", refused)])], &settings);
        let (_, certainty, message) = only(&CAUSE, &facts);
        assert_eq!(certainty, Certainty::Proven);
        assert!(message.contains("Secret shop/regcred may log in but not pull"), "{message}");
    }

    #[test]
    fn a_login_without_a_password_is_named_for_what_it_is() {
        let settings = Settings::default();
        let mut no = refused(RefusedAt::Repository, 401, Some(SpecCode::Unauthorized), "ghcr.io");
        if let Outcome::Refused(refusal) = &mut no {
            refusal.incomplete_login = true;
        }
        let facts = facts(vec![image("ghcr.io/acme/api:v2", vec![with("acr", no)])], &settings);
        let message = only(&CAUSE, &facts).2;
        assert!(message.contains("Secret shop/acr has no password, so nodes log in nowhere"));
        only_these(&[&CAUSE], &facts);
    }

    #[test]
    fn behind_a_malformed_secret_it_is_not_said() {
        let settings = Settings::default();
        let mut facts = facts(vec![image("ghcr.io/acme/api:v2", private())], &settings);
        let json = r#"{"auths":{"ghcr.io":{"auth":"pants"}}}"#;
        facts.secrets.push(secret("regcred", docker_config(json), false));
        only_these(&[&crate::causes::pull_secret_malformed::CAUSE], &facts);
    }

    #[test]
    fn a_node_that_has_something_of_the_repository_makes_it_likely() {
        let settings = Settings::default();
        let mut facts = facts(vec![image("ghcr.io/acme/api:v2", private())], &settings);
        let held = |name: &str| {
            let holder = crate::nodes::Node {
                images: vec![name.into()],
                ..node("linux/amd64", "containerd/2.1")
            };
            nodes(vec![holder])
        };
        facts.nodes = held("ghcr.io/acme/other:v1");
        assert_eq!(only(&CAUSE, &facts).1, Certainty::Proven);
        facts.nodes = held("ghcr.io/acme/api:v1");
        let (_, certainty, message) = only(&CAUSE, &facts);
        assert_eq!(certainty, Certainty::Likely);
        assert!(message.contains("though node node-a holds an image of that repo"), "{message}");
    }
}
