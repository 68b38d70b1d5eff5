//! One run under way or waiting for its turn, shared by everybody who wants its answer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use super::answers::{Of, registry};
use super::run::{self, Failure};
use super::{Answer, Limits, Plugin, Shared};
use crate::credentials::provider::{CacheKeyType, Response};

/// A provider and what its answer is expected to hold for.
type Key = (usize, Of);

/// The runs begun.
#[derive(Debug)]
pub(super) struct Flights {
    begun: Mutex<Begun>,
    most: usize,
    most_per_tenant: usize,
}

#[derive(Debug, Default)]
struct Begun {
    by_key: HashMap<Key, Arc<Flight>>,
    /// How many each namespace has begun; none is kept at nought.
    by_tenant: HashMap<Arc<str>, usize>,
    all: usize,
}

impl Flights {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            begun: Mutex::default(),
            most: limits.begun,
            most_per_tenant: limits.begun_per_tenant,
        }
    }

    fn begun(&self) -> MutexGuard<'_, Begun> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One run.
#[derive(Debug)]
pub(super) struct Flight {
    /// The image that the provider is asked about.
    name: Box<str>,
    /// On whose behalf.
    tenant: Arc<str>,
    /// It no longer waits for its turn.
    running: AtomicBool,
    answer: watch::Receiver<Option<Answer>>,
}

impl Flight {
    /// The flight for `key`, begun now if there is none; `None` when too many are under way.
    pub(super) fn join_or_start(
        shared: &Arc<Shared>,
        key: Key,
        name: &str,
        tenant: &Arc<str>,
    ) -> Option<Arc<Self>> {
        let mut begun = shared.flights.begun();
        // Nobody waits for the turn of another namespace, which may have used up its share.
        let joined = begun
            .by_key
            .get(&key)
            .filter(|flight| flight.running.load(Ordering::Relaxed) || flight.tenant == *tenant);
        if let Some(flight) = joined {
            return Some(flight.clone());
        }
        let own = begun.by_tenant.get(tenant).copied().unwrap_or_default();
        if begun.all >= shared.flights.most || own >= shared.flights.most_per_tenant {
            return None;
        }
        let (sender, answer) = watch::channel(None);
        let flight = Arc::new(Self {
            name: name.into(),
            tenant: tenant.clone(),
            running: AtomicBool::new(false),
            answer,
        });
        begun.all += 1;
        begun.by_tenant.insert(tenant.clone(), own + 1);
        begun.by_key.insert(key.clone(), flight.clone());
        drop(begun);
        let landing = Landing { shared: shared.clone(), key, flight: flight.clone() };
        tokio::spawn(fly(landing, sender));
        Some(flight)
    }

    /// Waits for the answer.
    pub(super) async fn landed(&self) -> Answer {
        let mut answer = self.answer.clone();
        let landed = answer.wait_for(Option::is_some).await;
        // Without an answer the task has panicked.
        landed.ok().and_then(|answer| answer.clone()).unwrap_or(Answer::Failed)
    }

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

/// Takes the flight off the list however its task ends.
struct Landing {
    shared: Arc<Shared>,
    key: Key,
    flight: Arc<Flight>,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut begun = self.shared.flights.begun();
        begun.all = begun.all.saturating_sub(1);
        if let Some(own) = begun.by_tenant.get_mut(&self.flight.tenant) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                begun.by_tenant.remove(&self.flight.tenant);
            }
        }
        // Another namespace may have begun one of its own in the meantime.
        if begun.by_key.get(&self.key).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight)) {
            begun.by_key.remove(&self.key);
        }
    }
}

async fn fly(landing: Landing, sender: watch::Sender<Option<Answer>>) {
    let answer = answer(&landing).await;
    // Off the list before anybody hears of it: who asks next must not join what is over.
    drop(landing);
    sender.send_replace(Some(answer));
}

async fn answer(landing: &Landing) -> Answer {
    let Landing { shared, key: (index, _), flight } = landing;
    let begun = Instant::now();
    // Neither is ever closed.
    let _own = shared.running_of.of(&flight.tenant).acquire_owned().await;
    let _all = shared.running.acquire().await;
    flight.running.store(true, Ordering::Relaxed);
    // While this one waited, another namespace's may have come back.
    let known = shared.answers.get(*index, &flight.name, Some(begun));
    match (known, shared.plugins.get(*index)) {
        (Some((answer, _)), _) => answer,
        (None, Some(plugin)) => shared.run(*index, plugin, &flight.name).await,
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
