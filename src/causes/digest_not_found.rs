//! The repository is there, no manifest of this digest is.

use super::{Basis, Cause, Code, Finding, Standing, View, absence, words};
use crate::facts::{Absent, ImageFact, Missing};
use crate::image::Reference;

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("digest-not-found"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Proven (Likely where a mirror, a cache or an unknown secret may have it)",
    what: "The registry answered that the repository has no manifest of this digest.",
    why: "The image was deleted or garbage-collected, was pushed to another repository, or the \
          digest belongs to a layer. A tag beside a digest is not looked at by the runtime.",
    fix: "Use a digest that the repository holds, or push the image again.",
    seen_as: &["ErrImagePull: ... not found", "manifest unknown"],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    absence::detect(&CAUSE, Missing::Digest, facts, findings, phrase);
}

fn phrase(image: &ImageFact<'_>, reference: &Reference, _: &Absent) -> (String, String) {
    (
        format!("{} holds no manifest of that digest", words::repository(image, reference)),
        "use a digest the repository holds or push the image again".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::super::Certainty;
    use super::super::testing::*;
    use super::*;
    use crate::facts::Settings;

    #[test]
    fn a_digest_that_is_not_there_is_named_as_such() {
        let settings = Settings::default();
        let name = format!("nginx@sha256:{}", "0".repeat(64));
        let attempts = vec![anonymous(absent(Missing::Digest, None))];
        let facts = facts(vec![image(&name, attempts)], &settings);
        let (_, certainty, message) = only(&CAUSE, &facts);
        assert_eq!(certainty, Certainty::Proven);
        assert!(message.contains("holds no manifest of that digest"), "{message}");
        only_these(&[&CAUSE], &facts);
    }
}
