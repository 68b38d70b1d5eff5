//! AdmissionReviews as the API server sends them, of a given size.

use bytes::Bytes;
use serde_json::{Value, json};

/// A pod to be reviewed.
#[derive(Debug, Clone, Copy)]
pub struct Pod<'a> {
    /// Bytes of the whole review; more if its containers need more.
    pub size: usize,
    /// One container each, the first an init container where there are several.
    pub images: &'a [String],
    /// Names of its pull secrets.
    pub secrets: &'a [String],
    /// Its namespace.
    pub namespace: &'a str,
}

/// A review, and the uid that its answer must echo.
#[derive(Debug, Clone)]
pub struct Review {
    /// 36 characters.
    pub uid: String,
    /// The bytes to be posted.
    pub body: Bytes,
}

impl Pod<'_> {
    /// The creation of this pod; `number` makes the uid.
    pub fn review(&self, number: usize) -> Review {
        let uid = format!("5ba4ee3c-5b2e-4a2c-9d3e-{number:012x}");
        let bare = self.document(&uid, &[]).len();
        let one = variable(0, 0).to_string().len() + 1;
        let missing = self.size.saturating_sub(bare);
        // The text that is missing, in the variables of the containers, as charts write them.
        let room = 100;
        let count = missing / (one + room);
        let mut variables: Vec<Value> = (0..count).map(|index| variable(index, room)).collect();
        let left = self.size.saturating_sub(self.document(&uid, &variables).len());
        if left > one {
            variables.push(variable(count, left - one));
        }
        Review { body: self.document(&uid, &variables).into(), uid }
    }

    fn document(&self, uid: &str, variables: &[Value]) -> String {
        let kind = |name: &str| json!({ "group": "", "version": "v1", "kind": name });
        let resource = json!({ "group": "", "version": "v1", "resource": "pods" });
        let share = variables.len().div_ceil(self.images.len().max(1)).max(1);
        let mut shares = variables.chunks(share);
        let mut containers: Vec<Value> = self
            .images
            .iter()
            .enumerate()
            .map(|(index, image)| container(index, image, shares.next().unwrap_or_default()))
            .collect();
        let first = if containers.len() > 1 { vec![containers.remove(0)] } else { Vec::new() };
        let secrets: Vec<Value> = self.secrets.iter().map(|name| json!({ "name": name })).collect();
        let user = json!({
            "username": "jane@example.test",
            "uid": "b7f2c0de-93f1-4a36-8d0a-6f2f6a7d2c11",
            "groups": ["developers", "system:authenticated"],
            "extra": { "authentication.kubernetes.io/credential-id": ["JTI=1c2f"] },
        });
        let metadata = json!({
            "name": "checkout-6f7c9d8b5-x2x7k",
            "namespace": self.namespace,
            "uid": "0f0d6a06-5f0b-45a5-8a1b-0d6d1f1f9a01",
            "creationTimestamp": "2026-11-21T12:00:00Z",
            "labels": { "app": "checkout", "pod-template-hash": "6f7c9d8b5" },
            "annotations": { "prometheus.io/scrape": "true", "prometheus.io/port": "9090" },
            "managedFields": [{
                "manager": "kubectl-client-side-apply",
                "operation": "Update",
                "apiVersion": "v1",
                "time": "2026-11-21T12:00:00Z",
                "fieldsType": "FieldsV1",
                "fieldsV1": { "f:metadata": { "f:labels": { ".": {}, "f:app": {} } },
                    "f:spec": { "f:containers": {}, "f:restartPolicy": {} } },
            }],
        });
        let spec = json!({
            "volumes": [{ "name": "kube-api-access", "projected": { "defaultMode": 420,
                "sources": [{ "serviceAccountToken": {
                    "expirationSeconds": 3607, "path": "token" } }] } }],
            "initContainers": first,
            "containers": containers,
            "imagePullSecrets": secrets,
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "serviceAccountName": "default",
            "serviceAccount": "default",
            "securityContext": {},
            "schedulerName": "default-scheduler",
            "tolerations": [{ "key": "node.kubernetes.io/not-ready", "operator": "Exists",
                "effect": "NoExecute", "tolerationSeconds": 300 }],
            "enableServiceLinks": true,
            "preemptionPolicy": "PreemptLowerPriority",
        });
        let options = json!({ "kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1",
            "fieldManager": "kubectl-client-side-apply" });
        // In the order in which the API server writes the fields.
        let (kind, namespace) = (kind("Pod"), self.namespace);
        String::from(r#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"#)
            + &format!(
                r#""uid":"{uid}","kind":{kind},"resource":{resource},"requestKind":{kind},"requestResource":{resource},"#
            )
            + &format!(
                r#""name":"checkout-6f7c9d8b5-x2x7k","namespace":"{namespace}","operation":"CREATE","userInfo":{user},"#
            )
            + &format!(
                r#""object":{{"kind":"Pod","apiVersion":"v1","metadata":{metadata},"spec":{spec},"status":{{"phase":"Pending"}}}},"#
            )
            + &format!(r#""oldObject":null,"dryRun":false,"options":{options}}}}}"#)
    }
}

fn container(index: usize, image: &str, env: &[Value]) -> Value {
    json!({
        "name": format!("part-{index}"),
        "image": image,
        "args": ["--listen=:8080", "--log-format=json"],
        "ports": [{ "name": "http", "containerPort": 8080, "protocol": "TCP" }],
        "env": env,
        "resources": { "limits": { "memory": "256Mi" },
            "requests": { "cpu": "50m", "memory": "128Mi" } },
        "volumeMounts": [{ "name": "kube-api-access", "readOnly": true,
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount" }],
        "livenessProbe": { "httpGet": { "path": "/livez", "port": "http", "scheme": "HTTP" },
            "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1,
            "failureThreshold": 3 },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
        "securityContext": { "capabilities": { "drop": ["ALL"] }, "runAsNonRoot": true },
    })
}

fn variable(index: usize, room: usize) -> Value {
    json!({ "name": format!("SETTING_{index:06}"), "value": "v".repeat(room) })
}
