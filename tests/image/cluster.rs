//! A whole cluster of one node: pods have networks of their own, are given to the node by the
//! scheduler and probed by its kubelet, and a Service has behind it those of them that are ready.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

use super::parts::Parts;
use crate::cluster::kubectl::Kubectl;
use crate::parts::containerd::Setup;
use crate::parts::image::Built;
use crate::parts::kubernetes::control_plane::{
    ControlPlane, NAMESPACES, NODES, Options, User, WORKLOADS,
};
use crate::parts::kubernetes::kubelet::{NODE, Node};
use crate::support::images::{Image, Layer, layout, runnable};
use crate::support::real_registry::{Flavour, RealRegistry};
use crate::support::secrets::assert_no_secret;
use crate::support::tls::{Ca, Kind};

/// Lets everybody in; the overlay names it.
pub const OPEN: &str = "10.77.0.5:5000";

/// Wants a login.
pub const PRIVATE: &str = "10.77.0.6:5000";

/// How often and how many times something is looked for: two minutes in all.
const POLL: Duration = Duration::from_millis(100);
const POLLS: usize = 1200;

/// The cluster and its registries.
pub struct Cluster {
    node: Node,
    plane: ControlPlane,
    /// Of the registries' certificates.
    ca: Ca,
    _registries: [RealRegistry; 2],
    _bin: TempDir,
}

impl Cluster {
    /// Starts it; nothing is installed.
    pub async fn start(parts: &Parts) -> Self {
        let ca = Ca::mint();
        let (open, private) =
            (ca.leaf(Kind::Good, &["10.77.0.5"]), ca.leaf(Kind::Good, &["10.77.0.6"]));
        let program = Layer::program("busybox", &std::fs::read(&parts.busybox).unwrap());
        let image = |marker| runnable(&program, &["/busybox", "sleep", "86400"], marker);
        let (binary, anonymous, basic) = (&parts.registry, Flavour::Anonymous, Flavour::Basic);
        let open = RealRegistry::start_tls(binary, anonymous, &ca, &open).await;
        let private = RealRegistry::start_tls(binary, basic, &ca, &private).await;
        let own: Image = layout::read(&parts.image.layout, Built::PULLCHECK);
        open.push("platform/pullcheck", "0.1.0", &own).await;
        open.push("platform/pause", "1.0", &image("pause")).await;
        private.push("shop/web", "1.0", &image("web")).await;
        // They listen on loopback, where only this machine itself is.
        for (to, from) in [(open.host(), OPEN), (private.host(), PRIVATE)] {
            forward(from, to.parse().unwrap()).await;
        }

        let bin = TempDir::new().unwrap();
        // containerd looks for the shim by its name, and what is kept has a longer one.
        std::os::unix::fs::symlink(&parts.shim, bin.path().join("containerd-shim-runc-v2"))
            .unwrap();
        let mut setup = Setup::of(&parts.containerd);
        setup.sandbox_image = Some(format!("{OPEN}/platform/pause:1.0"));
        setup.pod_network = Some(parts.plugins.clone());
        setup.path = vec![bin.path().to_owned(), parts.runc.parent().unwrap().to_owned()];
        // Trusts the registries as the system's roots would be trusted.
        setup.env = vec![("SSL_CERT_FILE".into(), ca.file().to_str().unwrap().into())];
        let controllers = &[NAMESPACES, WORKLOADS, NODES];
        let options = Options { node: NODE, controllers, for_pods: true };
        let plane = ControlPlane::start(&parts.kubernetes, &options).await;
        let node = Node::start(&parts.kubernetes, &plane, &setup, "{}");
        Self { node, plane, ca, _registries: [open, private], _bin: bin }
    }

    /// kubectl as the administrator.
    pub fn kubectl(&self, line: &str) -> Kubectl {
        Kubectl::of(self.plane.kubectl(&self.kubeconfig(User::Admin))).args(line)
    }

    /// The kubeconfig of a user.
    pub fn kubeconfig(&self, user: User) -> PathBuf {
        self.plane.kubeconfig(user)
    }

    /// The authority of the registries' certificates, PEM.
    pub fn authority(&self) -> PathBuf {
        self.ca.file()
    }

    /// Gives pullcheck, in its namespace, what the component `ca-file` expects.
    pub async fn trusts_the_registries(&self) {
        let file = self.authority();
        let create = "-n pullcheck create configmap pullcheck-ca --from-file=ca.crt=";
        self.kubectl(&format!("{create}{}", file.display())).succeeds().await;
    }

    /// Installs what is shipped, with the overlay of the tests.
    pub async fn install(&self) {
        let overlay = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/image/overlay");
        self.kubectl("apply -k").arg(overlay).succeeds().await;
        self.trusts_the_registries().await;
    }

    /// Waits until the Deployment is rolled out, by its own probes.
    pub async fn is_ready(&mut self) {
        let line = "-n pullcheck rollout status deployment/pullcheck --timeout=180s";
        let ran = self.kubectl(line).run().await;
        self.node.assert_running();
        if ran.code != Some(0) {
            let pods = self.kubectl("-n pullcheck describe pods").run().await;
            panic!("{ran}\n{pods}\n{}", self.node.logs("pullcheck"));
        }
    }

    /// Waits for what every namespace is given a moment after it was made.
    pub async fn has_account(&self, namespace: &str) {
        let line = format!("-n {namespace} wait --for=create serviceaccount/default --timeout=60s");
        self.kubectl(&line).succeeds().await;
    }

    /// The names of pullcheck's pods that are to stay.
    pub async fn pods(&self) -> Vec<String> {
        let pods = self.plane.api().get("/api/v1/namespaces/pullcheck/pods").await;
        let pods = pods["items"].as_array().unwrap().iter();
        let stay = pods.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        stay.map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until the API server calls the webhook; this image must be refused in the
    /// namespace.
    pub async fn until_called(&self, namespace: &str, refused: &str) {
        let mut pace = tokio::time::interval(POLL);
        for _ in 0..POLLS {
            pace.tick().await;
            let run = self.kubectl("run probe --dry-run=server -n").arg(namespace);
            let run = run.arg("--image").arg(refused);
            if run.run().await.stderr.contains("images.pullcheck.dev") {
                return;
            }
        }
        panic!("the API server does not call the webhook:\n{}", self.node.logs("pullcheck"));
    }

    /// What it has logged is no error, and no secret.
    pub fn assert_quiet(&self) {
        let log = self.node.logs("pullcheck");
        assert_no_secret("the pods' log", &log);
        // `TIME STREAM F LINE`, as runtimes write it.
        let lines = log.lines().filter_map(|line| line.splitn(4, ' ').nth(3));
        let lines: Vec<Value> = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
        assert!(lines.iter().any(|line| line["message"] == "listening"), "{log}");
        assert!(lines.iter().all(|line| line["level"] != "ERROR"), "{log}");
    }
}

/// Passes on whatever arrives at an address.
async fn forward(from: &str, to: SocketAddr) {
    let listener = TcpListener::bind(from).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut here, _)) = listener.accept().await {
            tokio::spawn(async move {
                let Ok(mut there) = TcpStream::connect(to).await else { return };
                let _ = tokio::io::copy_bidirectional(&mut here, &mut there).await;
            });
        }
    });
}
