//! Distribution's registry as Debian packages it (`docker-registry`), in a directory of its own,
//! on a port of its own, for one test.

use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::Http;
use super::images::Image;
use super::push::{Login, push};
use super::secrets;
use super::tls::{Ca, Leaf};
use super::token_server::{SERVICE, TokenServer};
use super::webhook::signal;

/// Names the binary, in place of what is on the PATH.
const BINARY: &str = "PULLCHECK_TEST_REGISTRY";

/// The user of the Basic flavour.
pub const USER: &str = "alice";

/// The user's password. Fixed, because the registry takes bcrypt only, and a hash of a known
/// password saves the tests a tool that makes one.
pub const PASSWORD: &str = "s3cr3t-hunter-of-the-grey-lagoon";

const HTPASSWD: &str = "$2y$04$ZXcgsQaNaPSncohtfeyhAOnaTOTTFmnJ0BFpzYxVxvzpo/BrpNpj2";

/// How many ports are tried before giving up.
const ATTEMPTS: usize = 10;

/// Readiness is asked for so often and so many times: about half a minute in all.
const POLL: Duration = Duration::from_millis(25);
const POLLS: usize = 1200;

/// Which flavour to start.
pub enum Flavour<'a> {
    Anonymous,
    /// With `USER` and `PASSWORD`.
    Basic,
    Bearer(&'a TokenServer),
}

/// A running registry, killed when dropped.
pub struct RealRegistry {
    child: Child,
    dir: TempDir,
    port: u16,
    https: bool,
    http: Http,
    login: PushLogin,
}

enum PushLogin {
    Anonymous,
    Basic,
    Bearer(TokenServer),
}

/// The registry's binary, if this machine has one; a test without it calls `skip!(MISSING)`.
pub fn binary() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(BINARY) {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    let directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    // In this order: on many machines `registry` is something else, or nothing.
    ["docker-registry", "registry"]
        .iter()
        .flat_map(|name| directories.iter().map(move |directory| directory.join(name)))
        .find(|candidate| candidate.is_file())
}

/// Why a test is skipped where there is no binary.
pub const MISSING: &str = "docker-registry is not installed";

impl RealRegistry {
    /// Plain HTTP.
    pub async fn start(binary: &std::path::Path, flavour: Flavour<'_>) -> Self {
        Self::launch(binary, flavour, None).await
    }

    /// HTTPS with a certificate of this authority.
    pub async fn start_tls(
        binary: &std::path::Path,
        flavour: Flavour<'_>,
        ca: &Ca,
        leaf: &Leaf,
    ) -> Self {
        Self::launch(binary, flavour, Some((ca, leaf))).await
    }

    async fn launch(
        binary: &std::path::Path,
        flavour: Flavour<'_>,
        tls: Option<(&Ca, &Leaf)>,
    ) -> Self {
        let http = tls.map_or_else(Http::plain, |(ca, _)| Http::trusting(ca));
        let mut complaints = String::new();
        for _ in 0..ATTEMPTS {
            // The registry cannot tell which port it was given, so it gets one that was free a
            // moment ago; whoever takes it in between costs an attempt.
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let dir = TempDir::new().unwrap();
            let stamp = dir.path().file_name().unwrap().to_str().unwrap().to_owned();
            let config = config(&dir, port, &stamp, &flavour, tls.map(|(_, leaf)| leaf));
            let path = dir.path().join("config.json");
            std::fs::write(&path, config.to_string()).unwrap();
            let log = File::create(dir.path().join("log")).unwrap();
            let child = Command::new(binary)
                .arg("serve")
                .arg(&path)
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn()
                .unwrap();
            let login = match flavour {
                Flavour::Anonymous => PushLogin::Anonymous,
                Flavour::Basic => PushLogin::Basic,
                Flavour::Bearer(tokens) => PushLogin::Bearer(tokens.clone()),
            };
            let https = tls.is_some();
            let mut registry = Self { child, dir, port, https, http: http.clone(), login };
            if registry.is_ready(&stamp).await {
                return registry;
            }
            complaints = registry.log();
        }
        panic!(
            "docker-registry did not start in {ATTEMPTS} attempts; the last one said:\n{complaints}"
        );
    }

    /// Asks until it answers with our stamp or has ended. It tells nobody when it is ready, so
    /// there is nothing to wait for but its answer.
    async fn is_ready(&mut self, stamp: &str) -> bool {
        let url = format!("{}/v2/", self.url());
        let mut pace = tokio::time::interval(POLL);
        for _ in 0..POLLS {
            pace.tick().await;
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if let Ok(answer) = self.http.get(&url, &[]).await {
                // Without the stamp it is somebody else's server on our port.
                return answer.header(STAMP) == Some(stamp);
            }
        }
        false
    }

    /// `127.0.0.1:PORT`, as in an image name.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `http://127.0.0.1:PORT` or `https://...`.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.https { "https" } else { "http" }, self.host())
    }

    /// A client that can speak to it.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// Pushes an image with all rights, and gives the name by which it is pulled.
    pub async fn push(&self, repository: &str, tag: &str, image: &Image) -> String {
        let login = match &self.login {
            PushLogin::Anonymous => Login::Anonymous,
            PushLogin::Basic => {
                Login::Basic { user: USER.to_owned(), password: PASSWORD.to_owned() }
            }
            PushLogin::Bearer(tokens) => {
                Login::Bearer(tokens.mint("pusher", repository, &["pull", "push"]))
            }
        };
        if let Err(error) = push(&self.http, &self.url(), &login, repository, tag, image).await {
            panic!("{error:#}\n{}", self.log());
        }
        format!("{}/{repository}:{tag}", self.host())
    }

    /// Stops it in its tracks: its connections stay open, and nobody answers.
    pub fn freeze(&self) {
        signal(&self.child, "STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        signal(&self.child, "CONT");
    }

    /// Where its storage is, for damaging it.
    pub fn storage(&self) -> PathBuf {
        self.dir.path().join("storage")
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for RealRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("log of the docker-registry at {}:\n{}", self.host(), self.log());
        }
    }
}

/// A header of ours, by which the registry is known to be the one that was just started.
const STAMP: &str = "x-pullcheck-test";

/// The configuration; JSON is YAML too.
fn config(
    dir: &TempDir,
    port: u16,
    stamp: &str,
    flavour: &Flavour<'_>,
    leaf: Option<&Leaf>,
) -> Value {
    let mut config = json!({
        "version": "0.1",
        "log": { "level": "warn", "accesslog": { "disabled": false } },
        "storage": {
            "filesystem": { "rootdirectory": dir.path().join("storage") },
            "cache": { "blobdescriptor": "inmemory" },
            "delete": { "enabled": true },
        },
        "http": {
            "addr": format!("127.0.0.1:{port}"),
            "headers": { STAMP: [stamp] },
            // Without one it warns about load balancers.
            "secret": stamp,
        },
    });
    if let Some(leaf) = leaf {
        config["http"]["tls"] = json!({ "certificate": leaf.cert_file(), "key": leaf.key_file() });
    }
    match flavour {
        Flavour::Anonymous => {}
        Flavour::Basic => {
            secrets::register_login(USER, PASSWORD);
            let path = dir.path().join("htpasswd");
            std::fs::write(&path, format!("{USER}:{HTPASSWD}\n")).unwrap();
            config["auth"] = json!({ "htpasswd": { "realm": "pullcheck tests", "path": path } });
        }
        Flavour::Bearer(tokens) => {
            config["auth"] = json!({ "token": {
                "realm": tokens.realm(),
                "service": SERVICE,
                "issuer": super::token_server::ISSUER,
                "rootcertbundle": tokens.bundle(),
            } });
        }
    }
    config
}
