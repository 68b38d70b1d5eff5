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
    /// The API server's hosts by which it is reached, names or addresses, each of them once.
    hosts: Vec<String>,
    /// The addresses of each of them. Nothing else is there, so all ports are refused.
    fronts: ArcSwap<Vec<Vec<IpAddr>>>,
    /// Where the API server itself listens: on nodes, which may have registries at other ports.
    endpoints: ArcSwap<Vec<SocketAddr>>,
    /// What the log was told.
    told: Mutex<HashSet<&'static str>>,
}

impl Reserved for Network {
    fn what(&self, to: SocketAddr) -> Option<&'static str> {
        let is_front = self.fronts.load().iter().flatten().any(|front| *front == to.ip());
        if is_front || self.endpoints.load().contains(&to) {
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
        let hosts = hosts(named.into_iter().chain(service));
        let fronts = hosts.iter().map(|host| host.parse().ok().into_iter().collect()).collect();
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
        let known = self.fronts.load_full();
        let mut found = Vec::new();
        for (place, host) in self.hosts.iter().enumerate() {
            if let Ok(address) = host.parse() {
                found.push(vec![address]);
                continue;
            }
            if let Ok(Ok(addresses)) = timeout(LOOKUP, lookup_host((host.as_str(), ANY_PORT))).await
            {
                found.push(addresses.map(|address| address.ip()).collect());
                continue;
            }
            if self.tell("name") {
                tracing::warn!(
                    server = host,
                    "the API server's name does not resolve, so that addresses it has by now may \
                     not be refused to images"
                );
            }
            found.push(known.get(place).cloned().unwrap_or_default());
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

/// Names and addresses without their brackets, each once: pods are told the same in two ways.
fn hosts(told: impl Iterator<Item = String>) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    for host in told {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if !host.is_empty() && !hosts.iter().any(|other| other == host) {
            hosts.push(host.to_owned());
        }
    }
    hosts
}

#[cfg(test)]
mod tests {
    use kube::{Client, Config};

    use super::*;
    use crate::cluster::ClusterOptions;

    /// Refused before any name server is asked.
    const NOWHERE: &str = "no\0name";

    fn network(hosts: &[&str]) -> Network {
        let client = Client::try_from(Config::new("http://127.0.0.1:1".parse().unwrap())).unwrap();
        let cluster = Cluster::from_client(client, ClusterOptions::default());
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        Network { hosts, ..Network::new(cluster, None) }
    }

    #[test]
    fn a_host_that_is_told_twice_is_one() {
        let told = ["10.96.0.1", "[fd00::1]", "", "10.96.0.1", "fd00::1", "api.test"];
        let hosts = hosts(told.into_iter().map(str::to_owned));
        assert_eq!(hosts, ["10.96.0.1", "fd00::1", "api.test"]);
    }

    #[tokio::test]
    async fn what_was_known_of_a_name_that_does_not_resolve_stays_and_does_not_grow() {
        let network = network(&[NOWHERE, "10.96.0.1", "localhost", NOWHERE]);
        let [gone, service] = ["192.0.2.7", "10.96.0.1"].map(|ip| ip.parse::<IpAddr>().unwrap());
        network.fronts.store(vec![vec![gone], vec![service], Vec::new(), Vec::new()].into());
        for _ in 0..12 {
            network.find_fronts().await;
        }
        let fronts = network.fronts.load_full();
        assert_eq!((fronts.len(), &fronts[0], &fronts[1]), (4, &vec![gone], &vec![service]));
        assert!(fronts.concat().len() < 10, "{fronts:?}");
        for address in [gone, service] {
            let at = SocketAddr::new(address, 6443);
            assert_eq!(network.what(at), Some("the API server"), "{address}");
        }
        assert!(fronts[2].iter().all(IpAddr::is_loopback) && !fronts[2].is_empty());
    }
}
