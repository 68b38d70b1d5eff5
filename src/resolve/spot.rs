//! How far one manifest has come, and the entries it leads to: readable at any time by the one
//! whose deadline comes first.

use std::sync::{Arc, Mutex, PoisonError};

use super::flight::Flight;
use crate::facts::{
    Absent, Damage, Descriptor, EntryFact, Outcome, Part, PartFault, Refusal, Trouble, TroubleKind,
};

/// The image itself, or one entry of an index.
pub(super) struct Spot {
    /// Its place in the index, from 0.
    index: usize,
    /// What the index says of it; none for the image itself.
    pub(super) entry: Option<Arc<Descriptor>>,
    state: Mutex<State>,
}

enum State {
    /// Not asked yet.
    Waiting,
    /// Being asked.
    Flying(Arc<Flight>),
    Landed {
        outcome: Outcome,
        entries: Vec<Arc<Spot>>,
    },
}

impl Spot {
    /// The image itself.
    pub(super) fn image() -> Arc<Self> {
        Arc::new(Self { index: 0, entry: None, state: Mutex::new(State::Waiting) })
    }

    /// An entry of an index; one that is not to be asked for needs no descriptor.
    pub(super) fn entry(index: usize, entry: Option<Arc<Descriptor>>) -> Arc<Self> {
        Arc::new(Self { index, entry, state: Mutex::new(State::Waiting) })
    }

    pub(super) fn flies(&self, flight: Arc<Flight>) {
        self.set(State::Flying(flight));
    }

    pub(super) fn landed(&self, outcome: Outcome, entries: Vec<Arc<Spot>>) {
        self.set(State::Landed { outcome, entries });
    }

    fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Whether the registry refused it, or an entry of it.
    pub(super) fn is_refused(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            State::Waiting | State::Flying(_) => false,
            State::Landed { outcome, entries } => {
                matches!(outcome, Outcome::Refused(_))
                    || entries.iter().any(|entry| entry.is_refused())
            }
        }
    }

    /// What is known now; `open` says it of what is under way or not begun.
    pub(super) fn so_far(
        &self,
        open: &impl Fn(Option<&Flight>) -> Outcome,
    ) -> (Outcome, Vec<EntryFact>) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            State::Waiting => (open(None), Vec::new()),
            State::Flying(flight) => (open(Some(flight)), Vec::new()),
            State::Landed { outcome, entries } => {
                let fact = |spot: &Arc<Spot>| {
                    let (outcome, entries) = spot.so_far(open);
                    fact(spot.index, spot.entry.as_deref(), outcome, entries)
                };
                (outcome.clone(), entries.iter().map(fact).collect())
            }
        }
    }
}

/// What is known of an entry. The registry has shown the index to the same credential, so that an
/// absence is damage, and a refusal proves nothing of the credential.
pub(super) fn fact(
    index: usize,
    entry: Option<&Descriptor>,
    outcome: Outcome,
    entries: Vec<EntryFact>,
) -> EntryFact {
    let outcome = match (outcome, entry) {
        (Outcome::Absent(Absent { evidence, .. }), Some(entry)) => Outcome::Broken(Damage {
            part: Part::Manifest,
            digest: entry.digest.clone(),
            fault: PartFault::Missing(evidence),
        }),
        (Outcome::Refused(Refusal { evidence, .. }), Some(entry)) => Outcome::Trouble(Trouble {
            kind: TroubleKind::Error,
            detail: format!(
                "{} for {}, an entry of the index",
                evidence.status,
                entry.digest.short()
            ),
            host: evidence.host,
            waited: None,
            retry_after: None,
        }),
        (outcome, _) => outcome,
    };
    EntryFact { index, outcome, entries }
}
