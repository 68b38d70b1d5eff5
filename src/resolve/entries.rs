//! Which entries of an index are asked for: those that the nodes would fetch, within bounds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::facts::{Candidate, Descriptor, Entry, Outcome, Unchecked};

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
        let Some(target) = entries.get(index).and_then(|entry| entry.target.as_ref()) else {
            continue;
        };
        let beyond = if depth >= DEEPEST {
            Some(format!("{DEEPEST} indexes within each other"))
        } else if !room.take() {
            Some(format!("{MOST_ENTRIES} entries of one image"))
        } else {
            None
        };
        let Some(beyond) = beyond else {
            wanted.push(Wanted { index, ask: Ok(Arc::new(target.clone())) });
            continue;
        };
        let outcome = Outcome::NotChecked(Unchecked::Budget(beyond));
        wanted.push(Wanted { index, ask: Err(outcome) });
        break;
    }
    wanted
}
