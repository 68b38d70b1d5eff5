//! The part of the API server and of kubectl that a person sees: the object is sent to the
//! webhook, and the answer shown as they would show it.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The webhook's name in the shipped ValidatingWebhookConfiguration.
const WEBHOOK: &str = "images.pullcheck.dev";

pub(super) struct Kubectl {
    address: SocketAddr,
    tls: TlsConnector,
}

impl Kubectl {
    /// Talks to the webhook at `address`, whose certificate is by `authority` (PEM).
    pub(super) fn new(address: SocketAddr, authority: &str) -> anyhow::Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes())?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { address, tls: TlsConnector::from(Arc::new(config)) })
    }

    /// The lines that a terminal would show for `kubectl apply` of this object.
    pub(super) async fn apply(&self, object: &Value) -> anyhow::Result<Vec<String>> {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let (kind, name) = (text("/kind"), text("/metadata/name"));
        let file = format!("{name}.yaml");
        let mut lines = vec![described(object), format!("$ kubectl apply -f {file}")];
        let answer = self.post(&review(object)).await?;
        let response = answer.get("response").context("the webhook's answer has no response")?;
        let warnings = response.get("warnings").and_then(Value::as_array);
        for warning in warnings.into_iter().flatten().filter_map(Value::as_str) {
            lines.push(format!("Warning: {warning}"));
        }
        if response.get("allowed").and_then(Value::as_bool) == Some(true) {
            let (group, _) = text("/apiVersion").split_once('/').unwrap_or_default();
            let dot = if group.is_empty() { "" } else { "." };
            lines.push(format!("{}{dot}{group}/{name} created", kind.to_lowercase()));
        } else {
            let message = response.pointer("/status/message").and_then(Value::as_str);
            let reason = response.pointer("/status/reason").and_then(Value::as_str);
            lines.push(format!(
                "Error from server ({}): error when creating \"{file}\": admission webhook \
                 \"{WEBHOOK}\" denied the request: {}",
                reason.unwrap_or_default(),
                message.unwrap_or_default()
            ));
        }
        Ok(lines)
    }

    async fn post(&self, review: &Value) -> anyhow::Result<Value> {
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost")?;
        let stream = TokioIo::new(self.tls.connect(name, stream).await?);
        let (mut sender, connection) = http1::handshake(stream).await?;
        let connection = tokio::spawn(connection);
        let request = Request::post("/validate?timeout=5s")
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(bytes::Bytes::from(review.to_string())))?;
        let body = sender.send_request(request).await?.into_body().collect().await?.to_bytes();
        drop(sender);
        connection.await??;
        Ok(serde_json::from_slice(&body)?)
    }
}

/// What of the object matters, on one line.
fn described(object: &Value) -> String {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let spec = object.pointer("/spec/template/spec").or_else(|| object.get("spec"));
    let of_spec = |path: &str| spec.and_then(|spec| spec.pointer(path)).and_then(Value::as_str);
    let mut line = format!(
        "{} {}/{}: image {}",
        text("/kind"),
        text("/metadata/namespace"),
        text("/metadata/name"),
        of_spec("/containers/0/image").unwrap_or_default()
    );
    if let Some(secret) = of_spec("/imagePullSecrets/0/name") {
        line = format!("{line}, imagePullSecrets [{secret}]");
    }
    if let Some(account) = of_spec("/serviceAccountName") {
        line = format!("{line}, serviceAccountName {account}");
    }
    line
}

/// The AdmissionReview that the API server would send for the creation of `object`.
fn review(object: &Value) -> Value {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let (group, version) = text("/apiVersion").split_once('/').unwrap_or(("", text("/apiVersion")));
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "00000000-0000-0000-0000-000000000000",
            "kind": {"group": group, "version": version, "kind": text("/kind")},
            "resource": {
                "group": group,
                "version": version,
                "resource": format!("{}s", text("/kind").to_lowercase()),
            },
            "name": text("/metadata/name"),
            "namespace": text("/metadata/namespace"),
            "operation": "CREATE",
            "userInfo": {"username": "you"},
            "object": object,
            "dryRun": false,
        },
    })
}
