//! Credential providers of a kubelet: small shell scripts and their configuration in a folder.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::executable::executable;

/// What the kubelet of 1.36 speaks.
pub const V1: &str = "credentialprovider.kubelet.k8s.io/v1";

/// The folder.
pub struct Plugins {
    folder: TempDir,
    providers: Vec<Value>,
}

impl Plugins {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), providers: Vec::new() }
    }

    /// A provider for images of `host`, which notes that it runs and then runs this script.
    pub fn add(&mut self, name: &str, host: &str, script: &str) -> &mut Self {
        self.add_with(name, host, script, &json!({}))
    }

    /// The same with more fields in its configuration, or others.
    pub fn add_with(&mut self, name: &str, host: &str, script: &str, more: &Value) -> &mut Self {
        let runs = self.path(&format!("{name}.runs"));
        let script = format!("#!/bin/sh\necho run >> {}\n{script}\n", runs.display());
        executable(&self.path(name), &script);
        let mut provider = json!({
            "name": name,
            "matchImages": [host],
            "defaultCacheDuration": "1h",
            "apiVersion": V1,
        });
        for (key, value) in more.as_object().unwrap() {
            provider[key] = value.clone();
        }
        self.providers.push(provider);
        self
    }

    /// A file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the configuration, as it now is.
    pub fn config(&self) -> PathBuf {
        let path = self.path("config.json");
        let config = json!({
            "apiVersion": "kubelet.config.k8s.io/v1",
            "kind": "CredentialProviderConfig",
            "providers": self.providers,
        });
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }

    /// The flags that give it to pullcheck.
    pub fn flags(&self) -> Vec<String> {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        vec![
            "--credential-provider-config".to_owned(),
            text(&self.config()),
            "--credential-provider-bin-dir".to_owned(),
            text(self.folder.path()),
        ]
    }

    /// How often a provider was run.
    pub fn runs(&self, name: &str) -> usize {
        let runs = std::fs::read_to_string(self.path(&format!("{name}.runs")));
        runs.map_or(0, |runs| runs.lines().count())
    }
}

/// A script that answers with one login.
pub fn login(host: &str, user: &str, password: &str) -> String {
    let auth = json!({ host: { "username": user, "password": password } });
    answer(&json!({ "cacheKeyType": "Registry", "auth": auth }))
}

/// A script that answers with these fields beside kind and version.
pub fn answer(fields: &Value) -> String {
    let mut answer = json!({ "kind": "CredentialProviderResponse", "apiVersion": V1 });
    for (key, value) in fields.as_object().unwrap() {
        answer[key] = value.clone();
    }
    format!("cat <<'END'\n{answer}\nEND")
}
