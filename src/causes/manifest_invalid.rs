//! The registry serves a manifest that no runtime can use.

use super::landing::{self, Fault, Met};
use super::{Basis, Cause, Code, Finding, Standing, View, words};
use crate::facts::{Damage, ImageFact, ManifestFault, Part, PartFault};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("manifest-invalid"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Proven (Likely where only some of the platforms that matter are concerned, \
            where runtimes differ, or where a mirror or a node may have a whole one)",
    what: "The registry serves a manifest whose bytes, size or type a runtime refuses.",
    why: "A damaged or half-written registry storage, a proxy or captive portal that answers with \
          its own page, an image in Docker's abandoned schema 1, an artifact that is no image \
          (containerd before 1.7), a config for another number of layers (containerd), or an \
          index within an index (CRI-O).",
    fix: "Push the image again; where a web page came back, look at the proxy in between.",
    seen_as: &[
        "unexpected commit digest",
        "failed size validation",
        "unexpected media type",
        "reports content size of zero",
        "mismatched image rootfs and manifest layers",
        "number of layers and diffIDs don't match",
        "media type \"application/vnd.docker.distribution.manifest.v1+prettyjws\" is no longer supported",
    ],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    landing::detect(&CAUSE, facts, findings, phrase);
}

fn phrase(met: &Met<'_>, _: &ImageFact<'_>) -> Option<(String, String)> {
    let (what, fix) = match met.fault {
        Fault::Invalid(fault, None) => words(fault, "its manifest"),
        Fault::Invalid(fault, Some(digest)) => words(fault, &words::part(Part::Manifest, digest)),
        Fault::Damage(Damage { part: Part::Manifest, digest, fault }) => {
            let name = words::part(Part::Manifest, digest);
            match fault {
                PartFault::Missing(_) | PartFault::Inline => return None,
                PartFault::Digest => words(ManifestFault::DigestMismatch, &name),
                PartFault::Size { served, stated } => (
                    format!("{name} has {served} bytes in the registry and {stated} by its index"),
                    "push the image again",
                ),
            }
        }
        Fault::Artifact => (
            "it is an artifact with nothing to run, which older containerd does not pull"
                .to_owned(),
            "name an image; a chart or another artifact is no container",
        ),
        Fault::OtherLayers(manifest, config) => (
            format!("its manifest has {manifest} layers and its config {config}"),
            "build and push the image again",
        ),
        Fault::Nested => (
            "its entry for the node is an index again, which CRI-O refuses".to_owned(),
            "push an index of images only",
        ),
        Fault::Platform(_) | Fault::Damage(_) | Fault::BehindInline(_) => return None,
    };
    Some((format!("{}{what}", words::concerning(met)), fix.to_owned()))
}

fn words(fault: ManifestFault, name: &str) -> (String, &'static str) {
    let again = "push the image again";
    match fault {
        ManifestFault::DigestMismatch => {
            (format!("{name} does not match its digest in the registry"), again)
        }
        ManifestFault::TooLarge(Some(size)) => {
            (format!("{name} has {size} bytes, runtimes stop at 4393216"), "split the image")
        }
        ManifestFault::TooLarge(None) => (
            format!("{name} has more than the 4393216 bytes that runtimes read"),
            "split the image",
        ),
        ManifestFault::Empty => (format!("{name} is empty in the registry"), again),
        ManifestFault::Malformed => (format!("{name} is not readable JSON"), again),
        ManifestFault::MediaType => (
            format!("{name} comes as something that is not an image manifest"),
            "push an image there, or look at the proxy that answered",
        ),
        ManifestFault::SchemaOne => (
            format!("{name} has Docker's schema 1, which containerd 2.1 dropped"),
            "push the image again with a current tool",
        ),
        ManifestFault::BadDigestHeader => {
            (format!("the registry names a digest that is none for {name}"), again)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::{Certainty, Severity};
    use super::*;
    use crate::facts::{Outcome, Settings};
    use crate::workload::{Pins, Role};

    #[test]
    fn every_fault_has_its_words() {
        let settings = Settings::default();
        for (fault, said) in [
            (ManifestFault::DigestMismatch, "does not match its digest"),
            (ManifestFault::TooLarge(Some(5_000_000)), "5000000 bytes"),
            (ManifestFault::TooLarge(None), "more than the 4393216 bytes"),
            (ManifestFault::Empty, "its manifest is empty"),
            (ManifestFault::Malformed, "not readable JSON"),
            (ManifestFault::MediaType, "not an image manifest"),
            (ManifestFault::BadDigestHeader, "digest that is none"),
        ] {
            let attempts = vec![anonymous(Outcome::Invalid(fault))];
            let facts = facts(vec![image("nginx:1", attempts)], &settings);
            let (severity, certainty, message) = only(&CAUSE, &facts);
            assert_eq!((severity, certainty), (Severity::WontPull, Certainty::Proven));
            assert!(message.contains(said), "{message}");
        }
    }

    #[test]
    fn what_only_some_runtimes_refuse_follows_their_table() {
        let chart = || served(artifact());
        let schema_one = || Outcome::Invalid(ManifestFault::SchemaOne);
        for (outcome, runtimes, expected) in [
            (schema_one as fn() -> Outcome, &[][..], Some(Certainty::Likely)),
            (schema_one, &["containerd/2.4"], Some(Certainty::Proven)),
            (schema_one, &["containerd/2.4", "containerd/1.7"], Some(Certainty::Likely)),
            (schema_one, &["containerd/2.0"], Some(Certainty::Likely)),
            (schema_one, &["containerd/1.7"], None),
            (schema_one, &["cri-o/1.34"], None),
            (chart, &[], Some(Certainty::Likely)),
            (chart, &["containerd/1.5"], Some(Certainty::Proven)),
            (chart, &["containerd/1.6"], Some(Certainty::Likely)),
            (chart, &["containerd/2.4"], None),
        ] {
            let runtimes_of = runtimes.iter().map(|text| text.parse().unwrap()).collect();
            let settings = Settings { runtimes: runtimes_of, ..Settings::default() };
            let attempts = vec![anonymous(outcome())];
            let facts = facts(vec![image("ghcr.io/acme/api:1", attempts)], &settings);
            let certainty = found(&CAUSE, &facts).pop().map(|finding| finding.certainty);
            assert_eq!(certainty, expected, "{runtimes:?}");
        }
    }

    #[test]
    fn what_present_nodes_run_proves_it_where_the_pod_says_which_they_are() {
        let settings = Settings::default();
        for (pinned, runtimes, expected) in [
            (true, ["containerd/2.1", "containerd/2.4"], Certainty::Proven),
            (true, ["containerd/2.1", "containerd/1.7"], Certainty::Likely),
            (false, ["containerd/2.1", "containerd/2.4"], Certainty::Likely),
        ] {
            let attempts = vec![anonymous(Outcome::Invalid(ManifestFault::SchemaOne))];
            let mut facts = facts(vec![image("ghcr.io/acme/api:1", attempts)], &settings);
            facts.nodes = nodes(runtimes.map(|runtime| node("linux/amd64", runtime)).into());
            if pinned {
                facts.pins = Pins { os: Some("linux"), architecture: Some("amd64") };
            }
            assert_eq!(only(&CAUSE, &facts).1, expected, "{pinned} {runtimes:?}");
        }
    }

    #[test]
    fn a_mounted_artifact_need_not_run() {
        let settings = Settings::default();
        let mut chart = image("ghcr.io/acme/chart:1", vec![anonymous(served(artifact()))]);
        chart.role = Role::Volume;
        only_these(&[], &facts(vec![chart], &settings));
    }

    #[test]
    fn the_manifest_of_an_entry_is_named_by_its_digest() {
        let settings = declared(&["linux/arm64"]);
        for (outcome, said) in [
            (
                Outcome::Invalid(ManifestFault::Malformed),
                "for linux/arm64, the manifest sha256:2d711642b726 is not readable JSON",
            ),
            (
                broken(Part::Manifest, PartFault::Size { served: 1, stated: 2 }),
                "for linux/arm64, the manifest sha256:2d711642b726 has 1 bytes in the registry and 2 \
                 by its index",
            ),
        ] {
            let attempts =
                index(&[("linux/arm64", outcome), ("linux/amd64", whole("linux/amd64"))]);
            let facts = facts(vec![image("ghcr.io/acme/api:1", vec![attempts])], &settings);
            let (_, certainty, message) = only(&CAUSE, &facts);
            assert_eq!(certainty, Certainty::Proven);
            assert!(message.contains(said), "{message}");
            only_these(&[&CAUSE], &facts);
        }
    }

    #[test]
    fn an_index_within_an_index_is_refused_by_cri_o() {
        for (runtime, expected) in [
            ("cri-o/1.34", Some(Certainty::Proven)),
            ("containerd/1.7", None),
            ("containerd/2.4", None),
        ] {
            let settings =
                Settings { runtimes: vec![runtime.parse().unwrap()], ..declared(&["linux/amd64"]) };
            let inner = index(&[("linux/amd64", whole("linux/amd64"))]);
            let mut outer = index(&[("-", inner.outcome)]);
            outer.entries[0].entries = inner.entries;
            let facts = facts(vec![image("ghcr.io/acme/api:1", vec![outer])], &settings);
            let certainty = found(&CAUSE, &facts).pop().map(|finding| finding.certainty);
            assert_eq!(certainty, expected, "{runtime}");
        }
    }
}
