//! The hosts that one lookup may ask, and which of them is worth asking first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::hosts::{Endpoint, Listing};

/// Hosts in the order in which a node asks them for content: all of them, whatever else they may
/// be asked for (containerd's `dockerFetcher.Fetch` filters none).
#[derive(Debug)]
pub(super) struct Crew {
    members: Vec<Member>,
    /// Why no request can be sent to one host that a node would ask.
    out_of_reach: Option<String>,
}

#[derive(Debug)]
struct Member {
    endpoint: Arc<Endpoint>,
    failed: AtomicBool,
}

impl Crew {
    pub(super) fn new(listing: &Listing) -> Self {
        let endpoints = listing.hosts.iter().filter_map(|host| host.endpoint.as_ref().ok());
        let member = |endpoint: &Arc<Endpoint>| Member {
            endpoint: endpoint.clone(),
            failed: AtomicBool::new(false),
        };
        let out_of_reach = listing.hosts.iter().find_map(|host| host.endpoint.as_ref().err());
        Self { members: endpoints.map(member).collect(), out_of_reach: out_of_reach.cloned() }
    }

    /// Why no request can be sent to one host that a node would ask: what the others have not got
    /// may be there.
    pub(super) fn out_of_reach(&self) -> Option<&str> {
        self.out_of_reach.as_deref()
    }

    /// Everybody, in order, but those last that have failed in this lookup: asking them first for
    /// each of many layers would take the time that the others need.
    pub(super) fn in_turn(&self) -> Vec<Arc<Endpoint>> {
        let failed = |member: &&Member| member.failed.load(Ordering::Relaxed);
        let (last, first): (Vec<_>, Vec<_>) = self.members.iter().partition(failed);
        first.into_iter().chain(last).map(|member| member.endpoint.clone()).collect()
    }

    /// Those whom a node asks before this one.
    pub(super) fn before(&self, endpoint: &Arc<Endpoint>) -> Vec<Arc<Endpoint>> {
        let others = self.members.iter().map(|member| &member.endpoint);
        others.take_while(|other| !Arc::ptr_eq(other, endpoint)).cloned().collect()
    }

    /// Whether this is another host of these than `endpoint`.
    pub(super) fn is_another(&self, endpoint: &Arc<Endpoint>, authority: &str) -> bool {
        authority != endpoint.authority.as_str()
            && self.members.iter().any(|member| member.endpoint.authority.as_str() == authority)
    }

    /// This host had no answer, or a no.
    pub(super) fn has_failed(&self, endpoint: &Arc<Endpoint>) {
        for member in self.members.iter().filter(|member| Arc::ptr_eq(&member.endpoint, endpoint)) {
            member.failed.store(true, Ordering::Relaxed);
        }
    }
}
