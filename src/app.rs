//! The composition root: configuration to clients to a [`Gatherer`].
//!
//! Everything that can fail fails here, at start, with what, why and fix.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};

use crate::cluster::{Cluster, ClusterOptions};
use crate::config::{self, Config};
use crate::credentials::{ConfigFormat, DockerConfig};
use crate::facts::Settings;
use crate::gather::Gatherer;
use crate::objects::Objects;
use crate::registry::{AddressRule, ClientConfig, RegistryClient};
use crate::resolve::{Limits, Resolver};
use crate::telemetry::{self, LogFormat, Metrics};

/// The gatherer of `config`; `client` says what only the front knows of the pull client.
pub fn gatherer(
    config: &Config,
    client: ClientConfig,
    objects: Objects,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<Gatherer> {
    let client = RegistryClient::new(client).context("the pull client cannot be set up")?;
    let lookups = config.jobs.get();
    let limits = Limits { lookups, ..Limits::default() };
    Ok(Gatherer {
        objects,
        resolver: Resolver::new(client, limits, metrics.clone()),
        docker_config: config.docker_config.as_deref().map(docker_config).transpose()?,
        policy: Arc::new(config.policy.clone()),
        settings: Settings {
            node_credentials: config.node_credentials.clone(),
            node_mirrors: config.node_mirrors.clone(),
            pull_through: config.pull_through.clone(),
            pod_mutation: config.policy.pod_mutation,
            digest_required: config.policy.mentions("digest-required"),
        },
    })
}

/// The pull client's settings; `loopback` is whether this front may connect to its own machine.
pub fn client_config(config: &Config, loopback: bool) -> anyhow::Result<ClientConfig> {
    let extra_roots_pem = match &config.ca_file {
        None => Vec::new(),
        Some(path) => read(path, "--ca-file")?,
    };
    Ok(ClientConfig {
        extra_roots_pem,
        insecure_hosts: config.insecure_registries.clone(),
        address_rule: AddressRule {
            loopback_allowed: loopback,
            allow: config.allow_addresses.clone(),
            deny: Vec::new(),
        },
        quota_floor: config.quota_floor,
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
