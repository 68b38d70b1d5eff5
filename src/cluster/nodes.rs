//! The cluster's nodes, watched. Never here: what a node is good for (`nodes`).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::Cluster;
use super::watched::Watched;
use crate::facts::Obstacle;
use crate::nodes::{Names, Node};
use crate::telemetry::Metrics;

/// The nodes of a cluster at some moment.
pub type Nodes = Arc<Vec<Arc<Node>>>;

/// Reads nodes; the text that they have in common is kept once.
#[derive(Debug, Default)]
pub(super) struct AllNodes(Names);

impl Watched for AllNodes {
    type Kept = Node;

    const PATH: &'static str = "/api/v1/nodes";
    const PLURAL: &'static str = "nodes";
    const METADATA: bool = false;
    // With their images they are some 20 KiB each.
    const PAGE: usize = 200;
    const LARGEST_PAGE: usize = 64 << 20;
    const MOST: usize = 20_000;
    const WITHOUT: &'static str = "images are not held against the nodes there are";

    fn read(&mut self, json: &str) -> Option<Node> {
        Node::read(json, &mut self.0)
    }

    fn name(node: &Node) -> &str {
        &node.name
    }

    fn tidy(&mut self) {
        self.0.forget_unused();
    }
}

impl Cluster {
    /// The nodes that there are, or why they are not known.
    pub fn nodes(&self) -> Result<Nodes, Obstacle> {
        let nodes = &self.inner.nodes;
        nodes.known().ok_or_else(|| nodes.obstacle())
    }

    /// Reads the nodes once, for [`nodes`](Self::nodes), in a bounded time. What is in the way is
    /// logged.
    pub async fn list_nodes(&self, limit: Duration) {
        self.inner.nodes.list(&self.inner.api, limit).await;
    }

    /// Keeps the nodes up to date, and never ends. `first` is dropped when the first list has
    /// ended, well or badly.
    pub async fn watch_nodes(self, first: oneshot::Sender<()>, metrics: Arc<Metrics>) {
        let inner = &self.inner;
        inner.nodes.follow(&inner.api, inner.options.watch_again, first, &metrics).await;
    }
}
