//! Names to addresses: as the node's resolver would, but always absolute.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hickory_resolver::config::{
    LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver};

/// Why a name has no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResolveError {
    /// DNS says that the name does not exist, or that it has no address.
    NoSuchName,
    /// No name server answered in time.
    TimedOut,
    /// A name server answered with a failure, or could not be asked.
    ServerFailure,
}

/// The addresses of a name, later.
pub type Resolving<'a> = BoxFuture<'a, Result<Vec<SocketAddr>, ResolveError>>;

/// Finds the addresses to dial for `host` and `port`.
///
/// Never called for an IP literal. The port may be replaced, which lets a test or the demo put a
/// server of its own behind a name.
pub trait Resolve: Send + Sync + fmt::Debug {
    /// The addresses in the order in which to try them; never an empty list.
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a>;
}

/// A fixed table of names; every other name does not exist.
#[derive(Debug, Clone, Default)]
pub struct FixedResolver {
    names: HashMap<String, SocketAddr>,
}

impl FixedResolver {
    /// Adds a name, `host` or `host:port`, and where it leads.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, address: SocketAddr) -> Self {
        self.names.insert(name.into(), address);
        self
    }
}

impl Resolve for FixedResolver {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a> {
        let found = self.names.get(&format!("{host}:{port}")).or_else(|| self.names.get(host));
        let answer = found.map(|address| vec![*address]).ok_or(ResolveError::NoSuchName);
        Box::pin(std::future::ready(answer))
    }
}

/// The system's hosts file, then the name servers of its `resolv.conf`.
///
/// Search lists are never used: what resolves only inside a cluster's DNS is not what a node
/// would find.
#[derive(Debug)]
pub(super) struct SystemResolver {
    hosts: Hosts,
    dns: Option<TokioResolver>,
}

/// Answers "no such name" are not kept longer than this: names are created while people watch.
const LONGEST_NEGATIVE: Duration = Duration::from_secs(5);
/// Addresses are not kept longer than this, whatever their records say.
const LONGEST_POSITIVE: Duration = Duration::from_secs(60);
/// Answers kept.
const ANSWERS_KEPT: u64 = 1_024;

impl SystemResolver {
    /// Reads the system's configuration; without a `resolv.conf` the local name server is asked,
    /// as libc does.
    pub(super) fn new() -> Self {
        let (config, mut options) = hickory_resolver::system_conf::read_system_conf()
            .unwrap_or_else(|_| {
                let local = NameServerConfig::udp_and_tcp(IpAddr::V4(Ipv4Addr::LOCALHOST));
                (ResolverConfig::from_name_servers(vec![local]), ResolverOpts::default())
            });
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        // Looked at here, so that a name found there never waits for a name server.
        options.use_hosts_file = ResolveHosts::Never;
        options.cache_size = ANSWERS_KEPT;
        options.positive_max_ttl = Some(LONGEST_POSITIVE);
        options.negative_max_ttl = Some(LONGEST_NEGATIVE);
        let dns = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(options)
            .build()
            .ok();
        Self { hosts: Hosts::from_system().unwrap_or_default(), dns }
    }

    fn in_hosts_file(&self, name: &Name) -> Vec<IpAddr> {
        [RecordType::A, RecordType::AAAA]
            .into_iter()
            .filter_map(|kind| self.hosts.lookup_static_host(&Query::query(name.clone(), kind)))
            .flat_map(|lookup| {
                lookup
                    .answers()
                    .iter()
                    .filter_map(|record| record.data.ip_addr())
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    async fn find(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let mut name = Name::from_ascii(host).map_err(|_| ResolveError::NoSuchName)?;
        name.set_fqdn(true);
        let known = self.in_hosts_file(&name);
        if !known.is_empty() {
            return Ok(known);
        }
        if name.is_localhost() {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        let dns = self.dns.as_ref().ok_or(ResolveError::ServerFailure)?;
        let found = dns.lookup_ip(name).await.map_err(|error| kind_of(&error))?;
        let addresses: Vec<_> = found.iter().collect();
        if addresses.is_empty() { Err(ResolveError::NoSuchName) } else { Ok(addresses) }
    }
}

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a> {
        Box::pin(async move {
            let addresses = self.find(host).await?;
            Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
        })
    }
}

fn kind_of(error: &NetError) -> ResolveError {
    match error {
        NetError::Timeout => ResolveError::TimedOut,
        NetError::Dns(DnsError::NoRecordsFound(none))
            if matches!(none.response_code, ResponseCode::NXDomain | ResponseCode::NoError) =>
        {
            ResolveError::NoSuchName
        }
        NetError::Dns(DnsError::ResponseCode(ResponseCode::NXDomain)) => ResolveError::NoSuchName,
        _ => ResolveError::ServerFailure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fixed_name_leads_where_the_table_says_port_included() {
        let (web, other) = (([127, 0, 0, 1], 4001).into(), ([127, 0, 0, 1], 4002).into());
        let names = FixedResolver::default().with("reg.test", web).with("reg.test:5000", other);
        assert_eq!(names.resolve("reg.test", 443).await, Ok(vec![web]));
        assert_eq!(names.resolve("reg.test", 5000).await, Ok(vec![other]));
        assert_eq!(names.resolve("other.test", 443).await, Err(ResolveError::NoSuchName));
    }

    #[tokio::test]
    async fn localhost_needs_no_name_server() {
        let found = SystemResolver::new().resolve("localhost", 5000).await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 5000));
    }
}
