//! A containerd in a scratch folder, as a node has it: asked over its CRI socket.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Readiness is asked for so often, and for so long in all.
const POLL: Duration = Duration::from_millis(25);
const PATIENCE: Duration = Duration::from_secs(60);

/// What a containerd is to be like.
#[derive(Debug, Clone)]
pub struct Setup {
    pub binary: PathBuf,
    /// The folder with a folder for each registry, and in each a `hosts.toml`.
    pub certs_d: Option<PathBuf>,
    /// The image under every pod's containers; nothing here can fetch the usual one.
    pub sandbox_image: Option<String>,
    /// The folder of the CNI plugins: pods have networks of their own, in 10.78.0.0/16, from which
    /// they reach every address of this machine but loopback.
    pub pod_network: Option<PathBuf>,
    /// Put before the `PATH`: where `runc` and the shim are.
    pub path: Vec<PathBuf>,
    pub env: Vec<(String, String)>,
}

impl Setup {
    /// With nothing but the program.
    pub fn of(binary: &Path) -> Self {
        let binary = binary.to_owned();
        let (certs_d, sandbox_image, pod_network) = (None, None, None);
        let (path, env) = (Vec::new(), Vec::new());
        Self { binary, certs_d, sandbox_image, pod_network, path, env }
    }
}

/// A running containerd, killed when dropped.
#[derive(Debug)]
pub struct Containerd {
    child: Child,
    folder: TempDir,
    version: String,
}

/// What `containerd --version` calls itself: `2.4.2`, `1.6.20`; Debian's addition is left off.
pub fn version(binary: &Path) -> Result<String, String> {
    let output = Command::new(binary).arg("--version").output();
    let output = output.map_err(|error| format!("{} cannot be run: {error}", binary.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split(' ').nth(2).unwrap_or_default().trim_start_matches('v');
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    match &version[..end] {
        "" => Err(format!("{} does not tell its version: {text}", binary.display())),
        version => Ok(version.to_owned()),
    }
}

impl Containerd {
    /// Starts it and waits until it answers.
    pub fn start(setup: &Setup) -> Self {
        let folder = TempDir::with_prefix("containerd-").unwrap();
        let version = version(&setup.binary).unwrap();
        let config = folder.path().join("config.toml");
        std::fs::write(&config, configuration(folder.path(), &version, setup)).unwrap();
        if setup.pod_network.is_some() {
            let networks = folder.path().join("cni");
            std::fs::create_dir(&networks).unwrap();
            std::fs::write(networks.join("pods.conflist"), POD_NETWORK).unwrap();
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = setup.path.iter().cloned().chain(std::env::split_paths(&path));
        let log = File::create(folder.path().join("log")).unwrap();
        let child = Command::new(&setup.binary)
            .arg("--config")
            .arg(&config)
            .env("PATH", std::env::join_paths(path).unwrap())
            .envs(setup.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut containerd = Self { child, folder, version };
        containerd.wait_until_ready();
        containerd
    }

    fn wait_until_ready(&mut self) {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("containerd ended with {status}:\n{}", self.log());
            }
            if answers(&self.socket()).is_ok() {
                return;
            }
            std::thread::sleep(POLL);
        }
        panic!("containerd is not ready after {PATIENCE:?}:\n{}", self.log());
    }

    /// Where its CRI answers.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("containerd.sock")
    }

    /// As `containerd --version` says it.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A pair of interfaces for each pod, with a route to it.
const POD_NETWORK: &str = r#"{
    "cniVersion": "1.0.0",
    "name": "pods",
    "plugins": [{
        "type": "ptp",
        "ipam": {
            "type": "host-local",
            "ranges": [[{ "subnet": "10.78.0.0/16" }]],
            "routes": [{ "dst": "0.0.0.0/0" }]
        }
    }]
}"#;

/// Whether something that speaks HTTP/2 listens there. Before the plugins are loaded, the CRI
/// among them, nothing does.
fn answers(socket: &Path) -> std::io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    // The preface with empty settings; the answer begins with the server's settings.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")?;
    stream.read_exact(&mut [0; 9])
}

/// The configuration: a node's defaults wherever a scratch folder and the tests' container allow.
fn configuration(folder: &Path, version: &str, setup: &Setup) -> String {
    let path = |name: &str| toml_string(&folder.join(name).to_string_lossy());
    let (root, state, socket) = (path("root"), path("state"), path("containerd.sock"));
    let (opt, cni) = (path("opt"), path("cni"));
    let plugins = setup.pod_network.clone().unwrap_or_else(|| folder.join("cni-bin"));
    let cni_bin = toml_string(&plugins.to_string_lossy());
    // A single folder in any case: two, as is the default, make containerd 2.2 to 2.4 read none.
    let none = folder.join("certs.d");
    let certs_d = toml_string(&setup.certs_d.as_deref().unwrap_or(&none).to_string_lossy());
    let sandbox =
        toml_string(setup.sandbox_image.as_deref().unwrap_or("registry.k8s.io/pause:3.10"));
    let platform = if cfg!(target_arch = "aarch64") { "linux/arm64/v8" } else { "linux/amd64" };
    let old = version.starts_with("1.");
    let head = format!(
        r#"version = {}
root = {root}
state = {state}
imports = []
required_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = {socket}
[plugins."io.containerd.internal.v1.opt"]
path = {opt}
"#,
        if old { 2 } else { 3 }
    );
    if old {
        return format!(
            r#"{head}[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = {sandbox}
# Where CAP_SYS_RESOURCE is missing.
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = {certs_d}
[plugins."io.containerd.grpc.v1.cri".cni]
conf_dir = {cni}
bin_dir = {cni_bin}
"#
        );
    }
    format!(
        r#"{head}[plugins."io.containerd.nri.v1.nri"]
disable = true
[plugins."io.containerd.cri.v1.images"]
snapshotter = "native"
[[plugins."io.containerd.transfer.v1.local".unpack_config]]
platform = "{platform}"
snapshotter = "native"
differ = "walking"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = {sandbox}
[plugins."io.containerd.cri.v1.images".registry]
config_path = {certs_d}
[plugins."io.containerd.cri.v1.runtime"]
# Where CAP_SYS_RESOURCE is missing.
restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
conf_dir = {cni}
bin_dirs = [{cni_bin}]
"#
    )
}

/// A basic string of TOML; the paths and names of the tests hold no control characters.
fn toml_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
