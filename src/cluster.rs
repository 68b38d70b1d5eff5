//! What the API server knows that a pull depends on: Secrets, ServiceAccounts, a namespace's mode,
//! nodes and RuntimeClasses.
//!
//! Here: one bounded read at a time, on demand, with a short memory. What is not there is never
//! remembered: "it does not exist" is always the answer to a question asked now. Watched are only
//! the nodes, because every review needs all of them, the namespaces, whose labels are to hold at
//! once, and the ranges of Services, which no image may lead to. Events are the one thing that is written. Never here: registries, and what the absence
//! of something means.
//!
//! Needed rights: docs/rights.md.

mod answers;
mod api;
mod connect;
mod events;
mod look;
mod memory;
mod names;
mod namespaces;
mod network;
mod nodes;
mod own;
#[cfg(test)]
mod tests;
mod watched;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use kube::Client;
use tokio::time::Instant;

pub use connect::ConnectError;
pub use events::Posted;
pub use network::Whose;
pub use nodes::Nodes;
pub use own::{OwnError, OwnSecret, ServiceWebhook, WebhookConfiguration};

use self::api::Api;
use self::memory::Memory;
use self::names::{Listed, Resource};
use self::network::{AllServiceRanges, Merged};
use self::watched::Store;
use crate::credentials::SecretState;
use crate::facts::Obstacle;
use crate::nodes::Scheduling;

/// How the cluster is asked.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The longest that one question may take, whatever the caller's deadline.
    pub call_limit: Duration,
    /// For how long a Secret or ServiceAccount that was found is taken as still the same.
    pub found_for: Duration,
    /// For how long a namespace's label, and the list of names to suggest, are.
    pub labels_for: Duration,
    /// For how long a namespace's label or a RuntimeClass is not asked for again after the API
    /// server failed or refused it.
    pub failed_for: Duration,
    /// The first pause before what is watched is asked for again; later ones are longer.
    pub watch_again: Duration,
    /// Memory for what was found, in bytes.
    pub cache_bytes: u64,
    /// Questions at the same time, in all.
    pub concurrency: usize,
    /// Questions at the same time about one namespace.
    pub concurrency_per_namespace: usize,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            call_limit: Duration::from_secs(2),
            found_for: Duration::from_secs(5),
            labels_for: Duration::from_secs(30),
            failed_for: Duration::from_secs(2),
            watch_again: Duration::from_secs(1),
            cache_bytes: 32 << 20,
            concurrency: 64,
            concurrency_per_namespace: 16,
        }
    }
}

/// Whether what was found a moment ago will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// What was found in the last seconds will do.
    Cached,
    /// The API server is asked again, and what it says is remembered instead.
    Fresh,
}

/// What is known of a ServiceAccount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceAccountAnswer {
    /// It exists.
    Present {
        /// Its `imagePullSecrets` in order, without the empty names that the kubelet skips.
        pull_secrets: Vec<String>,
    },
    /// It does not exist.
    Absent {
        /// The nearest name that does, where names may be listed.
        similar: Option<String>,
    },
    /// pullcheck has no right to read it.
    Forbidden,
    /// The API server did not answer; why, in our own words.
    Unreadable(String),
}

/// The cluster. Cheap to clone; clones share what is remembered.
#[derive(Debug, Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
    server: Option<Arc<str>>,
}

#[derive(Debug)]
struct Inner {
    api: Api,
    options: ClusterOptions,
    secrets: Memory<SecretState>,
    accounts: Memory<ServiceAccountAnswer>,
    labels: Memory<ModeLabel>,
    /// Labels that were found once, for when the API server fails.
    last_labels: Memory<namespaces::Asked>,
    names: Memory<Listed>,
    classes: Memory<Result<Scheduling, Obstacle>>,
    /// The log was told that RuntimeClasses cannot be read.
    classes_forbidden: AtomicBool,
    nodes: Store<nodes::AllNodes>,
    namespaces: Store<namespaces::AllNamespaces>,
    service_ranges: Store<AllServiceRanges>,
    pod_ranges: Merged<nodes::AllNodes>,
    merged_services: Merged<AllServiceRanges>,
}

/// What asking for a namespace's mode label came to.
#[derive(Debug, Clone)]
enum ModeLabel {
    Known(Option<String>),
    Unknown(Obstacle),
}

impl Cluster {
    /// The host of the API server, a name or an address, where it was found by configuration.
    pub fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    /// A cluster behind a client that is already there.
    ///
    /// The client must not retry by itself (`default_retry`), or each failure takes the whole limit.
    pub fn from_client(client: Client, options: ClusterOptions) -> Self {
        let bytes = options.cache_bytes;
        let inner = Inner {
            api: Api::new(client, &options),
            secrets: Memory::new(bytes / 2),
            accounts: Memory::new(bytes / 8),
            labels: Memory::new(bytes / 8),
            last_labels: Memory::new(bytes / 8),
            names: Memory::new(bytes / 16),
            classes: Memory::new(bytes / 16),
            classes_forbidden: AtomicBool::new(false),
            nodes: Store::default(),
            namespaces: Store::default(),
            service_ranges: Store::default(),
            pod_ranges: Merged::default(),
            merged_services: Merged::default(),
            options,
        };
        Self { inner: Arc::new(inner), server: None }
    }

    /// What is known of a Secret, asked no longer than until `deadline`.
    ///
    /// A question that outlives its caller goes on, and its answer is remembered.
    pub async fn pull_secret(
        &self,
        namespace: &str,
        name: &str,
        freshness: Freshness,
        deadline: Instant,
    ) -> SecretState {
        let resource = Resource::Secrets;
        let Some(path) = resource.path(namespace, name) else {
            let similar = self.similar(resource, namespace, name, deadline).await;
            return SecretState::Absent { similar };
        };
        let look = look::secret(Arc::clone(&self.inner), namespace.to_owned(), path.clone());
        match self.inner.secrets.read(&path, freshness, deadline, look).await {
            None => SecretState::Unreadable(NO_ANSWER_IN_TIME.to_owned()),
            Some(SecretState::Absent { .. }) => {
                let similar = self.similar(resource, namespace, name, deadline).await;
                SecretState::Absent { similar }
            }
            Some(state) => state,
        }
    }

    /// What is known of a ServiceAccount, asked no longer than until `deadline`.
    pub async fn service_account(
        &self,
        namespace: &str,
        name: &str,
        freshness: Freshness,
        deadline: Instant,
    ) -> ServiceAccountAnswer {
        let resource = Resource::ServiceAccounts;
        let Some(path) = resource.path(namespace, name) else {
            let similar = self.similar(resource, namespace, name, deadline).await;
            return ServiceAccountAnswer::Absent { similar };
        };
        let look =
            look::service_account(Arc::clone(&self.inner), namespace.to_owned(), path.clone());
        match self.inner.accounts.read(&path, freshness, deadline, look).await {
            None => ServiceAccountAnswer::Unreadable(NO_ANSWER_IN_TIME.to_owned()),
            Some(ServiceAccountAnswer::Absent { .. }) => {
                let similar = self.similar(resource, namespace, name, deadline).await;
                ServiceAccountAnswer::Absent { similar }
            }
            Some(answer) => answer,
        }
    }

    /// What a RuntimeClass asks of its nodes, asked no longer than until `deadline`; nothing where
    /// it does not exist. The question counts against this namespace's share.
    pub async fn runtime_class(
        &self,
        namespace: &str,
        name: &str,
        deadline: Instant,
    ) -> Result<Scheduling, Obstacle> {
        let Some(path) = names::runtime_class_path(name) else { return Ok(Scheduling::default()) };
        let look = look::runtime_class(Arc::clone(&self.inner), namespace.to_owned(), path.clone());
        let read = self.inner.classes.read(&path, Freshness::Cached, deadline, look).await;
        read.unwrap_or_else(|| Err(Obstacle::Trouble(NO_ANSWER_IN_TIME.to_owned())))
    }

    /// The name nearest to one that does not exist.
    async fn similar(
        &self,
        resource: Resource,
        namespace: &str,
        name: &str,
        deadline: Instant,
    ) -> Option<String> {
        let path = resource.list_path(namespace)?;
        let look = look::names(Arc::clone(&self.inner), namespace.to_owned(), path.clone());
        let listed = self.inner.names.read(&path, Freshness::Cached, deadline, look).await?;
        listed.nearest(name)
    }
}

const NO_ANSWER_IN_TIME: &str = "API server did not answer before the review's deadline";
