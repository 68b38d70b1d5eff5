//! One address before several replicas: haproxy in the part of readiness probes and kube-proxy.
//!
//! It passes TCP on to whoever answers 200 to `/readyz` on its plain listener, and leaves open
//! connections alone when that ends, as kube-proxy does. It tries no other replica when one
//! refuses a connection, which kube-proxy does not either.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::parts::debian;
use crate::parts::process::Process;

/// How often and how many times a state is looked for: a minute in all.
const POLL: Duration = Duration::from_millis(100);
const POLLS: usize = 600;

/// haproxy, ready to be run; the error says what is missing.
#[derive(Debug, Clone)]
pub struct Program(Vec<OsString>);

impl Program {
    /// The installed one, or Debian's package with the libraries it needs.
    pub fn fetched() -> Result<Self, String> {
        let program = Self(debian::command_line("haproxy", "usr/sbin/haproxy")?);
        let ran = program.command().arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
        let runs = ran.is_ok_and(|status| status.success());
        if runs { Ok(program) } else { Err("haproxy does not run here".to_owned()) }
    }

    fn command(&self) -> Command {
        let mut words = self.0.iter();
        let mut command = Command::new(words.next().unwrap());
        command.args(words);
        command
    }
}

/// Where a replica is.
#[derive(Debug, Clone, Copy)]
pub struct Backend {
    pub name: &'static str,
    pub reviews: SocketAddr,
    pub probes: SocketAddr,
}

/// The running proxy; it ends when dropped.
pub struct HaProxy {
    // Ends before its folder is gone.
    _process: Process,
    socket: PathBuf,
    _folder: TempDir,
}

impl HaProxy {
    /// Takes connections at `front`.
    pub async fn start(program: &Program, front: SocketAddr, backends: &[Backend]) -> Self {
        let folder = TempDir::with_prefix("haproxy-").unwrap();
        let socket = folder.path().join("stats");
        let config = folder.path().join("haproxy.cfg");
        std::fs::write(&config, configuration(&socket, front, backends)).unwrap();
        let mut command = program.command();
        command.arg("-db").arg("-f").arg(&config);
        let process = Process::start("haproxy", folder.path(), &mut command);
        let proxy = Self { _process: process, socket, _folder: folder };
        proxy.until("that haproxy runs", |states| !states.is_empty()).await;
        proxy
    }

    /// Waits until a replica gets connections, or no more of them.
    pub async fn until_up(&self, name: &str, up: bool) {
        let what = format!("that replica {name} is {}", if up { "in turn" } else { "left out" });
        self.until(&what, |states| {
            states.iter().any(|(of, state)| of == name && (state == "UP") == up)
        })
        .await;
    }

    async fn until(&self, what: &str, reached: impl Fn(&[(String, String)]) -> bool) {
        let mut pace = tokio::time::interval(POLL);
        for _ in 0..POLLS {
            pace.tick().await;
            if reached(&self.states().await.unwrap_or_default()) {
                return;
            }
        }
        panic!("waited in vain until haproxy saw {what}: {:?}", self.states().await);
    }

    /// Each replica's name and state.
    async fn states(&self) -> std::io::Result<Vec<(String, String)>> {
        let mut stream = UnixStream::connect(&self.socket).await?;
        stream.write_all(b"show stat\n").await?;
        let mut csv = String::new();
        stream.read_to_string(&mut csv).await?;
        let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let head = lines.next().unwrap_or_default();
        let column = |name: &str| head.iter().position(|it| it.trim_start_matches("# ") == name);
        let (Some(proxy), Some(server), Some(status)) =
            (column("pxname"), column("svname"), column("status"))
        else {
            return Ok(Vec::new());
        };
        let states = lines.filter_map(|line| {
            let is_replica = *line.get(proxy)? == "replicas" && *line.get(server)? != "BACKEND";
            is_replica.then(|| Some((line.get(server)?.to_string(), line.get(status)?.to_string())))
        });
        Ok(states.flatten().collect())
    }
}

fn configuration(socket: &Path, front: SocketAddr, backends: &[Backend]) -> String {
    let mut config = format!(
        "global\n  stats socket {} mode 600 level operator\n  \
         log stdout format raw local0\n\
         defaults\n  log global\n  option tcplog\n  mode tcp\n  retries 0\n  timeout connect 5s\n  timeout client 1h\n  \
         timeout server 1h\n  timeout check 1s\n\
         frontend webhook\n  bind {front}\n  default_backend replicas\n\
         backend replicas\n  balance roundrobin\n  option httpchk GET /readyz\n  \
         http-check expect status 200\n  default-server inter 500ms fall 2 rise 1\n",
        socket.display()
    );
    for Backend { name, reviews, probes } in backends {
        let (address, port) = (probes.ip(), probes.port());
        writeln!(config, "  server {name} {reviews} check addr {address} port {port}").unwrap();
    }
    config
}
