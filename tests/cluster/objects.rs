//! An object of every kind that is judged.

use serde_json::{Value, json};

/// A kind that runs pods.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// `apps/v1`
    version: &'static str,
    /// `Deployment`
    name: &'static str,
    /// `deployments`
    pub resource: &'static str,
}

/// Every one, pods first.
pub const KINDS: [Kind; 9] = [
    kind("v1", "Pod", "pods"),
    kind("v1", "ReplicationController", "replicationcontrollers"),
    kind("v1", "PodTemplate", "podtemplates"),
    kind("apps/v1", "Deployment", "deployments"),
    kind("apps/v1", "ReplicaSet", "replicasets"),
    kind("apps/v1", "StatefulSet", "statefulsets"),
    kind("apps/v1", "DaemonSet", "daemonsets"),
    kind("batch/v1", "Job", "jobs"),
    kind("batch/v1", "CronJob", "cronjobs"),
];

const fn kind(version: &'static str, name: &'static str, resource: &'static str) -> Kind {
    Kind { version, name, resource }
}

impl Kind {
    /// Where objects of this kind in a namespace are created.
    pub fn path(self, namespace: &str) -> String {
        let Self { version, resource, .. } = self;
        let root = if version == "v1" { "api" } else { "apis" };
        format!("/{root}/{version}/namespaces/{namespace}/{resource}")
    }

    /// An object of one container, with a pull secret or without.
    pub fn object(self, name: &str, image: &str, secret: Option<&str>) -> Value {
        let labels = json!({ "app": name });
        let mut spec = json!({ "containers": [{ "name": "web", "image": image }] });
        if let Some(secret) = secret {
            spec["imagePullSecrets"] = json!([{ "name": secret }]);
        }
        if ["Job", "CronJob"].contains(&self.name) {
            spec["restartPolicy"] = json!("Never");
        }
        let template = json!({ "metadata": { "labels": labels }, "spec": spec });
        let mut object = json!({
            "apiVersion": self.version, "kind": self.name, "metadata": { "name": name },
        });
        match self.name {
            "Pod" => object["spec"] = spec,
            "PodTemplate" => object["template"] = template,
            "ReplicationController" => {
                object["spec"] = json!({ "selector": labels, "template": template });
            }
            "Job" => object["spec"] = json!({ "template": template }),
            "CronJob" => {
                let job = json!({ "spec": { "template": template } });
                object["spec"] = json!({ "schedule": "0 3 * * *", "jobTemplate": job });
            }
            kind => {
                let selector = json!({ "matchLabels": labels });
                object["spec"] = json!({ "selector": selector, "template": template });
                if kind == "StatefulSet" {
                    object["spec"]["serviceName"] = json!("web");
                }
            }
        }
        object
    }
}
