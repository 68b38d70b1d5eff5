//! `pullcheck check`: the same engine on manifests, before anything is applied.
//!
//! Exit status 0: nothing would be denied; 1: something would; 2: something could not be read or
//! checked at all. What could be is reported all the same. `docs/check.md` is the user's page.

mod documents;
mod inventory;
mod report;
mod secret;

use std::io::{ErrorKind, IsTerminal as _, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::time::Instant;

use crate::app::{self, Behalf};
use crate::config::{CheckArgs, CommonArgs, Config, Front, Output};
use crate::facts;
use crate::message::printable;
use crate::objects::{Manifests, Objects};
use crate::reviewer::{Case, Judgement, Reviewer};
use crate::telemetry::Metrics;

use documents::Documents;
use inventory::{Found, Inventory};
use report::Report;

/// What is shown below the list of flags.
const AFTER_HELP: &str = "\
Exit status:
  0  nothing would be denied
  1  something would be denied
  2  something could not be read, or the arguments are wrong; the rest was checked

Examples:
  pullcheck check deploy/
  helm template ./chart | pullcheck check -
  kustomize build overlays/prod | pullcheck check --output json -";

/// Longest that the list of nodes holds up the first object.
const NODES: Duration = Duration::from_secs(10);

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Manifests: YAML or JSON files, folders of them, or - for standard input
    #[arg(value_name = "FILE|DIR|-", required = true)]
    manifests: Vec<PathBuf>,
    #[command(flatten)]
    check: CheckArgs,
    #[command(flatten)]
    common: CommonArgs,
}

/// Checks the manifests and prints the report to `out`; problems and progress go to `err`.
pub async fn run(
    args: Args,
    stdin: &mut dyn Read,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.common, &Front::Check(args.check))?;
    app::log(&config)?;
    let documents = Documents::read(&args.manifests, stdin);
    let inventory = Inventory::of(documents.objects, &config.check.namespace);
    let problems: Vec<String> = documents.problems.into_iter().chain(inventory.problems).collect();
    let notes = documents.notes.into_iter().chain(inventory.notes);
    let reviewer = reviewer(&config, inventory.manifests).await?;
    let judged = judge(&config, &reviewer, &inventory.workloads, err).await;
    let report = Report::of(inventory.workloads.iter().zip(&judged));
    let printed = match config.check.output {
        Output::Human => report.human(out),
        Output::Json => report.json(out),
    };
    match printed.and_then(|()| out.flush()) {
        // Whoever reads has seen enough; the exit status still tells.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        printed => printed.context("the report cannot be written")?,
    }
    for note in notes {
        writeln!(err, "note: {note}")?;
    }
    for problem in &problems {
        writeln!(err, "error: {problem}")?;
    }
    Ok(match (problems.is_empty(), report.summary().denied) {
        (false, _) => ExitCode::from(2),
        (true, 0) => ExitCode::SUCCESS,
        (true, _) => ExitCode::from(1),
    })
}

async fn reviewer(config: &Config, manifests: Manifests) -> anyhow::Result<Arc<Reviewer>> {
    let cluster = if config.check.cluster { Some(app::cluster(config).await?) } else { None };
    if let Some(cluster) = &cluster {
        cluster.list_nodes(config.timeout.min(NODES)).await;
    }
    let metrics = Arc::new(Metrics::new());
    // The user's own machine, with the user's own rights.
    let mut client = app::client_config(config, Behalf::Oneself)?;
    // A lookup that outlives its object would take the place of another object's.
    client.limits.total = client.limits.total.min(config.timeout);
    let gatherer = app::gatherer(config, client, Objects { manifests, cluster }, &metrics, false)?;
    Ok(Arc::new(Reviewer::new(gatherer, metrics, config.timeout)))
}

/// Judges every object, several at a time, each with its own deadline from when it starts.
async fn judge(
    config: &Config,
    reviewer: &Arc<Reviewer>,
    found: &[Found],
    err: &mut dyn Write,
) -> Vec<Judgement> {
    let progress = std::io::stderr().is_terminal();
    let cases = found.iter().map(|found| {
        let namespace = found.namespace.clone();
        let mode = config.policy.effective_mode(None).0;
        let front = facts::Front::Check;
        let user = String::new();
        let workload = found.workload.clone();
        let label_gap = None;
        let case = Case { workload, namespace, user, mode, label_gap, front, dry_run: true };
        async move { reviewer.judge(&case, Instant::now() + config.timeout).await }
    });
    let mut judgements = stream::iter(cases).buffered(config.jobs.get());
    let mut judged = Vec::with_capacity(found.len());
    if progress && !found.is_empty() {
        let _ = write!(err, "0/{}", found.len());
    }
    while let Some(judgement) = judgements.next().await {
        judged.push(judgement);
        if progress {
            let name = found.get(judged.len() - 1).map_or("", |found| &found.workload.name);
            // Progress that cannot be shown is not missed.
            let _ =
                write!(err, "\r\x1b[2K{}/{} {}", judged.len(), found.len(), printable(name, 60));
        }
    }
    if progress {
        let _ = write!(err, "\r\x1b[2K");
    }
    judged
}
