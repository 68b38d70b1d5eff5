//! Real processes: small shell scripts, which count how often they are run.

mod executable;
mod keeping;
mod running;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use super::{Age, Limits, Lookup, Providers};
use crate::credentials::provider::{Document, read};
use crate::facts::{CredentialSource, ProviderAnswer, Unchecked};

use executable::executable;

const V1: &str = "credentialprovider.kubelet.k8s.io/v1";

/// Nobody waits for this; it only turns a hang of the suite into a failure.
const NEVER: Duration = Duration::from_secs(60);

/// A folder of executables and what they leave behind.
struct Bench {
    folder: TempDir,
    config: String,
    limits: Limits,
    environment: Vec<(OsString, OsString)>,
}

impl Bench {
    fn new() -> Self {
        let environment = vec![("PATH".into(), "/usr/bin:/bin".into())];
        let config =
            "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders:\n";
        let folder = TempDir::new().unwrap();
        Self { folder, config: config.to_owned(), limits: Limits::default(), environment }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A provider for `images` that runs this script after it has noted that it runs.
    fn add(&mut self, name: &str, images: &str, script: &str) -> &mut Self {
        self.add_as(name, images, script, "")
    }

    /// The same, with more lines of configuration.
    fn add_as(&mut self, name: &str, images: &str, script: &str, lines: &str) -> &mut Self {
        let runs = self.path(&format!("{name}.runs"));
        let script = format!("#!/bin/sh\necho run >> {}\n{script}\n", runs.display());
        executable(&self.path(name), &script);
        let usual = "  defaultCacheDuration: 1h\n";
        let duration = if lines.contains("defaultCacheDuration") { "" } else { usual };
        let entry = format!(
            "- name: {name}\n  matchImages: [{images}]\n  apiVersion: {V1}\n{duration}{lines}\n"
        );
        self.config += &entry;
        self
    }

    fn providers(&self) -> Providers {
        let document = Document { file: "config".to_owned(), text: self.config.clone() };
        let (providers, _, problems) = read(&[document]);
        assert!(problems.is_empty(), "{problems:#?}\n{}", self.config);
        Providers::new(providers, self.folder.path(), self.environment.clone(), self.limits)
    }

    /// How often a provider was run.
    fn runs(&self, name: &str) -> usize {
        let runs = std::fs::read_to_string(self.path(&format!("{name}.runs")));
        runs.map_or(0, |runs| runs.lines().count())
    }

    /// What a script wrote to a file.
    fn wrote(&self, file: &str) -> String {
        std::fs::read_to_string(self.path(file)).unwrap()
    }
}

/// A script that answers with these logins (`"r.io":["user","password"]`) and fields.
fn answers(fields: &str, logins: &[(&str, &str, &str)]) -> String {
    let auth = logins.iter().map(|(key, user, password)| {
        format!("\"{key}\":{{\"username\":\"{user}\",\"password\":\"{password}\"}}")
    });
    let auth: Vec<String> = auth.collect();
    answer(&format!("{fields},\"auth\":{{{}}}", auth.join(",")))
}

/// A script that answers with these fields.
fn answer(fields: &str) -> String {
    format!(
        "cat <<'END'\n{{\"kind\":\"CredentialProviderResponse\",\"apiVersion\":\"{V1}\",{fields}}}\nEND"
    )
}

const IMAGE: &str = "\"cacheKeyType\":\"Image\"";
const REGISTRY: &str = "\"cacheKeyType\":\"Registry\"";
const GLOBAL: &str = "\"cacheKeyType\":\"Global\"";

async fn lookup(providers: &Providers, name: &str) -> Lookup {
    lookup_as(providers, name, "shop", Age::Any).await
}

async fn lookup_as(providers: &Providers, name: &str, tenant: &str, age: Age) -> Lookup {
    providers.lookup(name, &Arc::from(tenant), age, Instant::now() + NEVER).await
}

/// The logins as `provider user password`.
fn logins(lookup: &Lookup) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let shown = lookup.credentials.iter().map(|(source, credential)| {
        let CredentialSource::Provider(name) = source else { panic!("{source:?}") };
        format!("{name} {} {}", text(credential.username()), text(credential.password()))
    });
    shown.collect()
}

/// Until a file has so many lines.
async fn until_lines(path: &Path, count: usize) {
    let lines = || std::fs::read_to_string(path).map_or(0, |text| text.matches('\n').count());
    let there = async {
        while lines() < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(NEVER, there).await.unwrap();
}

/// What came of each provider.
fn came(lookup: &Lookup) -> Vec<(&str, ProviderAnswer)> {
    lookup.facts.iter().map(|fact| (fact.name.as_str(), fact.answer)).collect()
}
