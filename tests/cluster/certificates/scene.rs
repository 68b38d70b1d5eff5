//! The component `self-managed` installed, replicas that keep their own certificates, and what
//! becomes of both objects.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Component, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use pullcheck::certificates::{Certificate, Kept, Stored, read_all};
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, IsCa, Issuer, KeyPair};
use rcgen::{DnType, KeyUsagePurpose};
use rustls::RootCertStore;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::cluster::stage::{SERVER_NAME, Stage, until};
use crate::parts::kubernetes::program::Kubernetes;
use crate::support::webhook::{Launch, Webhook};

pub const SECRET: &str = "/api/v1/namespaces/pullcheck/secrets/pullcheck-certificates";
pub const CONFIGURATION: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/pullcheck";

/// The stage with the component, and nobody behind the Service yet.
pub struct Scene {
    pub stage: Stage,
    /// An image that every review denies.
    pub bad: String,
    account: PathBuf,
    args: Vec<String>,
}

impl Scene {
    pub async fn set(kubernetes: &Kubernetes) -> Self {
        let stage = Stage::start_still(kubernetes).await;
        let bad = stage.image("team/app", "1.0").replace(":1.0", ":1.1");
        install(&stage).await;
        let path = "/apis/apps/v1/namespaces/pullcheck/deployments/pullcheck";
        let deployment = stage.api().get(path).await;
        let args = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
        let args = args.as_array().unwrap().iter().map(|arg| arg.as_str().unwrap().to_owned());
        let args: Vec<_> = args.filter(|arg| arg.starts_with("--tls-")).collect();
        assert_eq!(args, ["--tls-secret=pullcheck/pullcheck-certificates"]);
        let account = stage.account().await;
        let scene = Self { stage, bad, account, args };
        scene.patch(CONFIGURATION, "/webhooks/0/failurePolicy", &json!("Fail")).await;
        scene
    }

    /// What the certificate names.
    pub fn hosts() -> Vec<String> {
        vec![SERVER_NAME.to_owned()]
    }

    fn launch(&self, index: u8) -> Launch {
        Launch::default()
            .mode("enforce")
            .at(Ipv4Addr::new(10, 77, 0, 2 + index).into())
            .keeping_its_own()
            .args(&self.args)
            .args(&["--allow-address", "127.0.0.0/8", "--allow-address", "10.77.1.0/24"])
            .args(&["--ca-file", self.stage.ca.file().to_str().unwrap()])
            .args(&["--kubeconfig", self.account.to_str().unwrap()])
    }

    /// Three replicas, started at the same moment.
    pub async fn three(&self) -> [Webhook; 3] {
        let start = |index| self.launch(index).start();
        let (a, b, c) = tokio::join!(start(0), start(1), start(2));
        let replicas = [a, b, c];
        for (index, webhook) in replicas.iter().enumerate() {
            self.stage.endpoint(&format!("pullcheck-{index}"), webhook.address(), true).await;
        }
        replicas
    }

    /// A replica that may not be ready yet, behind the Service.
    pub async fn early(&self, index: u8) -> Webhook {
        let webhook = self.process_early(index).await;
        self.stage.endpoint("pullcheck-0", webhook.address(), true).await;
        webhook
    }

    /// A replica that may not be ready yet.
    pub async fn process_early(&self, index: u8) -> Webhook {
        self.launch(index).early().start().await
    }

    pub async fn until_ready(&self, webhook: &Webhook) {
        until("being ready", async || {
            // A right may be known a moment after it was granted.
            webhook.hang_up();
            webhook.probe("/readyz").await.status == 200
        })
        .await;
    }

    /// Waits until it says that it is not ready, and why.
    pub async fn until_not_ready(&self, webhook: &Webhook, why: &str) {
        until(why, async || {
            let answer = webhook.probe("/readyz").await;
            assert_eq!(answer.status, 503, "{}", answer.text());
            answer.text().contains(why)
        })
        .await;
    }

    /// The Secret's values, if it exists.
    pub async fn secret(&self) -> Option<Stored> {
        let answer = self.stage.api().ask(Method::GET, SECRET, "", String::new()).await.unwrap();
        (answer.status == 200).then(|| {
            let secret = answer.json();
            Stored::of(|key| decoded(&secret["data"][key]))
        })
    }

    /// What is in the Secret.
    pub async fn kept(&self) -> Kept {
        Kept::read(&self.secret().await.unwrap())
    }

    /// Puts other values into the Secret.
    pub async fn put(&self, values: impl Iterator<Item = (&'static str, &[u8])>) {
        let data: serde_json::Map<String, Value> =
            values.map(|(key, value)| (key.to_owned(), encoded(value))).collect();
        let patch = json!({ "data": data }).to_string();
        let kind = "application/merge-patch+json";
        let answer = self.stage.api().ask(Method::PATCH, SECRET, kind, patch).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// What the API server trusts.
    pub async fn bundle(&self) -> Vec<u8> {
        let configuration = self.stage.api().get(CONFIGURATION).await;
        decoded(&configuration["webhooks"][0]["clientConfig"]["caBundle"])
    }

    /// Sets one field of an object.
    pub async fn patch(&self, path: &str, field: &str, value: &Value) {
        let patch = json!([{ "op": "add", "path": field, "value": value }]).to_string();
        let kind = "application/json-patch+json";
        let answer = self.stage.api().ask(Method::PATCH, path, kind, patch).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Makes the API server open a connection of its own for its next calls: it has one for each
    /// spelling of the list.
    pub async fn connect_anew(&self) {
        let mut bundle = self.bundle().await;
        bundle.push(b'\n');
        let field = "/webhooks/0/clientConfig/caBundle";
        self.patch(CONFIGURATION, field, &encoded(&bundle)).await;
    }

    /// Gives the authority the dates of one that was made so many days ago; key and name stay.
    pub async fn age_authority(&self, days: u32) {
        let stored = self.secret().await.unwrap();
        let value = |wanted: &str| {
            let (_, value) = stored.values().find(|(key, _)| *key == wanted).unwrap();
            String::from_utf8(value.to_vec()).unwrap()
        };
        let key = KeyPair::from_pem(&value("ca.key")).unwrap();
        let old = value("ca.crt");
        let name = common_name(&read_all(old.as_bytes())[0]);
        assert!(Issuer::from_ca_cert_pem(&old, &key).is_ok());
        let made = SystemTime::now() - days * super::DAY;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = (made - Duration::from_secs(3_600)).into();
        params.not_after = (made + 365 * super::DAY).into();
        let aged = params.self_signed(&key).unwrap().pem();
        self.put([("ca.crt", aged.as_bytes())].into_iter()).await;
    }

    /// Waits until the Secret holds another serving certificate.
    pub async fn until_other_leaf(&self, old: &Kept) {
        let renewed = async || {
            let kept = self.kept().await;
            let leaf = kept.chain().first().cloned();
            let left = leaf.as_ref().map(|it| it.not_after.duration_since(SystemTime::now()));
            let long = left.is_some_and(|it| it.is_ok_and(|it| it > 80 * super::DAY));
            long && leaf.as_ref() != old.chain().first()
        };
        until("another certificate", renewed).await;
    }

    /// Waits until every replica shows what the Secret holds, to who trusts what the API server
    /// is told to trust.
    pub async fn until_all_show(&self, replicas: &[Webhook], what: &str) {
        until(what, async || {
            let wanted = self.kept().await.chain().to_vec();
            let bundle = read_all(&self.bundle().await);
            for webhook in replicas {
                if shown(webhook.address(), &bundle).await != wanted {
                    webhook.hang_up();
                    return false;
                }
            }
            true
        })
        .await;
    }

    /// Takes away a binding of the component, and waits until that holds; the binding.
    pub async fn take_away(&self, kind: &str) -> Value {
        let namespaced = if kind == "rolebinding" { "namespaces/pullcheck/" } else { "" };
        let path = format!(
            "/apis/rbac.authorization.k8s.io/v1/{namespaced}{kind}s/pullcheck-certificates"
        );
        let mut grant = self.stage.api().get(&path).await;
        let answer = self.stage.api().ask(Method::DELETE, &path, "", String::new()).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        for field in ["resourceVersion", "uid", "creationTimestamp", "managedFields"] {
            grant["metadata"].as_object_mut().unwrap().remove(field);
        }
        let (verb, resource) = match kind {
            "rolebinding" => ("create", "secrets -n pullcheck"),
            _ => ("get", "validatingwebhookconfigurations/pullcheck"),
        };
        until("a right that is gone", async || {
            let line = format!("auth can-i {verb} {resource}");
            let user = "--as=system:serviceaccount:pullcheck:pullcheck";
            self.stage.kubectl(&line).arg(user).run().await.stdout.trim() == "no"
        })
        .await;
        grant
    }

    /// Gives a binding back.
    pub async fn give_back(&self, grant: &Value) {
        self.stage.kubectl("apply -f -").stdin(grant.to_string()).succeeds().await;
    }
}

/// Installs the plain overlay with the component.
async fn install(stage: &Stage) {
    let dir = TempDir::with_prefix("variant-").unwrap();
    let root = dir.path().canonicalize().unwrap();
    // kustomize takes no absolute paths.
    let up = "../".repeat(root.components().filter(|it| *it != Component::RootDir).count());
    let deploy = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy").trim_start_matches('/');
    let kustomization = json!({
        "resources": [format!("{up}{deploy}/overlays/warn")],
        "components": [format!("{up}{deploy}/components/self-managed")],
    });
    std::fs::write(root.join("kustomization.yaml"), kustomization.to_string()).unwrap();
    stage.kubectl("apply -k").arg(root.to_str().unwrap()).succeeds().await;
}

/// The chain that is shown to who trusts these authorities; nothing if it is not accepted.
async fn shown(address: SocketAddr, trusted: &[Certificate]) -> Vec<Certificate> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted.iter().map(|it| it.der.clone()));
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(SERVER_NAME).unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let Ok(tls) = TlsConnector::from(Arc::new(config)).connect(name, stream).await else {
        return Vec::new();
    };
    let chain = tls.get_ref().1.peer_certificates().unwrap_or_default();
    chain.iter().map(|der| Certificate::read(der).unwrap()).collect()
}

fn common_name(certificate: &Certificate) -> String {
    let (_, parsed) = x509_parser::parse_x509_certificate(&certificate.der).unwrap();
    parsed.subject().iter_common_name().next().unwrap().as_str().unwrap().to_owned()
}

pub fn encoded(value: &[u8]) -> Value {
    STANDARD.encode(value).into()
}

fn decoded(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap_or_default()).unwrap()
}
