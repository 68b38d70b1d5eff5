//! What a RuntimeClass adds to the pods that name it (K plugin/pkg/admission/runtimeclass).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::taints::{Toleration, tolerations};
use crate::workload::tolerant::{List, Map};

/// `scheduling` of a RuntimeClass: on which nodes its pods can run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scheduling {
    /// Labels that the node must have besides those of the pod's own `nodeSelector`.
    pub selector: BTreeMap<String, String>,
    /// Tolerations besides the pod's own.
    pub tolerations: Vec<Toleration>,
}

impl<'de> Deserialize<'de> for Scheduling {
    /// Of the whole RuntimeClass; one without `scheduling` asks nothing of its nodes.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Class {
            #[serde(default)]
            scheduling: Option<Map<Raw>>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Raw {
            #[serde(default)]
            node_selector: Option<BTreeMap<String, Option<String>>>,
            #[serde(default)]
            tolerations: Option<List<super::taints::Raw>>,
        }

        let Map(class) = Map::<Class>::deserialize(deserializer)?;
        let Some(Map(raw)) = class.scheduling else { return Ok(Self::default()) };
        let selector = raw.node_selector.unwrap_or_default().into_iter();
        Ok(Self {
            selector: selector.map(|(key, value)| (key, value.unwrap_or_default())).collect(),
            tolerations: raw.tolerations.map(tolerations).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Scheduling;

    #[test]
    fn a_class_asks_what_its_scheduling_says_and_else_nothing() {
        for plain in [
            r#"{"handler":"runc"}"#,
            r#"{"handler":"runc","scheduling":null}"#,
            r#"{"scheduling":{"nodeSelector":null,"tolerations":null}}"#,
        ] {
            let read: Scheduling = serde_json::from_str(plain).unwrap();
            assert_eq!(read, Scheduling::default(), "{plain}");
        }
        let full = r#"{"apiVersion":"node.k8s.io/v1","handler":"w","scheduling":{
            "nodeSelector":{"os":"windows"},"tolerations":[{"key":"os","operator":"Exists"}]}}"#;
        let read: Scheduling = serde_json::from_str(full).unwrap();
        assert_eq!(read.selector["os"], "windows");
        assert_eq!(read.tolerations.len(), 1);
        assert_eq!(read.tolerations[0].key, "os");
    }
}
