//! etcd, an API server, and the controllers without which no pod can be created.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use http::Method;
use rcgen::KeyPair;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::api::Api;
use super::program::Kubernetes;
use crate::parts::netns;
use crate::parts::process::Process;
use crate::support::secrets;
use crate::support::tls::{Ca, Kind, Leaf};

/// Those that make namespaces usable, and remove them; the one that watches nodes would taint
/// ours, which has no network, and evict its pods.
pub const NAMESPACES: &str = "serviceaccount-controller,serviceaccount-token-controller,\
    namespace-controller,root-ca-certificate-publisher-controller";

/// Those that make pods of templates.
pub const WORKLOADS: &str = "deployment-controller,replicaset-controller,statefulset-controller,\
    daemonset-controller,job-controller,cronjob-controller,replicationcontroller-controller,\
    garbage-collector-controller";

/// The one that fills the roles `view`, `edit` and `admin`.
pub const ROLES: &str = "clusterrole-aggregation-controller";

/// Those without which no node is ever ready, and no Service has a pod behind it.
pub const NODES: &str = "node-lifecycle-controller,endpointslice-controller";

/// The address of the Service `kubernetes`, where pods find the API server.
const SERVICE: &str = "10.96.0.1";

/// How often and how many times readiness is asked for: a minute in all.
const POLL: Duration = Duration::from_millis(50);
const POLLS: usize = 1200;

/// Who asks the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// May do everything.
    Admin,
    /// May do nothing but what is granted to the user `developer`.
    Developer,
    /// The node's kubelet.
    Kubelet,
}

impl User {
    const ALL: [Self; 3] = [Self::Admin, Self::Developer, Self::Kubelet];

    const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Developer => "developer",
            Self::Kubelet => "kubelet",
        }
    }
}

/// What the control plane is to be like.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// The node that [`User::Kubelet`] is.
    pub node: &'a str,
    /// Controllers, separated by commas.
    pub controllers: &'a [&'a str],
    /// Pods are there: they find the API server at the address of its Service, and are given to
    /// nodes. To be used only in a network of the test's own.
    pub for_pods: bool,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { node: "none", controllers: &[NAMESPACES], for_pods: false }
    }
}

/// The running control plane; it ends when dropped.
///
/// A webhook behind a Service is called at the addresses of the Service's EndpointSlices, which
/// nobody makes here by themselves; there is no proxy and no network between pods.
pub struct ControlPlane {
    // In the order in which they end.
    controllers: Option<Process>,
    scheduler: Option<Process>,
    api_server: Option<Process>,
    _etcd: Process,
    kubernetes: Kubernetes,
    etcd_port: u16,
    port: u16,
    for_pods: bool,
    ca: Ca,
    // The API server reads its files again from time to time.
    leaf: Leaf,
    tokens: Vec<(User, String)>,
    dir: TempDir,
}

impl ControlPlane {
    /// Starts it and waits until it serves.
    pub async fn start(kubernetes: &Kubernetes, options: &Options<'_>) -> Self {
        let dir = TempDir::with_prefix("control-plane-").unwrap();
        let ca = Ca::mint();
        let tokens: Vec<_> = User::ALL.into_iter().map(|user| (user, secrets::fresh())).collect();
        let listed = tokens.iter().map(|(user, token)| match user {
            User::Admin => format!("{token},admin,admin,system:masters\n"),
            User::Developer => format!("{token},developer,developer,developers\n"),
            User::Kubelet => format!("{token},system:node:{},kubelet,system:nodes\n", options.node),
        });
        // Tokens of service accounts are signed by RSA or ECDSA, not by the default of rcgen's.
        let signer = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        for (name, text) in [
            (TOKENS, listed.collect::<String>()),
            (SIGNER, signer.serialize_pem()),
            (SIGNER_PUBLIC, signer.public_key_pem()),
            (AUDIT_POLICY, AUDITED.to_owned()),
        ] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let etcd_port = free_port();
        let mut plane = Self {
            controllers: None,
            scheduler: None,
            api_server: None,
            _etcd: etcd(kubernetes, dir.path(), etcd_port),
            kubernetes: kubernetes.clone(),
            etcd_port,
            port: if options.for_pods { 443 } else { free_port() },
            for_pods: options.for_pods,
            leaf: ca.leaf(Kind::Good, &[SERVICE]),
            ca,
            tokens,
            dir,
        };
        if options.for_pods {
            netns::own(SERVICE);
        }
        plane.start_api_server().await;
        plane.controllers = Some(plane.controller_manager(options.controllers));
        plane.scheduler = options.for_pods.then(|| plane.scheduler());
        plane
    }

    /// Starts the API server, at the same address as before and over the same store, and waits
    /// until it serves.
    pub async fn start_api_server(&mut self) {
        let mut command = self.kubernetes.command("kube-apiserver");
        let flag = |name: &str, path: &Path| format!("--{name}={}", path.display());
        let file = |name: &str| self.dir.path().join(name);
        command
            .arg(format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_port))
            .arg(flag("cert-dir", &file("api-server")))
            .arg(flag("tls-cert-file", &self.leaf.cert_file()))
            .arg(flag("tls-private-key-file", &self.leaf.key_file()))
            .arg(format!("--secure-port={}", self.port))
            .arg(format!("--bind-address={}", if self.for_pods { "0.0.0.0" } else { LOOPBACK }))
            // Without a default route it finds no address of its own.
            .arg(format!("--advertise-address={LOOPBACK}"))
            .arg("--service-account-issuer=https://kubernetes.default.svc")
            .arg(flag("service-account-key-file", &file(SIGNER_PUBLIC)))
            .arg(flag("service-account-signing-key-file", &file(SIGNER)))
            .arg(flag("token-auth-file", &file(TOKENS)))
            .args(["--authorization-mode=Node,RBAC", "--endpoint-reconciler-type=none"])
            .args(["--service-cluster-ip-range=10.96.0.0/16", "--enable-aggregator-routing=true"])
            .arg(flag("audit-policy-file", &file(AUDIT_POLICY)))
            .arg(flag("audit-log-path", &file(AUDIT_LOG)));
        let mut process = Process::start("kube-apiserver", self.dir.path(), &mut command);
        let api = self.api();
        let mut pace = tokio::time::interval(POLL);
        for _ in 0..POLLS {
            pace.tick().await;
            process.assert_running();
            let answer = api.ask(Method::GET, "/readyz", "", String::new()).await;
            if answer.is_ok_and(|answer| answer.status == 200) {
                self.api_server = Some(process);
                return;
            }
        }
        panic!("the API server is not ready");
    }

    /// Kills the API server; what it has stored stays.
    pub fn stop_api_server(&mut self) {
        self.api_server = None;
    }

    /// Stops the API server in its tracks: connections to it come to nothing.
    pub fn freeze_api_server(&self) {
        self.api_server.as_ref().unwrap().freeze();
    }

    /// What the API server has logged.
    pub fn api_server_log(&self) -> String {
        self.api_server.as_ref().unwrap().log()
    }

    /// Lets a frozen API server go on.
    pub fn thaw_api_server(&self) {
        self.api_server.as_ref().unwrap().thaw();
    }

    fn controller_manager(&self, controllers: &[&str]) -> Process {
        let flag = |name: &str, path: &Path| format!("--{name}={}", path.display());
        Process::start(
            "kube-controller-manager",
            self.dir.path(),
            self.kubernetes
                .command("kube-controller-manager")
                .arg(flag("kubeconfig", &self.kubeconfig(User::Admin)))
                .arg(format!("--controllers={}", controllers.join(",")))
                // So that every controller is its own user, as in a cluster.
                .arg("--use-service-account-credentials=true")
                .arg(flag("service-account-private-key-file", &self.dir.path().join(SIGNER)))
                .arg(flag("root-ca-file", &self.ca.file()))
                .args(["--leader-elect=false", "--secure-port=0"]),
        )
    }

    fn scheduler(&self) -> Process {
        let kubeconfig = self.kubeconfig(User::Admin);
        Process::start(
            "kube-scheduler",
            self.dir.path(),
            self.kubernetes
                .command("kube-scheduler")
                .arg(format!("--kubeconfig={}", kubeconfig.display()))
                .args(["--leader-elect=false", "--secure-port=0"]),
        )
    }

    /// `https://127.0.0.1:PORT`.
    pub fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The authority of the API server's certificate.
    pub fn ca(&self) -> &Ca {
        &self.ca
    }

    /// A client with all rights.
    pub fn api(&self) -> Api {
        Api::new(&self.ca, &self.server(), self.token(User::Admin))
    }

    fn token(&self, user: User) -> &str {
        &self.tokens.iter().find(|(of, _)| *of == user).unwrap().1
    }

    /// The kubeconfig of a user.
    pub fn kubeconfig(&self, user: User) -> PathBuf {
        self.write_kubeconfig(user.name(), self.token(user))
    }

    /// The kubeconfig of a ServiceAccount, which must exist: with a token as a pod gets one.
    pub async fn account_kubeconfig(&self, namespace: &str, name: &str) -> PathBuf {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {},
        });
        let answer = self.api().post(&path, &request).await;
        let token = answer["status"]["token"].as_str().unwrap();
        self.write_kubeconfig(&format!("{namespace}-{name}"), token)
    }

    fn write_kubeconfig(&self, user: &str, token: &str) -> PathBuf {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "tests", "cluster": {
                "server": self.server(),
                "certificate-authority": self.ca.file(),
            } }],
            "users": [{ "name": user, "user": { "token": token } }],
            "contexts": [{ "name": "tests", "context": { "cluster": "tests", "user": user } }],
            "current-context": "tests",
        });
        let path = self.dir.path().join(format!("{user}.kubeconfig"));
        let config = config.to_string();
        // Who reads it meanwhile must not find half of it.
        if std::fs::read_to_string(&path).is_ok_and(|there| there == config) {
            return path;
        }
        std::fs::write(&path, config).unwrap();
        path
    }

    /// kubectl with a kubeconfig, in an environment of its own.
    pub fn kubectl(&self, kubeconfig: &Path) -> Command {
        let mut command = self.kubernetes.command("kubectl");
        command
            .env_clear()
            .env("HOME", self.dir.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("KUBECONFIG", kubeconfig);
        command
    }

    /// Every request that the API server has answered since it began, as `audit.k8s.io/v1` Events
    /// of level Metadata.
    pub fn audited(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.dir.path().join(AUDIT_LOG)).unwrap_or_default();
        // The last line may be half written.
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

const LOOPBACK: &str = "127.0.0.1";
const TOKENS: &str = "tokens.csv";
const SIGNER: &str = "service-accounts.key";
const SIGNER_PUBLIC: &str = "service-accounts.pub";
const AUDIT_POLICY: &str = "audit-policy.json";
const AUDIT_LOG: &str = "audit.log";

/// Every request once, when it has been answered.
const AUDITED: &str = r#"{
    "apiVersion": "audit.k8s.io/v1", "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [{ "level": "Metadata" }]
}"#;

fn etcd(kubernetes: &Kubernetes, dir: &Path, port: u16) -> Process {
    let client = format!("http://127.0.0.1:{port}");
    let peer = format!("http://127.0.0.1:{}", free_port());
    Process::start(
        "etcd",
        dir,
        kubernetes
            .command("etcd")
            .arg(format!("--data-dir={}", dir.join("etcd").display()))
            .arg(format!("--listen-client-urls={client}"))
            .arg(format!("--advertise-client-urls={client}"))
            .arg(format!("--listen-peer-urls={peer}"))
            .arg(format!("--initial-advertise-peer-urls={peer}"))
            .arg(format!("--initial-cluster=default={peer}"))
            .args(["--unsafe-no-fsync", "--log-level=error"]),
    )
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
