//! The fronts: what people and clusters call. They own arguments, streams and exit codes.

pub mod certs;
pub mod check;
pub mod demo;
pub mod serve;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::{Arg, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::config::default_of;
use crate::telemetry;

/// Longer defaults make the help unreadable; `docs/configuration.md` has them.
const LONGEST_DEFAULT: usize = 20;

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
    /// Check manifests: files, folders, or a stream on standard input
    Check(check::Args),
    /// Show the classic mistakes and what the webhook says of them, without cluster or network
    Demo(demo::Args),
    /// Make a development CA and a serving certificate
    Certs(certs::Args),
}

impl Cli {
    /// Reads the command line; prints help or what is wrong with it, and ends the process, where
    /// there is nothing to run.
    pub fn read() -> Self {
        let matches = command().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

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
            telemetry::finish();
            let cause = error.downcast_ref::<io::Error>().map(io::Error::kind);
            // `pullcheck demo | head`: whoever reads has seen enough.
            if cause != Some(ErrorKind::BrokenPipe) {
                // Nothing is left to tell where stderr is gone too.
                let _ = writeln!(err, "error: {error:#}");
            }
            ExitCode::from(2)
        })
    }
}

/// The command line with what the flags' own texts cannot say: they are the same for all fronts.
fn command() -> clap::Command {
    let for_check = [
        ("mode", "What is done about findings, as by the webhook: enforce, warn, audit or off"),
        ("timeout", "Time for one object"),
        ("allow_address", "Address range to connect to that would be refused, link-local say"),
    ];
    let mut command = Cli::command().mut_subcommand("check", |check| {
        for_check
            .into_iter()
            .fold(check, |check, (id, help)| check.mut_arg(id, |arg| arg.help(help)))
    });
    for (name, serving) in [("serve", true), ("check", false)] {
        command =
            command.mut_subcommand(name, |front| front.mut_args(|arg| with_default(arg, serving)));
    }
    for name in ["serve", "check", "demo", "certs"] {
        // What is set now is nobody's help.
        command =
            command.mut_subcommand(name, |front| front.mut_args(|arg| arg.hide_env_values(true)));
    }
    command
}

/// Defaults lie under the configuration file, so that clap does not know them.
fn with_default(arg: Arg, serving: bool) -> Arg {
    let default = arg.get_long().and_then(|flag| default_of(flag, serving));
    let told = default.filter(|text| text.len() <= LONGEST_DEFAULT && *text != "false");
    match (arg.get_help(), told) {
        (Some(help), Some(default)) => {
            let help = format!("{help} [default: {default}]");
            arg.help(help)
        }
        _ => arg,
    }
}
