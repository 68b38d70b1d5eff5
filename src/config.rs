//! The configuration: defaults, under a YAML file, under the environment, under flags.
//!
//! A [`Config`] is valid by construction. Whatever is wrong is reported at once, each problem with
//! its line and what would be right. Everything here is pure but `load`, which reads the file and
//! the environment. Never here: what a setting does.

mod flags;
mod load;
mod node_hosts;
mod policy_keys;
mod problem;
mod raw;
mod resolve;
mod settings;
#[cfg(test)]
mod tests;
mod values;

pub use flags::{CheckArgs, CommonArgs, ServeArgs};
pub use problem::{ConfigErrors, Origin, Problem};

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::glob::Glob;
use crate::image::Platform;
use crate::nodes::Runtime;
use crate::policy::Policy;

/// Which front runs, with its own flags.
#[derive(Debug, Clone)]
pub enum Front {
    /// `serve`, and `demo` with no flags.
    Serve(ServeArgs),
    /// `check`.
    Check(CheckArgs),
}

/// Everything an operator can set.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// What is done about what is found.
    pub policy: Policy,
    /// How long one review may take where the API server says nothing, and one object of `check`.
    pub timeout: Duration,
    /// Images looked at together, in all.
    pub jobs: NonZeroUsize,
    /// PEM certificates added to the system's roots for registries.
    pub ca_file: Option<PathBuf>,
    /// `host[:port]` where certificates are not checked and plain HTTP is tried.
    pub insecure_registries: Vec<String>,
    /// A docker `config.json` that stands for what nodes log in with.
    pub docker_config: Option<PathBuf>,
    /// What nodes' kubelets run to log in.
    pub credential_providers: Option<ProviderFiles>,
    /// A folder of containerd's `hosts.toml` files, as nodes have it.
    pub certs_d: Option<PathBuf>,
    /// Address ranges that `serve` would refuse to connect to.
    pub allow_addresses: Vec<IpNet>,
    /// Hosts that nodes log in to by themselves.
    pub node_credentials: Vec<Glob>,
    /// Hosts that nodes reach through mirrors that pullcheck was not told of.
    pub node_mirrors: Vec<Glob>,
    /// What platforms the nodes have; empty where nobody says.
    pub platforms: Vec<Platform>,
    /// What container runtimes they have, likewise.
    pub runtimes: Vec<Runtime>,
    /// Bytes of an image's layers, compressed, above which it is too large.
    pub max_image_size: Option<u64>,
    /// Hosts that are pull-through caches.
    pub pull_through: Vec<Glob>,
    /// Share of Docker Hub's limit (0 to 1) below which manifests are not fetched.
    pub quota_floor: f64,
    /// How far an image is looked at.
    pub depth: Depth,
    /// How logs are written.
    pub log_format: LogFormat,
    /// How to reach the API server; in-cluster, then the usual kubeconfig rules without it.
    pub kubeconfig: Option<PathBuf>,
    /// What only `serve` uses.
    pub serve: ServeConfig,
    /// What only `check` uses.
    pub check: CheckConfig,
}

/// What only `serve` uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeConfig {
    /// Where the webhook listens.
    pub listen: SocketAddr,
    /// Where probes and metrics listen, without TLS.
    pub metrics_listen: SocketAddr,
    /// Where the serving certificate is from.
    pub tls: Option<TlsSource>,
    /// Address ranges that registries are not looked for in.
    pub deny_addresses: Vec<IpNet>,
    /// Ports that registries may have, at least one.
    pub registry_ports: Vec<RangeInclusive<u16>>,
    /// Whether no API server is asked.
    pub no_cluster: bool,
    /// Whether Kubernetes Events tell of pods that only the audit sees.
    pub events: bool,
}

/// Where the serving certificate is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsSource {
    /// Files, which somebody else renews.
    Files(TlsFiles),
    /// A Secret, in which pullcheck keeps an authority and a certificate of its own.
    Secret(TlsSecret),
}

/// A certificate that pullcheck keeps itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSecret {
    /// The Secret's namespace.
    pub namespace: String,
    /// The Secret's name.
    pub name: String,
    /// The names in the certificate, at least one.
    pub hosts: Vec<String>,
    /// The ValidatingWebhookConfiguration that is to name the authority.
    pub webhook_configuration: String,
}

/// A certificate chain and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the leaf first.
    pub cert: PathBuf,
    /// The leaf's private key.
    pub key: PathBuf,
}

/// The kubelet's credential providers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderFiles {
    /// A `CredentialProviderConfig`, or a folder of them.
    pub config: PathBuf,
    /// The folder with their executables.
    pub bin_dir: PathBuf,
}

/// What only `check` uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckConfig {
    /// How the result is printed.
    pub output: Output,
    /// The namespace of objects that name none.
    pub namespace: String,
    /// Whether secrets and service accounts are read from the cluster too.
    pub cluster: bool,
}

/// How far an image is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// Its manifest.
    Manifest,
    /// Its config and layers too.
    #[default]
    Layers,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// How `check` prints its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Output {
    /// For people.
    #[default]
    Human,
    /// The JSON document of the contract.
    Json,
}

/// The default of a flag, named without its dashes, for the help of one of the fronts.
pub fn default_of(flag: &str, serving: bool) -> Option<&'static str> {
    settings::default_of(flag, serving)
}

impl Config {
    /// Reads the file named by `--config`, if one is, and puts environment and flags over it.
    pub fn load(common: &CommonArgs, front: &Front) -> Result<Self, ConfigErrors> {
        load::load(common, front)
    }
}
