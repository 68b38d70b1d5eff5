//! How a pull client is set up: plain data, with defaults that suit an admission webhook.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::address::AddressRule;
use super::dns::Resolve;
use crate::glob::Glob;
use crate::telemetry::Metrics;

/// Settings of a [`RegistryClient`](super::RegistryClient).
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// PEM bundle of further root certificates, added to the system's; may be empty.
    pub extra_roots_pem: Vec<u8>,
    /// `host[:port]` whose certificate is not checked and which may speak plain HTTP.
    pub insecure_hosts: Vec<String>,
    /// A folder of containerd's `hosts.toml` files, as nodes have it.
    pub certs_d: Option<PathBuf>,
    /// Where requests may go.
    pub address_rule: AddressRule,
    /// Finds addresses; `None` is the system's resolver, without search lists.
    pub resolver: Option<Arc<dyn Resolve>>,
    /// Which proxy to go through.
    pub proxies: ProxyRule,
    /// Bounds on time.
    pub limits: Limits,
    /// Below this share of Docker Hub's pull limit, only HEAD is sent (0.5 is half).
    pub quota_floor: f64,
    /// `host[:port]` of proxy caches: their tag lists say nothing about the upstream registry and
    /// are never asked for, nor are blobs, which they would fetch for us.
    pub pull_through: Vec<Glob>,
    /// Whether an image's config and layers are looked at, and not its manifest alone.
    pub layers: bool,
    /// The `User-Agent` of every request.
    pub user_agent: String,
    /// Where it is counted that hosts fail again and again, if anywhere.
    pub metrics: Option<Arc<Metrics>>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            extra_roots_pem: Vec::new(),
            insecure_hosts: Vec::new(),
            certs_d: None,
            address_rule: AddressRule::default(),
            resolver: None,
            proxies: ProxyRule::Environment,
            limits: Limits::default(),
            quota_floor: 0.5,
            pull_through: Vec::new(),
            layers: true,
            user_agent: concat!("pullcheck/", env!("CARGO_PKG_VERSION")).to_owned(),
            metrics: None,
        }
    }
}

/// Where proxies are named. Values are as in the environment variables of the same names.
#[derive(Clone, PartialEq, Eq)]
pub enum ProxyRule {
    /// `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, as the node's runtime reads them.
    Environment,
    /// These; an empty string is none.
    Fixed { https: String, http: String, no_proxy: String },
    /// None, whatever the environment says.
    Never,
}

impl fmt::Debug for ProxyRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address of a proxy may hold a login.
        f.write_str(match self {
            Self::Environment => "Environment",
            Self::Fixed { .. } => "Fixed { .. }",
            Self::Never => "Never",
        })
    }
}

/// Bounds on time. Each is the longest wait for one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A name's addresses.
    pub dns: Duration,
    /// A TCP connection, all addresses of the name together; a proxy's answer to CONNECT too.
    pub connect: Duration,
    /// A TLS handshake.
    pub tls: Duration,
    /// The first byte of an answer, once the request is on a connection.
    pub headers: Duration,
    /// Any further part of an answer's body.
    pub body: Duration,
    /// For a second look at what is missing, before the tag list. Together they stay below the
    /// 5 s for which an absence counts.
    pub explanation: Duration,
    /// All pages of a tag list, which only improves a message.
    pub tag_list: Duration,
    /// A whole lookup, and a whole login.
    pub total: Duration,
    /// How long what was read of the nodes' files holds; they read them at every pull.
    pub files: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            dns: Duration::from_secs(5),
            connect: Duration::from_secs(5),
            tls: Duration::from_secs(5),
            headers: Duration::from_secs(10),
            body: Duration::from_secs(10),
            explanation: Duration::from_millis(1_500),
            tag_list: Duration::from_secs(3),
            total: Duration::from_secs(30),
            files: Duration::from_secs(5),
        }
    }
}

/// A pull client cannot be made from these settings.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The extra bundle is not PEM, or holds no usable certificate.
    #[error("the bundle of root certificates is unusable: {0}")]
    Roots(String),
    /// The `User-Agent` holds bytes that no header may hold.
    #[error("the user agent is not a valid header value")]
    UserAgent,
    /// The operating system gave no random bytes.
    #[error("no random bytes from the operating system")]
    Random,
    /// The TLS library refuses its own provider.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}
