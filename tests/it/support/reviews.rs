//! AdmissionReviews as the API server sends them, for every kind that is judged and for some that
//! are not.

use serde_json::{Value, json};

use super::hex;

/// A kind of object, and where its pod specification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    pub group: &'static str,
    pub version: &'static str,
    pub name: &'static str,
    /// The plural of the API's path.
    pub resource: &'static str,
    /// JSON pointer to the pod specification.
    pub pod_spec: &'static str,
}

impl Kind {
    const fn new(
        group: &'static str,
        name: &'static str,
        resource: &'static str,
        pod_spec: &'static str,
    ) -> Self {
        Self { group, version: "v1", name, resource, pod_spec }
    }

    /// `v1` or `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The field path of the pod specification as Kubernetes prints it.
    pub fn field(&self) -> String {
        self.pod_spec.trim_start_matches('/').replace('/', ".")
    }

    /// An object of this kind around a pod specification.
    pub fn object(&self, namespace: &str, name: &str, pod_spec: Value) -> Value {
        let mut object = json!({
            "apiVersion": self.api_version(),
            "kind": self.name,
            "metadata": {
                "namespace": namespace,
                "name": name,
                "labels": { "app": name },
                "managedFields": [{ "manager": "kubectl", "operation": "Update" }],
            },
        });
        let mut place = &mut object;
        for key in self.pod_spec.split('/').skip(1) {
            place = &mut place[key];
        }
        *place = pod_spec;
        object
    }
}

pub const POD: Kind = Kind::new("", "Pod", "pods", "/spec");
pub const POD_TEMPLATE: Kind = Kind::new("", "PodTemplate", "podtemplates", "/template/spec");
pub const REPLICATION_CONTROLLER: Kind =
    Kind::new("", "ReplicationController", "replicationcontrollers", "/spec/template/spec");
pub const DEPLOYMENT: Kind = Kind::new("apps", "Deployment", "deployments", "/spec/template/spec");
pub const REPLICA_SET: Kind = Kind::new("apps", "ReplicaSet", "replicasets", "/spec/template/spec");
pub const STATEFUL_SET: Kind =
    Kind::new("apps", "StatefulSet", "statefulsets", "/spec/template/spec");
pub const DAEMON_SET: Kind = Kind::new("apps", "DaemonSet", "daemonsets", "/spec/template/spec");
pub const JOB: Kind = Kind::new("batch", "Job", "jobs", "/spec/template/spec");
pub const CRON_JOB: Kind =
    Kind::new("batch", "CronJob", "cronjobs", "/spec/jobTemplate/spec/template/spec");

/// Every kind that holds a pod specification.
pub const KINDS: [Kind; 9] = [
    POD,
    POD_TEMPLATE,
    REPLICATION_CONTROLLER,
    DEPLOYMENT,
    REPLICA_SET,
    STATEFUL_SET,
    DAEMON_SET,
    JOB,
    CRON_JOB,
];

/// A kind that nobody here knows.
pub const UNKNOWN: Kind = Kind::new("example.test", "Gadget", "gadgets", "/spec/template/spec");

/// A pod specification with one container.
pub fn pod_spec(image: &str) -> Value {
    json!({ "containers": [{ "name": "app", "image": image }] })
}

/// A pod specification with a container for each of these images, `c0`, `c1` and so on.
pub fn pod_spec_of(images: impl IntoIterator<Item = String>) -> Value {
    let containers = images.into_iter().enumerate();
    let containers: Vec<Value> = containers
        .map(|(number, image)| json!({ "name": format!("c{number}"), "image": image }))
        .collect();
    json!({ "containers": containers })
}

/// A pod specification with one container and pull secrets.
pub fn pod_spec_with_secrets(image: &str, secrets: &[&str]) -> Value {
    let names: Vec<Value> = secrets.iter().map(|name| json!({ "name": name })).collect();
    let mut spec = pod_spec(image);
    spec["imagePullSecrets"] = names.into();
    spec
}

/// Makes an object owned by a controller, as the pods of a ReplicaSet are.
pub fn owned(mut object: Value) -> Value {
    object["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "owner",
        "uid": "5ba4ee3c-5b2e-4a2c-9d3e-52f4ee0e1a11",
        "controller": true,
        "blockOwnerDeletion": true,
    }]);
    object
}

/// A request for admission; at first the creation of an object by `jane`.
#[derive(Debug, Clone)]
pub struct Review(Value);

impl Review {
    /// `kind` must be the object's own.
    pub fn create(kind: &Kind, object: &Value) -> Self {
        let gvk = json!({ "group": kind.group, "version": kind.version, "kind": kind.name });
        let gvr =
            json!({ "group": kind.group, "version": kind.version, "resource": kind.resource });
        let mut id = [0; 16];
        getrandom::fill(&mut id).unwrap();
        Self(json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": uuid(id),
                "kind": gvk,
                "resource": gvr,
                "requestKind": gvk,
                "requestResource": gvr,
                "name": object["metadata"]["name"],
                "namespace": object["metadata"]["namespace"],
                "operation": "CREATE",
                "userInfo": { "username": "jane", "groups": ["system:authenticated"] },
                "object": object,
                "oldObject": null,
                "dryRun": false,
                "options": { "kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1" },
            },
        }))
    }

    /// The commonest one: a pod with one container in namespace `shop`.
    pub fn of_pod(image: &str) -> Self {
        Self::create(&POD, &POD.object("shop", "web", pod_spec(image)))
    }

    fn set(mut self, key: &str, value: Value) -> Self {
        self.0["request"][key] = value;
        self
    }

    /// Makes it an update of `old`.
    pub fn updating(self, old: Value) -> Self {
        let options = json!({ "kind": "UpdateOptions", "apiVersion": "meta.k8s.io/v1" });
        self.set("operation", json!("UPDATE")).set("oldObject", old).set("options", options)
    }

    /// Makes it the deletion of its object.
    pub fn deleting(self) -> Self {
        let object = self.0["request"]["object"].clone();
        let options = json!({ "kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1" });
        self.set("operation", json!("DELETE"))
            .set("oldObject", object)
            .set("object", Value::Null)
            .set("options", options)
    }

    /// Makes it a dry run.
    pub fn dry_run(self) -> Self {
        self.set("dryRun", json!(true))
    }

    /// Names a subresource: `ephemeralcontainers` (the object is then the whole pod), `status`,
    /// `scale`, `binding`, `resize`.
    pub fn subresource(self, name: &str) -> Self {
        self.set("subResource", json!(name)).set("requestSubResource", json!(name))
    }

    /// Names the user.
    pub fn by(self, user: &str) -> Self {
        self.set("userInfo", json!({ "username": user, "groups": ["system:authenticated"] }))
    }

    /// The `uid` that the answer must echo.
    pub fn uid(&self) -> &str {
        self.0["request"]["uid"].as_str().unwrap()
    }

    /// The document.
    pub fn json(&self) -> &Value {
        &self.0
    }
}

fn uuid(random: [u8; 16]) -> String {
    let hex = hex(&random);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
