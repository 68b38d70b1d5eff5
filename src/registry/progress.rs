//! How far a lookup has come, readable by whoever cannot wait for its end.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::time::Instant;

use crate::facts::{Outcome, Trouble, TroubleKind, Unchecked};

tokio::task_local! {
    /// The progress of the lookup that this task works for. A connection that outlives its lookup
    /// is finished in a task without one, and then has nobody to report to.
    static CURRENT: Progress;
}

/// What a lookup is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing yet: it has not started.
    Queued,
    /// The name's addresses.
    Dns,
    /// A TCP connection.
    Connect,
    /// A TLS handshake.
    Tls,
    /// The headers of an answer.
    Request,
    /// The body of an answer.
    Body,
    /// A token, or a turn to log in.
    Login,
}

/// Shared between a lookup and those who wait for it. Cloning shares.
#[derive(Debug, Clone)]
pub struct Progress {
    state: Arc<Mutex<State>>,
    requests: Option<RequestBudget>,
    /// A host was not asked, for what is known of it.
    spared: Arc<AtomicBool>,
}

/// How many requests may still be sent, shared by everything that one review begins.
#[derive(Debug, Clone)]
pub struct RequestBudget {
    total: u32,
    left: Arc<AtomicU32>,
}

impl RequestBudget {
    /// A budget of `total` requests, redirects and logins included.
    pub fn new(total: u32) -> Self {
        Self { total, left: Arc::new(AtomicU32::new(total)) }
    }

    /// Whether both are one and the same budget.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.left, &other.left)
    }

    /// Takes one request from the budget; the budget's size if nothing is left.
    fn spend(&self) -> Result<(), u32> {
        let take = |left: u32| left.checked_sub(1);
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.map(|_| ()).map_err(|_| self.total)
    }
}

#[derive(Debug)]
struct State {
    phase: Phase,
    authority: String,
    since: Instant,
    preliminary: Option<Outcome>,
    absent_since: Option<Instant>,
    /// What is under way side by side for it.
    lanes: Vec<Weak<Mutex<State>>>,
}

impl State {
    fn new() -> Self {
        Self {
            phase: Phase::Queued,
            authority: String::new(),
            since: Instant::now(),
            preliminary: None,
            absent_since: None,
            lanes: Vec::new(),
        }
    }

    fn enter(&mut self, phase: Phase, authority: &str) {
        self.phase = phase;
        self.since = Instant::now();
        if self.authority != authority {
            authority.clone_into(&mut self.authority);
        }
    }

    fn add_lane(&mut self, lane: &Arc<Mutex<State>>) {
        self.lanes.retain(|lane| lane.strong_count() > 0);
        self.lanes.push(Arc::downgrade(lane));
    }

    /// What to say of this wait.
    fn interrupted(&self, now: Instant) -> Outcome {
        let (kind, detail) = match self.phase {
            Phase::Queued => return Outcome::NotChecked(Unchecked::Deadline),
            Phase::Dns => (TroubleKind::Dns, "no answer from DNS"),
            Phase::Tls => (TroubleKind::Tls, "no TLS handshake"),
            Phase::Connect => (TroubleKind::Timeout, "no connection"),
            Phase::Request => (TroubleKind::Timeout, "no answer"),
            Phase::Body => (TroubleKind::Timeout, "no complete answer"),
            Phase::Login => (TroubleKind::Timeout, "no token"),
        };
        Outcome::Trouble(Trouble {
            kind,
            host: self.authority.clone(),
            detail: detail.to_owned(),
            waited: Some(now.saturating_duration_since(self.since)),
            retry_after: None,
        })
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress {
    /// A lookup that has not started.
    pub fn new() -> Self {
        Self { state: Arc::new(Mutex::new(State::new())), requests: None, spared: Arc::default() }
    }

    /// A lookup that has not started, and whose requests are taken from `budget`.
    pub fn within(budget: RequestBudget) -> Self {
        Self { requests: Some(budget), ..Self::new() }
    }

    /// What the lookup is waiting for now.
    pub fn phase(&self) -> Phase {
        self.state().phase
    }

    /// The lookup starts now, with this host.
    pub fn begin(&self, authority: &str) {
        self.state().enter(Phase::Request, authority);
    }

    /// It now waits for what `other` waits for.
    pub fn follow(&self, other: &Self) {
        self.state().add_lane(&other.state);
    }

    /// Whether some host was not asked, for what the lookup's own namespace may know of it: what
    /// could not be seen is then no answer to another's.
    pub fn has_spared(&self) -> bool {
        self.spared.load(Ordering::Relaxed)
    }

    /// When the registry first said that the image is not there, unless it has said otherwise
    /// since. An absence is as old as that, however long its explanation took.
    pub fn absent_since(&self) -> Option<Instant> {
        self.state().absent_since
    }

    /// What to say about an image whose lookup has not ended at a deadline: what is already known,
    /// else which wait it was.
    pub fn at_deadline(&self, now: Instant) -> Outcome {
        let state = self.state();
        if let Some(known) = &state.preliminary {
            return known.clone();
        }
        // Of waits side by side, the longest is what the deadline came for.
        let lanes: Vec<_> = state.lanes.iter().filter_map(Weak::upgrade).collect();
        let lanes = lanes.iter().map(|lane| lane.lock().unwrap_or_else(PoisonError::into_inner));
        let waiting = lanes.filter(|lane| lane.phase != Phase::Queued);
        match waiting.min_by_key(|lane| lane.since) {
            Some(lane) => lane.preliminary.clone().unwrap_or_else(|| lane.interrupted(now)),
            None => state.interrupted(now),
        }
    }

    /// Runs a lookup (or a login on its behalf) whose waits are reported here.
    pub(super) async fn watch<F: Future>(&self, work: F) -> F::Output {
        CURRENT.scope(self.clone(), work).await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The current lookup's progress, to report from a task started on its behalf.
pub(super) fn current() -> Option<Progress> {
    CURRENT.try_with(Progress::clone).ok()
}

/// Runs a part of the current lookup beside others: each of them waits for something else.
pub(super) async fn lane<F: Future>(work: F) -> F::Output {
    let Some(whole) = current() else { return work.await };
    let (requests, spared) = (whole.requests.clone(), whole.spared.clone());
    let lane = Progress { requests, spared, ..Progress::new() };
    whole.state().add_lane(&lane.state);
    CURRENT.scope(lane, work).await
}

/// The current lookup sends a request; the size of its budget if that is used up.
pub(super) fn spend() -> Result<(), u32> {
    CURRENT
        .try_with(|progress| progress.requests.as_ref().map_or(Ok(()), RequestBudget::spend))
        .unwrap_or(Ok(()))
}

/// A host is not asked for the current lookup.
pub(super) fn spared() {
    let _ = CURRENT.try_with(|progress| progress.spared.store(true, Ordering::Relaxed));
}

/// The current lookup now waits for this.
pub(super) fn enter(phase: Phase, authority: &str) {
    let _ = CURRENT.try_with(|progress| progress.state().enter(phase, authority));
}

/// This much is already known, should the current lookup not end in time.
pub(super) fn preliminary(outcome: &Outcome) {
    let _ = CURRENT.try_with(|progress| progress.state().preliminary = Some(outcome.clone()));
}

/// The registry has just said for the first time that the image is not there.
pub(super) fn first_missed() {
    let _ = CURRENT.try_with(|progress| {
        progress.state().absent_since.get_or_insert_with(Instant::now);
    });
}

/// It is there after all: nothing is known any more.
pub(super) fn found_after_all() {
    let _ = CURRENT.try_with(|progress| {
        let mut state = progress.state();
        state.preliminary = None;
        state.absent_since = None;
    });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::facts::ManifestFault;

    #[tokio::test]
    async fn a_deadline_names_the_wait_it_interrupted() {
        for (phase, kind) in [
            (Phase::Dns, TroubleKind::Dns),
            (Phase::Connect, TroubleKind::Timeout),
            (Phase::Tls, TroubleKind::Tls),
            (Phase::Request, TroubleKind::Timeout),
            (Phase::Body, TroubleKind::Timeout),
            (Phase::Login, TroubleKind::Timeout),
        ] {
            let progress = Progress::new();
            progress.watch(async { enter(phase, "reg.test:5000") }).await;
            let later = progress.state().since + Duration::from_secs(3);
            let Outcome::Trouble(trouble) = progress.at_deadline(later) else {
                panic!("{phase:?}")
            };
            assert_eq!(trouble.kind, kind, "{phase:?}");
            assert_eq!(trouble.host, "reg.test:5000");
            assert_eq!(trouble.waited, Some(Duration::from_secs(3)));
        }
    }

    #[tokio::test]
    async fn what_never_started_was_not_checked_and_what_is_known_is_said() {
        let progress = Progress::new();
        let deadline = Outcome::NotChecked(Unchecked::Deadline);
        assert_eq!(progress.at_deadline(Instant::now()), deadline);
        let known = Outcome::Invalid(ManifestFault::Empty);
        progress.watch(async { preliminary(&known) }).await;
        assert_eq!(progress.at_deadline(Instant::now()), known);
    }

    #[tokio::test]
    async fn a_task_without_a_lookup_reports_to_nobody() {
        enter(Phase::Dns, "reg.test");
        assert!(current().is_none());
    }
}
