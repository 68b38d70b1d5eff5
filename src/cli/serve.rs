//! `pullcheck serve`: the webhook, and beside it probes and metrics on a plain listener.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use bytes::Bytes;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use crate::app::{self, Behalf};
use crate::cluster::Cluster;
use crate::config::{CommonArgs, Config, Front, ServeArgs, TlsFiles, TlsSource};
use crate::keeper::Keeper;
use crate::objects::{Manifests, Objects};
use crate::providers;
use crate::reviewer::{ReviewError, Reviewer};
use crate::server::listener::{self, Transport, bind};
use crate::server::probes::{self, Readiness};
use crate::server::tls::{self, CertificateFiles, Certificates, Reloader, reload_on_hangup};
use crate::server::{self, Shutdown, Trigger, Unanswered, body, router, shutdown};
use crate::telemetry::Metrics;

/// How often the certificate files are looked at; Kubernetes brings new ones within a minute.
const RELOAD: Duration = Duration::from_secs(5);

const NO_CERTIFICATE: &str = "there is no certificate to serve; give --tls-cert and --tls-key \
    (pullcheck certs makes a pair), or --tls-secret, where pullcheck keeps one itself";

/// Longest that the first list of what is watched keeps reviews away.
const FIRST_LIST: Duration = Duration::from_secs(10);

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    serve: ServeArgs,
    #[command(flatten)]
    common: CommonArgs,
}

/// Serves until SIGTERM or SIGINT.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.common, &Front::Serve(args.serve))?;
    app::log(&config)?;
    let Some(source) = config.serve.tls.clone() else { bail!(NO_CERTIFICATE) };
    tokio::spawn(providers::reap_orphans());
    let cluster = if config.serve.no_cluster { None } else { Some(app::cluster(&config).await?) };
    let metrics = Arc::new(app::metrics(&config));
    let readiness = Arc::new(Readiness::default());
    let source = Source::open(source, cluster.as_ref(), &readiness, &metrics).await?;
    let certificates = source.certificates();
    let network = cluster.as_ref().map(|cluster| follow(cluster, &readiness, &metrics));
    let events = app::events(&config, cluster.as_ref(), &metrics);
    let objects = Objects { manifests: Manifests::default(), cluster };
    let client = app::client_config(&config, Behalf::Strangers(network))?;
    let gatherer = app::gatherer(&config, client, objects, &metrics, true)?;
    let mut reviewer = Reviewer::new(gatherer, metrics.clone(), config.timeout);
    if let Some(events) = events {
        reviewer = reviewer.telling(events);
    }
    let webhook_router = webhook_router(reviewer, metrics.clone());

    let webhook = bind(config.serve.listen).await?;
    let plain = bind(config.serve.metrics_listen).await?;
    let (stop, stopped) = shutdown::channel();
    let (stop_probes, probes_stopped) = shutdown::channel();
    let nudged = Arc::new(Notify::new());
    let hangups = reload_on_hangup(nudged.clone(), stopped.clone());
    tokio::spawn(hangups.context("SIGHUP cannot be received")?);
    tokio::spawn(source.keep(nudged, metrics.clone(), stopped.clone()));
    tokio::spawn(tls::watch_expiry(certificates.clone(), metrics.clone(), stopped.clone()));
    tracing::info!(
        webhook = %webhook.local_addr().context("the webhook's own address")?,
        metrics = %plain.local_addr().context("the plain listener's own address")?,
        version = env!("CARGO_PKG_VERSION"),
        "listening"
    );
    // The rest is for registries and the API server.
    let files = listener::open_files();
    let plain = tokio::spawn(listener::serve(
        plain,
        Transport::Plain,
        probes::router(readiness.clone(), metrics),
        probes_stopped,
        listener::Options::probes().at_most(files / 8),
    ));
    tokio::spawn(on_signal(stop, readiness));
    listener::serve(
        webhook,
        Transport::Tls(tls::server_config(certificates)?),
        webhook_router,
        stopped,
        listener::Options::default().at_most(files / 2),
    )
    .await;
    // The probes go last: until the last review is answered the pod is alive, and not ready.
    stop_probes.fire();
    plain.await.context("the plain listener failed")?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Where the serving certificate is from, and what renews it.
enum Source {
    Files(Arc<Certificates>, Reloader),
    Secret(Keeper),
}

impl Source {
    async fn open(
        source: TlsSource,
        cluster: Option<&Cluster>,
        readiness: &Arc<Readiness>,
        metrics: &Arc<Metrics>,
    ) -> anyhow::Result<Self> {
        match (source, cluster) {
            (TlsSource::Files(TlsFiles { cert, key }), _) => {
                let files = CertificateFiles { certificate: cert, key };
                let (certificates, reloader) = Certificates::open(files).await?;
                Ok(Self::Files(certificates, reloader))
            }
            (TlsSource::Secret(wanted), Some(cluster)) => {
                let (readiness, metrics) = (Arc::clone(readiness), Arc::clone(metrics));
                Ok(Self::Secret(Keeper::new(cluster.clone(), wanted, readiness, metrics)))
            }
            (TlsSource::Secret(_), None) => bail!("--tls-secret needs a cluster to be kept in"),
        }
    }

    fn certificates(&self) -> Arc<Certificates> {
        match self {
            Self::Files(certificates, _) => Arc::clone(certificates),
            Self::Secret(keeper) => keeper.certificates(),
        }
    }

    async fn keep(self, nudged: Arc<Notify>, metrics: Arc<Metrics>, shutdown: Shutdown) {
        match self {
            Self::Files(_, reloader) => reloader.run(RELOAD, nudged, metrics, shutdown).await,
            Self::Secret(keeper) => keeper.run(nudged, shutdown).await,
        }
    }
}

/// Follows what of the cluster every review needs, and hands out what is its own network.
fn follow(
    cluster: &Cluster,
    readiness: &Arc<Readiness>,
    metrics: &Arc<Metrics>,
) -> Arc<app::Network> {
    let [nodes, namespaces, services] = [cluster, cluster, cluster].map(Clone::clone);
    watch("nodes", readiness, |listed| nodes.watch_nodes(listed, metrics.clone()));
    watch("namespaces", readiness, |listed| namespaces.watch_namespaces(listed, metrics.clone()));
    watch("servicecidrs", readiness, |listed| {
        services.watch_service_ranges(listed, metrics.clone())
    });
    let service = std::env::var("KUBERNETES_SERVICE_HOST").ok();
    let network = Arc::new(app::Network::new(cluster.clone(), service));
    let followed = network.clone();
    watch("endpoints", readiness, |listed| async move { followed.follow(listed).await });
    network
}

/// Keeps something of the cluster up to date. Until it has been read once, well or badly, reviews
/// had better go to another replica.
fn watch<F: Future<Output = ()> + Send + 'static>(
    what: &'static str,
    readiness: &Arc<Readiness>,
    watch: impl FnOnce(oneshot::Sender<()>) -> F,
) {
    readiness.block(what, format!("reading the cluster's {what} for the first time"));
    let (first, listed) = oneshot::channel();
    tokio::spawn(watch(first));
    let readiness = readiness.clone();
    tokio::spawn(async move {
        // Either way it has ended, or takes too long to be waited for.
        let _ = timeout(FIRST_LIST, listed).await;
        readiness.clear(what);
    });
}

/// Waits for the first signal to stop; a second one is the system's own.
async fn on_signal(stop: Trigger, readiness: Arc<Readiness>) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be received; the process ends only by being killed");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: answering what is in flight and what still comes, then no more");
    readiness.block("shutdown", "stopping");
    stop.fire();
}

/// The webhook's routes over a reviewer.
pub(super) fn webhook_router(reviewer: Reviewer, metrics: Arc<Metrics>) -> Router {
    router::router(Arc::new(Webhook(Arc::new(reviewer))), metrics, body::Limits::default())
}

/// The reviewer as the server knows it.
struct Webhook(Arc<Reviewer>);

impl server::Reviewer for Webhook {
    async fn review(&self, body: Bytes, timeout: Option<Duration>) -> Result<Bytes, Unanswered> {
        let answer = self.0.review(&body, timeout).await;
        answer.map_err(|error| match error {
            ReviewError::Decode(error) => Unanswered::Bad(error.to_string()),
            ReviewError::Busy => Unanswered::Busy,
        })
    }
}
