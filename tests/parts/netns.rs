//! A network of a test's own: the test's binary is run again, for that one test, where there is
//! nothing but loopback, with its own names. All of 10.77.0.0/16 is this machine too, for what
//! must not be at a loopback address.
//!
//! The network, mount and process namespaces are new: whatever was started in there, mounted or
//! left behind by a runtime ends with the inner run, however that ends. All else is shared: a
//! runtime in there needs the cgroups as they are.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::debian;

/// Set in the inner run.
const INSIDE: &str = "PULLCHECK_TEST_INSIDE";

/// How a line begins that is shown even though the test passes.
pub const FIGURES: &str = "figures: ";

/// What the network is like.
#[derive(Debug, Default)]
pub struct Network<'a> {
    /// `/etc/hosts`.
    pub hosts: &'a str,
    /// `/etc/resolv.conf`.
    pub resolv_conf: &'a str,
}

/// Where the test finds itself.
#[derive(Debug)]
pub enum Side {
    /// In the network: here the test is to be done.
    Inside,
    /// The inner run is over.
    Outside(Output),
}

impl Network<'_> {
    /// Called first by a test, with its full name; an error is what this machine lacks.
    ///
    /// Whatever must be fetched is to be fetched before: inside there is no way out.
    pub fn enter(&self, test: &str) -> Result<Side, String> {
        if std::env::var_os(INSIDE).is_some() {
            return Ok(Side::Inside);
        }
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let file = |name: &str, text: &str| -> Result<PathBuf, String> {
            let path = folder.path().join(name);
            std::fs::write(&path, text).map_err(|error| error.to_string())?;
            Ok(path)
        };
        let hosts = file("hosts", self.hosts)?;
        let resolv_conf = file("resolv.conf", self.resolv_conf)?;
        is_allowed()?;
        let output = unshare()
            .args(["sh", "-euc", SCRIPT, "sh"])
            .arg(ip()?)
            .args([&hosts, &resolv_conf])
            .arg(std::env::current_exe().map_err(|error| error.to_string())?)
            .args(["--exact", test, "--nocapture", "--include-ignored"])
            .env(INSIDE, "1")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        Ok(Side::Outside(output))
    }
}

impl Side {
    /// Whether this is the inside; panics with its output where the inner run failed.
    #[track_caller]
    pub fn is_inside(&self) -> bool {
        let Self::Outside(output) = self else { return true };
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        // A wrong name would find no test at all and succeed.
        let passed = output.status.success() && stdout.contains("1 passed");
        assert!(passed, "{}\n{stdout}\n{stderr}", output.status);
        // What it told of itself, for whoever wants to see it (--nocapture).
        print!("{stdout}");
        // What everybody is to see: the harness would swallow it from a test that passes.
        for line in stdout.lines().filter(|line| line.starts_with(FIGURES)) {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
        false
    }
}

/// Arguments: `ip` or busybox with its applet, the two files, and the command to run.
const SCRIPT: &str = r#"
case $1 in *busybox) ip="$1 ip" ;; *) ip=$1 ;; esac
$ip link set lo up
$ip addr add 10.77.0.1/16 dev lo
mount --bind "$2" /etc/hosts
mount --bind "$3" /etc/resolv.conf
shift 3
exec "$@"
"#;

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
    command
}

/// Makes an address this machine's own, inside.
pub fn own(address: &str) {
    assert!(std::env::var_os(INSIDE).is_some(), "an address is to be added to the machine itself");
    let ip = ip().unwrap();
    let applet = ip.ends_with("busybox").then_some("ip");
    let status = Command::new(ip)
        .args(applet)
        .args(["addr", "add", &format!("{address}/32"), "dev", "lo"])
        .status()
        .unwrap();
    assert!(status.success(), "{address}: {status}");
}

/// Namespaces need root, and more than a container's root often has.
pub fn is_allowed() -> Result<(), String> {
    let tried = unshare().arg("true").stdin(Stdio::null()).output();
    let tried = tried.map_err(|error| format!("unshare cannot be run: {error}"))?;
    if tried.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&tried.stderr).trim().to_owned();
    Err(format!("a network of the test's own needs root: {why}"))
}

/// What sets an interface up.
fn ip() -> Result<PathBuf, String> {
    let usual = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"].into_iter().map(Path::new);
    match usual.into_iter().find(|path| path.is_file()) {
        Some(ip) => Ok(ip.to_owned()),
        None => debian::program("busybox-static", "bin/busybox"),
    }
}
