//! The cluster's nodes, kept up to date: a list in pages, then a watch from where it ended.
//!
//! A loop of our own: kube's holds every object whole, waits for a line of any length, and fails
//! for good on an object that is not of the type it expects. Here whatever fails is tried again
//! with a new list, for as long as the process lives. Never here: what a node is good for
//! (`nodes`).

mod list;
mod store;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

pub(super) use self::store::Store;
use self::watch::Ended;
use super::Cluster;
use super::api::Failure;
use crate::nodes::Node;
use crate::pause::Pause;

/// The nodes of a cluster at some moment.
pub type Nodes = Arc<Vec<Arc<Node>>>;

impl Cluster {
    /// The nodes that there are; `None` where nobody looked, or pullcheck may not.
    pub fn nodes(&self) -> Option<Nodes> {
        self.inner.nodes.known()
    }

    /// Reads the nodes once, for [`nodes`](Self::nodes), in a bounded time. What is in the way is
    /// logged.
    pub async fn list_nodes(&self, limit: Duration) {
        let inner = &self.inner;
        match timeout(limit, list::all(&inner.api)).await {
            Ok(Ok(listed)) => inner.nodes.publish(&listed),
            Ok(Err(failure)) => inner.nodes.failed(&failure),
            Err(_) => {
                inner.nodes.failed(&Failure::Trouble("reading them takes too long".to_owned()));
            }
        }
    }

    /// Keeps the nodes up to date, and never ends. `first` is dropped when the first list has
    /// ended, well or badly.
    pub async fn watch_nodes(self, first: oneshot::Sender<()>) {
        let inner = &self.inner;
        let mut first = Some(first);
        let mut pause = Pause::new(inner.options.nodes_again);
        loop {
            let ended = match list::all(&inner.api).await {
                Err(failure) => Ended::Failed(failure),
                Ok(listed) => {
                    inner.nodes.publish(&listed);
                    drop(first.take());
                    watch::follow(&inner.api, &inner.nodes, listed, &mut pause).await
                }
            };
            if let Ended::Failed(failure) = ended {
                inner.nodes.failed(&failure);
            }
            drop(first.take());
            sleep(pause.next()).await;
        }
    }
}
