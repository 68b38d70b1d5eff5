//! The image is an index, and no entry is for the platform that the pod would run on.

use super::landing::{self, Fault, Met, faults, is_attestation};
use super::{Basis, Cause, Certainty, Code, Finding, Severity, Standing, View, certainty, words};
use crate::facts::{
    Candidates, Conclusion, Content, Entry, Facts, Found, ImageConfig, ImageFact, Whose,
};
use crate::image::Platform;
use crate::image::platform::{Choice, matches};
use crate::message::{list, printable};
use crate::workload::{Pins, Role};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("platform-missing"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Proven (Likely where only some platforms are not served, where they are known \
            from present nodes only, where runtimes differ, or where a mirror or a node may have \
            another image); Advice for a single image of another processor, which pulls and then \
            fails to run",
    what: "The image is built for other platforms than the one the pod would run on.",
    why: "An index names an image for each platform; a node takes the one for its own. What the pod \
          would run on is known where its nodeSelector or os says so, where the operator declared \
          the nodes' platforms with --platform, and as far as the cluster's nodes tell, to which an \
          autoscaler may add others.",
    fix: "Build and push the image for that platform too, or correct the nodeSelector.",
    seen_as: &[
        "no match for platform in manifest",
        "no matching manifest for linux/arm64",
        "exec format error",
    ],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    for image in &facts.images {
        let Conclusion::Pulls(found) = image.conclusion() else { continue };
        let fault = if image.attempts.iter().any(|attempt| attempt.outcome.index().is_some()) {
            faults(facts, image)
                .into_iter()
                .find(|met| matches!(met.fault, Fault::Platform(_)))
                .map(|met| missing(facts, image, &met))
        } else {
            facts.candidates().first().and_then(|word| other_processor(facts, image, found, word))
        };
        findings.extend(fault);
    }
}

fn missing(facts: &Facts<'_>, image: &ImageFact<'_>, met: &Met<'_>) -> Finding {
    let entries = match met.fault {
        Fault::Platform(entries) => entries,
        _ => &[],
    };
    let fallback = if met.sure { "" } else { ", which not every runtime falls back from" };
    let what = format!(
        "built for {} only, {} {}{fallback}",
        built_for(entries),
        who(facts, met.whose, met.all),
        words::platforms(&met.platforms),
    );
    let fix = "push that platform or change nodeSelector";
    landing::finding(&CAUSE, facts, image, met, &what, fix)
}

fn who(facts: &Facts<'_>, whose: Whose, all: bool) -> &'static str {
    match whose {
        Whose::Present if all => "the nodes it may land on are",
        Whose::Present => "nodes it may land on are",
        Whose::Declared if facts.pins == Pins::default() => "the nodes are",
        _ => "the pod asks for",
    }
}

/// A single image is pulled by any node, and runs on its own kind only.
fn other_processor(
    facts: &Facts<'_>,
    image: &ImageFact<'_>,
    found: &Found,
    word: &Candidates,
) -> Option<Finding> {
    let Content::Image(content) = &found.content else { return None };
    let ImageConfig::Platform(built) = &content.config else { return None };
    // What is mounted need not run.
    if word.whose == Whose::Assumed || image.role == Role::Volume {
        return None;
    }
    let mut others: Vec<&Platform> = word.kinds.iter().map(|kind| &kind.platform).collect();
    let nodes = others.len();
    others.retain(|node| !runs(node, built));
    if others.is_empty() {
        return None;
    }
    let proven = others.len() == nodes && !word.more && word.whose.is_all();
    let doubt = certainty::of_image(facts, image);
    let certainty = if proven { doubt.certainty() } else { Certainty::Likely };
    others.dedup();
    let what = format!(
        "built for {}, {} {}: it pulls and then fails to run (exec format error){}",
        printable(&built.to_string(), 40),
        who(facts, word.whose, false),
        words::platforms(others),
        doubt.clause()
    );
    let fix = "push it for that platform, too";
    Some(Finding::of_image(&CAUSE, Severity::Advice, certainty, image, &what, fix))
}

/// Whether a node runs what is built for this. Variants are left out: they say what is fast, and
/// seldom what runs.
pub(super) fn runs(node: &Platform, built: &Platform) -> bool {
    // As nearly always; nothing is copied then.
    if node.os == built.os && node.architecture == built.architecture {
        return true;
    }
    let plain = |platform: &Platform| Platform::new(&platform.os, &platform.architecture, "");
    matches(Choice::Compatible, &plain(node), &plain(built))
}

/// The platforms of an index, attestations left out.
fn built_for(entries: &[Entry]) -> String {
    let mut names: Vec<String> = Vec::new();
    let images = entries.iter().filter(|entry| !is_attestation(entry));
    for platform in images.filter_map(|entry| entry.platform.as_ref()) {
        let name = printable(&platform.to_string(), 40);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        "no platform".to_owned()
    } else {
        list(names.iter().map(String::as_str), 4)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::facts::{Attempt, Settings};
    use crate::glob::Glob;
    use crate::workload::Pins;

    fn index(platforms: &[(&str, &str)]) -> Vec<Attempt> {
        let named = |(os, architecture): &(&str, &str)| format!("{os}/{architecture}");
        let names: Vec<String> = platforms.iter().map(named).collect();
        let entries: Vec<_> = names.iter().map(|name| (name.as_str(), whole(name))).collect();
        vec![super::super::testing::index(&entries)]
    }

    const AMD64: &[(&str, &str)] = &[("linux", "amd64"), ("unknown", "unknown")];

    fn judged(
        entries: &[(&str, &str)],
        pins: Pins<'static>,
        settings: &Settings,
    ) -> Option<(Certainty, String)> {
        let mut facts = facts(vec![image("ghcr.io/acme/api:v2", index(entries))], settings);
        facts.pins = pins;
        let finding = found(&CAUSE, &facts).pop()?;
        assert_eq!(finding.severity, Severity::WontPull);
        Some((finding.certainty, finding.message))
    }

    fn pins(os: Option<&'static str>, architecture: Option<&'static str>) -> Pins<'static> {
        Pins { os, architecture }
    }

    fn declared(platforms: &[(&str, &str)]) -> Settings {
        let platforms = platforms.iter().map(|(os, arch)| Platform::new(os, arch, "")).collect();
        Settings { platforms, ..Settings::default() }
    }

    #[test]
    fn a_pod_that_pins_another_platform_proves_it() {
        let settings = Settings::default();
        assert_eq!(
            judged(AMD64, pins(Some("linux"), Some("arm64")), &settings),
            Some((
                Certainty::Proven,
                "spec.containers[0].image \"ghcr.io/acme/api:v2\": built for linux/amd64 only, the \
                 pod asks for linux/arm64; push that platform or change nodeSelector \
                 [platform-missing]"
                    .to_owned()
            ))
        );
        assert_eq!(judged(AMD64, pins(Some("linux"), Some("amd64")), &settings), None);
    }

    #[test]
    fn what_is_pinned_by_half_or_not_at_all_is_not_proven() {
        let settings = Settings::default();
        let half = judged(AMD64, pins(None, Some("arm64")), &settings);
        assert_eq!(half.map(|(certainty, _)| certainty), Some(Certainty::Likely));
        assert_eq!(judged(AMD64, pins(Some("windows"), None), &settings), None);
        assert_eq!(judged(AMD64, Pins::default(), &settings), None);
    }

    #[test]
    fn declared_platforms_prove_it_where_none_is_served() {
        let arm = declared(&[("linux", "arm64")]);
        let (certainty, message) = judged(AMD64, Pins::default(), &arm).unwrap();
        assert_eq!(certainty, Certainty::Proven);
        assert!(message.contains("the nodes are linux/arm64"), "{message}");
        let both = declared(&[("linux", "arm64"), ("linux", "amd64")]);
        assert_eq!(judged(AMD64, Pins::default(), &both).unwrap().0, Certainty::Likely);
        assert_eq!(judged(AMD64, pins(None, Some("amd64")), &both), None);
    }

    #[test]
    fn a_fallback_that_only_some_runtimes_take_is_likely() {
        let amd = declared(&[("linux", "amd64")]);
        let only_386 = judged(&[("linux", "386")], Pins::default(), &amd);
        assert_eq!(only_386.map(|(certainty, _)| certainty), Some(Certainty::Likely));
    }

    #[test]
    fn a_windows_of_unknown_version_is_judged_by_its_processor_only() {
        let windows = declared(&[("windows", "amd64")]);
        assert_eq!(judged(&[("windows", "amd64")], Pins::default(), &windows), None);
        assert!(judged(AMD64, Pins::default(), &windows).is_some());
    }

    #[test]
    fn behind_unknown_mirrors_it_is_likely() {
        let settings = Settings {
            node_mirrors: vec![Glob::new("ghcr.io")],
            ..declared(&[("linux", "arm64")])
        };
        assert_eq!(judged(AMD64, Pins::default(), &settings).unwrap().0, Certainty::Likely);
    }

    #[test]
    fn present_nodes_make_it_likely_and_are_named_for_what_they_are() {
        let settings = Settings::default();
        let of = |nodes_of: &[&str]| {
            let mut facts = facts(vec![image("ghcr.io/acme/api:v2", index(AMD64))], &settings);
            facts.nodes = nodes(nodes_of.iter().map(|it| node(it, "containerd/1.7")).collect());
            found(&CAUSE, &facts).pop().map(|finding| (finding.certainty, finding.message))
        };
        let (certainty, message) = of(&["linux/arm64"]).unwrap();
        assert_eq!(certainty, Certainty::Likely);
        assert!(message.contains("the nodes it may land on are linux/arm64"), "{message}");
        let (certainty, message) = of(&["linux/arm64", "linux/amd64"]).unwrap();
        assert_eq!(certainty, Certainty::Likely);
        assert!(message.contains("only, nodes it may land on are linux/arm64;"), "{message}");
        assert_eq!(of(&["linux/amd64"]), None);
        // Scaled to zero: only what the pod pins counts.
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn a_single_image_of_another_processor_pulls_and_does_not_run() {
        let nobody = Settings::default();
        let amd64 = declared(&[("linux", "amd64")]);
        let both = declared(&[("linux", "amd64"), ("linux", "arm64")]);
        for (built, pins, settings, expected) in [
            ("linux/arm64", Pins::default(), &nobody, None),
            ("linux/amd64", Pins::default(), &amd64, None),
            ("linux/386", Pins::default(), &amd64, None),
            ("linux/amd64/v3", Pins::default(), &amd64, None),
            ("linux/arm64", Pins::default(), &amd64, Some(Certainty::Proven)),
            ("linux/arm64", Pins::default(), &both, Some(Certainty::Likely)),
            ("linux/amd64", pins(Some("linux"), Some("arm64")), &nobody, Some(Certainty::Proven)),
            ("linux/amd64", pins(None, Some("arm64")), &nobody, Some(Certainty::Likely)),
        ] {
            let attempts = vec![anonymous(served(image_of(built, 1, None)))];
            let mut facts = facts(vec![image("ghcr.io/acme/api:v2", attempts)], settings);
            facts.pins = pins;
            let finding = found(&CAUSE, &facts).pop();
            assert_eq!(finding.as_ref().map(|it| it.certainty), expected, "{built} {pins:?}");
            let Some(finding) = finding else { continue };
            assert_eq!(finding.severity, Severity::Advice);
            assert!(finding.message.contains("fails to run (exec format error)"));
            facts.images[0].role = Role::Volume;
            only_these(&[], &facts);
        }
    }
}
