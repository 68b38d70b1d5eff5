//! What the documents hold: workloads to judge, and the Secrets and ServiceAccounts beside them.

use std::collections::HashSet;

use serde_json::Value;

use super::documents::{Document, Source, line};
use super::secret;
use crate::credentials::DecodedSecret;
use crate::message::printable;
use crate::objects::Manifests;
use crate::workload::{KINDS, Kind, Workload, extract, misplaced_pull_secrets};

/// Groups of the API server itself: a kind of ours in one of them is a mistake, in another group
/// it is another kind of that name.
const GROUPS: [&str; 4] = ["", "apps", "batch", "extensions"];

/// A workload and where it stands.
#[derive(Debug)]
pub struct Found {
    /// Where it stands.
    pub source: Source,
    /// As written.
    pub api_version: String,
    /// The object.
    pub workload: Workload,
    /// Its namespace, or the one that holds for manifests that name none.
    pub namespace: String,
}

/// Everything in the documents that matters to a pull.
#[derive(Debug, Default)]
pub struct Inventory {
    /// What is to be judged.
    pub workloads: Vec<Found>,
    /// What it may refer to.
    pub manifests: Manifests,
    /// One line for each object that could not be read.
    pub problems: Vec<String>,
    /// One line for each object that is not looked at and probably should be.
    pub notes: Vec<String>,
}

/// An object's namespace and name.
type Id = (String, String);

impl Inventory {
    /// Sorts the documents; `namespace` holds for those that name none.
    pub fn of(documents: Vec<Document>, namespace: &str) -> Self {
        let mut inventory = Self::default();
        let mut unusable = Vec::new();
        for document in documents {
            inventory.take(document, namespace, &mut unusable);
        }
        let named = inventory.named_secrets();
        // Where a workload names the Secret, the finding says it.
        for (_, note) in unusable.into_iter().filter(|(id, _)| !named.contains(id)) {
            inventory.notes.push(note);
        }
        inventory
    }

    fn take(
        &mut self,
        Document { source, object }: Document,
        namespace: &str,
        unusable: &mut Vec<(Id, String)>,
    ) {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind) = (text("/apiVersion"), text("/kind"));
        let own = text("/metadata/namespace");
        let namespace = if own.is_empty() { namespace } else { own }.to_owned();
        let name = text("/metadata/name").to_owned();
        let called = match name.as_str() {
            "" => printable(kind, 40),
            name => format!("{} {}", printable(kind, 40), printable(name, 60)),
        };
        let id = (namespace.clone(), name);
        match (api_version, kind) {
            ("v1", "Secret") => {
                let decoded = secret::decode(&object);
                if let DecodedSecret::Malformed(error) = &decoded {
                    let why = format!("{called}: {error}; {}", error.fix());
                    unusable.push((id.clone(), line(&source.file, Some(source.line), &why)));
                }
                self.manifests.secrets.insert(id, decoded);
            }
            ("v1", "ServiceAccount") => match pull_secrets(&object) {
                Ok(names) => {
                    self.manifests.service_accounts.insert(id, names);
                }
                Err(why) => self.problem(&source, &format!("{called}: {why}")),
            },
            ("", _) | (_, "") => {
                let key = if api_version.is_empty() { "apiVersion" } else { "kind" };
                let missing = object.get(key).is_none_or(Value::is_null);
                let why = if missing { "is missing" } else { "must be a string" };
                self.problem(&source, &format!("no Kubernetes object, {key} {why}"));
            }
            _ => {
                let Some(row) = Kind::of_manifest(api_version, kind) else {
                    return self.elsewhere(&source, api_version, kind);
                };
                match extract(row, &object.to_string()) {
                    // Never judged, as in the cluster.
                    Ok(workload) if workload.deleting || workload.mirror => {}
                    Ok(mut workload) => {
                        let beside = misplaced_pull_secrets(row, &object);
                        workload.misplaced_pull_secrets.extend(beside);
                        let api_version = api_version.to_owned();
                        self.workloads.push(Found { source, api_version, workload, namespace });
                    }
                    Err(error) => self.problem(&source, &format!("{called}: {error}")),
                }
            }
        }
    }

    /// A kind that is not judged; told only where it is one of ours under a wrong apiVersion.
    fn elsewhere(&mut self, source: &Source, api_version: &str, kind: &str) {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let ours = KINDS.iter().find(|row| row.kind == kind && GROUPS.contains(&group));
        if let Some(row) = ours {
            let slash = if row.group.is_empty() { "" } else { "/" };
            let why = format!(
                "not checked, no API has a {} in {}; did you mean apiVersion: {}{slash}v1?",
                row.kind,
                printable(api_version, 60),
                row.group
            );
            self.notes.push(line(&source.file, Some(source.line), &why));
        }
    }

    /// Every Secret that a workload or a ServiceAccount names.
    fn named_secrets(&self) -> HashSet<Id> {
        let of_pods = self.workloads.iter().flat_map(|found| {
            let names = found.workload.pull_secrets.iter();
            names.map(|secret| (found.namespace.clone(), secret.name.clone()))
        });
        let accounts = self.manifests.service_accounts.iter();
        let of_accounts = accounts.flat_map(|((namespace, _), names)| {
            names.iter().map(|name| (namespace.clone(), name.clone()))
        });
        of_pods.chain(of_accounts).collect()
    }

    fn problem(&mut self, source: &Source, why: &str) {
        self.problems.push(line(&source.file, Some(source.line), why));
    }
}

/// The names in a ServiceAccount's `imagePullSecrets`, or what the API server would say of them.
fn pull_secrets(account: &Value) -> Result<Vec<String>, String> {
    let entries = match account.get("imagePullSecrets") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err("imagePullSecrets: must be a list".to_owned()),
    };
    let mut names = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        match (entry, entry.get("name")) {
            (Value::Object(_), Some(Value::String(name))) => names.push(name.clone()),
            (Value::Null, _) | (Value::Object(_), None | Some(Value::Null)) => {}
            (Value::Object(_), _) => {
                return Err(format!("imagePullSecrets[{index}].name: must be a string"));
            }
            _ => return Err(format!("imagePullSecrets[{index}]: must be an object")),
        }
    }
    Ok(names)
}
