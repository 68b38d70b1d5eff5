//! A credential matched, and the registry would not log it in.

use super::access_denied::{credential_at_fault, is_provided, login, refused_images};
use super::{Basis, Cause, Code, Finding, Severity, Standing, View, certainty, words};
use crate::facts::RefusedAt;

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("credential-rejected"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Proven (Likely where another secret, a node's own login or a mirror may cure it)",
    what: "A pull secret matches the image and the registry refused its login.",
    why: "A wrong or changed password, a revoked token. Once a credential matches, a node never \
          falls back to pulling without one, so this breaks public images too.",
    fix: "Create the secret anew with a valid login, or remove it where the image is public.",
    seen_as: &[
        "failed to authorize: failed to fetch oauth token",
        "unauthorized: incorrect username or password",
        "401 Unauthorized",
        "denied: denied",
    ],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    for (image, reference, attempts) in refused_images(facts) {
        let Some((attempt, refusal)) = credential_at_fault(attempts) else { continue };
        if refusal.expired {
            continue;
        }
        let doubt = certainty::of_refusal(facts, image);
        let unclear =
            if refusal.at == RefusedAt::Token { ", or it may not pull there" } else { "" };
        let what = format!(
            "{} was refused{unclear} ({}){}",
            login(facts, attempt),
            words::said(&refusal.evidence, reference),
            doubt.clause()
        );
        // Not the registry: the image names it, and the line is long enough.
        let fix = if is_provided(attempt) {
            "check what the provider logs in as and that the registry knows it"
        } else {
            "renew its password, or drop it if the image is public"
        };
        let certainty = doubt.certainty();
        findings.push(Finding::of_image(&CAUSE, Severity::WontPull, certainty, image, &what, fix));
    }
}

#[cfg(test)]
mod tests {
    use super::super::Certainty;
    use super::super::testing::*;
    use super::*;
    use crate::facts::{Attempt, CredentialSource, ProviderAnswer, Settings, SpecCode};

    #[test]
    fn the_secret_and_who_refused_it_are_named() {
        let settings = Settings::default();
        let no = refused(RefusedAt::Login, 401, Some(SpecCode::Unauthorized), "auth.docker.io");
        let facts = facts(vec![image("nginx:1.27", vec![with("regcred", no)])], &settings);
        assert_eq!(
            only(&CAUSE, &facts),
            (
                Severity::WontPull,
                Certainty::Proven,
                "spec.containers[0].image \"nginx:1.27\": the login in Secret shop/regcred was \
                 refused (401 UNAUTHORIZED from auth.docker.io); renew its password, or \
                 drop it if the image is public [credential-rejected]"
                    .to_owned()
            )
        );
        only_these(&[&CAUSE], &facts);
    }

    #[test]
    fn the_provider_whose_login_was_refused_is_named() {
        let settings = Settings::default();
        let no = refused(RefusedAt::Login, 401, Some(SpecCode::Unauthorized), "r.io");
        let mut image = image("r.io/api:1", vec![provided("ecr-provider", no)]);
        image.providers = vec![provider("ecr-provider", ProviderAnswer::Login)];
        let facts = facts(vec![image], &settings);
        assert_eq!(
            only(&CAUSE, &facts),
            (
                Severity::WontPull,
                Certainty::Proven,
                "spec.containers[0].image \"r.io/api:1\": the login from credential provider \
                 ecr-provider was refused (401 UNAUTHORIZED); check what the provider logs in as \
                 and that the registry knows it [credential-rejected]"
                    .to_owned()
            )
        );
        only_these(&[&CAUSE], &facts);
    }

    #[test]
    fn the_login_of_the_docker_config_is_named_once() {
        let settings = Settings::default();
        let no = refused(RefusedAt::Login, 401, None, "r.io");
        let source = Some(CredentialSource::DockerConfig);
        let attempts = vec![Attempt { source, anonymous: false, ..anonymous(no) }];
        let facts = facts(vec![image("r.io/api:1", attempts)], &settings);
        let message = only(&CAUSE, &facts).2;
        assert!(message.contains(": the login in --docker-config was refused (401)"), "{message}");
    }

    #[test]
    fn a_403_at_the_token_server_leaves_open_which_it_was() {
        let settings = Settings::default();
        let no = refused(RefusedAt::Token, 403, Some(SpecCode::Denied), "ghcr.io");
        let facts = facts(vec![image("ghcr.io/acme/api:v2", vec![with("r", no)])], &settings);
        assert!(only(&CAUSE, &facts).2.contains("refused, or it may not pull there (403 DENIED"));
    }

    #[test]
    fn a_later_credential_that_works_ends_it() {
        let settings = Settings::default();
        let no = refused(RefusedAt::Login, 401, None, "ghcr.io");
        let yes = served(image_for("linux", "amd64"));
        let attempts = vec![with("old", no), with("new", yes)];
        let facts = facts(vec![image("ghcr.io/acme/api:v2", attempts)], &settings);
        only_these(&[], &facts);
    }
}
