//! Platforms: containerd's `platforms.Parse`, and the handlers that choose an index's entries.

use pullcheck::image::Platform;
use pullcheck::image::platform::{Choice, rank};
use serde_json::{Value, json};

use super::judge::{Answer, Case, compare};
use super::program::oracle;
use super::random::{Random, cuts};

const SPECIFIERS: usize = 30_000;

/// Every one of these platforms is asked as a node for every one as an entry.
const KINDS: usize = 300;

/// Lists of entries, of one node each.
const LISTS: usize = 10_000;

const SYSTEMS: &[&str] = &["linux", "linux", "linux", "windows", "Linux", "darwin", "unknown"];

/// Architecture and variants, of nodes and entries.
const PROCESSORS: &[(&str, &[&str])] = &[
    ("amd64", &["", "", "v1", "v2", "v3", "v4", "V2", "2", "v03", "x"]),
    ("x86_64", &["", "v1", "v3"]),
    ("386", &["", "v1"]),
    ("i386", &["", "v1"]),
    (
        "arm64",
        &[
            "", "", "v8", "8", "v8.0", "v8.1", "v8.5", "v8.9", "v8.10", "v9", "9", "v9.0", "v9.2",
            "v9.7", "v9.8", "v10", "8.1", "v8.01",
        ],
    ),
    ("aarch64", &["", "v8", "v9.1"]),
    ("arm", &["", "v5", "v6", "v7", "v8", "5", "7", "v9", "v07", "V6"]),
    ("armhf", &["", "v5"]),
    ("armel", &[""]),
    ("ppc64le", &["", "power9"]),
    ("unknown", &[""]),
    ("AMD64", &[""]),
    ("", &[""]),
];

const VERSIONS: &[&str] = &[
    "10.0.14393.7",
    "10.0.17763.1",
    "10.0.17763.6054",
    "10.0.20348.1",
    "10.0.20348",
    "10.0.22621.1",
    "10.0.25398.7",
    "10.0.26100.3",
    "10.0.26200.1",
    "10.1.20348.1",
    "6.3.9600",
    "10.0",
    "ltsc2022",
    "10.0.+20348.1",
    "10.0.65536.1",
    "10.0.099999999999999999999.1",
    "256.0.1.1",
    "..",
    "10.0..1",
];

const FEATURES: &[&str] = &["win32k", "win32k", "a", "b", "erofs", ""];

/// An empty system means that of the machine containerd runs on: here, that of the oracle.
const ORACLES_OWN: &str = if cfg!(target_os = "macos") { "darwin" } else { "linux" };

#[derive(Clone, Debug)]
struct Specifier(String);

impl Case for Specifier {
    fn question(&self) -> Value {
        json!({ "platform": self.0 })
    }

    fn disagreement(&self, theirs: &Answer) -> Option<String> {
        let ours = self.0.parse::<Platform>();
        let same = match (&ours, &theirs.platform) {
            (Ok(ours), Some(wire)) => {
                // containerd writes it as a file name, in which dots alone would mean folders.
                let folders = [&ours.architecture, &ours.variant]
                    .into_iter()
                    .any(|part| part == "." || part == "..");
                *ours == wire.to_platform() && (folders || ours.to_string() == theirs.formatted)
            }
            (Err(_), None) => true,
            // One part: containerd adds the machine's own, which is not what a user means.
            (Err(_), Some(_)) => !self.0.contains('/') || self.0.contains('%'),
            (Ok(_), None) => false,
        };
        (!same).then(|| format!("ours: {ours:?}\ntheirs: {theirs:?}"))
    }

    fn smaller(&self) -> Vec<Self> {
        let chars: Vec<char> = self.0.chars().collect();
        cuts(&chars).into_iter().map(|left| Self(left.into_iter().collect())).collect()
    }
}

#[derive(Clone, Debug)]
struct Index {
    node: Platform,
    entries: Vec<Option<Platform>>,
}

fn wire(platform: &Platform) -> Value {
    json!({
        "os": platform.os,
        "architecture": platform.architecture,
        "variant": platform.variant,
        "os.version": platform.os_version,
        "os.features": platform.os_features,
    })
}

impl Case for Index {
    fn question(&self) -> Value {
        let entries: Vec<_> = self.entries.iter().map(|entry| entry.as_ref().map(wire)).collect();
        json!({ "index": { "node": wire(&self.node), "entries": entries } })
    }

    fn disagreement(&self, theirs: &Answer) -> Option<String> {
        let exact = rank(Choice::Exact, &self.node, &self.entries);
        // The client of a Windows node compares otherwise, by code that is built there only.
        let compatible = (self.node.os != "windows")
            .then(|| rank(Choice::Compatible, &self.node, &self.entries));
        let same = exact == theirs.exact
            && compatible.as_ref().is_none_or(|ours| *ours == theirs.compatible);
        (!same).then(|| format!("ours: compatible {compatible:?}, exact {exact:?}\n{theirs:?}"))
    }

    fn smaller(&self) -> Vec<Self> {
        let mut all: Vec<Self> = cuts(&self.entries)
            .into_iter()
            .map(|entries| Self { node: self.node.clone(), entries })
            .collect();
        all.extend(plainer(&self.node).into_iter().map(|node| Self { node, ..self.clone() }));
        for (index, entry) in self.entries.iter().enumerate() {
            for plain in entry.iter().flat_map(plainer) {
                let mut smaller = self.clone();
                smaller.entries[index] = Some(plain);
                all.push(smaller);
            }
        }
        all
    }
}

/// With one thing less said.
fn plainer(platform: &Platform) -> Vec<Platform> {
    let mut all = Vec::new();
    for features in cuts(&platform.os_features) {
        all.push(Platform { os_features: features, ..platform.clone() });
    }
    if !platform.os_version.is_empty() {
        all.push(Platform { os_version: String::new(), ..platform.clone() });
    }
    if !platform.variant.is_empty() {
        all.push(Platform { variant: String::new(), ..platform.clone() });
    }
    all
}

fn platform(random: &mut Random) -> Platform {
    // The common processors come first.
    let common = if random.permille(500) { 6 } else { PROCESSORS.len() };
    let (architecture, variants) = PROCESSORS[random.below(common)];
    let mut platform = Platform::new(random.pick(SYSTEMS), architecture, random.pick(variants));
    if random.permille(if platform.os == "windows" { 800 } else { 50 }) {
        platform.os_version = random.pick(VERSIONS).into();
    }
    if random.permille(150) {
        let count = 1 + random.below(3);
        platform.os_features = (0..count).map(|_| random.pick(FEATURES).into()).collect();
    }
    platform
}

/// What an index has, for this node: an entry may also have no platform, or name no system.
fn entry(random: &mut Random, node: &Platform) -> Option<Platform> {
    if random.permille(50) {
        return None;
    }
    let mut entry = platform(random);
    if random.permille(300) {
        entry.os.clone_from(&node.os);
    }
    if random.permille(30) && node.os.to_lowercase() == ORACLES_OWN {
        entry.os.clear();
    }
    Some(entry)
}

/// Every processor with every variant, every Windows version, and others.
fn all_kinds(random: &mut Random) -> Vec<Platform> {
    let mut all = Vec::new();
    for os in ["linux", "windows"] {
        for (architecture, variants) in PROCESSORS {
            all.extend(variants.iter().map(|variant| Platform::new(os, architecture, variant)));
        }
    }
    for version in VERSIONS {
        let plain = Platform::new("windows", "amd64", "");
        all.push(Platform { os_version: (*version).into(), ..plain });
    }
    for features in [&["a"][..], &["b", "a"], &["win32k"], &["win32k", "win32k"], &["a", "a"]] {
        for os in ["linux", "windows"] {
            let os_features = features.iter().map(|&feature| feature.into()).collect();
            all.push(Platform { os_features, ..Platform::new(os, "amd64", "") });
        }
    }
    while all.len() < KINDS {
        all.push(platform(random));
    }
    all
}

fn specifier(random: &mut Random) -> Specifier {
    let mut text = platform(random).to_string();
    if random.permille(300) {
        text = text.replace('/', random.pick(&["/", "/", "//", "", "/linux/", "()/", "(+)/"]));
    }
    let mut chars: Vec<char> = text.chars().collect();
    let changes = [0, 0, 0, 1, 1, 2][random.below(6)];
    random.mutate(&mut chars, changes, &"a8v/().+%_-*A4 é".chars().collect::<Vec<_>>());
    Specifier(chars.into_iter().collect())
}

#[test]
fn containerd_reads_every_platform_as_we_do() {
    let program = oracle!();
    let mut random = Random::new(3);
    let (mut read, mut refused) = (0, 0);
    compare(program, (0..SPECIFIERS).map(move |_| specifier(&mut random)), |_, theirs| {
        if theirs.platform.is_some() { read += 1 } else { refused += 1 }
    });
    println!("{read} platforms read, {refused} refused");
    assert!(read > SPECIFIERS / 4 && refused > SPECIFIERS / 10, "{read} read, {refused} refused");
}

#[test]
fn containerd_takes_the_same_entries_of_an_index_in_the_same_order() {
    let program = oracle!();
    let mut random = Random::new(4);
    let kinds = all_kinds(&mut random);
    let pairs = kinds.len() * kinds.len();
    let entries: Vec<_> = kinds.iter().cloned().map(Some).collect();
    let every_pair = kinds.into_iter().map(move |node| Index { node, entries: entries.clone() });
    let lists = (0..LISTS).map(move |_| {
        let node = platform(&mut random);
        let len = 1 + random.below(12);
        let entries = (0..len).map(|_| entry(&mut random, &node)).collect();
        Index { node, entries }
    });
    let (mut none, mut several) = (0, 0);
    compare(program, every_pair.chain(lists), |_, theirs| {
        none += usize::from(theirs.compatible.is_empty());
        several += usize::from(theirs.compatible.len() > 1);
    });
    println!("{pairs} pairs and {LISTS} lists: {none} without a match, {several} with several");
    assert!(none > LISTS / 10 && several > LISTS / 10, "{none} none, {several} several");
}
