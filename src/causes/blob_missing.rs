//! A config or a layer that a manifest names is not in the registry.

use super::landing::{self, Fault, Met};
use super::{Basis, Cause, Code, Finding, Standing, View, words};
use crate::facts::{Damage, ImageFact, PartFault};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("blob-missing"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Proven (Likely where only some of the platforms that matter are concerned, \
            where runtimes differ, or where a mirror or a node may have it)",
    what: "The registry has the image's manifest, and not the config or a layer that it names.",
    why: "The registry's storage lost it, a garbage collection ran during a push, or an image was \
          copied without its layers.",
    fix: "Push the image again. Registries and tools skip layers that they believe to have: where \
          the push says that the layer already exists, build with --no-cache so that it becomes \
          another one.",
    seen_as: &[
        "could not fetch content descriptor sha256:... from remote: not found",
        "blob unknown to registry",
    ],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    landing::detect(&CAUSE, facts, findings, phrase);
}

fn phrase(met: &Met<'_>, image: &ImageFact<'_>) -> Option<(String, String)> {
    let Damage { part, digest, fault: PartFault::Missing(said) } = met.blob()? else {
        return None;
    };
    let reference = image.reference.as_ref().ok()?;
    let what = format!(
        "{}{} is not in the registry ({}){}",
        words::concerning(met),
        words::part(*part, digest),
        words::said(said, reference),
        words::behind_inline(met)
    );
    let fix = match met.fault {
        Fault::BehindInline(_) => "push the image again",
        _ => "push the image again; if that skips it, build with --no-cache first",
    };
    Some((what, fix.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::{Certainty, Severity};
    use super::*;
    use crate::facts::{Part, Settings, SpecCode};
    use crate::glob::Glob;

    const LAYER: Part = Part::Layer { number: 2, of: 5 };

    #[test]
    fn the_layer_that_is_gone_is_named() {
        let settings = Settings::default();
        let gone = missing(LAYER, 404, SpecCode::BlobUnknown);
        let facts = facts(vec![image("ghcr.io/acme/api:v2", vec![anonymous(gone)])], &settings);
        assert_eq!(
            only(&CAUSE, &facts),
            (
                Severity::WontPull,
                Certainty::Proven,
                "spec.containers[0].image \"ghcr.io/acme/api:v2\": layer 2 of 5 \
                 (sha256:2d711642b726) is not in the registry (404 BLOB_UNKNOWN); push the image \
                 again; if that skips it, build with --no-cache first [blob-missing]"
                    .to_owned()
            )
        );
        only_these(&[&CAUSE], &facts);
    }

    #[test]
    fn a_config_is_named_and_a_mirror_may_have_it() {
        let settings = Settings { node_mirrors: vec![Glob::new("ghcr.io")], ..Settings::default() };
        let gone = missing(Part::Config, 404, SpecCode::BlobUnknown);
        let facts = facts(vec![image("ghcr.io/acme/api:v2", vec![anonymous(gone)])], &settings);
        let (_, certainty, message) = only(&CAUSE, &facts);
        assert_eq!(certainty, Certainty::Likely);
        assert!(message.contains("the config sha256:2d711642b726 is not"), "{message}");
    }

    #[test]
    fn another_credential_that_gets_it_whole_ends_it() {
        let settings = Settings::default();
        let attempts = vec![
            with("one", missing(LAYER, 404, SpecCode::BlobUnknown)),
            with("two", whole("linux/amd64")),
        ];
        only_these(&[], &facts(vec![image("ghcr.io/acme/api:v2", attempts)], &settings));
    }
}
