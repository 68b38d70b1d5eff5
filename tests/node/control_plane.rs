//! An API server with etcd inside, and the controllers without which no pod can be created.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use http::Method;
use rcgen::KeyPair;
use serde_json::json;
use tempfile::TempDir;

use super::api::Api;
use super::process::Process;
use crate::support::secrets;
use crate::support::tls::{Ca, Leaf};

/// Those that make namespaces usable; the one that watches nodes would taint ours, which has no
/// network, and evict its pods.
const CONTROLLERS: &str = "serviceaccount-controller,serviceaccount-token-controller,\
    namespace-controller,root-ca-certificate-publisher-controller";

/// How often and how many times readiness is asked for: a minute in all.
const POLL: Duration = Duration::from_millis(50);
const POLLS: usize = 1200;

/// The running control plane; it ends when dropped.
pub struct ControlPlane {
    api_server: Process,
    controllers: Option<Process>,
    ca: Ca,
    // The API server reads its files again from time to time.
    _leaf: Leaf,
    dir: TempDir,
    server: String,
    admin: String,
    kubelet: String,
}

impl ControlPlane {
    /// Starts it and waits until it serves.
    pub async fn start(program: &Path, node: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let ca = Ca::mint();
        let leaf = ca.good();
        let (admin, kubelet) = (secrets::fresh(), secrets::fresh());
        let tokens = format!(
            "{admin},admin,admin,system:masters\n{kubelet},system:node:{node},kubelet,system:nodes\n"
        );
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let tokens = file("tokens.csv", &tokens);
        // Tokens of service accounts are signed by RSA or ECDSA, not by the default of rcgen's.
        let signer = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let key = file("service-accounts.key", &signer.serialize_pem());
        let public = file("service-accounts.pub", &signer.public_key_pem());

        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let flag = |name: &str, path: &Path| format!("--{name}={}", path.display());
        let api_server = Process::start(
            "apiserver",
            dir.path(),
            Command::new(program)
                .arg("apiserver")
                .env("ETCD_DIR", dir.path().join("etcd"))
                .arg(flag("cert-dir", &dir.path().join("api-server")))
                .arg(flag("tls-cert-file", &leaf.cert_file()))
                .arg(flag("tls-private-key-file", &leaf.key_file()))
                .arg(format!("--secure-port={port}"))
                // Both, because without a default route it finds no address of its own.
                .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
                .arg("--service-account-issuer=https://kubernetes.default.svc")
                .arg(flag("service-account-key-file", &public))
                .arg(flag("service-account-signing-key-file", &key))
                .arg(flag("token-auth-file", &tokens))
                .args(["--authorization-mode=Node,RBAC", "--endpoint-reconciler-type=none"])
                .arg("--service-cluster-ip-range=10.96.0.0/16"),
        );
        let server = format!("https://127.0.0.1:{port}");
        let mut plane =
            Self { api_server, controllers: None, ca, _leaf: leaf, dir, server, admin, kubelet };
        plane.wait_until_ready().await;
        plane.controllers = Some(Process::start(
            "controller-manager",
            plane.dir.path(),
            Command::new(program)
                .arg("controller-manager")
                .arg(flag("kubeconfig", &plane.admin_kubeconfig()))
                .arg(format!("--controllers={CONTROLLERS}"))
                .arg(flag("service-account-private-key-file", &key))
                .arg(flag("root-ca-file", &plane.ca.file()))
                .args(["--leader-elect=false", "--secure-port=0"]),
        ));
        plane
    }

    async fn wait_until_ready(&mut self) {
        let api = self.api();
        let mut pace = tokio::time::interval(POLL);
        for _ in 0..POLLS {
            pace.tick().await;
            self.api_server.assert_running();
            let answer = api.ask(Method::GET, "/readyz", "", String::new()).await;
            if answer.is_ok_and(|answer| answer.status == 200) {
                return;
            }
        }
        panic!("the API server is not ready");
    }

    /// A client with all rights.
    pub fn api(&self) -> Api {
        Api::new(&self.ca, &self.server, &self.admin)
    }

    /// A kubeconfig with all rights.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.kubeconfig("admin", &self.admin)
    }

    /// The kubelet's.
    pub fn kubelet_kubeconfig(&self) -> PathBuf {
        self.kubeconfig("kubelet", &self.kubelet)
    }

    fn kubeconfig(&self, user: &str, token: &str) -> PathBuf {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "tests", "cluster": {
                "server": self.server,
                "certificate-authority": self.ca.file(),
            } }],
            "users": [{ "name": user, "user": { "token": token } }],
            "contexts": [{ "name": "tests", "context": { "cluster": "tests", "user": user } }],
            "current-context": "tests",
        });
        let path = self.dir.path().join(format!("{user}.kubeconfig"));
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }
}
