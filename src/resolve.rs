//! From image and credentials to attempts: cache, single flight, bounds and the deadline.
//!
//! Every question is asked once at a time, whoever wants to know, in a task of its own: a caller
//! that goes away, or whose deadline comes, never stops or restarts the work for the others, and
//! what was begun goes on into the cache. The cache key holds the credential's identity, so no
//! answer given to one credential is ever used for another.
//!
//! What was good stays good for a while where its registry fails (`stale`), and what is in use is
//! asked for again before its time is over (`ahead`).
//!
//! Never here: what an answer means for a pod (`causes`), and how a registry is spoken to
//! (`registry`).

mod ahead;
mod chain;
mod entries;
mod flight;
mod gate;
mod known;
mod lifetime;
mod lively;
mod queue;
mod spot;
mod stale;
mod tries;
mod turn;
mod weight;

use std::sync::Arc;

use tokio::time::Instant;

use crate::credentials::Credential;
use crate::facts::{Attempt, Candidate, CredentialSource, Descriptor};
use crate::image::Reference;
use crate::registry::{CredentialId, Fair, RegistryClient, RequestBudget};
use crate::telemetry::Metrics;

use chain::Chain;
use flight::Flights;
use gate::Gate;
use lifetime::Answer;
use lively::Lively;
use queue::Queue;

/// One image and the credentials that a node would try for it, in its order.
#[derive(Debug, Clone)]
pub struct Question {
    /// The image.
    pub reference: Reference,
    /// Each matching credential and where it came from. Empty means one anonymous attempt.
    pub credentials: Vec<(CredentialSource, Credential)>,
    /// The kinds of nodes that the image is for: of an index, what they would fetch is asked for.
    pub nodes: Arc<[Candidate]>,
    /// The namespace on whose behalf registries are asked; login budgets are its own.
    pub tenant: Arc<str>,
    /// What a tag leads to is looked up again, unless it was a moment ago, and nothing older is
    /// taken instead.
    pub anew: bool,
    /// What registries may still be asked on behalf of the same review.
    pub requests: RequestBudget,
}

impl Question {
    /// The same with other credentials.
    #[must_use]
    pub fn with(&self, credentials: Vec<(CredentialSource, Credential)>) -> Self {
        Self {
            reference: self.reference.clone(),
            credentials,
            nodes: self.nodes.clone(),
            tenant: self.tenant.clone(),
            anew: self.anew,
            requests: self.requests.clone(),
        }
    }
}

/// Bounds of the resolver.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Lookups at one time, over all registries.
    pub lookups: usize,
    /// Lookups at one time at one registry.
    pub lookups_per_registry: usize,
    /// Lookups at one time on behalf of one namespace.
    pub lookups_per_tenant: usize,
    /// Lookups begun and waiting, over all; beyond it new ones are declined at once.
    pub begun: usize,
    /// The same for one namespace.
    pub begun_per_tenant: usize,
    /// Whether namespaces are strangers to each other, so that what one of them makes us ask leaves
    /// room for what others do.
    pub fair: bool,
    /// Bytes of the answers kept: what an index says is foreign text.
    pub answers: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lookups: 64,
            lookups_per_registry: 16,
            lookups_per_tenant: 16,
            begun: 8_192,
            begun_per_tenant: 1_024,
            fair: true,
            answers: 96 * 1024 * 1024,
        }
    }
}

/// What an answer belongs to. The credential's identity is part of it, always.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    reference: Reference,
    credential: CredentialId,
    /// Where it is an entry of an index, what that says of it: another index may say otherwise of
    /// the same digest, and must not be believed for this one.
    entry: Option<Arc<Descriptor>>,
}

/// Resolves images; cheap to clone.
#[derive(Debug, Clone)]
pub struct Resolver {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: RegistryClient,
    answers: Fair<Key, Answer>,
    flights: Arc<Flights>,
    queue: Queue,
    gate: Gate,
    lively: Lively,
    metrics: Arc<Metrics>,
}

impl Resolver {
    /// A resolver that asks through `client`.
    pub fn new(client: RegistryClient, limits: Limits, metrics: Arc<Metrics>) -> Self {
        let shared = Shared {
            client,
            answers: Fair::new(limits.answers, weight::of, lifetime::in_all),
            flights: Flights::new(limits.begun, limits.begun_per_tenant),
            queue: Queue::new(&limits),
            gate: Gate::new(&limits),
            lively: Lively::new(),
            metrics,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Whether the operator told which hosts nodes ask for this image.
    pub async fn mirrors_told(&self, reference: &Reference) -> bool {
        self.shared.client.is_told(reference).await
    }

    /// The attempts for the question, with what is known at `deadline`. What is not finished by
    /// then goes on in the background.
    pub async fn resolve(&self, question: &Question, deadline: Instant) -> Vec<Attempt> {
        match known::attempts(&self.shared, question) {
            Some(attempts) => {
                self.shared.metrics.cache("hit");
                attempts
            }
            None => Chain::new(self.shared.clone(), question.clone()).run_until(deadline).await,
        }
    }
}

#[cfg(test)]
mod tests;
