//! A control plane with pullcheck installed as it is shipped, and a registry to pull from.
//!
//! No node is here: the pods of pullcheck's own Deployment stay pending, and the process that
//! answers in their place is the built binary, at an address that the Service's EndpointSlice
//! names, under the ServiceAccount of the Deployment.

use std::path::PathBuf;

use serde_json::json;

use super::kubectl::Kubectl;
use crate::parts::kubernetes::api::Api;
use crate::parts::kubernetes::control_plane::{ControlPlane, NAMESPACES, Options, User, WORKLOADS};
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::parts::netns::{self, Network};
use crate::support::misbehaving::{Access, Registry};
use crate::support::tls::{Ca, Kind};
use crate::support::webhook::{Launch, Webhook};

/// The name of the stage's registry.
pub const REGISTRY: &str = "registry.acme.test";

/// `/etc/hosts` where the tests run.
const HOSTS: &str = "127.0.0.1 localhost registry.acme.test\n";

/// The namespace and the name of everything of pullcheck's.
pub const PULLCHECK: &str = "pullcheck";

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
    /// The authority of the registry's certificate.
    pub ca: Ca,
}

impl Stage {
    /// A control plane with the controllers that make pods of templates, and a registry; nothing
    /// is installed yet.
    pub async fn start(kubernetes: &Kubernetes) -> Self {
        let options = Options { controllers: &[NAMESPACES, WORKLOADS], ..Options::default() };
        let ca = Ca::mint();
        let leaf = ca.leaf(Kind::Good, &[REGISTRY]);
        Self {
            plane: ControlPlane::start(kubernetes, &options).await,
            registry: Registry::start_tls(Access::anonymous(), &leaf).await,
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
        let account = self.account().await;
        let webhook = launch
            .at(address.into())
            .named("pullcheck.pullcheck.svc")
            .args(&["--allow-address", "127.0.0.0/8"])
            .args(&["--ca-file", self.ca.file().to_str().unwrap()])
            .args(&["--kubeconfig", account.to_str().unwrap()])
            .start()
            .await;
        self.api()
            .apply_at(
                "/apis/discovery.k8s.io/v1/namespaces/pullcheck/endpointslices",
                &json!({
                    "apiVersion": "discovery.k8s.io/v1",
                    "kind": "EndpointSlice",
                    "metadata": {
                        "name": format!("pullcheck-{index}"),
                        "namespace": PULLCHECK,
                        "labels": { "kubernetes.io/service-name": PULLCHECK },
                    },
                    "addressType": "IPv4",
                    "endpoints": [{ "addresses": [address], "conditions": { "ready": true } }],
                    "ports": [{ "name": "webhook", "port": webhook.address().port() }],
                }),
            )
            .await;
        webhook
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
        let image = crate::support::images::simple(repository);
        self.registry.add(repository, tag, &image).replace("127.0.0.1", REGISTRY)
    }

    /// Waits until the API server calls the webhook: it learns of a configuration a moment after
    /// it was told. `image` must be refused in the namespace `default`.
    pub async fn until_called(&self, refused: &str) {
        let mut pace = tokio::time::interval(std::time::Duration::from_millis(100));
        for _ in 0..600 {
            pace.tick().await;
            let run = self.kubectl("run probe --dry-run=server --image").arg(refused);
            let ran = run.run().await;
            if ran.stderr.contains("[") {
                return;
            }
        }
        panic!("the API server does not call the webhook");
    }
}
