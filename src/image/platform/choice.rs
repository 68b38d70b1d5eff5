//! Which entries of an index a node takes, and which of them first.

use std::cmp::Reverse;

use super::windows::{self, IGNORED_FEATURE};
use super::{DEFAULT_OS, Normal, Platform};

/// How a pull compares an entry with the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Choice {
    /// containerd's own client (`platforms.Default`): the node's processor, then what it can run
    /// besides. Such a pull fetches the first entry only.
    Compatible,
    /// containerd's transfer service (`platforms.Ordered`): the node's platform and no other.
    /// Such a pull fetches every entry that matches.
    Exact,
    /// containers/image (`internal/pkg/platform`, `WantedPlatforms`): the node's processor, and
    /// of the 32-bit arm what is below the node's own, the nearest first.
    StepsDown,
}

/// How far an entry is from the node: first the kind of processor, then the steps down from the
/// node's own.
type Distance = (u8, i64);

/// Whether the node takes an entry of this platform.
pub fn matches(choice: Choice, node: &Platform, entry: &Platform) -> bool {
    let node = node.normalised(DEFAULT_OS);
    distance(choice, &node, entry, &entry.os_features).is_some()
}

/// The indexes of the entries that the node takes, in containerd's order: nearest first, of
/// equally near ones those with more `os.features` (on Windows the greater version, as text),
/// then as they stand. An entry without a platform is always taken, last.
pub fn rank<'a, E>(choice: Choice, node: &Platform, entries: E) -> Vec<usize>
where
    E: IntoIterator<Item: Into<Option<&'a Platform>>>,
{
    order(choice, true, node, entries)
}

/// The same for a runtime that does not look at what `os.features` an entry has.
pub fn rank_without_features<'a, E>(choice: Choice, node: &Platform, entries: E) -> Vec<usize>
where
    E: IntoIterator<Item: Into<Option<&'a Platform>>>,
{
    order(choice, false, node, entries)
}

fn order<'a, E>(choice: Choice, by_features: bool, node: &Platform, entries: E) -> Vec<usize>
where
    E: IntoIterator<Item: Into<Option<&'a Platform>>>,
{
    let node = node.normalised(DEFAULT_OS);
    // On Windows the client's comparison knows versions and nothing else.
    let by_version = choice == Choice::Compatible && node.os == "windows";
    let mut taken = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        let Some(entry) = entry.into() else {
            taken.push((None, index));
            continue;
        };
        let features = if by_features { entry.os_features.as_slice() } else { &[] };
        if let Some(distance) = distance(choice, &node, entry, features) {
            let version = if by_version { entry.os_version.as_str() } else { "" };
            let features = if by_version { 0 } else { features.len() };
            taken.push((Some((distance, Reverse(version), Reverse(features))), index));
        }
    }
    taken.sort_by_key(|&(order, _)| (order.is_none(), order));
    taken.into_iter().map(|(_, index)| index).collect()
}

/// None if the node, which is normalised, does not take the entry with these `os.features`.
fn distance(
    choice: Choice,
    node: &Normal<'_>,
    entry: &Platform,
    features: &[String],
) -> Option<Distance> {
    let normal = entry.normalised(&node.os);
    let on_windows = node.os == "windows";
    if on_windows && !windows::runs(node.os_version, &entry.os_version) {
        return None;
    }
    // Only once: an entry that names it twice asks for it.
    let ignored = |feature: &&String| *feature == IGNORED_FEATURE;
    let ignores = on_windows && features.iter().filter(ignored).count() == 1;
    let has = |feature: &String| {
        node.os_features.contains(feature) || ignores && feature == IGNORED_FEATURE
    };
    if normal.os != node.os || !features.iter().all(has) {
        return None;
    }
    // Windows' own matcher knows no other processor.
    if choice == Choice::Exact || on_windows {
        let same = (&normal.architecture, &normal.variant) == (&node.architecture, &node.variant);
        return same.then_some((0, 0));
    }
    if choice == Choice::StepsDown {
        return own_steps(node, &normal, entry.variant.is_empty());
    }
    steps(node, &normal.architecture, &normal.variant)
}

/// From the node's processor down within its own kind. An arm that names no variant is everybody's
/// last resort.
fn own_steps(node: &Normal<'_>, entry: &Normal<'_>, nameless: bool) -> Option<Distance> {
    match (&*node.architecture, &*entry.architecture) {
        (own, other) if own != other => None,
        ("arm", _) if nameless => Some((1, 0)),
        _ if node.variant == entry.variant => Some((0, 0)),
        ("arm", _) => steps_down(&node.variant, &entry.variant, 5),
        _ => None,
    }
}

/// From the node's processor to that of the entry, which it may run as well.
fn steps(node: &Normal<'_>, architecture: &str, variant: &str) -> Option<Distance> {
    match (&*node.architecture, architecture) {
        ("arm64", _) => steps_from_arm64(&node.variant, architecture, variant),
        ("amd64", "386") => variant.is_empty().then_some((1, 0)),
        (own, other) if own != other => None,
        _ if node.variant == variant => Some((0, 0)),
        ("amd64", _) => {
            steps_down(&node.variant, if variant.is_empty() { "v1" } else { variant }, 1)
        }
        ("arm", _) => steps_down(&node.variant, variant, 5),
        _ => None,
    }
}

/// From `v4` over `v3` and `v2` to the lowest.
fn steps_down(node: &str, entry: &str, lowest: i64) -> Option<Distance> {
    let node: i64 = node.strip_prefix('v').unwrap_or(node).parse().ok()?;
    let number: i64 = entry.strip_prefix('v')?.parse().ok()?;
    // Not `v03`: the steps are compared as text.
    let reached = (lowest..node).contains(&number) && entry == format!("v{number}");
    reached.then_some((0, node - number))
}

/// `v9.x` runs `v9.x` and lower, then `v8.(x + 5)` and lower; all run 32-bit programs.
fn steps_from_arm64(node: &str, architecture: &str, variant: &str) -> Option<Distance> {
    let (major, minor) = arm64_version(node)?;
    let highest_of_8 = match (major, minor) {
        (8, 0..=9) => minor,
        (9, 0..=7) => (minor + 5).min(9),
        _ => return None,
    };
    match (architecture, variant) {
        ("arm", "v8") => Some((2, 0)),
        ("arm", _) => steps_down("v8", variant, 5).map(|(_, steps)| (2, steps)),
        ("arm64", _) => match arm64_version(variant)? {
            (9, lower) if major == 9 && lower <= minor => Some((0, minor - lower)),
            (8, lower) if lower <= highest_of_8 => Some((1, highest_of_8 - lower)),
            _ => None,
        },
        _ => None,
    }
}

/// Major and minor of a normalised variant: nothing (8.0), `v9`, or `v8.1` to `v9.9`.
fn arm64_version(variant: &str) -> Option<(i64, i64)> {
    match variant.as_bytes() {
        [] => Some((8, 0)),
        b"v9" => Some((9, 0)),
        [b'v', major @ b'8'..=b'9', b'.', minor @ b'1'..=b'9'] => {
            Some((i64::from(major - b'0'), i64::from(minor - b'0')))
        }
        _ => None,
    }
}
