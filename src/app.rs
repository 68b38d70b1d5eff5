//! The composition root: configuration to clients to a [`Gatherer`].
//!
//! Everything that can fail fails here, at start, with what, why and fix.

mod network;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};

pub use self::network::Network;

use crate::cluster::{Cluster, ClusterOptions};
use crate::config::{self, Config};
use crate::credentials::{ConfigFormat, DockerConfig};
use crate::events::Events;
use crate::facts::Settings;
use crate::gather::Gatherer;
use crate::glob::{Glob, RegistryGlob};
use crate::objects::Objects;
use crate::providers::{self, Providers};
use crate::registry::{AddressRule, ClientConfig, RegistryClient, Reserved};
use crate::resolve::{Limits, Resolver};
use crate::telemetry::{self, LogFormat, Metrics};

/// The gatherer of `config`; `client` says what only the front knows of the pull client, `fair`
/// whether namespaces are strangers to each other.
pub fn gatherer(
    config: &Config,
    client: ClientConfig,
    objects: Objects,
    metrics: &Arc<Metrics>,
    fair: bool,
) -> anyhow::Result<Gatherer> {
    let client = ClientConfig { metrics: Some(metrics.clone()), ..client };
    let client = RegistryClient::new(client).context("the pull client cannot be set up")?;
    // One namespace must not keep the others from looking; `check` has only its user's own.
    let lookups = config.jobs.get();
    let lookups_per_tenant = if fair { lookups.div_ceil(4) } else { lookups };
    let limits = Limits { lookups, lookups_per_tenant, fair, ..Limits::default() };
    Ok(Gatherer {
        objects,
        resolver: Resolver::new(client, limits, metrics.clone()),
        docker_config: config.docker_config.as_deref().map(docker_config).transpose()?,
        providers: providers(config, fair)?,
        policy: Arc::new(config.policy.clone()),
        settings: Settings {
            node_credentials: config.node_credentials.clone(),
            node_mirrors: config.node_mirrors.clone(),
            pull_through: config.pull_through.clone(),
            pod_mutation: config.policy.pod_mutation,
            platforms: config.platforms.clone(),
            runtimes: config.runtimes.clone(),
            max_image_size: config.max_image_size,
            digest_required: config.policy.mentions("digest-required"),
        },
    })
}

/// The metrics, with a label for each registry that the configuration names.
pub fn metrics(config: &Config) -> Metrics {
    let allowed = config.policy.allowed_registries.iter().map(RegistryGlob::host).cloned();
    let insecure = config.insecure_registries.iter().map(|host| Glob::new(host));
    let others = [&config.pull_through, &config.node_mirrors, &config.node_credentials];
    Metrics::for_hosts(
        insecure.chain(allowed).chain(others.into_iter().flatten().cloned()).collect(),
    )
}

/// Where Events go, if they are asked for. Names this process by its host, which is its pod.
pub fn events(
    config: &Config,
    cluster: Option<&Cluster>,
    metrics: &Arc<Metrics>,
) -> Option<Events> {
    let cluster = cluster.filter(|_| config.serve.events)?;
    let instance = std::env::var("HOSTNAME").unwrap_or_default();
    Some(Events::start(cluster.clone(), &instance, metrics.clone()))
}

/// On whose behalf registries are asked, which decides where requests may go.
#[derive(Debug)]
pub enum Behalf {
    /// That of whoever started the process: it may connect to its own machine.
    Oneself,
    /// That of everybody who may create a pod; nobody of them may reach the cluster's own network
    /// through us.
    Strangers(Option<Arc<Network>>),
}

/// Where requests may go.
fn address_rule(config: &Config, behalf: Behalf) -> AddressRule {
    let allow = config.allow_addresses.clone();
    match behalf {
        Behalf::Oneself => AddressRule { loopback_allowed: true, allow, ..AddressRule::default() },
        Behalf::Strangers(network) => AddressRule {
            loopback_allowed: false,
            allow,
            deny: config.serve.deny_addresses.clone(),
            ports: config.serve.registry_ports.clone(),
            reserved: network.map(|network| network as Arc<dyn Reserved>),
        },
    }
}

/// The pull client's settings, of which `behalf` is what only the front knows.
pub fn client_config(config: &Config, behalf: Behalf) -> anyhow::Result<ClientConfig> {
    let extra_roots_pem = match &config.ca_file {
        None => Vec::new(),
        Some(path) => read(path, "--ca-file")?,
    };
    if let Some(folder) = &config.certs_d {
        let told = || format!("--certs-d {} cannot be read", folder.display());
        std::fs::read_dir(folder).with_context(told)?;
    }
    Ok(ClientConfig {
        extra_roots_pem,
        insecure_hosts: config.insecure_registries.clone(),
        certs_d: config.certs_d.clone(),
        address_rule: address_rule(config, behalf),
        quota_floor: config.quota_floor,
        pull_through: config.pull_through.clone(),
        layers: config.depth == config::Depth::Layers,
        ..ClientConfig::default()
    })
}

/// Logging as configured.
pub fn log(config: &Config) -> anyhow::Result<()> {
    let format = match config.log_format {
        config::LogFormat::Json => LogFormat::Json,
        config::LogFormat::Text => LogFormat::Text,
    };
    Ok(telemetry::init(format)?)
}

/// The cluster, by `--kubeconfig`, in-cluster, or the usual kubeconfig rules.
pub async fn cluster(config: &Config) -> anyhow::Result<Cluster> {
    Cluster::connect(config.kubeconfig.as_deref(), ClusterOptions::default())
        .await
        .context("no API server is known; give --kubeconfig, or do without a cluster")
}

/// The nodes' credential providers, if they were given.
fn providers(config: &Config, fair: bool) -> anyhow::Result<Option<Providers>> {
    let Some(files) = &config.credential_providers else { return Ok(None) };
    let mut limits = providers::Limits::default();
    if !fair {
        limits.runs_per_tenant = limits.runs;
        limits.begun_per_tenant = limits.begun;
        // One that outlives its object would take the place of another object's.
        limits.time = limits.time.min(config.timeout);
    }
    Ok(Some(providers::load(&files.config, &files.bin_dir, limits)?))
}

fn docker_config(path: &Path) -> anyhow::Result<DockerConfig> {
    let bytes = read(path, "--docker-config")?;
    match DockerConfig::decode(ConfigFormat::DockerConfigJson, &bytes) {
        Ok(config) => Ok(config),
        Err(error) => bail!("--docker-config {}: {error}", path.display()),
    }
}

fn read(path: &Path, flag: &str) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{flag} {} cannot be read", path.display()))
}
