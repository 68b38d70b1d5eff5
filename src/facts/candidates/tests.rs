use std::sync::Arc;

use super::{Candidate, Candidates, Whose};
use crate::facts::{
    Entry, Facts, Front, Gaps, ServiceAccountFact, ServiceAccountState, Settings, Target,
};
use crate::image::Platform;
use crate::nodes::{Node, Runtime, RuntimeName};
use crate::workload::Pins;

fn platform(text: &str) -> Platform {
    text.parse().unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "not every runtime is known")]
fn containerd(major: u32, minor: u32) -> Option<Runtime> {
    Some(Runtime { name: RuntimeName::Containerd, version: (major, minor) })
}

fn node(text: &str, runtime: Option<Runtime>) -> Arc<Node> {
    Arc::new(Node { platform: platform(text), runtime, ..Node::default() })
}

fn candidates(
    pins: (Option<&str>, Option<&str>),
    settings: &Settings,
    nodes: Option<Vec<Arc<Node>>>,
) -> Vec<Candidates> {
    let facts = Facts {
        namespace: "shop",
        is_template: false,
        pins: Pins { os: pins.0, architecture: pins.1 },
        nodes,
        gaps: Gaps::default(),
        images: Vec::new(),
        secrets: Vec::new(),
        service_account: ServiceAccountFact {
            name: String::new(),
            field: String::new(),
            state: ServiceAccountState::NotNeeded,
        },
        misplaced_pull_secrets: &[],
        settings,
        front: Front::Serve,
    };
    facts.candidates()
}

/// Whose word, and each kind as `platform` or `platform?` where it is loose, and its runtime.
fn told(words: &[Candidates]) -> Vec<(Whose, Vec<String>)> {
    let kind = |kind: &Candidate| {
        let loose = if kind.loose { "?" } else { "" };
        let runtime = kind.runtime.map(|it| format!(" {}.{}", it.version.0, it.version.1));
        format!("{}{loose}{}", kind.platform, runtime.unwrap_or_default())
    };
    words.iter().map(|word| (word.whose, word.kinds.iter().map(kind).collect())).collect()
}

fn declared(platforms: &[&str], runtimes: &[Option<Runtime>]) -> Settings {
    Settings {
        platforms: platforms.iter().map(|text| platform(text)).collect(),
        runtimes: runtimes.iter().copied().flatten().collect(),
        ..Settings::default()
    }
}

#[test]
fn who_says_what_the_nodes_are_is_the_pod_then_the_operator_then_the_nodes() {
    use Whose::{Assumed, Declared, Half, Pinned, Present};
    let nobody = declared(&[], &[]);
    let both = declared(&["linux/amd64", "linux/arm64"], &[]);
    let arm = || Some(vec![node("linux/arm64", containerd(1, 7))]);
    for (pins, settings, nodes, whose, kinds) in [
        ((None, None), &nobody, None, Assumed, &["linux/amd64", "linux/arm64"][..]),
        ((Some("linux"), None), &nobody, None, Assumed, &["linux/amd64", "linux/arm64"]),
        ((Some("windows"), None), &nobody, None, Assumed, &["windows/amd64?"]),
        ((None, None), &nobody, Some(Vec::new()), Assumed, &["linux/amd64", "linux/arm64"]),
        ((None, None), &nobody, arm(), Present, &["linux/arm64 1.7"]),
        ((None, Some("s390x")), &nobody, None, Half, &["linux/s390x"]),
        ((None, Some("arm64")), &nobody, arm(), Present, &["linux/arm64 1.7"]),
        ((None, None), &both, arm(), Declared, &["linux/amd64", "linux/arm64 1.7"]),
        ((None, Some("arm64")), &both, None, Declared, &["linux/arm64"]),
        ((Some("linux"), Some("arm64")), &nobody, arm(), Pinned, &["linux/arm64 1.7"]),
        ((Some("linux"), Some("s390x")), &both, arm(), Pinned, &["linux/s390x"]),
        ((Some("linux"), Some("arm")), &nobody, None, Pinned, &["linux/arm?"]),
    ] {
        let found = told(&candidates(pins, settings, nodes));
        let kinds = kinds.iter().map(ToString::to_string).collect();
        assert_eq!(found, [(whose, kinds)], "{pins:?}");
    }
    assert!([Pinned, Declared].iter().all(|whose| whose.is_all()));
    assert!(![Half, Present, Assumed].iter().any(|whose| whose.is_all()));
}

#[test]
fn a_declared_runtime_stands_for_all_others() {
    let settings = declared(&[], &[containerd(2, 4)]);
    let nodes = vec![node("linux/arm64", containerd(1, 7)), node("linux/arm64", None)];
    let found = candidates((None, None), &settings, Some(nodes));
    assert_eq!(told(&found), [(Whose::Present, vec!["linux/arm64 2.4".to_owned()])]);
    assert!(found[0].runtimes_declared);
}

#[test]
fn present_nodes_tell_what_a_pin_leaves_open() {
    let nodes = vec![
        node("windows(10.0.17763.1)/amd64", containerd(1, 7)),
        node("windows(10.0.20348.1)/amd64", containerd(1, 7)),
        node("linux/amd64", containerd(2, 0)),
    ];
    let pins = (Some("windows"), Some("amd64"));
    let found = candidates(pins, &declared(&[], &[]), Some(nodes));
    assert_eq!(
        told(&found),
        [
            (Whose::Pinned, vec!["windows/amd64? 1.7".to_owned()]),
            (
                Whose::Present,
                vec![
                    "windows(10.0.17763.1)/amd64 1.7".to_owned(),
                    "windows(10.0.20348.1)/amd64 1.7".to_owned()
                ]
            ),
        ]
    );
}

#[test]
fn what_a_pull_fetches_of_an_index_hangs_on_the_runtime() {
    let index = |platforms: &[&str]| -> Vec<Entry> {
        let entry = |text: &&str| Entry { platform: Some(platform(text)), target: Target::Nothing };
        platforms.iter().map(entry).collect()
    };
    let plain = index(&["linux/386", "linux/amd64", "linux/amd64"]);
    for (node, loose, runtime, entries, picks) in [
        ("linux/amd64", false, containerd(1, 7), &plain, vec![vec![1]]),
        ("linux/amd64", false, containerd(2, 4), &plain, vec![vec![1], vec![1, 2]]),
        ("linux/amd64", false, None, &plain, vec![vec![1], vec![1, 2]]),
        ("linux/amd64", false, containerd(2, 0), &index(&["linux/386"]), vec![vec![0]]),
        ("linux/amd64", false, None, &index(&["linux/386"]), vec![vec![0], vec![]]),
        ("linux/arm64", false, None, &plain, vec![vec![]]),
        ("linux/amd64", false, containerd(2, 2), &index(&["linux(+gpu)/amd64"]), vec![vec![0]]),
        ("linux/amd64", false, containerd(2, 3), &index(&["linux(+gpu)/amd64"]), vec![vec![]]),
        ("linux/amd64", false, None, &index(&["linux(+gpu)/amd64"]), vec![vec![], vec![0]]),
        (
            "linux/arm",
            true,
            None,
            &index(&["linux/arm/v6", "linux/arm/v8"]),
            vec![vec![1], vec![0]],
        ),
        ("linux/arm", true, None, &plain, vec![vec![]]),
        (
            "windows/amd64",
            true,
            None,
            &index(&["windows(10.0.17763.1)/amd64", "windows(10.0.20348.1)/amd64", "linux/amd64"]),
            vec![vec![1], vec![0]],
        ),
    ] {
        let candidate = Candidate { platform: platform(node), loose, runtime };
        assert_eq!(candidate.picks(entries), picks, "{node} {runtime:?}");
    }
}

#[test]
fn beyond_32_kinds_of_nodes_it_is_only_known_that_there_are_more() {
    let nobody = declared(&[], &[]);
    for (kinds, kept, more) in [(31, 31, false), (32, 32, false), (33, 32, true), (100, 32, true)] {
        // Each kind twice: what is known already takes no room.
        let nodes = (0..2 * kinds).map(|n| node("linux/amd64", containerd(1, n % kinds)));
        let found = candidates((None, None), &nobody, Some(nodes.collect()));
        assert_eq!((found[0].kinds.len(), found[0].more), (kept, more), "{kinds}");
    }
}
