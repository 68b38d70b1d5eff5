//! A control plane with pullcheck installed as it is shipped, and a registry to pull from.
//!
//! No node is here: the pods of pullcheck's own Deployment stay pending, and the process that
//! answers in their place is the built binary, at an address that the Service's EndpointSlice
//! names, under the ServiceAccount of the Deployment.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use http::Method;
use serde_json::json;

use super::kubectl::Kubectl;
use crate::parts::kubernetes::api::Api;
use crate::parts::kubernetes::control_plane::{
    ControlPlane, NAMESPACES, Options, ROLES, User, WORKLOADS,
};
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::parts::netns::{self, Network};
use crate::support::images;
use crate::support::misbehaving::{Access, Logins, Registry};
use crate::support::tls::{Ca, Kind};
use crate::support::webhook::{Launch, Webhook};

/// The name of the stage's registry.
pub const REGISTRY: &str = "registry.acme.test";

/// The name of the one that asks for a login.
pub const PRIVATE: &str = "private.acme.test";

/// `/etc/hosts` where the tests run.
const HOSTS: &str = "127.0.0.1 localhost\n\
    10.77.1.1 registry.acme.test\n\
    10.77.1.2 private.acme.test\n";

/// Where the registries are: at the usual port, so that their names need none.
const REGISTRY_AT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 77, 1, 1)), 443);
const PRIVATE_AT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 77, 1, 2)), 443);

/// The namespace and the name of everything of pullcheck's.
pub const PULLCHECK: &str = "pullcheck";

/// The name by which the API server knows what is behind the Service.
pub const SERVER_NAME: &str = "pullcheck.pullcheck.svc";

/// The address of the first replica; the next one has the next address.
const REPLICA: [u8; 4] = [10, 77, 0, 2];

/// A test's way in: builds what it needs, and takes it to a network of its own.
///
/// `test` is its full name (`cluster::smoke::...`). None is: not here, the test is over.
pub fn enter(test: &str, release: Release) -> Result<Option<Kubernetes>, String> {
    // First, because the rest takes minutes to build.
    netns::is_allowed()?;
    let kubernetes = Kubernetes::built(release)?;
    let side = Network { hosts: HOSTS, resolv_conf: "" }.enter(test)?;
    Ok(side.is_inside().then_some(kubernetes))
}

/// The test's body, in the network of the test's own; skips the test where a part is missing.
macro_rules! on_stage {
    ($test:expr, $release:expr, $body:expr) => {{
        match $crate::cluster::stage::enter($test, $release) {
            Err(why) => $crate::support::skip!(&why),
            Ok(None) => {}
            Ok(Some(kubernetes)) => {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                runtime.block_on($body(&kubernetes));
            }
        }
    }};
}
pub(super) use on_stage;

/// The stage.
pub struct Stage {
    pub plane: ControlPlane,
    /// Lets everybody in, over TLS, as [`REGISTRY`].
    pub registry: Registry,
    /// Lets in who is one of the [`Stage::logins`], over TLS, as [`PRIVATE`].
    pub private: Registry,
    /// The accounts of the private registry.
    pub logins: Logins,
    /// The authority of the registry's certificate.
    pub ca: Ca,
}

impl Stage {
    /// A control plane with the controllers that make pods of templates, and a registry; nothing
    /// is installed yet.
    pub async fn start(kubernetes: &Kubernetes) -> Self {
        Box::pin(Self::start_with(kubernetes, &[NAMESPACES, WORKLOADS, ROLES])).await
    }

    /// The same, where nothing is made but what the test sends: no pods of templates.
    pub async fn start_still(kubernetes: &Kubernetes) -> Self {
        Box::pin(Self::start_with(kubernetes, &[NAMESPACES, ROLES])).await
    }

    async fn start_with(kubernetes: &Kubernetes, controllers: &[&str]) -> Self {
        let options = Options { controllers, ..Options::default() };
        let ca = Ca::mint();
        let leaf = ca.leaf(Kind::Good, &[REGISTRY, PRIVATE]);
        let logins = Logins::default();
        let everybody = Access::anonymous();
        Self {
            plane: ControlPlane::start(kubernetes, &options).await,
            registry: Registry::start_tls_at(REGISTRY_AT, everybody, &leaf).await,
            private: Registry::start_tls_at(PRIVATE_AT, Access::basic(&logins), &leaf).await,
            logins,
            ca,
        }
    }

    /// kubectl as the administrator.
    pub fn kubectl(&self, line: &str) -> Kubectl {
        self.kubectl_as(User::Admin, line)
    }

    /// kubectl as somebody else.
    pub fn kubectl_as(&self, user: User, line: &str) -> Kubectl {
        Kubectl::of(self.plane.kubectl(&self.plane.kubeconfig(user))).args(line)
    }

    /// Installs what is shipped.
    pub async fn install(&self) {
        let deploy = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/overlays/warn");
        self.kubectl("apply -k").arg(deploy).succeeds().await;
    }

    /// The kubeconfig of pullcheck's own ServiceAccount.
    pub async fn account(&self) -> PathBuf {
        self.plane.account_kubeconfig(PULLCHECK, PULLCHECK).await
    }

    /// Starts the first replica behind the Service, and tells the API server of its authority.
    pub async fn serve(&self, launch: Launch) -> Webhook {
        let webhook = self.replica(0, launch).await;
        self.trust(&[webhook.ca()]).await;
        webhook
    }

    /// Starts a replica behind the Service.
    pub async fn replica(&self, index: u8, launch: Launch) -> Webhook {
        let address = std::net::Ipv4Addr::from(u32::from_be_bytes(REPLICA) + u32::from(index));
        let launch = launch.at(address.into()).named(SERVER_NAME);
        let webhook = Box::pin(self.process(launch)).await;
        self.endpoint(&format!("pullcheck-{index}"), webhook.address(), true).await;
        webhook
    }

    /// Starts a replica that nothing leads to, yet.
    pub async fn process(&self, launch: Launch) -> Webhook {
        let account = self.account().await;
        launch
            .args(&["--allow-address", "127.0.0.0/8"])
            .args(&["--ca-file", self.ca.file().to_str().unwrap()])
            .args(&["--kubeconfig", account.to_str().unwrap()])
            .start()
            .await
    }

    /// Says of an address behind the Service whether it is ready, as the controller of
    /// EndpointSlices does.
    pub async fn endpoint(&self, slice: &str, address: SocketAddr, ready: bool) {
        let conditions = json!({ "ready": ready, "serving": ready });
        self.api()
            .apply_at(
                "/apis/discovery.k8s.io/v1/namespaces/pullcheck/endpointslices",
                &json!({
                    "apiVersion": "discovery.k8s.io/v1",
                    "kind": "EndpointSlice",
                    "metadata": {
                        "name": slice,
                        "namespace": PULLCHECK,
                        "labels": { "kubernetes.io/service-name": PULLCHECK },
                    },
                    "addressType": "IPv4",
                    "endpoints": [{ "addresses": [address.ip()], "conditions": conditions }],
                    "ports": [{ "name": "webhook", "port": address.port() }],
                }),
            )
            .await;
    }

    /// Makes the API server accept what these authorities signed.
    pub async fn trust(&self, authorities: &[&Ca]) {
        use base64::Engine as _;
        let bundle: String = authorities.iter().map(|ca| ca.pem()).collect();
        let bundle = base64::engine::general_purpose::STANDARD.encode(bundle);
        let path = "/webhooks/0/clientConfig/caBundle";
        let patch = json!([{ "op": "add", "path": path, "value": bundle }]);
        self.kubectl("patch validatingwebhookconfiguration pullcheck --type=json -p")
            .arg(&patch.to_string())
            .succeeds()
            .await;
    }

    /// The API server, with all rights.
    pub fn api(&self) -> Api {
        self.plane.api()
    }

    /// An image that is in the registry, by its name there.
    pub fn image(&self, repository: &str, tag: &str) -> String {
        self.registry.add(repository, tag, &images::simple(repository));
        format!("{REGISTRY}/{repository}:{tag}")
    }

    /// An image that is in the private registry, by its name there.
    pub fn private_image(&self, repository: &str, tag: &str) -> String {
        self.private.add(repository, tag, &images::simple(repository));
        format!("{PRIVATE}/{repository}:{tag}")
    }

    /// A namespace that is ready for pods, in a mode of its own (`enforce`) or the default one.
    pub async fn namespace(&self, name: &str, mode: Option<&str>) {
        let labels = mode.map_or(json!({}), |mode| json!({ "pullcheck.dev/mode": mode }));
        let metadata = json!({ "name": name, "labels": labels });
        let api = self.api();
        api.create(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata })).await;
        let account = format!("/api/v1/namespaces/{name}/serviceaccounts/default");
        until("the ServiceAccount default", async || {
            let answer = api.ask(Method::GET, &account, "", String::new()).await;
            answer.is_ok_and(|answer| answer.status == 200)
        })
        .await;
    }

    /// Waits until the API server calls the webhook: it learns of a configuration a moment after
    /// it was told. `image` must be refused in the namespace `default`.
    pub async fn until_called(&self, refused: &str) {
        until("a call of the webhook", async || {
            let run = self.kubectl("run probe --dry-run=server --image").arg(refused);
            run.run().await.stderr.contains('[')
        })
        .await;
    }
}

/// Waits for something that comes about by itself, for a minute at most.
pub async fn until(what: &str, is_so: impl AsyncFnMut() -> bool) {
    within(Duration::from_secs(60), what, is_so).await;
}

/// The same for half of that: too short for what was remembered to be forgotten.
pub async fn soon(what: &str, is_so: impl AsyncFnMut() -> bool) {
    within(Duration::from_secs(30), what, is_so).await;
}

async fn within(limit: Duration, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    let waiting = async {
        loop {
            pace.tick().await;
            if is_so().await {
                return;
            }
        }
    };
    let came = tokio::time::timeout(limit, waiting).await;
    assert!(came.is_ok(), "waited in vain for {what}");
}
