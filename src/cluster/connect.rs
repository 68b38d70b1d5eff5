//! Which API server, and as whom: a named kubeconfig, else the pod's own ServiceAccount, else the
//! usual kubeconfig.
//!
//! Errors are in our own words: those of the parser quote the kubeconfig, and it holds tokens.

use std::future::Future;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError, LoadDataError};
use kube::{Client, Config};
use thiserror::Error;

use super::{Cluster, ClusterOptions};

/// Why there is no cluster to ask. One line: what, why and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConnectError {
    /// The kubeconfig that was named cannot be used.
    #[error("kubeconfig {}: {why}; correct the file or name another with --kubeconfig", .path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Neither a pod's ServiceAccount nor a kubeconfig was found.
    #[error(
        "no cluster found: not in a pod ({in_cluster}), and no usable kubeconfig ({kubeconfig}); \
         name one with --kubeconfig, or run without a cluster"
    )]
    NoCluster {
        /// Why the pod's own ServiceAccount cannot be used.
        in_cluster: String,
        /// Why no kubeconfig can be used.
        kubeconfig: String,
    },
    /// What was found makes no client.
    #[error("no client for the API server at {server}: {why}; correct the kubeconfig")]
    Client {
        /// The API server's host.
        server: String,
        /// Why not.
        why: String,
    },
}

impl Cluster {
    /// Finds the cluster and makes a client; nothing is asked yet.
    ///
    /// `kubeconfig` is the file that `--kubeconfig` names. Without it the pod's own ServiceAccount
    /// comes first, then `KUBECONFIG` and `~/.kube/config`.
    pub async fn connect(
        kubeconfig: Option<&Path>,
        options: ClusterOptions,
    ) -> Result<Self, ConnectError> {
        let config = match kubeconfig {
            Some(path) => named(path).await?,
            None => first_of(Config::incluster, usual()).await?,
        };
        let server = config.cluster_url.host().map(Into::into);
        let client = client(config, &options).await?;
        Ok(Self { server, ..Self::from_client(client, options) })
    }
}

async fn named(path: &Path) -> Result<Config, ConnectError> {
    let config = match Kubeconfig::read_from(path) {
        Ok(kubeconfig) => of(kubeconfig).await,
        Err(error) => Err(error),
    };
    config.map_err(|error| {
        let why = match &error {
            KubeconfigError::ReadConfig(error, at) if at == path => {
                format!("it cannot be read ({})", error.kind())
            }
            error => why(error),
        };
        ConnectError::Kubeconfig { path: path.to_owned(), why }
    })
}

/// `KUBECONFIG`, else `~/.kube/config`.
async fn usual() -> Result<Config, KubeconfigError> {
    let kubeconfig = match Kubeconfig::from_env()? {
        Some(kubeconfig) => kubeconfig,
        None => Kubeconfig::read()?,
    };
    of(kubeconfig).await
}

async fn first_of(
    in_cluster: impl FnOnce() -> Result<Config, InClusterError>,
    usual: impl Future<Output = Result<Config, KubeconfigError>>,
) -> Result<Config, ConnectError> {
    let in_cluster = match in_cluster() {
        Ok(config) => return Ok(config),
        Err(error) => why_not_in_cluster(&error),
    };
    usual.await.map_err(|error| ConnectError::NoCluster { in_cluster, kubeconfig: why(&error) })
}

async fn of(kubeconfig: Kubeconfig) -> Result<Config, KubeconfigError> {
    let has_proxy = names_a_proxy(&kubeconfig);
    let mut config =
        Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    if !has_proxy && !environment_proxies(&config.cluster_url) {
        config.proxy_url = None;
    }
    Ok(config)
}

/// Whether the environment's proxy is for this API server, as kubectl sees it: never for the
/// machine itself, nor for what NO_PROXY names (which kube compares with the proxy's own address).
fn environment_proxies(server: &Uri) -> bool {
    let host = server.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let own = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    !own && Matcher::from_env().intercept(server).is_some()
}

/// Whether the cluster of the current context has a `proxy-url` of its own.
fn names_a_proxy(kubeconfig: &Kubeconfig) -> bool {
    let context = kubeconfig
        .contexts
        .iter()
        .find(|context| Some(&context.name) == kubeconfig.current_context.as_ref())
        .and_then(|context| context.context.as_ref());
    let cluster = context
        .and_then(|context| kubeconfig.clusters.iter().find(|named| named.name == context.cluster))
        .and_then(|named| named.cluster.as_ref());
    cluster.and_then(|cluster| cluster.proxy_url.as_ref()).is_some_and(|url| !url.is_empty())
}

async fn client(mut config: Config, options: &ClusterOptions) -> Result<Client, ConnectError> {
    // kube would try 15 times for up to a thousand seconds.
    config.default_retry = false;
    // Later than our own limit, which says what happened.
    config.connect_timeout = Some(options.call_limit + Duration::from_secs(1));
    let server = config.cluster_url.host().unwrap_or("?").to_owned();
    // A kubeconfig's login command runs here, and it may take its time.
    let made = tokio::task::spawn_blocking(move || Client::try_from(config)).await;
    let why = match made {
        Ok(Ok(client)) => return Ok(client),
        Ok(Err(kube::Error::Auth(_))) => "its login cannot be used (command, token or file)",
        Ok(Err(
            kube::Error::ProxyProtocolDisabled { .. }
            | kube::Error::ProxyProtocolUnsupported { .. },
        )) => "its proxy is not an http or https one",
        Ok(Err(kube::Error::RustlsTls(_))) => "its certificates cannot be used",
        Ok(Err(_)) | Err(_) => "its settings cannot be used",
    };
    Err(ConnectError::Client { server, why: why.to_owned() })
}

fn why_not_in_cluster(error: &InClusterError) -> String {
    let why = match error {
        InClusterError::ReadEnvironmentVariable(_) => "KUBERNETES_SERVICE_HOST is not set",
        InClusterError::ReadDefaultNamespace(_)
        | InClusterError::ReadCertificateBundle(_)
        | InClusterError::ParseCertificates(_) => "no ServiceAccount token is mounted",
        InClusterError::ParseClusterPort(_) | InClusterError::ParseClusterUrl(_) => {
            "KUBERNETES_SERVICE_HOST or KUBERNETES_SERVICE_PORT is no address"
        }
    };
    why.to_owned()
}

fn why(error: &KubeconfigError) -> String {
    let why = match error {
        KubeconfigError::ReadConfig(error, path) => {
            return format!("{} cannot be read ({})", path.display(), error.kind());
        }
        KubeconfigError::Parse(error) => {
            return error.location().map_or_else(
                || "it is not a kubeconfig".to_owned(),
                |at| format!("it is not a kubeconfig (line {}, column {})", at.line(), at.column()),
            );
        }
        KubeconfigError::LoadCertificateAuthority(error) => {
            return part("certificate authority", error);
        }
        KubeconfigError::LoadClientCertificate(error) => return part("client certificate", error),
        KubeconfigError::LoadClientKey(error) => return part("client key", error),
        KubeconfigError::ParseCertificates(_) => "its certificate authority is not PEM",
        KubeconfigError::FindPath => "there is no ~/.kube/config",
        KubeconfigError::CurrentContextNotSet => "it has no current-context",
        KubeconfigError::LoadContext(_) => "its current-context is not among its contexts",
        KubeconfigError::LoadClusterOfContext(_) => "its context names a cluster it does not have",
        KubeconfigError::MissingClusterUrl => "its cluster has no server",
        KubeconfigError::ParseClusterUrl(_) => "its cluster's server is no address",
        KubeconfigError::ParseProxyUrl(_) => "its proxy, or HTTPS_PROXY, is no address",
        KubeconfigError::ParseNoProxy(_) => "NO_PROXY cannot be read",
        _ => "its files do not fit together",
    };
    why.to_owned()
}

fn part(what: &str, error: &LoadDataError) -> String {
    match error {
        LoadDataError::DecodeBase64(_) => format!("its {what} is not base64"),
        LoadDataError::ReadFile(error, path) => {
            format!("its {what} {} cannot be read ({})", path.display(), error.kind())
        }
        LoadDataError::NoBase64DataOrFile => format!("its {what} is missing"),
    }
}

#[cfg(test)]
mod tests;
