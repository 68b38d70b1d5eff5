//! pullcheck's own objects, which it writes: the Secret of its certificates, and the webhook
//! configuration that has to name their authority.
//!
//! Nothing of it is remembered, and nothing is on behalf of a review. A write rests on what was
//! read: it fails if the object has changed since, and the caller reads it again.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Cluster;
use super::api::{Accept, Failure, Sending, Written};
use super::names::{Resource, namespace_path, webhook_configuration_path};

/// The largest object read, in bytes.
const LARGEST: usize = 4 << 20;

/// By this label a Secret is known as one that pullcheck may overwrite.
const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "pullcheck");

/// Why one of pullcheck's own objects could not be read or written, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OwnError {
    /// A right is missing.
    #[error("pullcheck may not {verb} {resource} {name}; grant it that right")]
    Forbidden {
        /// `get`, `create`, `update` or `patch`.
        verb: &'static str,
        /// `secrets` or `validatingwebhookconfigurations`.
        resource: &'static str,
        /// The object, with its namespace if it has one.
        name: String,
    },
    /// It is no longer as it was read, or somebody made it at the same moment.
    #[error("{0} was changed by somebody else at the same moment")]
    Conflict(String),
    /// Anything else.
    #[error("{resource} {name}: {why}")]
    Trouble {
        /// As above.
        resource: &'static str,
        /// As above.
        name: String,
        /// Why, in our own words.
        why: String,
    },
}

/// A Secret of pullcheck's own, as it was read.
pub struct OwnSecret(Value);

impl OwnSecret {
    /// The value of a key; empty if there is none, or none that can be read.
    pub fn value(&self, key: &str) -> Vec<u8> {
        let text = self.0.get("data").and_then(|data| data.get(key)).and_then(Value::as_str);
        text.and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default()
    }

    /// Whether pullcheck made it, and may write to it.
    pub fn is_own(&self) -> bool {
        let (key, value) = MANAGED_BY;
        let labels = self.0.get("metadata").and_then(|metadata| metadata.get("labels"));
        labels.and_then(|labels| labels.get(key)).and_then(Value::as_str) == Some(value)
    }
}

impl fmt::Debug for OwnSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnSecret").finish_non_exhaustive()
    }
}

/// A ValidatingWebhookConfiguration, as it was read.
#[derive(Debug)]
pub struct WebhookConfiguration {
    name: String,
    version: String,
    webhooks: Vec<ServiceWebhook>,
}

/// A webhook of it that is called by way of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceWebhook {
    /// Its place in the list.
    index: usize,
    /// The name for which the API server wants a certificate.
    pub host: String,
    /// The authorities that it trusts, PEM; empty if there are none.
    pub bundle: Vec<u8>,
}

impl WebhookConfiguration {
    /// Its webhooks that are called by way of a Service.
    pub fn webhooks(&self) -> &[ServiceWebhook] {
        &self.webhooks
    }

    fn read(name: &str, object: &Value) -> Option<Self> {
        let version = object.get("metadata")?.get("resourceVersion")?.as_str()?;
        let webhooks = object.get("webhooks").and_then(Value::as_array);
        let webhook = |(index, webhook): (usize, &Value)| {
            let config = webhook.get("clientConfig")?;
            let service = config.get("service")?;
            let part = |key: &str| service.get(key).and_then(Value::as_str);
            let bundle = config.get("caBundle").and_then(Value::as_str).unwrap_or_default();
            Some(ServiceWebhook {
                index,
                host: format!("{}.{}.svc", part("name")?, part("namespace")?),
                bundle: STANDARD.decode(bundle).unwrap_or_default(),
            })
        };
        let webhooks = webhooks.into_iter().flatten().enumerate().filter_map(webhook).collect();
        Some(Self { name: name.to_owned(), version: version.to_owned(), webhooks })
    }

    /// The patch that makes `webhooks` trust `bundle`; it conflicts with any other change.
    fn patch(&self, webhooks: &[&ServiceWebhook], bundle: &str) -> Value {
        let bundle = STANDARD.encode(bundle);
        let version =
            json!({ "op": "add", "path": "/metadata/resourceVersion", "value": self.version });
        let bundles = webhooks.iter().map(|webhook| {
            let path = format!("/webhooks/{}/clientConfig/caBundle", webhook.index);
            json!({ "op": "add", "path": path, "value": bundle })
        });
        std::iter::once(version).chain(bundles).collect()
    }
}

impl Cluster {
    /// Reads a Secret of pullcheck's own; `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub async fn own_secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<OwnSecret>, OwnError> {
        let object = Object::secret(namespace, name);
        let path = Resource::Secrets.path(namespace, name);
        let read = self.read(&object, path).await?;
        Ok(read.map(OwnSecret))
    }

    /// Stores the values of a Secret of pullcheck's own: in place of those that were `read`, or in
    /// a new one. What else it has, such as annotations, stays.
    ///
    /// # Errors
    ///
    /// If it cannot be written, or is no longer as it was read.
    pub async fn store_own_secret(
        &self,
        namespace: &str,
        name: &str,
        read: Option<OwnSecret>,
        values: impl IntoIterator<Item = (&'static str, &[u8])>,
    ) -> Result<OwnSecret, OwnError> {
        let object = Object::secret(namespace, name);
        let values = values.into_iter().map(|(key, value)| (key, STANDARD.encode(value)));
        let data = json!(values.collect::<BTreeMap<_, _>>());
        let (how, verb, path, secret) = if let Some(OwnSecret(mut secret)) = read {
            let path = Resource::Secrets.path(namespace, name);
            if let Some(members) = secret.as_object_mut() {
                members.insert("data".to_owned(), data);
            }
            (Sending::Replace, "update", path, secret)
        } else {
            let (key, value) = MANAGED_BY;
            let path = namespace_path(namespace).map(|path| format!("{path}/secrets"));
            let secret = json!({
                "apiVersion": "v1",
                "kind": "Secret",
                "type": "kubernetes.io/tls",
                "metadata": {
                    "name": name,
                    "namespace": namespace,
                    "labels": { "app.kubernetes.io/name": "pullcheck", key: value },
                },
                "data": data,
            });
            (Sending::Create, "create", path, secret)
        };
        self.send(&object, how, verb, path, &secret).await.map(OwnSecret)
    }

    /// Reads a ValidatingWebhookConfiguration; `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub async fn webhook_configuration(
        &self,
        name: &str,
    ) -> Result<Option<WebhookConfiguration>, OwnError> {
        let object = Object::webhook_configuration(name);
        let path = webhook_configuration_path(name);
        let Some(read) = self.read(&object, path).await? else { return Ok(None) };
        let read = WebhookConfiguration::read(name, &read);
        read.map(Some).ok_or_else(|| object.trouble("API server answered with something else"))
    }

    /// Makes these webhooks of the configuration trust `bundle`, PEM text, and nothing else.
    ///
    /// # Errors
    ///
    /// If it cannot be written, or is no longer as it was read.
    pub async fn trust_in_webhooks(
        &self,
        configuration: &WebhookConfiguration,
        webhooks: &[&ServiceWebhook],
        bundle: &str,
    ) -> Result<(), OwnError> {
        let object = Object::webhook_configuration(&configuration.name);
        let path = webhook_configuration_path(&configuration.name);
        let patch = configuration.patch(webhooks, bundle);
        self.send(&object, Sending::JsonPatch, "patch", path, &patch).await.map(drop)
    }

    async fn read(&self, object: &Object, path: Option<String>) -> Result<Option<Value>, OwnError> {
        let path = path.ok_or_else(|| object.trouble(NO_SUCH_NAME))?;
        let limit = self.inner.options.call_limit;
        match self.inner.api.page(&path, Accept::Object, LARGEST, limit).await {
            Ok(bytes) => object.parsed(&bytes).map(Some),
            Err(Failure::Absent) => Ok(None),
            Err(failure) => Err(object.error("get", failure)),
        }
    }

    async fn send(
        &self,
        object: &Object,
        how: Sending,
        verb: &'static str,
        path: Option<String>,
        body: &Value,
    ) -> Result<Value, OwnError> {
        let path = path.ok_or_else(|| object.trouble(NO_SUCH_NAME))?;
        let limit = self.inner.options.call_limit;
        match self.inner.api.write(how, &path, body.to_string().into(), limit).await {
            Ok(Written::Stored(bytes)) => object.parsed(&bytes),
            // Deleted since it was read.
            Err(Failure::Absent) if how != Sending::Create => {
                Err(OwnError::Conflict(object.to_string()))
            }
            Ok(Written::Conflict) => Err(OwnError::Conflict(object.to_string())),
            Err(failure) => Err(object.error(verb, failure)),
        }
    }
}

const NO_SUCH_NAME: &str = "no object can have this name";

/// What an error speaks of.
struct Object {
    resource: &'static str,
    name: String,
}

impl Object {
    fn secret(namespace: &str, name: &str) -> Self {
        Self { resource: "secrets", name: format!("{namespace}/{name}") }
    }

    fn webhook_configuration(name: &str) -> Self {
        Self { resource: "validatingwebhookconfigurations", name: name.to_owned() }
    }

    fn parsed(&self, bytes: &[u8]) -> Result<Value, OwnError> {
        serde_json::from_slice(bytes)
            .map_err(|_| self.trouble("API server answered with something that was not asked for"))
    }

    fn error(&self, verb: &'static str, failure: Failure) -> OwnError {
        match failure {
            Failure::Forbidden => {
                OwnError::Forbidden { verb, resource: self.resource, name: self.name.clone() }
            }
            Failure::Absent => self.trouble("its namespace does not exist"),
            Failure::Trouble(why) => self.trouble(&why),
        }
    }

    fn trouble(&self, why: &str) -> OwnError {
        OwnError::Trouble { resource: self.resource, name: self.name.clone(), why: why.to_owned() }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.resource, self.name)
    }
}
