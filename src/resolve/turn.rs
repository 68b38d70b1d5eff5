//! A flight's turn: a place at the registry, and to be the only one that asks there for its key.
//!
//! A flight that still waits for a place is not joined by other namespaces (`flight`), so that many
//! may wait for the same answer. The first to get a place asks for all of them.

use std::sync::Arc;

use super::flight::{self, Flight};
use super::gate::Permit;
use super::{Key, Shared};
use crate::facts::Outcome;
use crate::registry::Lookup;

/// Waits for the turn of `flight`.
///
/// # Errors
/// The answer that another one has brought in the meantime, or what is said instead of asking now.
pub(super) async fn take<'a>(
    shared: &'a Shared,
    key: &Key,
    flight: &Arc<Flight>,
    lookup: Lookup<'_>,
) -> Result<Permit<'a>, Outcome> {
    let (host, progress) = (key.reference.host(), &flight.work.progress);
    loop {
        let permit = shared.gate.enter(&flight.tenant, host, &shared.lively).await;
        // Before anybody else waits for it: this is for its own namespace alone.
        if let Some(refusal) = shared.client.refusal(lookup).await {
            return Err(flight::known(shared, key, flight).unwrap_or(refusal));
        }
        let leads = |other: &Flight| flight::leads(other, flight);
        let begin = || progress.begin(host);
        let Some(other) = shared.flights.lead(key, flight, leads, begin) else {
            return Ok(permit);
        };
        drop(permit);
        progress.follow(&other.work.progress);
        match other.landed().await {
            Some(outcome) if flight::counts(&other, &outcome, &flight.tenant) => {
                return Err(outcome);
            }
            _ => {}
        }
    }
}
