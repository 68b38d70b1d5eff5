//! What the documents hold: workloads to judge, and the Secrets and ServiceAccounts beside them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::documents::{Document, Source};
use crate::credentials::{DecodedSecret, Fault};
use crate::message::printable;
use crate::objects::Manifests;
use crate::workload::{Kind, Workload, extract};

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
}

impl Inventory {
    /// Sorts the documents; `namespace` holds for those that name none.
    pub fn of(documents: Vec<Document>, namespace: &str) -> Self {
        let mut inventory = Self::default();
        for document in documents {
            inventory.take(document, namespace);
        }
        inventory
    }

    fn take(&mut self, Document { source, object }: Document, namespace: &str) {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind) = (text("/apiVersion"), text("/kind"));
        let own = text("/metadata/namespace");
        let namespace = if own.is_empty() { namespace } else { own }.to_owned();
        let id = (namespace.clone(), text("/metadata/name").to_owned());
        match (api_version, kind) {
            ("v1", "Secret") => {
                self.manifests.secrets.insert(id, decode_secret(&object));
            }
            ("v1", "ServiceAccount") => {
                self.manifests.service_accounts.insert(id, pull_secrets(&object));
            }
            ("", _) | (_, "") => {
                self.problem(&source, "not a Kubernetes object, apiVersion or kind is missing");
            }
            _ => {
                let Some(row) = Kind::of_manifest(api_version, kind) else { return };
                match extract(row, &object.to_string()) {
                    // Never judged, as in the cluster.
                    Ok(workload) if workload.deleting || workload.mirror => {}
                    Ok(workload) => {
                        let api_version = api_version.to_owned();
                        self.workloads.push(Found { source, api_version, workload, namespace });
                    }
                    Err(error) => self.problem(&source, &error.to_string()),
                }
            }
        }
    }

    fn problem(&mut self, source: &Source, why: &str) {
        self.problems.push(format!(
            "{}:{}: {}",
            printable(&source.file, 200),
            source.line,
            printable(why, 300)
        ));
    }
}

/// The names in a ServiceAccount's `imagePullSecrets`.
fn pull_secrets(object: &Value) -> Vec<String> {
    let entries = object.get("imagePullSecrets").and_then(Value::as_array);
    let name = |entry: &Value| entry.get("name").and_then(Value::as_str).map(str::to_owned);
    entries.into_iter().flatten().filter_map(name).collect()
}

/// A Secret as the API server would store it, or why it would not.
///
/// `stringData` is merged over `data`, and `data` must be base64 text: what people paste from
/// tutorials is often the JSON itself, and is named for what it is.
fn decode_secret(object: &Value) -> DecodedSecret {
    let type_ = object.get("type").and_then(Value::as_str).unwrap_or("Opaque");
    let mut data = std::collections::BTreeMap::new();
    let fault = |fault: Fault| DecodedSecret::Malformed(fault.at(None));
    for (key, value) in fields(object, "data") {
        match value {
            Value::Null => {
                data.insert(key.clone(), Vec::new());
            }
            Value::String(text) => match base64_data(text) {
                Some(bytes) => {
                    data.insert(key.clone(), bytes);
                }
                None if text.trim_start().starts_with('{') => return fault(Fault::DataIsJson),
                None => return fault(Fault::DataNotBase64),
            },
            Value::Object(_) => return fault(Fault::DataIsJson),
            _ => return fault(Fault::DataNotText),
        }
    }
    for (key, value) in fields(object, "stringData") {
        match value {
            Value::String(text) => {
                data.insert(key.clone(), text.clone().into_bytes());
            }
            Value::Null => {
                data.insert(key.clone(), Vec::new());
            }
            _ => return fault(Fault::DataNotText),
        }
    }
    DecodedSecret::from_data(type_, |key| data.get(key).map(Vec::as_slice))
}

/// `data` as the API server reads it: padded base64, line breaks allowed (Go encoding/base64).
fn base64_data(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    STANDARD.decode(text).ok()
}

fn fields<'a>(object: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    object.get(name).and_then(Value::as_object).into_iter().flatten()
}
