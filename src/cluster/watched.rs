//! A collection of the cluster's objects, kept up to date: a list in pages, then a watch from where
//! it ended.
//!
//! A loop of our own: kube's holds every object whole, waits for a line of any length, and fails
//! for good on an object that is not of the type it expects. Here whatever fails is tried again
//! with a new list, for as long as the process lives. Never here: what the objects are good for.

mod list;
mod store;
#[cfg(test)]
mod tests;
mod watch;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

pub(super) use self::store::Store;
use self::watch::{Course, Ended};
use super::api::{Api, Failure};
use crate::pause::Pause;
use crate::telemetry::Metrics;

/// A kind of objects that is watched, and what reading them needs to remember.
pub(super) trait Watched: Default + Debug + Send + 'static {
    /// What is kept of one object.
    type Kept: PartialEq + Debug + Send + Sync;

    /// The path of all of them.
    const PATH: &'static str;
    /// What they are called, in a right as in a sentence.
    const PLURAL: &'static str;
    /// Only their metadata is asked for.
    const METADATA: bool;
    /// How many are asked for at a time.
    const PAGE: usize;
    /// The largest page, in bytes.
    const LARGEST_PAGE: usize;
    /// Most of them. More count as some that cannot be read.
    const MOST: usize;
    /// What it means not to know them, to follow a comma.
    const WITHOUT: &'static str;

    /// What is kept of an object; `None` if it says too little of itself, and then what is known of
    /// it stays.
    fn read(&mut self, json: &str) -> Option<Self::Kept>;

    /// The object's name.
    fn name(kept: &Self::Kept) -> &str;

    /// Forgets what none of the objects needs any more.
    fn tidy(&mut self) {}
}

/// All objects of a kind at some moment, by name.
pub(super) type All<W> = Arc<Vec<Arc<<W as Watched>::Kept>>>;

impl<W: Watched> Store<W> {
    /// Reads them once, in a bounded time. What is in the way is logged.
    pub(super) async fn list(&self, api: &Api, limit: Duration) {
        match timeout(limit, list::all(api)).await {
            Ok(Ok(listed)) => self.publish(&listed),
            Ok(Err(failure)) => self.failed(failure),
            Err(_) => self.failed(Failure::Trouble("reading them takes too long".to_owned())),
        }
    }

    /// Keeps them up to date, and never ends. `first` is dropped when the first list has ended,
    /// well or badly; `again` is the first pause before they are asked for again.
    pub(super) async fn follow(
        &self,
        api: &Api,
        again: Duration,
        first: oneshot::Sender<()>,
        metrics: &Metrics,
    ) {
        let mut first = Some(first);
        metrics.watch(W::PLURAL, false);
        let mut course = Course::new(Pause::new(again), metrics);
        loop {
            let ended = match list::all(api).await {
                Err(failure) => Ended::Failed(failure),
                Ok(listed) => {
                    self.publish(&listed);
                    drop(first.take());
                    watch::follow(api, self, listed, &mut course).await
                }
            };
            match ended {
                // An older Kubernetes: there is nothing to be watched.
                Ended::Failed(Failure::Absent) => {
                    self.failed(Failure::Absent);
                    metrics.no_watch(W::PLURAL);
                }
                Ended::Failed(failure) => {
                    self.failed(failure);
                    metrics.watch(W::PLURAL, false);
                }
                Ended::Gone => self.lost(),
            }
            drop(first.take());
            sleep(course.pause.draw()).await;
        }
    }
}
