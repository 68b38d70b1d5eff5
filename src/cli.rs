//! The fronts: what people and clusters call. They own arguments, streams and exit codes.

pub mod certs;
pub mod check;
pub mod demo;
pub mod serve;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tells before a pod is scheduled whether a node could pull its images, and what fixes it.
#[derive(Debug, Parser)]
#[command(name = "pullcheck", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the admission webhook over TLS
    Serve(serve::Args),
    /// Check manifests: files, folders, or - for stdin
    Check(check::Args),
    /// Show the classic mistakes and what the webhook says of them, without cluster or network
    Demo(demo::Args),
    /// Make a development CA and a serving certificate
    Certs(certs::Args),
}

impl Cli {
    /// Runs the command that was asked for.
    pub async fn run(self) -> ExitCode {
        let (mut out, mut err) = (io::stdout(), io::stderr());
        let result = match self.command {
            Command::Serve(args) => serve::run(args).await,
            Command::Check(args) => check::run(args, &mut io::stdin(), &mut out, &mut err).await,
            Command::Demo(args) => demo::run(args, &mut out).await,
            Command::Certs(args) => certs::run(&args, &mut out).map(|()| ExitCode::SUCCESS),
        };
        result.unwrap_or_else(|error| {
            // Nothing is left to tell where stderr is gone too.
            let _ = writeln!(err, "error: {error:#}");
            ExitCode::from(2)
        })
    }
}
