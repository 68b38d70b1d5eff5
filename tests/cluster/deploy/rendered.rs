//! The objects that a variant renders to, by kustomize and by Helm.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Component;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::variants::Variant;
use super::{CHART, PULLCHECK, repository};
use crate::parts::helm::Helm;
use crate::parts::kubernetes::program::Kubernetes;

/// What the hash at the end of the ConfigMap's name is replaced by.
const HASH: &str = "HASH";

/// Objects by kind, namespace and name.
pub type Objects = BTreeMap<String, Value>;

/// YAML by `kubectl kustomize`.
pub fn by_kustomize(kubernetes: &Kubernetes, variant: &Variant) -> String {
    let mut text = format!("resources: [DEPLOY/overlays/{}]\n", variant.overlay.folder);
    text.push_str("components:\n");
    for component in &variant.components {
        writeln!(text, "- DEPLOY/components/{}", component.folder).unwrap();
    }
    by_kustomize_of(kubernetes, &text)
}

/// The same of any kustomization, in which `DEPLOY` is the repository's `deploy`.
pub fn by_kustomize_of(kubernetes: &Kubernetes, kustomization: &str) -> String {
    let dir = TempDir::with_prefix("variant-").unwrap();
    let root = dir.path().canonicalize().unwrap();
    // kustomize takes no absolute paths.
    let up = "../".repeat(root.components().filter(|it| *it != Component::RootDir).count());
    let deploy = repository("deploy").canonicalize().unwrap();
    let deploy = format!("{up}{}", deploy.to_str().unwrap().trim_start_matches('/'));
    let text = kustomization.replace("DEPLOY", &deploy);
    std::fs::write(root.join("kustomization.yaml"), text).unwrap();
    printed(kubernetes.command("kubectl").arg("kustomize").arg(root))
}

/// YAML by `helm template`, with the release named as the overlays name everything.
pub fn by_helm(helm: &Helm, variant: &Variant) -> String {
    let dir = TempDir::with_prefix("values-").unwrap();
    let mut command = helm.command(dir.path());
    command.args(["template", PULLCHECK, CHART, "--namespace", PULLCHECK]);
    // The overlays bring the namespace along.
    command.args(["--set", "createNamespace=true"]);
    for (index, part) in std::iter::once(&variant.overlay).chain(&variant.components).enumerate() {
        let file = dir.path().join(format!("{index}.yaml"));
        std::fs::write(&file, part.values).unwrap();
        command.arg("--values").arg(file);
    }
    printed(&mut command)
}

/// The objects of a text, such that two that mean the same are equal.
pub fn objects(yaml: &str) -> Objects {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap();
    let mut objects = Objects::new();
    for mut object in documents.into_iter().filter(|document| !document.is_null()) {
        meaning(&mut object);
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let metadata = &object["metadata"];
        let key = [&object["kind"], &metadata["namespace"], &metadata["name"]].map(word).join(" ");
        assert!(objects.insert(key.clone(), object).is_none(), "{key} is there twice");
    }
    objects
}

/// A file in a ConfigMap is what it says, and the hash in a ConfigMap's name is only that.
fn meaning(value: &mut Value) {
    match value {
        Value::String(text) => {
            let hash = text.strip_prefix("pullcheck-config-");
            if hash.is_some_and(|hash| hash.len() == 10) {
                *text = format!("pullcheck-config-{HASH}");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(meaning),
        Value::Object(fields) => {
            if let Some(file) = fields.get_mut("config.yaml") {
                *file = serde_saphyr::from_str(file.as_str().unwrap()).unwrap();
            }
            fields.values_mut().for_each(meaning);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    assert_eq!(stderr, "", "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}
