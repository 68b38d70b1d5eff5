//! Pull secrets, good and bad, as the API server takes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// What `kubectl create secret docker-registry` makes of a config.
pub fn pull_secret(config: &str) -> Value {
    of("kubernetes.io/dockerconfigjson", ".dockerconfigjson", config)
}

/// A Secret of any type with one key.
pub fn of(kind: &str, key: &str, text: &str) -> Value {
    json!({ "type": kind, "stringData": { key: text } })
}

/// A docker `config.json`.
pub fn config(entries: &[(&str, Value)]) -> String {
    json!({ "auths": auths(entries) }).to_string()
}

/// What is under `auths`, and all there is in the older format.
pub fn auths(entries: &[(&str, Value)]) -> Map<String, Value> {
    entries.iter().map(|(key, entry)| ((*key).to_owned(), entry.clone())).collect()
}

/// An entry with a user and a password.
pub fn login(user: &str, password: &str) -> Value {
    json!({ "auth": STANDARD.encode(format!("{user}:{password}")) })
}
