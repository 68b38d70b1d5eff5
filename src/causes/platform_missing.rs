//! The image is an index, and no entry is for the platform that the pod would run on.

use super::{Basis, Cause, Certainty, Code, Finding, Severity, Standing, certainty};
use crate::facts::{Conclusion, Content, Facts};
use crate::image::Platform;
use crate::image::platform::{Choice, rank};
use crate::message::{list, printable};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("platform-missing"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Proven (Likely where only some of the declared platforms are not served, where \
            runtimes differ, or where a mirror may have another image)",
    what: "The image is built for other platforms than the one the pod would run on.",
    why: "An index names an image for each platform; a node takes the one for its own. What the pod \
          would run on is known where its nodeSelector or os says so, or where the operator declared \
          the nodes' platforms with --platform.",
    fix: "Build and push the image for that platform too, or correct the nodeSelector.",
    seen_as: &["no match for platform in manifest", "no matching manifest for linux/arm64"],
    detect,
};

/// The platforms that count, and whose word that is.
struct Asked {
    platforms: Vec<Platform>,
    /// `the pod asks for`, or what the operator declared.
    who: &'static str,
    /// Whether that is all that has to be known.
    sure: bool,
}

fn detect(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let Some(asked) = asked(facts) else { return };
    for image in &facts.images {
        let Conclusion::Pulls(found) = image.conclusion() else { continue };
        let Content::Index(entries) = &found.content else { continue };
        let entries: Vec<Option<Platform>> =
            entries.iter().map(|entry| entry.platform.clone()).collect();
        let entries = entries.as_slice();
        let nowhere = |platform: &&Platform| service(platform, entries) == Served::Nowhere;
        let missing: Vec<&Platform> = asked.platforms.iter().filter(nowhere).collect();
        let somewhere = |platform: &&Platform| service(platform, entries) == Served::BySomeRuntimes;
        let doubtful: Vec<&Platform> = asked.platforms.iter().filter(somewhere).collect();
        let all = missing.len() == asked.platforms.len();
        let shown = if missing.is_empty() { doubtful } else { missing };
        if shown.is_empty() {
            continue;
        }
        let doubt = certainty::of_image(facts, image);
        let certainty = if all && asked.sure { doubt.certainty() } else { Certainty::Likely };
        let names: Vec<String> = shown.iter().map(ToString::to_string).collect();
        let what = format!(
            "built for {} only, {} {}{}",
            built_for(entries),
            asked.who,
            list(names.iter().map(String::as_str), 3),
            doubt.clause()
        );
        findings.push(Finding::of_image(
            &CAUSE,
            Severity::WontPull,
            certainty,
            image,
            &what,
            "push that platform or change nodeSelector",
        ));
    }
}

fn asked(facts: &Facts<'_>) -> Option<Asked> {
    let pins = facts.pins;
    let allowed = |platform: &&Platform| {
        pins.os.is_none_or(|os| os == platform.os)
            && pins.architecture.is_none_or(|architecture| architecture == platform.architecture)
    };
    let declared: Vec<Platform> =
        facts.settings.platforms.iter().filter(allowed).cloned().collect();
    let who = "the pod asks for";
    match (pins.os, pins.architecture) {
        // What was declared may know the variant or the version of the system.
        _ if !declared.is_empty() => {
            let who = if pins.os.or(pins.architecture).is_some() { who } else { "the nodes are" };
            Some(Asked { platforms: declared, who, sure: true })
        }
        (Some(os), Some(architecture)) => {
            Some(Asked { platforms: vec![Platform::new(os, architecture, "")], who, sure: true })
        }
        // Nearly always Linux, and nobody said so.
        (None, Some(architecture)) => {
            let platforms = vec![Platform::new("linux", architecture, "")];
            Some(Asked { platforms, who, sure: false })
        }
        _ => None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Served {
    Everywhere,
    /// As a fallback: containerd's own client takes it, its transfer service does not.
    BySomeRuntimes,
    Nowhere,
}

fn service(platform: &Platform, entries: &[Option<Platform>]) -> Served {
    // Which Windows runs what hangs on a version that nobody declared.
    if platform.os == "windows" && platform.os_version.is_empty() {
        let same = |entry: &Platform| {
            entry.os == platform.os && entry.architecture == platform.architecture
        };
        let any = entries.iter().any(|entry| entry.as_ref().is_none_or(same));
        return if any { Served::Everywhere } else { Served::Nowhere };
    }
    let taken = |choice| !rank(choice, platform, entries).is_empty();
    match (taken(Choice::Exact), taken(Choice::Compatible)) {
        (true, _) => Served::Everywhere,
        (false, true) => Served::BySomeRuntimes,
        (false, false) => Served::Nowhere,
    }
}

/// The platforms of an index, attestations left out.
fn built_for(entries: &[Option<Platform>]) -> String {
    let mut names: Vec<String> = Vec::new();
    for platform in entries.iter().flatten().filter(|platform| platform.os != "unknown") {
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
    use crate::facts::{Attempt, Entry, Settings};
    use crate::glob::Glob;
    use crate::workload::Pins;

    fn index(platforms: &[(&str, &str)]) -> Vec<Attempt> {
        let entry = |(os, architecture): &(&str, &str)| Entry {
            platform: Some(Platform::new(os, architecture, "")),
            target: None,
        };
        vec![anonymous(served(Content::Index(platforms.iter().map(entry).collect())))]
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
}
