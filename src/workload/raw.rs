//! The shapes of the API's objects, only as far as they are read, borrowed from the text.
//! Never here: what the fields mean.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::tolerant::{Labels, List, Text, object};

/// `metadata` and a `spec` of some shape.
#[derive(Deserialize)]
#[serde(bound = "S: Deserialize<'de>")]
pub(super) struct Object<'a, S> {
    #[serde(borrow, default, deserialize_with = "object")]
    pub(super) metadata: Option<Metadata<'a>>,
    #[serde(default, deserialize_with = "object")]
    pub(super) spec: Option<S>,
}

/// A PodTemplate, which has its template where others have a spec.
#[derive(Deserialize)]
pub(super) struct PodTemplate<'a> {
    #[serde(borrow, default, deserialize_with = "object")]
    pub(super) metadata: Option<Metadata<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub(super) template: Option<Inner<PodSpec<'a>>>,
}

/// `{spec: ...}`
#[derive(Deserialize)]
#[serde(bound = "S: Deserialize<'de>")]
pub(super) struct Inner<S> {
    #[serde(default, deserialize_with = "object")]
    pub(super) spec: Option<S>,
}

/// `{template: {spec: ...}}`
#[derive(Deserialize)]
pub(super) struct Templated<'a> {
    #[serde(borrow, default, deserialize_with = "object")]
    pub(super) template: Option<Inner<PodSpec<'a>>>,
}

/// `{jobTemplate: {spec: {template: {spec: ...}}}}`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobTemplated<'a> {
    #[serde(borrow, default, deserialize_with = "object")]
    pub(super) job_template: Option<Inner<Templated<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata<'a> {
    #[serde(borrow, default)]
    pub(super) namespace: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) generate_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) deletion_timestamp: Option<Text<'a>>,
    #[serde(default)]
    pub(super) annotations: Option<Annotations>,
    #[serde(borrow, default)]
    pub(super) owner_references: Option<List<OwnerReference<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct OwnerReference<'a> {
    #[serde(default)]
    pub(super) controller: Option<bool>,
    #[serde(borrow, default)]
    pub(super) api_version: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) uid: Option<Text<'a>>,
}

/// Annotations can be large (`last-applied-configuration`), and one key is all that is wanted.
#[derive(Default)]
pub(super) struct Annotations {
    /// `kubernetes.io/config.mirror` is there, whatever it says.
    pub(super) mirror: bool,
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = Annotations;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotations, A::Error> {
                let mut annotations = Annotations::default();
                while let Some((Text(key), IgnoredAny)) = map.next_entry()? {
                    annotations.mirror |= key == "kubernetes.io/config.mirror";
                }
                Ok(annotations)
            }
        }

        deserializer.deserialize_map(Keys)
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodSpec<'a> {
    #[serde(borrow, default)]
    pub(super) containers: Option<List<Container<'a>>>,
    #[serde(borrow, default)]
    pub(super) init_containers: Option<List<Container<'a>>>,
    #[serde(borrow, default)]
    pub(super) ephemeral_containers: Option<List<Container<'a>>>,
    #[serde(borrow, default)]
    pub(super) volumes: Option<List<Volume<'a>>>,
    #[serde(borrow, default)]
    pub(super) image_pull_secrets: Option<List<Named<'a>>>,
    #[serde(borrow, default)]
    pub(super) service_account_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) service_account: Option<Text<'a>>,
    #[serde(default)]
    pub(super) node_selector: Option<Labels>,
    #[serde(borrow, default)]
    pub(super) node_name: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub(super) os: Option<Named<'a>>,
    #[serde(borrow, default)]
    pub(super) runtime_class_name: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub(super) affinity: Option<Affinity<'a>>,
    #[serde(borrow, default)]
    pub(super) tolerations: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Container<'a> {
    #[serde(borrow, default)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) image: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) image_pull_policy: Option<Text<'a>>,
    /// No field of a container; people write it there.
    #[serde(default)]
    pub(super) image_pull_secrets: Option<IgnoredAny>,
}

#[derive(Deserialize, Default)]
pub(super) struct Volume<'a> {
    #[serde(borrow, default)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub(super) image: Option<ImageVolume<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImageVolume<'a> {
    #[serde(borrow, default)]
    pub(super) reference: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) pull_policy: Option<Text<'a>>,
}

#[derive(Deserialize, Default)]
pub(super) struct Named<'a> {
    #[serde(borrow, default)]
    pub(super) name: Option<Text<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Affinity<'a> {
    #[serde(borrow, default, deserialize_with = "object")]
    pub(super) node_affinity: Option<NodeAffinity<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeAffinity<'a> {
    #[serde(borrow, default)]
    pub(super) required_during_scheduling_ignored_during_execution: Option<&'a RawValue>,
}
