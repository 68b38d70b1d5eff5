//! The client's composition, and the outermost layer of a lookup: what is remembered, and its end
//! in time.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tokio::time::{Instant, timeout};

use super::auth::Auth;
use super::breaker::Breakers;
use super::config::{BuildError, ClientConfig};
use super::connect::{Parts, Proxies};
use super::dns::SystemResolver;
use super::fair::Fair;
use super::hosts::Hosts;
use super::identity::{CredentialId, Identities};
use super::memory::Memory;
use super::progress::{Phase, Progress, enter};
use super::scheme::{Schemes, TOO_LONG, is_too_long};
use super::session::Remembered;
use super::tls::TlsConfigs;
use super::transport::Transport;
use super::trouble::trouble;
use super::walk;
use super::way_in::WaysIn;
use super::who::Who;
use crate::credentials::Credential;
use crate::facts::{Descriptor, Outcome, TroubleKind, Unchecked};
use crate::glob::Glob;
use crate::image::Reference;

/// How long a repository's challenge is remembered.
const CHALLENGE: Duration = Duration::from_secs(10 * 60);
/// Bytes of challenges remembered.
const CHALLENGES: u64 = 4 * 1024 * 1024;

/// One question to a registry.
#[derive(Debug, Clone, Copy)]
pub struct Lookup<'a> {
    /// The image.
    pub reference: &'a Reference,
    /// What to log in with if the registry asks; `None` is anonymous.
    pub credential: Option<&'a Credential>,
    /// The namespace on whose behalf, for the login budgets.
    pub tenant: &'a str,
    /// Where it is an entry of an index, what the index says of it: a node asks for that by
    /// digest with GET alone. The reference then has its digest.
    pub entry: Option<&'a Descriptor>,
}

/// Asks registries what a node would ask them. Cloning shares everything.
#[derive(Debug, Clone)]
pub struct RegistryClient {
    shared: Arc<Shared>,
}

/// What all lookups share. Nothing in it is handed from one credential to another.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) transport: Arc<Transport>,
    pub(super) auth: Arc<Auth>,
    pub(super) hosts: Hosts,
    pub(super) breakers: Arc<Breakers>,
    /// By registry host and repository.
    pub(super) challenges: Fair<(String, String), Remembered>,
    pub(super) ways_in: WaysIn,
    pub(super) memory: Memory,
    pub(super) quota_floor: f64,
    pub(super) pull_through: Vec<Glob>,
    /// Whether configs and layers are looked at.
    pub(super) layers: bool,
    identities: Identities,
}

impl RegistryClient {
    /// A client with these settings, and empty memories.
    pub fn new(config: ClientConfig) -> Result<Self, BuildError> {
        let parts = Parts {
            resolver: config.resolver.unwrap_or_else(|| Arc::new(SystemResolver::new())),
            address_rule: config.address_rule,
            tls: TlsConfigs::new(&config.extra_roots_pem)?,
            schemes: Arc::new(Schemes::new(&config.insecure_hosts)),
            proxies: Arc::new(Proxies::new(&config.proxies)),
            limits: config.limits,
        };
        let user_agent =
            HeaderValue::from_str(&config.user_agent).map_err(|_| BuildError::UserAgent)?;
        let transport = Arc::new(Transport::new(parts, user_agent));
        let shared = Shared {
            auth: Arc::new(Auth::new(transport.clone())),
            hosts: Hosts::new(config.certs_d, config.limits.files),
            breakers: Arc::new(Breakers::new(config.metrics)),
            transport,
            challenges: Fair::new(
                CHALLENGES,
                |(host, repository): &(String, String), seen: &Remembered| {
                    host.len() + repository.len() + seen.size()
                },
                |_| CHALLENGE,
            ),
            ways_in: WaysIn::new(),
            memory: Memory::new(),
            quota_floor: config.quota_floor,
            pull_through: config.pull_through,
            layers: config.layers,
            identities: Identities::new().map_err(|_| BuildError::Random)?,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// A key for what was learnt with this credential. Valid in this client only.
    pub fn credential_id(&self, credential: Option<&Credential>) -> CredentialId {
        self.shared.identities.credential(credential)
    }

    /// Whether the operator's own tree says which hosts nodes ask for this image.
    pub async fn is_told(&self, reference: &Reference) -> bool {
        let listed = self.shared.hosts.of(reference, &self.shared.transport).await;
        listed.is_ok_and(|listing| listing.told)
    }

    /// What is said instead of asking now: every host that a node would ask fails too often to be
    /// asked for this, or wants to be left alone.
    pub async fn refusal(&self, lookup: Lookup<'_>) -> Option<Outcome> {
        let shared = &self.shared;
        let listing = shared.hosts.of(lookup.reference, &shared.transport).await.ok()?;
        let who = Who::new(lookup.tenant, lookup.credential, &shared.identities);
        walk::refusal(shared, lookup.reference, &listing, &who)
    }

    /// Asks, and reports to `progress` on the way. Ends by itself within the total limit.
    pub async fn lookup(&self, lookup: Lookup<'_>, progress: &Progress) -> Outcome {
        let limit = self.shared.transport.limits.total;
        // It is still there when the time is up, and what it waits for with it. Off the stack: it is
        // large, and whoever waits holds it.
        let mut work = Box::pin(progress.watch(self.shared.lookup(lookup)));
        if let Ok(outcome) = timeout(limit, &mut work).await {
            return outcome;
        }
        progress.run_out_of_time();
        progress.at_deadline(Instant::now())
    }
}

impl Shared {
    async fn lookup(self: &Arc<Self>, lookup: Lookup<'_>) -> Outcome {
        if is_too_long(lookup.reference.host()) {
            return trouble(TroubleKind::Dns, lookup.reference.host(), TOO_LONG);
        }
        enter(Phase::Request, lookup.reference.host());
        let who = Who::new(lookup.tenant, lookup.credential, &self.identities);
        match self.hosts.of(lookup.reference, &self.transport).await {
            Ok(listing) => match lookup.entry {
                None => walk::image(self, lookup.reference, &listing, &who).await,
                Some(entry) => walk::entry(self, lookup.reference, entry, &listing, &who).await,
            },
            Err(why) => Outcome::NotChecked(Unchecked::NodeFiles(why.to_string())),
        }
    }
}
