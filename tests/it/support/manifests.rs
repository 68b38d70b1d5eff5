//! Manifests as people keep them: Secrets, ServiceAccounts, and streams of documents.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::secrets;

/// A stream of documents, each of them JSON.
pub fn stream(objects: &[Value]) -> String {
    objects.iter().fold(String::new(), |text, object| format!("{text}---\n{object}\n"))
}

/// A docker `config.json` with one login.
pub fn docker_config(host: &str, user: &str, password: &str) -> String {
    json!({ "auths": { host: { "auth": secrets::basic(user, password) } } }).to_string()
}

/// The pull secret that `kubectl create secret docker-registry` makes of a config.
pub fn pull_secret(name: &str, config: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": name },
        "type": "kubernetes.io/dockerconfigjson",
        "data": { ".dockerconfigjson": STANDARD.encode(config) },
    })
}

/// A ServiceAccount with pull secrets.
pub fn service_account(name: &str, secrets: &[&str]) -> Value {
    let names: Vec<Value> = secrets.iter().map(|name| json!({ "name": name })).collect();
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": { "name": name },
        "imagePullSecrets": names,
    })
}

/// A Pod without a namespace, as most manifests are.
pub fn pod(spec: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web" }, "spec": spec })
}
