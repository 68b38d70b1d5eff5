//! What of the cluster's own network no image may make us connect to, as it is now: the API server,
//! and the addresses of pods and Services.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::lookup_host;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::cluster::{Cluster, Whose};
use crate::facts::Obstacle;
use crate::pause;
use crate::registry::Reserved;

/// How often the API server's addresses are looked for.
const AGAIN: Duration = Duration::from_secs(60);
/// How long a name is looked for.
const LOOKUP: Duration = Duration::from_secs(5);
/// Any port will do: only the addresses are of interest.
const ANY_PORT: u16 = 443;

/// The network of the cluster.
#[derive(Debug)]
pub struct Network {
    cluster: Cluster,
    /// The API server's hosts by which it is reached, names or addresses.
    hosts: Vec<String>,
    /// Their addresses. Nothing else is there, so all ports are refused.
    fronts: ArcSwap<Vec<IpAddr>>,
    /// Where the API server itself listens: on nodes, which may have registries at other ports.
    endpoints: ArcSwap<Vec<SocketAddr>>,
    /// What the log was told.
    told: Mutex<HashSet<&'static str>>,
}

impl Reserved for Network {
    fn what(&self, to: SocketAddr) -> Option<&'static str> {
        if self.fronts.load().contains(&to.ip()) || self.endpoints.load().contains(&to) {
            return Some("the API server");
        }
        match self.cluster.whose(to.ip())? {
            Whose::Pod => Some("a pod of this cluster"),
            Whose::Service => Some("a Service of this cluster"),
        }
    }
}

impl Network {
    /// What is known without asking. `service` is the API server's Service, as the kubelet tells it
    /// to every pod (`KUBERNETES_SERVICE_HOST`).
    pub fn new(cluster: Cluster, service: Option<String>) -> Self {
        let named = cluster.server().map(str::to_owned);
        let hosts: Vec<String> = named
            .into_iter()
            .chain(service)
            .map(|host| host.trim_start_matches('[').trim_end_matches(']').to_owned())
            .filter(|host| !host.is_empty())
            .collect();
        let fronts = hosts.iter().filter_map(|host| host.parse().ok()).collect();
        Self {
            cluster,
            hosts,
            fronts: ArcSwap::from_pointee(fronts),
            endpoints: ArcSwap::default(),
            told: Mutex::default(),
        }
    }

    /// Looks for the API server's addresses, again and again, and never ends. `first` is dropped
    /// when they were looked for once.
    pub async fn follow(&self, first: oneshot::Sender<()>) {
        let mut first = Some(first);
        loop {
            tokio::join!(self.find_fronts(), self.find_endpoints());
            drop(first.take());
            sleep(pause::drawn(AGAIN)).await;
        }
    }

    /// The addresses of names. Those that were found stay while a name does not resolve.
    async fn find_fronts(&self) {
        let mut found = Vec::new();
        for host in &self.hosts {
            if let Ok(address) = host.parse() {
                found.push(address);
                continue;
            }
            if let Ok(Ok(addresses)) = timeout(LOOKUP, lookup_host((host.as_str(), ANY_PORT))).await
            {
                found.extend(addresses.map(|address| address.ip()));
                continue;
            }
            if self.tell("name") {
                tracing::warn!(
                    server = host,
                    "the API server's name does not resolve, so that addresses it has by now may \
                     not be refused to images"
                );
            }
            found.extend(self.fronts.load().iter());
        }
        self.fronts.store(found.into());
    }

    async fn find_endpoints(&self) {
        match self.cluster.api_endpoints().await {
            Ok(endpoints) => self.endpoints.store(endpoints.into()),
            Err(Obstacle::Forbidden) if self.tell("right") => tracing::warn!(
                "pullcheck may not get the endpointslice kubernetes, so the API server is refused \
                 to images by the address of its Service only"
            ),
            Err(Obstacle::Trouble(why)) if self.tell("endpoints") => tracing::warn!(
                why,
                "the endpointslice kubernetes cannot be read, so the API server is refused to \
                 images by the address of its Service only"
            ),
            Err(_) => {}
        }
    }

    /// Whether this is news to the log.
    fn tell(&self, what: &'static str) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(what)
    }
}
