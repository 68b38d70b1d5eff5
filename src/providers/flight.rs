//! One run under way or waiting for its turn, shared by everybody who wants its answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use tokio::time::Instant;

use super::answers::{Of, registry};
use super::run::{self, Failure};
use super::{Answer, Plugin, Shared};
use crate::credentials::provider::{CacheKeyType, Response};
use crate::flights;

/// A provider and what its answer is expected to hold for.
type Key = (usize, Of);

/// The runs begun.
pub(super) type Flights = flights::Flights<Key, Run, Answer>;

/// One of them.
type Flight = flights::Flight<Run, Answer>;

/// One run.
#[derive(Debug)]
pub(super) struct Run {
    /// The image that the provider is asked about.
    name: Box<str>,
    /// It no longer waits for its turn.
    running: AtomicBool,
}

/// The flight for `key`, begun now if there is none; `None` when too many are under way.
pub(super) fn join_or_start(
    shared: &Arc<Shared>,
    key: Key,
    name: &str,
    tenant: &Arc<str>,
) -> Option<Arc<Flight>> {
    // Nobody waits for the turn of another namespace, which may have used up its share.
    let joins =
        |flight: &Flight| flight.work.running.load(Ordering::Relaxed) || flight.tenant == *tenant;
    let run = Run { name: name.into(), running: AtomicBool::new(false) };
    let index = key.0;
    let fly = |flight| fly(shared.clone(), index, flight);
    shared.flights.join_or_start(key, tenant, joins, run, || Some(fly))
}

impl Run {
    /// Whether this answer says anything about an image: it is the one that was asked about, or
    /// the answer holds for both.
    pub(super) fn says(&self, answer: &Answer, name: &str) -> bool {
        let of_both = |response: &Response| match response.cache_key_type {
            CacheKeyType::Image => false,
            CacheKeyType::Registry => registry(&self.name) == registry(name),
            CacheKeyType::Global => true,
        };
        *self.name == *name || matches!(answer, Answer::Response(response) if of_both(response))
    }
}

async fn fly(shared: Arc<Shared>, index: usize, flight: Arc<Flight>) -> Answer {
    let Run { name, running } = &flight.work;
    let begun = Instant::now();
    // Neither is ever closed.
    let _own = shared.running_of.of(&flight.tenant).acquire_owned().await;
    let _all = shared.running.acquire().await;
    running.store(true, Ordering::Relaxed);
    // While this one waited, another namespace's may have come back.
    let known = shared.answers.get(index, name, Some(begun));
    match (known, shared.plugins.get(index)) {
        (Some((answer, _)), _) => answer,
        (None, Some(plugin)) => shared.run(index, plugin, name).await,
        (None, None) => Answer::Failed,
    }
}

impl Shared {
    /// Runs a provider about an image and keeps its answer.
    async fn run(&self, index: usize, plugin: &Plugin, name: &str) -> Answer {
        let output = run::run(plugin, &self.environment, name, &self.limits).await;
        let response =
            output.and_then(|output| plugin.provider.response(&output).map_err(Failure::Response));
        match response {
            Ok(response) => {
                let key_type = response.cache_key_type;
                *plugin.last.lock().unwrap_or_else(PoisonError::into_inner) = key_type;
                let lifetime = response.cache_duration;
                let answer = Answer::Response(Arc::new(response));
                self.answers.keep(index, Of::new(key_type, name), &answer, lifetime);
                answer
            }
            Err(failure) => {
                if plugin.log.now() {
                    tracing::warn!(
                        provider = plugin.provider.name,
                        error = %failure,
                        "a credential provider failed"
                    );
                }
                let failed_for = self.limits.failed_for;
                self.answers.keep(index, Of::Failure(name.into()), &Answer::Failed, failed_for);
                Answer::Failed
            }
        }
    }
}
