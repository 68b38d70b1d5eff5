//! `pullcheck demo`: the classic mistakes, sent to the real webhook over TLS, with an embedded
//! registry behind it. No cluster, no network; everything listens on this machine's loopback.

mod kubectl;
mod registry;
mod scenes;

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use crate::app::{self, Behalf};
use crate::certificates::{Authority, Pair};
use crate::config::{CommonArgs, Config, Front, ServeArgs};
use crate::objects::Objects;
use crate::registry::{ClientConfig, FixedResolver, ProxyRule};
use crate::reviewer::Reviewer;
use crate::server::listener::{self, Transport};
use crate::server::{Shutdown, shutdown, tls};
use crate::telemetry::Metrics;

use kubectl::Kubectl;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Leave the webhook and the registry serving until interrupted
    #[arg(long, env = "PULLCHECK_KEEP")]
    keep: bool,
}

/// Runs the demo and prints it to `out`.
pub async fn run(args: Args, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let common = CommonArgs { mode: Some("enforce".to_owned()), ..CommonArgs::default() };
    let config = Config::load(&common, &Front::Serve(ServeArgs::default()))?;
    let authority = Authority::mint(SystemTime::now())?;
    let (stop, stopped) = shutdown::channel();

    let pair = authority.issue(&registry::NAMES, 1)?;
    let (registry, registry_task) = start(&pair, registry::router(), stopped.clone()).await?;
    let closed = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;

    let client = ClientConfig {
        extra_roots_pem: authority.pair().certificate.into_bytes(),
        resolver: Some(Arc::new(names(registry, closed))),
        proxies: ProxyRule::Never,
        ..app::client_config(&config, Behalf::Oneself)?
    };
    let metrics = Arc::new(Metrics::new());
    let objects = Objects { manifests: scenes::manifests(), cluster: None };
    let gatherer = app::gatherer(&config, client, objects, &metrics, true)?;
    let reviewer = Reviewer::new(gatherer, metrics.clone(), config.timeout);
    let webhook = super::serve::webhook_router(reviewer, metrics);
    let pair = authority.issue(&["localhost"], 1)?;
    let (address, webhook_task) = start(&pair, webhook, stopped).await?;

    let kubectl = Kubectl::new(address, &authority.pair().certificate)?;
    for (index, scene) in scenes::scenes().iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        writeln!(out, "# {}", scene.title)?;
        for line in kubectl.apply(&scene.object).await? {
            writeln!(out, "{line}")?;
        }
    }
    if args.keep {
        // Before the line that invites to interrupt.
        let mut interrupted = signal(SignalKind::interrupt())?;
        writeln!(out, "\nthe webhook listens on https://{address}/validate until interrupted")?;
        out.flush()?;
        interrupted.recv().await;
    }
    stop.fire();
    for task in [registry_task, webhook_task] {
        task.await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Serves `router` over TLS on a free port of the loopback.
async fn start(
    pair: &Pair,
    router: Router,
    stopped: Shutdown,
) -> anyhow::Result<(SocketAddr, JoinHandle<usize>)> {
    let listening = TcpListener::bind("127.0.0.1:0")
        .await
        .context("no port of the loopback is free; the demo needs three")?;
    let address = listening.local_addr()?;
    let tls = tls::server_config(tls::Certificates::fixed(&pair.certificate, &pair.key)?)?;
    let options = listener::Options {
        linger: Duration::ZERO,
        drain: Duration::from_secs(1),
        ..listener::Options::default()
    };
    let served = listener::serve(listening, Transport::Tls(tls), router, stopped, options);
    Ok((address, tokio::spawn(served)))
}

/// The demo's own DNS: every name leads to the embedded registry, one to a port nobody listens
/// on.
fn names(registry: SocketAddr, closed: SocketAddr) -> FixedResolver {
    let known = registry::NAMES
        .into_iter()
        .fold(FixedResolver::default(), |names, name| names.with(name, registry));
    known.with("registry.down.example", closed)
}
