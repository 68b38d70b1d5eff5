//! Kubernetes Events about pods that a controller makes and no node will run: the only findings
//! that nobody would see, because such pods are admitted without a word and whoever reads the
//! answer is a controller.
//!
//! Here: one Event for each owner, field and cause in an hour, and bounds on how many there are, so that
//! a bad minute of a registry does not flood the API server. A review never waits for any of it.
//! Never here: which findings are worth an Event (`reviewer`), and how it is sent (`cluster`).

mod bounds;
mod object;
mod told;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::cluster::{Cluster, Posted};
use crate::telemetry::Metrics;
use crate::workload::Owner;

use self::bounds::Bounds;
use self::told::Told;

/// Events that wait to be sent; beyond it they are dropped, and counted.
const WAITING: usize = 256;

/// What is to be told, and on which object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The namespace of the pod and of its owner.
    pub namespace: String,
    /// What made the pod.
    pub owner: Owner,
    /// The cause's code.
    pub code: &'static str,
    /// The field that it is about: two containers of a pod are two faults.
    pub field: String,
    /// The finding's line.
    pub message: String,
}

/// The way to the task that sends Events; cheap to clone. The task ends with the last of these.
#[derive(Debug, Clone)]
pub struct Events {
    waiting: mpsc::Sender<Note>,
    metrics: Arc<Metrics>,
}

impl Events {
    /// Starts the task. `instance` is which process reports: the pod's name.
    pub fn start(cluster: Cluster, instance: &str, metrics: Arc<Metrics>) -> Self {
        let (waiting, notes) = mpsc::channel(WAITING);
        let sender = Sender {
            cluster,
            instance: object::instance(instance),
            metrics: metrics.clone(),
            told: Told::default(),
            bounds: Bounds::default(),
            warned: None,
        };
        tokio::spawn(sender.run(notes));
        Self { waiting, metrics }
    }

    /// Tells of it, soon or not at all; never waits.
    pub fn tell(&self, note: Note) {
        if self.waiting.try_send(note).is_err() {
            self.metrics.event("dropped");
        }
    }
}

/// The task's own state.
struct Sender {
    cluster: Cluster,
    instance: String,
    metrics: Arc<Metrics>,
    told: Told,
    bounds: Bounds,
    /// What the log was last told is in the way.
    warned: Option<Posted>,
}

impl Sender {
    async fn run(mut self, mut notes: mpsc::Receiver<Note>) {
        while let Some(note) = notes.recv().await {
            let outcome = self.send(&note, Instant::now()).await;
            self.metrics.event(outcome);
        }
    }

    /// What became of it, as the metric names it.
    async fn send(&mut self, note: &Note, now: Instant) -> &'static str {
        let Some((name, event)) = object::event(note, &self.instance, jiff::Timestamp::now())
        else {
            return "failed";
        };
        if self.told.recently(&note.namespace, &name, now) {
            return "repeated";
        }
        if !self.bounds.allow(&note.namespace, now) {
            return "dropped";
        }
        let posted = self.cluster.post_event(&note.namespace, event).await;
        let outcome = match posted {
            Posted::Created => "created",
            // Another replica's, or this one's from before it was started anew.
            Posted::Exists => "repeated",
            Posted::Forbidden => "forbidden",
            Posted::Failed(_) => "failed",
        };
        if let Posted::Created | Posted::Exists = posted {
            self.told.remember(&note.namespace, name, now);
        }
        self.log(posted);
        outcome
    }

    /// One line for each change of what is in the way.
    fn log(&mut self, posted: Posted) {
        if self.warned.as_ref() == Some(&posted) {
            return;
        }
        match &posted {
            // 403 for a namespace that is being deleted comes and goes; the right is still told of
            // once only.
            Posted::Created | Posted::Exists => return,
            Posted::Forbidden => tracing::warn!(
                "pullcheck may not create Events (ClusterRole pullcheck-events), or a namespace \
                 is being deleted; findings stay in log and metrics"
            ),
            Posted::Failed(why) => tracing::warn!(why, "an Event could not be stored"),
        }
        self.warned = Some(posted);
    }
}
