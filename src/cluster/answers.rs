//! The API's objects, only as far as they are read. None of them can be printed.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::credentials::DecodedSecret;

/// A Secret.
#[derive(Deserialize)]
pub(super) struct SecretObject {
    #[serde(default, rename = "type")]
    type_: Option<String>,
    #[serde(default)]
    data: Option<BTreeMap<String, Option<String>>>,
}

impl SecretObject {
    /// The Secret as the kubelet sees it, or `None` if its data is not base64, which the API
    /// server never lets in.
    pub(super) fn decode(self) -> Option<DecodedSecret> {
        let mut data: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for (key, value) in self.data.unwrap_or_default() {
            data.insert(key, STANDARD.decode(value.unwrap_or_default()).ok()?);
        }
        let type_ = self.type_.as_deref().unwrap_or_default();
        Some(DecodedSecret::from_data(type_, |key| data.get(key).map(Vec::as_slice)))
    }
}

/// A ServiceAccount.
#[derive(Deserialize)]
pub(super) struct AccountObject {
    #[serde(default, rename = "imagePullSecrets")]
    image_pull_secrets: Option<Vec<Option<Named>>>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: Option<String>,
}

impl AccountObject {
    /// The names of its pull secrets in order, without empty ones.
    pub(super) fn pull_secrets(self) -> Vec<String> {
        let secrets = self.image_pull_secrets.unwrap_or_default();
        let names = secrets.into_iter().filter_map(|secret| secret?.name);
        names.filter(|name| !name.is_empty()).collect()
    }
}

/// An object's labels.
#[derive(Deserialize)]
pub(super) struct Labels {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    labels: Option<BTreeMap<String, Option<String>>>,
}

impl Labels {
    /// The value of one label.
    pub(super) fn into_value(self, label: &str) -> Option<String> {
        self.metadata.labels?.remove(label)?
    }
}
