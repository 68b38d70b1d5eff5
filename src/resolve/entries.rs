//! Which entries of an index are asked for: those that the nodes would fetch, within bounds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::facts::{Candidate, Descriptor, Entry, Outcome, Target, Unchecked};

/// Most entries of one image that are asked for with one credential, over all levels.
const MOST_ENTRIES: usize = 16;
/// Most indexes that lie in each other.
const DEEPEST: usize = 2;

/// What may still be asked for of one image with one credential.
pub(super) struct Room(AtomicUsize);

impl Room {
    pub(super) fn new() -> Self {
        Self(AtomicUsize::new(MOST_ENTRIES))
    }

    fn take(&self) -> bool {
        let take = |left: usize| left.checked_sub(1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// One entry that a node would fetch.
pub(super) struct Wanted {
    /// Its place in the index, from 0.
    pub(super) index: usize,
    /// What is to be asked for; else why it is not.
    pub(super) ask: Result<Arc<Descriptor>, Outcome>,
}

/// What these nodes would fetch of an index that lies in `depth` others, each entry once. Of those
/// beyond a bound there is one, which stands for all.
pub(super) fn wanted(
    nodes: &[Candidate],
    entries: &[Entry],
    depth: usize,
    room: &Room,
) -> Vec<Wanted> {
    let mut indexes: Vec<usize> = Vec::new();
    for index in nodes.iter().flat_map(|node| node.picks(entries)).flatten() {
        if !indexes.contains(&index) {
            indexes.push(index);
        }
        // Enough to know that there are too many.
        if indexes.len() > MOST_ENTRIES {
            break;
        }
    }
    let mut wanted = Vec::with_capacity(indexes.len());
    for index in indexes {
        let Some(entry) = entries.get(index) else { continue };
        let ask = match &entry.target {
            Target::Manifest(manifest) => Ok(Arc::new(manifest.clone())),
            Target::Elsewhere => {
                let platform = entry.platform.clone().map(Box::new);
                Err(Outcome::NotChecked(Unchecked::Elsewhere(platform)))
            }
            Target::Nothing => continue,
        };
        let beyond = if depth >= DEEPEST {
            Some(format!("{DEEPEST} indexes within each other"))
        } else if !room.take() {
            Some(format!("{MOST_ENTRIES} entries of one image"))
        } else {
            None
        };
        if let Some(beyond) = beyond {
            let outcome = Outcome::NotChecked(Unchecked::Budget(beyond));
            wanted.push(Wanted { index, ask: Err(outcome) });
            break;
        }
        wanted.push(Wanted { index, ask });
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Algorithm, Digest, Platform};

    /// Of an index of so many entries for the node, at this depth: what is asked for, and what is
    /// said of the rest.
    fn asked(entries: usize, depth: usize, room: &Room) -> (Vec<usize>, Vec<String>) {
        let platform = Platform::new("linux", "amd64", "");
        let entry = |n: usize| Entry {
            platform: Some(platform.clone()),
            target: Target::Manifest(Descriptor {
                digest: Digest::of(Algorithm::Sha256, &n.to_be_bytes()),
                size: None,
                media_type: String::new(),
            }),
        };
        let entries: Vec<Entry> = (0..entries).map(entry).collect();
        let node = Candidate { platform: platform.clone(), loose: false, runtime: None };
        let (mut asked, mut left) = (Vec::new(), Vec::new());
        for wanted in wanted(&[node], &entries, depth, room) {
            match wanted.ask {
                Ok(_) => asked.push(wanted.index),
                Err(Outcome::NotChecked(Unchecked::Budget(budget))) => left.push(budget),
                Err(other) => panic!("{other:?}"),
            }
        }
        (asked, left)
    }

    #[test]
    fn an_index_within_two_others_is_not_followed_and_one_word_stands_for_all_its_entries() {
        let room = Room::new();
        assert_eq!(asked(2, 0, &room), (vec![0, 1], vec![]));
        assert_eq!(asked(2, 1, &room), (vec![0, 1], vec![]));
        for depth in [2, 3] {
            let left = vec!["2 indexes within each other".to_owned()];
            assert_eq!(asked(2, depth, &room), (vec![], left), "{depth}");
        }
    }

    #[test]
    fn an_entry_that_leads_elsewhere_is_named_and_not_asked_for() {
        let entry = |processor: &str, target: Target| Entry {
            platform: Some(Platform::new("linux", processor, "")),
            target,
        };
        let manifest = Descriptor {
            digest: Digest::of(Algorithm::Sha256, b"x"),
            size: None,
            media_type: String::new(),
        };
        let nameless = Entry { platform: None, target: Target::Elsewhere };
        let entries = [
            entry("arm64", Target::Elsewhere),
            entry("amd64", Target::Manifest(manifest.clone())),
            entry("s390x", Target::Elsewhere),
            nameless,
        ];
        let node = |processor: &str| Candidate {
            platform: Platform::new("linux", processor, ""),
            loose: false,
            runtime: "containerd/1.7".parse().ok(),
        };
        let nodes = [node("amd64"), node("arm64"), node("riscv64")];
        let wanted = wanted(&nodes, &entries, 0, &Room::new());
        let wanted: Vec<_> = wanted.into_iter().map(|entry| (entry.index, entry.ask)).collect();
        let elsewhere = |platform: Option<&Platform>| {
            Err(Outcome::NotChecked(Unchecked::Elsewhere(platform.cloned().map(Box::new))))
        };
        let arm64 = Platform::new("linux", "arm64", "");
        let expected =
            [(1, Ok(Arc::new(manifest))), (0, elsewhere(Some(&arm64))), (3, elsewhere(None))];
        assert_eq!(wanted, expected);
    }

    #[test]
    fn entries_of_all_levels_share_one_bound() {
        let left = || vec!["16 entries of one image".to_owned()];
        assert_eq!(asked(16, 0, &Room::new()), ((0..16).collect(), vec![]));
        assert_eq!(asked(300, 0, &Room::new()), ((0..16).collect(), left()));
        let room = Room::new();
        assert_eq!(asked(10, 0, &room), ((0..10).collect(), vec![]));
        assert_eq!(asked(10, 1, &room), ((0..6).collect(), left()));
    }
}
