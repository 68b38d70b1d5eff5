//! `pullcheck certs`: a development authority and a server certificate, in files.
//!
//! Here are the command's arguments and what it prints. What the certificates hold is in
//! [`crate::certificates`], how files are written all or none in `files`.

mod files;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::certificates::{Authority, CA_DAYS, SERVER_DAYS};
use files::{Access, NewFile};

/// What the server is called where it usually runs: on this machine, and as the Service
/// `pullcheck` in the namespace `pullcheck`.
const HOSTS: [&str; 5] = [
    "localhost",
    "127.0.0.1",
    "::1",
    "pullcheck.pullcheck.svc",
    "pullcheck.pullcheck.svc.cluster.local",
];

/// Make a development authority and a server certificate for the webhook
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Folder to write ca.crt, ca.key, tls.crt and tls.key into
    #[arg(long, env = "PULLCHECK_DIR", value_name = "DIR", default_value = "certs")]
    pub dir: PathBuf,

    /// DNS name or IP address that the server is reached by, in place of the defaults (repeatable)
    #[arg(
        long = "host",
        env = "PULLCHECK_HOST",
        value_name = "NAME",
        value_delimiter = ',',
        default_values = HOSTS
    )]
    pub hosts: Vec<String>,

    /// Days that the server certificate lasts
    #[arg(long, env = "PULLCHECK_DAYS", value_name = "N", default_value_t = SERVER_DAYS)]
    pub days: u16,

    /// Replace certificates and keys that exist
    #[arg(long, env = "PULLCHECK_FORCE")]
    pub force: bool,
}

/// Mints both, writes them, and prints to `out` what was written and what to do next.
///
/// # Errors
///
/// If a host or a lifetime makes no sense, if files exist already and `--force` is not given, or if
/// they cannot be written. Files that existed are then as they were.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let authority = Authority::mint(SystemTime::now())?;
    let ca = authority.pair();
    let server = authority.issue(&args.hosts, args.days)?;
    let new = [
        NewFile { name: "ca.crt", text: &ca.certificate, access: Access::Everybody },
        NewFile { name: "ca.key", text: &ca.key, access: Access::Owner },
        NewFile { name: "tls.crt", text: &server.certificate, access: Access::Everybody },
        NewFile { name: "tls.key", text: &server.key, access: Access::Owner },
    ];
    files::write_all(&args.dir, &new, args.force)?;
    report(args, &ca.certificate, out).context("the certificates were written, but this was not")
}

fn report(args: &Args, ca: &str, out: &mut dyn Write) -> std::io::Result<()> {
    let path = |name: &str| quoted(&args.dir.join(name));
    let (days, hosts) = (args.days, args.hosts.join(", "));
    writeln!(out, "Wrote {}  the authority, {CA_DAYS} days", path("ca.crt"))?;
    writeln!(out, "Wrote {}  its key: whoever has it can pose as the webhook", path("ca.key"))?;
    writeln!(out, "Wrote {}  the server's certificate, {days} days, for {hosts}", path("tls.crt"))?;
    writeln!(out, "Wrote {}  its key", path("tls.key"))?;
    writeln!(out)?;
    writeln!(out, "For webhooks[].clientConfig of the ValidatingWebhookConfiguration:")?;
    writeln!(out, "caBundle: {}", STANDARD.encode(ca))?;
    writeln!(out)?;
    let (certificate, key) = (path("tls.crt"), path("tls.key"));
    writeln!(out, "Next, in a cluster:")?;
    writeln!(
        out,
        "  kubectl -n pullcheck create secret tls pullcheck-tls --cert={certificate} --key={key}"
    )?;
    writeln!(out, "or on this machine:")?;
    writeln!(out, "  pullcheck serve --tls-cert {certificate} --tls-key {key}")
}

/// A path that can be pasted into a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests;
