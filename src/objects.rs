//! Where Secrets, ServiceAccounts and nodes come from: manifests under check, the cluster, both, or
//! neither. What nobody can tell is said to be undecided, never absent.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;

use crate::cluster::{Cluster, Freshness, ServiceAccountAnswer};
use crate::credentials::{DecodedSecret, SecretState};
use crate::facts::{Gaps, Obstacle, ServiceAccountState};
use crate::near_miss::nearest;
use crate::nodes::{self, Demands, Node, Scheduling};
use crate::workload::Workload;

/// Namespace and name.
type Id = (String, String);

/// What the manifests under check bring along.
#[derive(Debug, Default)]
pub struct Manifests {
    /// Secrets, decoded.
    pub secrets: HashMap<Id, DecodedSecret>,
    /// ServiceAccounts and the names of their pull secrets.
    pub service_accounts: HashMap<Id, Vec<String>>,
    /// Nothing exists beyond them: what is not here is absent, not undecided.
    pub whole: bool,
}

/// Where to look, manifests first.
#[derive(Debug, Default)]
pub struct Objects {
    /// The manifests under check.
    pub manifests: Manifests,
    /// The cluster, where one is asked.
    pub cluster: Option<Cluster>,
}

impl Objects {
    /// What is known of a Secret.
    pub async fn secret(
        &self,
        (namespace, name): (&str, &str),
        freshness: Freshness,
        deadline: Instant,
    ) -> SecretState {
        let id = (namespace.to_owned(), name.to_owned());
        if let Some(secret) = self.manifests.secrets.get(&id) {
            return SecretState::Read(secret.clone());
        }
        if let Some(cluster) = &self.cluster {
            return cluster.pull_secret(namespace, name, freshness, deadline).await;
        }
        let similar = similar(&self.manifests.secrets, &id);
        if self.manifests.whole {
            SecretState::Absent { similar }
        } else {
            SecretState::Undecided { similar }
        }
    }

    /// The names of a ServiceAccount's pull secrets, and what is known of it.
    pub async fn service_account(
        &self,
        (namespace, name): (&str, &str),
        freshness: Freshness,
        deadline: Instant,
    ) -> (Vec<String>, ServiceAccountState) {
        let id = (namespace.to_owned(), name.to_owned());
        if let Some(secrets) = self.manifests.service_accounts.get(&id) {
            return (secrets.clone(), ServiceAccountState::Present);
        }
        let Some(cluster) = &self.cluster else {
            let similar = similar(&self.manifests.service_accounts, &id);
            let state = if self.manifests.whole {
                ServiceAccountState::Absent { similar }
            } else {
                ServiceAccountState::Undecided { similar }
            };
            return (Vec::new(), state);
        };
        let state = match cluster.service_account(namespace, name, freshness, deadline).await {
            ServiceAccountAnswer::Present { pull_secrets } => {
                return (pull_secrets, ServiceAccountState::Present);
            }
            ServiceAccountAnswer::Absent { similar } => ServiceAccountState::Absent { similar },
            ServiceAccountAnswer::Forbidden => ServiceAccountState::Forbidden,
            ServiceAccountAnswer::Unreadable(why) => ServiceAccountState::Unreadable(why),
        };
        (Vec::new(), state)
    }

    /// The present nodes that the pods of a workload may land on, and what of the cluster could not
    /// be read for that; `None` where nodes are not known.
    pub async fn eligible_nodes(
        &self,
        workload: &Workload,
        namespace: &str,
        deadline: Instant,
    ) -> (Option<Vec<Arc<Node>>>, Gaps) {
        let mut gaps = Gaps::default();
        let Some(cluster) = &self.cluster else { return (None, gaps) };
        let nodes = match cluster.nodes() {
            Ok(nodes) => nodes,
            Err(obstacle) => {
                gaps.nodes = Some(obstacle);
                return (None, gaps);
            }
        };
        let mut class = Scheduling::default();
        if let Some(name) = &workload.node.runtime_class {
            match cluster.runtime_class(namespace, name, deadline).await {
                Ok(scheduling) => class = scheduling,
                Err(obstacle) => gaps.runtime_class = Some((name.clone(), obstacle)),
            }
        }
        let mut demands = Demands::of(&workload.node, workload.kind, class);
        if gaps.runtime_class.is_some() {
            demands = demands.of_unknown_class();
        }
        (Some(nodes::eligible(&demands, &nodes)), gaps)
    }

    /// The namespace's `pullcheck.dev/mode`, if it has one, or why that is not known. Without a
    /// cluster no namespace has one.
    pub async fn mode_label(
        &self,
        namespace: &str,
        deadline: Instant,
    ) -> Result<Option<String>, Obstacle> {
        match &self.cluster {
            Some(cluster) => cluster.namespace_mode_label(namespace, deadline).await,
            None => Ok(None),
        }
    }

    /// The same as it is now, whatever was known of it a moment ago.
    pub async fn mode_label_now(
        &self,
        namespace: &str,
        deadline: Instant,
    ) -> Result<Option<String>, Obstacle> {
        match &self.cluster {
            Some(cluster) => cluster.namespace_mode_label_now(namespace, deadline).await,
            None => Ok(None),
        }
    }

    /// Whether a namespace exists as far as can be told without asking: not where the cluster's
    /// are watched and it is not among them. Whoever reaches the webhook can name any.
    pub fn may_exist(&self, namespace: &str) -> bool {
        let watched = self.cluster.as_ref().and_then(|cluster| cluster.has_namespace(namespace));
        watched.unwrap_or(true)
    }
}

fn similar<V>(known: &HashMap<Id, V>, (namespace, name): &Id) -> Option<String> {
    let mut names: Vec<&str> =
        known.keys().filter(|(of, _)| of == namespace).map(|(_, name)| name.as_str()).collect();
    names.sort_unstable(); // The map's order must not choose among equals.
    nearest(name, names).map(str::to_owned)
}
