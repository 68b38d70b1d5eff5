//! Names of objects: which can exist, the paths to them, and the nearest one that does exist.

use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::dns_name::{is_label, is_subdomain};
use crate::near_miss;

/// A resource that is read by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    Secrets,
    ServiceAccounts,
}

impl Resource {
    const fn plural(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::ServiceAccounts => "serviceaccounts",
        }
    }

    /// The path of an object, or `None` if no object can have such a name.
    ///
    /// A pod may name anything as a pull secret; `../../other/secrets/theirs` must not get into a
    /// path.
    pub(super) fn path(self, namespace: &str, name: &str) -> Option<String> {
        let parent = namespace_path(namespace)?;
        is_subdomain(name).then(|| format!("{parent}/{}/{name}", self.plural()))
    }

    /// The path that lists the names worth suggesting, a bounded number of them.
    pub(super) fn list_path(self, namespace: &str) -> Option<String> {
        let list = format!("{}/{}?limit=500", namespace_path(namespace)?, self.plural());
        Some(match self {
            Self::Secrets => list + "&fieldSelector=type%3Dkubernetes.io%2Fdockerconfigjson",
            Self::ServiceAccounts => list,
        })
    }
}

/// The path of a namespace, or `None` if none can have such a name.
pub(super) fn namespace_path(namespace: &str) -> Option<String> {
    is_label(namespace).then(|| format!("/api/v1/namespaces/{namespace}"))
}

/// The path of a namespace's Events, or `None` if no namespace can have such a name.
pub(super) fn events_path(namespace: &str) -> Option<String> {
    let all = "/apis/events.k8s.io/v1/namespaces";
    is_label(namespace).then(|| format!("{all}/{namespace}/events"))
}

/// The path of a RuntimeClass, or `None` if none can have such a name.
pub(super) fn runtime_class_path(name: &str) -> Option<String> {
    is_subdomain(name).then(|| format!("/apis/node.k8s.io/v1/runtimeclasses/{name}"))
}

/// The path of a ValidatingWebhookConfiguration, or `None` if none can have such a name.
pub(super) fn webhook_configuration_path(name: &str) -> Option<String> {
    let all = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    is_subdomain(name).then(|| format!("{all}/{name}"))
}

/// Where the API server tells its own addresses: an EndpointSlice that it keeps itself.
pub(super) const API_ENDPOINTS: &str =
    "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes";

/// Names of existing objects, read from a list of their metadata.
#[derive(Debug, Clone, Default)]
pub(super) struct Listed(Arc<[String]>);

impl Listed {
    /// The name nearest to `wanted`, if one is near.
    pub(super) fn nearest(&self, wanted: &str) -> Option<String> {
        near_miss::nearest(wanted, self.0.iter().map(String::as_str)).map(str::to_owned)
    }
}

impl<'de> Deserialize<'de> for Listed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct List {
            #[serde(default)]
            items: Option<Vec<Item>>,
        }
        #[derive(Deserialize)]
        struct Item {
            metadata: Metadata,
        }
        #[derive(Deserialize)]
        struct Metadata {
            name: String,
        }

        let list = List::deserialize(deserializer)?;
        Ok(Self(
            list.items.unwrap_or_default().into_iter().map(|item| item.metadata.name).collect(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::{Resource, namespace_path, runtime_class_path, webhook_configuration_path};

    #[test]
    fn a_name_that_can_exist_has_a_path() {
        for name in ["regcred", "a", "0", "reg-cred.v2", "x--y", &"a".repeat(253)] {
            assert_eq!(
                Resource::Secrets.path("shop", name),
                Some(format!("/api/v1/namespaces/shop/secrets/{name}"))
            );
        }
    }

    #[test]
    fn what_could_lead_elsewhere_has_no_path() {
        let foreign = [
            "",
            ".",
            "..",
            "a/b",
            "../../victim/secrets/theirs",
            "a?watch=1",
            "a%2fb",
            "a#",
            "a b",
            "a\n",
            "A",
            "ä",
            "-a",
            "a-",
            ".a",
            "a.",
            "a..b",
            "a_b",
            &"a".repeat(254),
        ];
        for name in foreign {
            assert_eq!(Resource::Secrets.path("shop", name), None, "{name}");
            assert_eq!(Resource::ServiceAccounts.path(name, "x"), None, "{name}");
            assert_eq!(Resource::Secrets.list_path(name), None, "{name}");
        }
        for name in ["", "..", "../nodes/a", "a/b", "a?watch=1"] {
            assert_eq!(runtime_class_path(name), None, "{name}");
            assert_eq!(webhook_configuration_path(name), None, "{name}");
        }
        assert_eq!(namespace_path("a.b"), None);
        assert_eq!(namespace_path(&"a".repeat(64)), None);
    }
}
