//! How sure a fault is, by who says what the nodes are and by what was looked at.

use super::super::testing::*;
use super::super::{
    Certainty, blob_mismatch, blob_missing, manifest_invalid, manifest_missing, not_checked,
    platform_missing,
};
use crate::causes::Cause;
use crate::facts::{
    Attempt, Damage, Facts, ImageConfig, ManifestFault, Outcome, Part, PartFault, Settings,
    SpecCode, TroubleKind, Unchecked,
};
use crate::workload::Pins;

const LINUX_AMD64: Pins<'_> = Pins { os: Some("linux"), architecture: Some("amd64") };
const API: &str = "ghcr.io/acme/api:v2";

fn gone() -> Outcome {
    missing(Part::Layer { number: 1, of: 1 }, 404, SpecCode::BlobUnknown)
}

fn fine() -> Outcome {
    whole("linux/amd64")
}

fn of(attempts: Vec<Attempt>, settings: &Settings) -> Facts<'_> {
    facts(vec![image(API, attempts)], settings)
}

fn certainty(cause: &Cause, facts: &Facts<'_>) -> Option<Certainty> {
    found(cause, facts).pop().map(|finding| finding.certainty)
}

#[test]
fn damage_is_proven_where_whoever_knows_the_nodes_says_that_all_meet_it() {
    use Certainty::{Likely, Proven};
    let nobody = Settings::default();
    let amd64 = declared(&["linux/amd64"]);
    let both = declared(&["linux/amd64", "linux/arm64"]);
    let half = || index(&[("linux/amd64", gone()), ("linux/arm64", fine())]);
    let all = || index(&[("linux/amd64", gone()), ("linux/arm64", gone())]);
    let besides = || {
        let mut attempt = index(&[("linux/amd64", gone()), ("linux/s390x", fine())]);
        attempt.entries.pop();
        attempt
    };
    let only_it = || index(&[("linux/amd64", gone()), ("unknown/unknown", fine())]);
    for (attempt, settings, pins, expected) in [
        (half as fn() -> Attempt, &nobody, Pins::default(), Likely),
        (half, &nobody, LINUX_AMD64, Proven),
        (half, &amd64, Pins::default(), Proven),
        (half, &both, Pins::default(), Likely),
        (all, &both, Pins::default(), Proven),
        // Every entry that there is was looked at, so that no node is served.
        (all, &nobody, Pins::default(), Proven),
        (only_it, &nobody, Pins::default(), Proven),
        (besides, &nobody, Pins::default(), Likely),
        (besides, &amd64, Pins::default(), Proven),
    ] {
        let mut facts = of(vec![attempt()], settings);
        facts.pins = pins;
        let shown = format!("{:?} {pins:?} {:?}", facts.images[0].attempts, settings.platforms);
        assert_eq!(certainty(&blob_missing::CAUSE, &facts), Some(expected), "{shown}");
    }
    let mut facts = of(vec![half()], &nobody);
    facts.nodes = nodes(vec![node("linux/amd64", "containerd/1.7")]);
    assert_eq!(certainty(&blob_missing::CAUSE, &facts), Some(Likely));
    facts.nodes = nodes(vec![node("linux/arm64", "containerd/1.7")]);
    only_these(&[], &facts);
}

/// How sure it is that a blob is missing to nodes of linux/amd64 with this runtime.
fn missing_by(runtime: &str, attempt: Attempt) -> Option<Certainty> {
    let settings =
        Settings { runtimes: vec![runtime.parse().unwrap()], ..declared(&["linux/amd64"]) };
    certainty(&blob_missing::CAUSE, &of(vec![attempt], &settings))
}

#[test]
fn what_only_one_way_through_an_index_fetches_is_likely() {
    let twice = || index(&[("linux/amd64", fine()), ("linux/amd64", gone())]);
    for (runtime, expected) in [
        ("containerd/1.7", None),
        ("containerd/2.4", Some(Certainty::Likely)),
        ("cri-o/1.34", None),
    ] {
        assert_eq!(missing_by(runtime, twice()), expected, "{runtime}");
    }
}

#[test]
fn a_fault_for_some_and_another_for_the_rest_are_both_proven() {
    let settings = declared(&["linux/amd64", "linux/arm64"]);
    let facts = of(vec![index(&[("linux/amd64", gone())])], &settings);
    for cause in [&blob_missing::CAUSE, &platform_missing::CAUSE] {
        assert_eq!(certainty(cause, &facts), Some(Certainty::Proven));
    }
    only_these(&[&blob_missing::CAUSE, &platform_missing::CAUSE], &facts);
}

#[test]
fn nobody_said_what_the_nodes_are_so_no_platform_is_missing() {
    let settings = Settings::default();
    only_these(&[], &of(vec![index(&[("linux/s390x", whole("linux/s390x"))])], &settings));
}

#[test]
fn the_first_credential_that_gets_it_whole_ends_it() {
    let settings = declared(&["linux/amd64"]);
    let broken = index(&[("linux/amd64", gone())]);
    let good = index(&[("linux/amd64", fine())]);
    only_these(&[], &of(vec![broken.clone(), good], &settings));
    let refused = with("two", refused(crate::facts::RefusedAt::Repository, 403, None, "ghcr.io"));
    let facts = of(vec![broken.clone(), refused], &settings);
    only_these(&[&blob_missing::CAUSE], &facts);
    let unseen = with("two", trouble(TroubleKind::Timeout, "ghcr.io", "no answer"));
    let facts = of(vec![broken, unseen], &settings);
    only_these(&[&crate::causes::registry_timeout::CAUSE], &facts);
}

#[test]
fn an_entry_that_could_not_be_seen_is_told_where_a_node_would_take_it() {
    let limited = || trouble(TroubleKind::RateLimited, "ghcr.io", "429");
    let attempt = || index(&[("linux/amd64", limited()), ("linux/arm64", fine())]);
    let nobody = Settings::default();
    only_these(&[&crate::causes::registry_rate_limited::CAUSE], &of(vec![attempt()], &nobody));
    let arm = declared(&["linux/arm64"]);
    only_these(&[], &of(vec![attempt()], &arm));
    let late = || Outcome::NotChecked(Unchecked::Deadline);
    let facts = of(vec![index(&[("linux/arm64", late())])], &arm);
    only_these(&[&crate::causes::not_checked::CAUSE], &facts);
}

#[test]
fn an_entry_that_leads_elsewhere_is_told_where_a_node_would_take_it() {
    let both = || elsewhere(1, index(&[("linux/amd64", fine()), ("linux/arm64", fine())]));
    assert!(both().works());
    for (platforms, told) in [(&[][..], true), (&["linux/arm64"], true), (&["linux/amd64"], false)]
    {
        let settings = declared(platforms);
        let facts = of(vec![both()], &settings);
        if !told {
            only_these(&[], &facts);
            continue;
        }
        let (_, certainty, message) = only(&not_checked::CAUSE, &facts);
        assert_eq!(certainty, Certainty::Unknown);
        assert!(message.contains("not checked, its entry for linux/arm64 is kept at"), "{message}");
        only_these(&[&not_checked::CAUSE], &facts);
    }
}

#[test]
fn beside_an_entry_that_leads_elsewhere_what_is_wrong_is_as_sure_as_what_meets_it() {
    use Certainty::{Likely, Proven};
    let half = || elsewhere(1, index(&[("linux/amd64", gone()), ("linux/arm64", fine())]));
    for (platforms, expected, told) in [
        // Some node may get it from elsewhere.
        (&[][..], Some(Likely), true),
        (&["linux/amd64", "linux/arm64"], Some(Likely), true),
        (&["linux/amd64"], Some(Proven), false),
        (&["linux/arm64"], None, true),
    ] {
        let settings = declared(platforms);
        let facts = of(vec![half()], &settings);
        assert_eq!(certainty(&blob_missing::CAUSE, &facts), expected, "{platforms:?}");
        let unknown = told.then_some(Certainty::Unknown);
        assert_eq!(certainty(&not_checked::CAUSE, &facts), unknown, "{platforms:?}");
    }
    // No node that anybody thought of, and yet there may be one.
    let others = [("linux/amd64", gone()), ("linux/arm64", gone()), ("linux/s390x", fine())];
    let settings = Settings::default();
    let facts = of(vec![elsewhere(2, index(&others))], &settings);
    assert_eq!(certainty(&blob_missing::CAUSE, &facts), Some(Likely));
    // By one way of going through the index it is the second entry that fails.
    let twice = || elsewhere(0, index(&[("linux/amd64", fine()), ("linux/amd64", gone())]));
    for (runtime, expected) in [("containerd/1.7", None), ("containerd/2.4", Some(Likely))] {
        assert_eq!(missing_by(runtime, twice()), expected, "{runtime}");
    }
}

#[test]
fn an_index_tells_its_platforms_wherever_its_entries_lead() {
    let settings = declared(&["linux/s390x"]);
    let without = || elsewhere(0, index(&[("linux/amd64", fine()), ("linux/arm64", fine())]));
    let facts = of(vec![without()], &settings);
    let (_, certainty, message) = only(&platform_missing::CAUSE, &facts);
    assert_eq!(certainty, Certainty::Proven);
    assert!(message.contains("built for linux/amd64 and linux/arm64 only"), "{message}");
    only_these(&[&platform_missing::CAUSE], &facts);
    // An entry that names no platform is everybody's.
    let nameless = elsewhere(1, index(&[("linux/amd64", fine()), ("-", fine())]));
    let facts = of(vec![nameless], &settings);
    let (_, _, message) = only(&not_checked::CAUSE, &facts);
    assert!(message.contains("an entry of its index is kept at"), "{message}");
    only_these(&[&not_checked::CAUSE], &facts);
}

#[test]
fn windows_of_two_versions_are_told_apart_by_the_nodes_that_are_there() {
    let settings = Settings::default();
    let attempt = index(&[
        ("windows(10.0.17763.6054)/amd64", whole("windows/amd64")),
        ("linux/amd64", fine()),
    ]);
    let mut facts = of(vec![attempt], &settings);
    facts.pins = Pins { os: Some("windows"), architecture: Some("amd64") };
    only_these(&[], &facts);
    facts.nodes = nodes(vec![node("windows(10.0.20348.1)/amd64", "containerd/1.7")]);
    let (_, certainty, message) = only(&platform_missing::CAUSE, &facts);
    assert_eq!(certainty, Certainty::Likely);
    assert!(message.contains("are windows(10.0.20348.1)/amd64"), "{message}");
    facts.nodes = nodes(vec![node("windows(10.0.17763.1)/amd64", "containerd/1.7")]);
    only_these(&[], &facts);
}

#[test]
fn an_entry_of_schema_one_follows_the_runtimes() {
    let old = || index(&[("linux/amd64", Outcome::Invalid(ManifestFault::SchemaOne))]);
    for (runtime, expected) in
        [("containerd/1.7", None), ("containerd/2.4", Some(Certainty::Proven))]
    {
        let settings =
            Settings { runtimes: vec![runtime.parse().unwrap()], ..declared(&["linux/amd64"]) };
        let facts = of(vec![old()], &settings);
        assert_eq!(certainty(&manifest_invalid::CAUSE, &facts), expected, "{runtime}");
    }
}

/// A whole image whose config is to be had from the manifest alone.
fn only_inline() -> Outcome {
    let Outcome::Broken(damage) = missing(Part::Config, 404, SpecCode::BlobUnknown) else {
        panic!()
    };
    served(image_with(ImageConfig::Unread, Some(damage)))
}

fn wrong_inline() -> Outcome {
    broken(Part::Config, PartFault::Inline)
}

fn other_layers() -> Outcome {
    served(image_with(ImageConfig::OtherLayers { manifest: 2, config: 1 }, None))
}

#[test]
fn what_hangs_on_the_runtime_is_as_sure_as_the_runtimes_are_known() {
    use Certainty::{Likely, Proven};
    for (cause, outcome, expected) in [
        (
            &blob_missing::CAUSE,
            only_inline as fn() -> Outcome,
            [Some(Likely), Some(Proven), None, Some(Likely), Some(Likely)],
        ),
        (
            &blob_mismatch::CAUSE,
            wrong_inline,
            [Some(Likely), None, Some(Proven), Some(Likely), Some(Likely)],
        ),
        (
            &manifest_invalid::CAUSE,
            other_layers,
            [Some(Likely), Some(Proven), Some(Proven), Some(Likely), Some(Proven)],
        ),
    ] {
        for (runtimes, expected) in [
            &[][..],
            &["containerd/1.6"],
            &["containerd/2.4"],
            &["cri-o/1.34"],
            &["containerd/1.6", "containerd/2.4"],
        ]
        .into_iter()
        .zip(expected)
        {
            let runtimes_of = runtimes.iter().map(|text| text.parse().unwrap()).collect();
            let settings = Settings { runtimes: runtimes_of, ..declared(&["linux/amd64"]) };
            for attempt in [anonymous(outcome()), index(&[("linux/amd64", outcome())])] {
                let facts = of(vec![attempt], &settings);
                let shown = format!("{runtimes:?} {:?}", facts.images[0].attempts);
                assert_eq!(certainty(cause, &facts), expected, "{shown}");
            }
        }
        // Nobody said what the nodes are.
        let settings = Settings::default();
        for attempt in [anonymous(outcome()), index(&[("linux/amd64", outcome())])] {
            assert_eq!(certainty(cause, &of(vec![attempt], &settings)), Some(Likely));
        }
    }
}

#[test]
fn of_two_things_that_runtimes_mind_the_worse_counts() {
    let Outcome::Broken(damage) = missing(Part::Config, 404, SpecCode::BlobUnknown) else {
        panic!()
    };
    let both: fn(Damage) -> Outcome =
        |damage| served(image_with(ImageConfig::Artifact, Some(damage)));
    let settings =
        Settings { runtimes: vec!["containerd/1.6".parse().unwrap()], ..Settings::default() };
    let facts = of(vec![anonymous(both(damage))], &settings);
    assert_eq!(certainty(&blob_missing::CAUSE, &facts), Some(Certainty::Proven));
}

#[test]
fn a_mounted_image_is_unpacked_as_well() {
    let settings =
        Settings { runtimes: vec!["containerd/2.4".parse().unwrap()], ..Settings::default() };
    let mut facts = of(vec![anonymous(other_layers())], &settings);
    facts.images[0].role = crate::workload::Role::Volume;
    let (_, certainty, message) = only(&manifest_invalid::CAUSE, &facts);
    assert_eq!(certainty, Certainty::Proven);
    assert!(message.contains("its manifest has 2 layers and its config 1; build"), "{message}");
}

#[test]
fn what_only_the_manifest_holds_says_who_wants_it_elsewhere() {
    let settings = Settings::default();
    let facts = of(vec![anonymous(only_inline())], &settings);
    let (_, _, message) = only(&blob_missing::CAUSE, &facts);
    let said = "the config sha256:2d711642b726 is not in the registry (404 BLOB_UNKNOWN), and \
                containerd 1.6 ignores its inline copy; push the image again [blob-missing]";
    assert!(message.contains(said), "{message}");
    let facts = of(vec![anonymous(wrong_inline())], &settings);
    let (_, _, message) = only(&blob_mismatch::CAUSE, &facts);
    let said = "stands in the manifest with other bytes, which containerd takes since 1.7; push";
    assert!(message.contains(said), "{message}");
}

#[test]
fn a_node_that_holds_the_image_makes_it_likely() {
    let settings = declared(&["linux/amd64"]);
    let gone = missing(Part::Manifest, 404, SpecCode::ManifestUnknown);
    let mut facts = of(vec![index(&[("linux/amd64", gone)])], &settings);
    let holder =
        crate::nodes::Node { images: vec![API.into()], ..node("linux/amd64", "containerd/1.7") };
    facts.nodes = nodes(vec![holder]);
    assert_eq!(certainty(&manifest_missing::CAUSE, &facts), Some(Certainty::Proven));
    facts.images[0].pull_policy = crate::workload::PullPolicy::IfNotPresent;
    let (_, certainty, message) = only(&manifest_missing::CAUSE, &facts);
    assert_eq!(certainty, Certainty::Likely);
    assert!(message.contains("though node node-a already holds it"), "{message}");
}

#[test]
fn what_a_hostile_index_comes_to_is_worked_out_once_for_all_causes() {
    let settings = declared(&["linux/amd64"]);
    let entries: Vec<_> = (0..256).map(|_| ("linux/amd64", gone())).collect();
    let mut attempt = index(&entries);
    attempt.entries.truncate(3);
    let inner = attempt.clone();
    for entry in &mut attempt.entries {
        entry.outcome = inner.outcome.clone();
        entry.entries = inner.entries.clone();
    }
    let images = (0..64).map(|_| image(API, vec![attempt.clone()])).collect();
    let facts = facts(images, &settings);
    let before = crate::facts::RANKED.get();
    crate::causes::findings(&facts);
    // The index and three in it, by each of four ways.
    assert_eq!(crate::facts::RANKED.get() - before, 64 * 4 * 4);
}

#[test]
fn nothing_is_proven_where_there_are_more_kinds_of_nodes_than_are_looked_at() {
    for (kinds, expected) in [(32, Certainty::Proven), (33, Certainty::Likely)] {
        let platforms: Vec<String> = (0..kinds).map(|n| format!("linux/p{n}")).collect();
        let settings = declared(&platforms.iter().map(String::as_str).collect::<Vec<_>>());
        let facts = of(vec![anonymous(gone())], &settings);
        assert_eq!(certainty(&blob_missing::CAUSE, &facts), Some(expected), "{kinds}");
    }
}

#[test]
fn what_lies_deeper_than_is_looked_at_is_unknown_and_nothing_against_the_image() {
    let settings = declared(&["linux/amd64"]);
    let bound = Unchecked::Budget("2 indexes within each other".to_owned());
    let mut attempt = index(&[("linux/amd64", Outcome::NotChecked(bound))]);
    for _ in 0..2 {
        let inner = attempt;
        attempt = index(&[("linux/amd64", inner.outcome)]);
        attempt.entries[0].entries = inner.entries;
    }
    assert!(attempt.works());
    let facts = of(vec![attempt], &settings);
    let (_, certainty, message) = only(&not_checked::CAUSE, &facts);
    assert_eq!(certainty, Certainty::Unknown);
    assert!(message.contains("a bound is reached: 2 indexes within each other"), "{message}");
    only_these(&[&not_checked::CAUSE], &facts);
}
