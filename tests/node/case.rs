//! One pod, what a node is expected to make of it, and pullcheck before.

use serde_json::{Value, json};

use crate::parts::kubernetes::kubelet::NODE;

/// A pod in a namespace of its own.
#[derive(Debug, Clone)]
pub struct Case {
    /// What is special about it: a row of the table.
    pub name: &'static str,
    /// Secrets and ServiceAccounts beside the pod.
    pub objects: Vec<Value>,
    spec: Value,
    pub node: OnNode,
    pub word: Word,
    /// Codes of the advice beside it.
    pub advice: Vec<&'static str>,
}

/// What becomes of the pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnNode {
    Runs,
    /// Waits with this reason, or one that holds this text, and a message that holds this text.
    Waits(&'static str, &'static str),
}

/// What pullcheck is expected to say of the pull: its one cause that the pod cannot be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Nothing,
    Proven(&'static str),
    Likely(&'static str),
    /// Whatever the node makes of it, pullcheck says that it cannot know.
    Unknown(&'static str),
}

/// The reason of a pull that failed.
const PULL: &str = "ErrImagePull";

impl Case {
    /// A pod with one container of this image, which runs, and of which nothing is said.
    pub fn of(name: &'static str, image: &str) -> Self {
        let spec = json!({
            "nodeName": NODE,
            // There is no network for pods here.
            "hostNetwork": true,
            "automountServiceAccountToken": false,
            "containers": [{ "name": "main", "image": image }],
        });
        let (node, word) = (OnNode::Runs, Word::Nothing);
        Self { name, objects: Vec::new(), spec, node, word, advice: Vec::new() }
    }

    /// The namespace, and the repository of images that nobody else pulls.
    pub fn slug(name: &str) -> String {
        let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' });
        let text: String = letters.collect();
        text.to_lowercase().split_whitespace().collect::<Vec<_>>().join("-")
    }

    /// The namespace.
    pub fn namespace(&self) -> String {
        Self::slug(self.name)
    }

    /// A Secret that exists and that the pod names.
    pub fn secret(self, name: &str, secret: Value) -> Self {
        self.with_secret(name, secret).naming(name)
    }

    /// A Secret that exists.
    pub fn with_secret(self, name: &str, mut secret: Value) -> Self {
        secret["kind"] = "Secret".into();
        self.with(name, secret)
    }

    /// The pod names a Secret.
    pub fn naming(mut self, name: &str) -> Self {
        let names = &mut self.spec["imagePullSecrets"];
        if names.is_null() {
            *names = json!([]);
        }
        names.as_array_mut().unwrap().push(json!({ "name": name }));
        self
    }

    /// A ServiceAccount that exists, with pull secrets.
    pub fn account(self, name: &str, secrets: &[&str]) -> Self {
        let names: Vec<Value> = secrets.iter().map(|name| json!({ "name": name })).collect();
        self.with(name, json!({ "kind": "ServiceAccount", "imagePullSecrets": names }))
    }

    /// The pod names a ServiceAccount.
    pub fn run_by(mut self, account: &str) -> Self {
        self.spec["serviceAccountName"] = account.into();
        self
    }

    fn with(mut self, name: &str, mut object: Value) -> Self {
        object["apiVersion"] = "v1".into();
        object["metadata"] = json!({ "name": name, "namespace": self.namespace() });
        self.objects.push(object);
        self
    }

    /// The container's pull policy.
    pub fn policy(mut self, policy: &str) -> Self {
        self.spec["containers"][0]["imagePullPolicy"] = policy.into();
        self
    }

    /// An init container before the container.
    pub fn init(mut self, image: &str) -> Self {
        self.spec["initContainers"] =
            json!([{ "name": "init", "image": image, "command": ["/busybox", "true"] }]);
        self
    }

    /// An image as a volume of the container.
    pub fn volume(mut self, reference: &str, policy: &str) -> Self {
        let image = json!({ "reference": reference, "pullPolicy": policy });
        self.spec["volumes"] = json!([{ "name": "files", "image": image }]);
        self.spec["containers"][0]["volumeMounts"] =
            json!([{ "name": "files", "mountPath": "/files" }]);
        self
    }

    /// The pod waits for a pull that failed, with a message that holds this text.
    pub fn fails(self, text: &'static str) -> Self {
        self.waits(PULL, text)
    }

    /// The pod waits.
    pub fn waits(mut self, reason: &'static str, text: &'static str) -> Self {
        self.node = OnNode::Waits(reason, text);
        self
    }

    /// pullcheck proves that it does.
    pub fn proven(mut self, code: &'static str) -> Self {
        self.word = Word::Proven(code);
        self
    }

    /// pullcheck says so, unless something else cures it.
    pub fn likely(mut self, code: &'static str) -> Self {
        self.word = Word::Likely(code);
        self
    }

    /// pullcheck says that it cannot tell.
    pub fn unknown(mut self, code: &'static str) -> Self {
        self.word = Word::Unknown(code);
        self
    }

    /// pullcheck advises something beside that.
    pub fn advised(mut self, code: &'static str) -> Self {
        self.advice.push(code);
        self
    }

    /// The pod's manifest.
    pub fn pod(&self) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": { "name": "pod", "namespace": self.namespace() },
            "spec": self.spec,
        })
    }
}
