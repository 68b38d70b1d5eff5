//! What reviews see of the nodes, and what the log is told about it: one line for each change
//! from knowing them to not knowing them and back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

use super::Nodes;
use super::list::Listed;
use crate::cluster::api::Failure;
use crate::nodes::Node;

/// How long the last nodes that were seen stand in while the API server fails.
const OUTLIVES: Duration = Duration::from_secs(600);

/// The nodes that are known.
#[derive(Debug, Default)]
pub(in crate::cluster) struct Store {
    nodes: ArcSwapOption<Vec<Arc<Node>>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the API server last said something about them.
    heard: Option<Instant>,
    /// What the log was last told.
    told: Option<Told>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Known,
    Forbidden,
    Failing,
}

impl Store {
    /// The nodes, where they are known.
    pub(super) fn known(&self) -> Option<Nodes> {
        self.nodes.load_full()
    }

    /// These are the nodes now.
    pub(super) fn publish(&self, listed: &Listed) {
        self.nodes.store(Some(Arc::new(listed.nodes.values().map(Arc::clone).collect())));
        if self.tell(Told::Known) {
            tracing::info!(nodes = listed.nodes.len(), "the cluster's nodes are known");
        }
        self.heard();
    }

    /// The API server still speaks.
    pub(super) fn heard(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.heard = Some(Instant::now());
    }

    /// They cannot be read now. Without the right they are unknown from now on; otherwise the last
    /// that were seen stand in for a while.
    pub(super) fn failed(&self, failure: &Failure) {
        let why = match failure {
            Failure::Forbidden => {
                self.nodes.store(None);
                if self.tell(Told::Forbidden) {
                    tracing::warn!(
                        "pullcheck may not list and watch nodes, so images are not held against \
                         the nodes there are"
                    );
                }
                return;
            }
            Failure::Absent => "API server answered 404",
            Failure::Trouble(why) => why,
        };
        if self.is_stale() {
            self.nodes.store(None);
        }
        if self.tell(Told::Failing) {
            tracing::warn!(why, "the cluster's nodes cannot be read");
        }
    }

    fn is_stale(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.heard.is_none_or(|heard| heard.elapsed() > OUTLIVES)
    }

    /// Whether this is news.
    fn tell(&self, what: Told) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.told.replace(what) != Some(what)
    }
}
