//! What reviews see of what is watched, and what the log is told about it: one line for each
//! change from knowing it to not knowing it and back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

use super::list::Listed;
use super::{All, Watched};
use crate::cluster::api::Failure;
use crate::facts::Obstacle;

/// How long the last objects that were seen stand in while the API server fails.
const OUTLIVES: Duration = Duration::from_secs(600);
/// A watch that has been silent for so long may be one that is gone without a word: the API server
/// sends a bookmark every minute.
const SILENT: Duration = Duration::from_secs(150);

/// The objects that are known.
#[derive(Debug)]
pub(in crate::cluster) struct Store<W: Watched> {
    objects: ArcSwapOption<Vec<Arc<W::Kept>>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the API server last said something about them.
    heard: Option<Instant>,
    /// How the last attempt to read them ended.
    ended: Option<Result<(), Obstacle>>,
    /// What the log was last told.
    told: Option<Told>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Known,
    Forbidden,
    Absent,
    Failing,
}

impl<W: Watched> Default for Store<W> {
    fn default() -> Self {
        Self { objects: ArcSwapOption::empty(), state: Mutex::default() }
    }
}

impl<W: Watched> Store<W> {
    /// The objects, where they are known.
    pub(in crate::cluster) fn known(&self) -> Option<All<W>> {
        self.objects.load_full()
    }

    /// The objects, where they are known as they are now and not as they once were.
    pub(in crate::cluster) fn current(&self) -> Option<All<W>> {
        let state = self.state();
        let silent = state.heard.is_none_or(|heard| heard.elapsed() > SILENT);
        let works = matches!(state.ended, Some(Ok(()))) && !silent;
        drop(state);
        self.known().filter(|_| works)
    }

    /// When the API server last said something about them.
    pub(in crate::cluster) fn last_heard(&self) -> Option<Instant> {
        self.state().heard
    }

    /// Why they are not known, where they are not.
    pub(in crate::cluster) fn obstacle(&self) -> Obstacle {
        match &self.state().ended {
            Some(Err(obstacle)) => obstacle.clone(),
            _ => Obstacle::Trouble("they have not been read yet".to_owned()),
        }
    }

    /// These are the objects now.
    pub(super) fn publish(&self, listed: &Listed<W>) {
        self.objects.store(Some(Arc::new(listed.objects.values().map(Arc::clone).collect())));
        let mut state = self.state();
        state.heard = Some(Instant::now());
        state.ended = Some(Ok(()));
        // Where lists are answered and watches are not, the log would be told back and forth.
        let failing = state.told.is_some_and(|told| told != Told::Known);
        drop(state);
        if !failing {
            self.is_watched();
        }
    }

    /// They can be read as they are, and as they will be.
    pub(super) fn is_watched(&self) {
        if self.tell(Told::Known) {
            let count = self.known().map_or(0, |known| known.len());
            tracing::info!(count, "the cluster's {} are known", W::PLURAL);
        }
    }

    /// The API server still speaks.
    pub(super) fn heard(&self) {
        self.state().heard = Some(Instant::now());
    }

    /// What changes is not heard of until the next list.
    pub(super) fn lost(&self) {
        self.state().ended = None;
    }

    /// They cannot be read now. Without the right they are unknown from now on; otherwise the last
    /// that were seen stand in for a while.
    pub(super) fn failed(&self, failure: Failure) {
        let absent = failure == Failure::Absent;
        let obstacle = Obstacle::from(failure);
        let stale = self.state().heard.is_none_or(|heard| heard.elapsed() > OUTLIVES);
        if stale || obstacle == Obstacle::Forbidden {
            self.objects.store(None);
        }
        self.state().ended = Some(Err(obstacle.clone()));
        match obstacle {
            Obstacle::Forbidden if self.tell(Told::Forbidden) => {
                tracing::warn!("pullcheck may not list and watch {}, so {}", W::PLURAL, W::WITHOUT);
            }
            Obstacle::Trouble(_) if absent && self.tell(Told::Absent) => {
                tracing::info!("this cluster has no {}, so {}", W::PLURAL, W::WITHOUT);
            }
            Obstacle::Trouble(why) if !absent && self.tell(Told::Failing) => {
                tracing::warn!(why, "the cluster's {} cannot be read", W::PLURAL);
            }
            _ => {}
        }
    }

    /// Whether this is news to the log.
    fn tell(&self, what: Told) -> bool {
        self.state().told.replace(what) != Some(what)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
