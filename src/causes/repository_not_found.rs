//! The registry knows no such repository.

use super::{Basis, Cause, Code, Finding, Standing, View, absence, access_denied, words};
use crate::facts::{Absent, ImageFact, Missing};
use crate::image::Reference;

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("repository-not-found"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Proven (Likely where a mirror, a cache or an unknown secret may have it)",
    what: "The registry answered that it has no repository of this name.",
    why: "A typing mistake in the name, the wrong registry, or an image that was never pushed.",
    fix: "Correct the name, or push the image first.",
    seen_as: &[
        "ErrImagePull: ... not found",
        "name unknown: repository name not known to registry",
    ],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    absence::detect(&CAUSE, Missing::Repository, facts, findings, phrase);
}

fn phrase(image: &ImageFact<'_>, reference: &Reference, _: &Absent) -> (String, String) {
    let fix = access_denied::official_name(reference)
        .unwrap_or_else(|| "correct the name or push the image first".to_owned());
    (format!("{} does not exist", words::repository(image, reference)), fix)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::{Certainty, Severity};
    use super::*;
    use crate::credentials::SecretState;
    use crate::facts::Settings;

    #[test]
    fn a_registry_that_knows_no_such_repository_proves_it() {
        let settings = Settings::default();
        let attempts = vec![anonymous(absent(Missing::Repository, None))];
        let facts = facts(vec![image("reg.corp/acme/api:1", attempts)], &settings);
        let (severity, certainty, message) = only(&CAUSE, &facts);
        assert_eq!((severity, certainty), (Severity::WontPull, Certainty::Proven));
        assert!(message.contains("the repository does not exist (404"), "{message}");
    }

    #[test]
    fn a_secret_that_is_not_there_yet_might_show_more() {
        let settings = Settings::default();
        let attempts = vec![anonymous(absent(Missing::Repository, None))];
        let mut facts = facts(vec![image("reg.corp/acme/api:1", attempts)], &settings);
        facts.secrets.push(secret("later", SecretState::Absent { similar: None }, false));
        assert_eq!(only(&CAUSE, &facts).1, Certainty::Likely);
    }
}
