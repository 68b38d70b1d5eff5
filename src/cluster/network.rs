//! The cluster's own network: the ranges of its pods and Services, watched, and the addresses of its
//! API server. Never here: who may go there.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwapOption;
use ipnet::IpNet;
use serde::Deserialize;
use tokio::sync::oneshot;

use super::api::Accept;
use super::watched::{Store, Watched};
use super::{Cluster, names};
use crate::facts::Obstacle;
use crate::nodes::own_range;
use crate::telemetry::Metrics;
use crate::workload::tolerant::{Map, Text, object};

/// The largest EndpointSlice read, in bytes.
const LARGEST_SLICE: usize = 1 << 20;
/// Most endpoints of the API server.
const MOST_ENDPOINTS: usize = 100;
/// Most ranges of one ServiceCIDR: there is one for each family.
const MOST_RANGES: usize = 8;

/// A ServiceCIDR: ranges that Services have their addresses from.
#[derive(Debug, PartialEq)]
pub(super) struct ServiceRanges {
    name: String,
    ranges: Vec<IpNet>,
}

/// Reads ServiceCIDRs.
#[derive(Debug, Default)]
pub(super) struct AllServiceRanges;

impl Watched for AllServiceRanges {
    type Kept = ServiceRanges;

    const PATH: &'static str = "/apis/networking.k8s.io/v1/servicecidrs";
    const PLURAL: &'static str = "servicecidrs";
    const METADATA: bool = false;
    const PAGE: usize = 100;
    const LARGEST_PAGE: usize = 8 << 20;
    const MOST: usize = 1_000;
    const WITHOUT: &'static str = "addresses of Services are not refused to images";

    fn read(&mut self, json: &str) -> Option<ServiceRanges> {
        let Map(read) = serde_json::from_str::<Map<RawServiceCidr<'_>>>(json).ok()?;
        let cidrs = read.spec?.cidrs.into_iter().take(MOST_RANGES);
        let ranges = cidrs.filter_map(|Text(range)| own_range(&range)).collect();
        Some(ServiceRanges { name: Text::non_empty(read.metadata?.name)?, ranges })
    }

    fn name(kept: &ServiceRanges) -> &str {
        &kept.name
    }
}

#[derive(Deserialize)]
struct RawServiceCidr<'a> {
    #[serde(borrow, default, deserialize_with = "object")]
    metadata: Option<Metadata<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    spec: Option<Spec<'a>>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Spec<'a> {
    #[serde(borrow, default)]
    cidrs: Vec<Text<'a>>,
}

/// The ranges of some objects, and whose they are.
type Ranges<W> = (Weak<Vec<Arc<<W as Watched>::Kept>>>, Vec<IpNet>);

/// The ranges of all objects of a kind, merged once for each state of them. What was known last
/// stays while they are not known.
#[derive(Debug)]
pub(super) struct Merged<W: Watched> {
    last: ArcSwapOption<Ranges<W>>,
}

impl<W: Watched> Default for Merged<W> {
    fn default() -> Self {
        Self { last: ArcSwapOption::empty() }
    }
}

impl<W: Watched> Merged<W> {
    fn contains(
        &self,
        store: &Store<W>,
        ranges: impl Fn(&W::Kept) -> &[IpNet],
        address: IpAddr,
    ) -> bool {
        let within = |merged: &[IpNet]| merged.iter().any(|range| range.contains(&address));
        let last = self.last.load();
        let Some(known) = store.known() else {
            return last.as_ref().is_some_and(|last| within(&last.1));
        };
        if let Some(last) = &*last
            && Weak::as_ptr(&last.0) == Arc::as_ptr(&known)
        {
            return within(&last.1);
        }
        let all: Vec<IpNet> = known.iter().flat_map(|kept| ranges(kept)).copied().collect();
        let merged = IpNet::aggregate(&all);
        let is_within = within(&merged);
        self.last.store(Some(Arc::new((Arc::downgrade(&known), merged))));
        is_within
    }
}

/// What an address is in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// That of a pod.
    Pod,
    /// That of a Service.
    Service,
}

impl Cluster {
    /// Whether an address is in a range of pods or Services, as far as these are known.
    pub fn whose(&self, address: IpAddr) -> Option<Whose> {
        let inner = &self.inner;
        if inner.pod_ranges.contains(&inner.nodes, |node| &node.pod_ranges, address) {
            return Some(Whose::Pod);
        }
        let services = &inner.service_ranges;
        inner
            .merged_services
            .contains(services, |kept| &kept.ranges, address)
            .then_some(Whose::Service)
    }

    /// Keeps the ranges of Services up to date, and never ends. `first` is dropped when the first
    /// list has ended, well or badly.
    pub async fn watch_service_ranges(self, first: oneshot::Sender<()>, metrics: Arc<Metrics>) {
        let inner = &self.inner;
        inner.service_ranges.follow(&inner.api, inner.options.watch_again, first, &metrics).await;
    }

    /// Where the API server itself listens, behind the Service `kubernetes`.
    ///
    /// # Errors
    /// The right is missing, or the API server failed.
    pub async fn api_endpoints(&self) -> Result<Vec<SocketAddr>, Obstacle> {
        let inner = &self.inner;
        let limit = inner.options.call_limit;
        let slice =
            inner.api.page(names::API_ENDPOINTS, Accept::Object, LARGEST_SLICE, limit).await?;
        endpoints(&slice).ok_or_else(|| {
            Obstacle::Trouble(
                "API server answered with something that was not asked for".to_owned(),
            )
        })
    }
}

/// The addresses and ports of an EndpointSlice.
fn endpoints(json: &[u8]) -> Option<Vec<SocketAddr>> {
    #[derive(Deserialize)]
    struct Slice {
        #[serde(default)]
        endpoints: Option<Vec<Endpoint>>,
        #[serde(default)]
        ports: Option<Vec<Port>>,
    }
    #[derive(Deserialize)]
    struct Endpoint {
        #[serde(default)]
        addresses: Option<Vec<String>>,
    }
    #[derive(Deserialize)]
    struct Port {
        #[serde(default)]
        port: Option<u16>,
    }
    let Map(slice) = serde_json::from_slice::<Map<Slice>>(json).ok()?;
    let ports: Vec<u16> =
        slice.ports.unwrap_or_default().into_iter().filter_map(|port| port.port).take(8).collect();
    let addresses = slice.endpoints.unwrap_or_default().into_iter();
    let addresses = addresses.flat_map(|endpoint| endpoint.addresses.unwrap_or_default());
    let addresses = addresses.filter_map(|text| text.parse::<IpAddr>().ok()).take(MOST_ENDPOINTS);
    Some(
        addresses.flat_map(|ip| ports.iter().map(move |port| SocketAddr::new(ip, *port))).collect(),
    )
}

#[cfg(test)]
mod tests;
