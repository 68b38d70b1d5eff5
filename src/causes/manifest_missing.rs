//! A manifest that the tag or an index names is not in the registry.

use super::landing::{self, Fault, Met};
use super::{Basis, Cause, Code, Finding, Standing, View, words};
use crate::facts::{Damage, ImageFact, Part, PartFault};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("manifest-missing"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Proven (Likely where only some of the platforms that matter are concerned, or \
            where a mirror, a cache or a node may have it)",
    what: "The image's index names a manifest for the platform, and the registry does not have it.",
    why: "An index was pushed or copied without all its images, or a clean-up deleted untagged \
          manifests, which is what the images of an index are.",
    fix: "Push the image again for all its platforms, and keep clean-ups from untagged manifests.",
    seen_as: &[
        "content at https://.../manifests/sha256:... not found: not found",
        "failed to copy: httpReadSeeker: failed open",
    ],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    landing::detect(&CAUSE, facts, findings, phrase);
}

fn phrase(met: &Met<'_>, image: &ImageFact<'_>) -> Option<(String, String)> {
    let Fault::Damage(Damage { part: Part::Manifest, digest, fault: PartFault::Missing(said) }) =
        met.fault
    else {
        return None;
    };
    let reference = image.reference.as_ref().ok()?;
    let what = format!(
        "{}{} is not in the registry ({})",
        words::concerning(met),
        words::part(Part::Manifest, digest),
        words::said(said, reference)
    );
    Some((what, "push all its platforms again, clean-ups may delete untagged ones".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::{Certainty, Severity};
    use super::*;
    use crate::credentials::SecretState;
    use crate::facts::{Heard, Settings, SpecCode};
    use crate::glob::Glob;

    #[test]
    fn the_entry_that_is_gone_is_named_with_its_platform() {
        let settings = declared(&["linux/arm64"]);
        let gone = missing(Part::Manifest, 404, SpecCode::ManifestUnknown);
        let attempts = index(&[("linux/amd64", whole("linux/amd64")), ("linux/arm64", gone)]);
        let facts = facts(vec![image("ghcr.io/acme/api:v2", vec![attempts])], &settings);
        assert_eq!(
            only(&CAUSE, &facts),
            (
                Severity::WontPull,
                Certainty::Proven,
                "spec.containers[0].image \"ghcr.io/acme/api:v2\": for linux/arm64, the manifest \
                 sha256:2d711642b726 is not in the registry (404 MANIFEST_UNKNOWN); push all its \
                 platforms again, clean-ups may delete untagged ones [manifest-missing]"
                    .to_owned()
            )
        );
        only_these(&[&CAUSE], &facts);
    }

    #[test]
    fn an_entry_that_no_node_takes_may_be_gone() {
        let settings = declared(&["linux/amd64"]);
        let gone = missing(Part::Manifest, 404, SpecCode::ManifestUnknown);
        let attempts = index(&[("linux/amd64", whole("linux/amd64")), ("linux/arm64", gone)]);
        only_these(&[], &facts(vec![image("ghcr.io/acme/api:v2", vec![attempts])], &settings));
        let nobody = Settings::default();
        let gone = missing(Part::Manifest, 404, SpecCode::ManifestUnknown);
        let attempts = index(&[("linux/amd64", whole("linux/amd64")), ("linux/arm64", gone)]);
        let facts = facts(vec![image("ghcr.io/acme/api:v2", vec![attempts])], &nobody);
        assert_eq!(only(&CAUSE, &facts).1, Certainty::Likely);
    }
    #[test]
    fn a_pull_through_cache_may_still_fetch_the_entry() {
        let pull_through = vec![Glob::new("ghcr.io")];
        let settings = Settings { pull_through, ..declared(&["linux/arm64"]) };
        let gone = missing(Part::Manifest, 404, SpecCode::ManifestUnknown);
        let attempts = index(&[("linux/arm64", gone)]);
        let facts = facts(vec![image("ghcr.io/acme/api:v2", vec![attempts])], &settings);
        let (_, certainty, message) = only(&CAUSE, &facts);
        assert_eq!(certainty, Certainty::Likely);
        assert!(message.contains("; unless this pull-through cache can still fetch it;"));
    }
    #[test]
    fn a_mirror_that_wants_a_login_may_have_the_entry() {
        let settings = declared(&["linux/arm64"]);
        for (status, expected) in [(404, Certainty::Proven), (401, Certainty::Likely)] {
            let mut said = evidence(404, Some(SpecCode::ManifestUnknown), "ghcr.io");
            said.others = vec![Heard { host: "mirror.corp".to_owned(), status }];
            let gone = broken(Part::Manifest, PartFault::Missing(said));
            let attempts = vec![index(&[("linux/arm64", gone)])];
            let mut facts = facts(vec![image("ghcr.io/acme/api:v2", attempts)], &settings);
            facts.secrets = vec![secret("regcred", SecretState::Absent { similar: None }, false)];
            assert_eq!(only(&CAUSE, &facts).1, expected, "{status}");
        }
    }
}
