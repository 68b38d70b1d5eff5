//! Kubernetes objects reduced to what a pull depends on: images, pull secrets, ServiceAccount
//! and the constraints on the node.
//!
//! Here: which kinds carry a pod, where it is inside them, and how an update differs from what
//! was there before. Never here: reading anything over the network, parsing image references,
//! deciding what a difference means.

mod extract;
mod field_path;
mod kinds;
mod misplaced;
mod raw;
#[cfg(test)]
mod tests;
pub(crate) mod tolerant;

use std::collections::BTreeMap;

use crate::image::Reference;

pub use extract::{ExtractError, Problem, extract};
pub(crate) use extract::{explain, next_object, path_of};
pub use field_path::FieldPath;
pub use kinds::{KINDS, Kind, PodAt};
pub use misplaced::misplaced_pull_secrets;

/// One object that runs pods, or is one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, not a state")]
pub struct Workload {
    /// Which kind it is.
    pub kind: &'static Kind,
    /// `metadata.namespace`; manifests often leave it out.
    pub namespace: Option<String>,
    /// `metadata.name`, else `metadata.generateName`, else empty.
    pub name: String,
    /// The pod is a template inside a controller, not the object itself. The API server has then
    /// not applied a ServiceAccount's pull secrets yet.
    pub is_template: bool,
    /// An owner reference says `controller: true`.
    pub controller_owned: bool,
    /// That owner, where the reference is complete.
    pub owner: Option<Owner>,
    /// A static pod's mirror (annotation `kubernetes.io/config.mirror` on a Pod): denying it does
    /// not stop the pod.
    pub mirror: bool,
    /// `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// Every image the kubelet would pull, in the order of init containers, containers, ephemeral
    /// containers, volumes.
    pub images: Vec<ImageUse>,
    /// The pull secrets that the pod names; entries with an empty name, which the kubelet skips,
    /// are not among them.
    pub pull_secrets: Vec<PullSecretRef>,
    /// `imagePullSecrets` has entries, if only ones with an empty name: the ServiceAccount's are
    /// then not used.
    pub names_secrets: bool,
    /// `serviceAccountName`, else its alias `serviceAccount`; `None` means `default`.
    pub service_account: Option<String>,
    /// On which nodes it may run.
    pub node: NodeConstraints,
    /// `imagePullSecrets` written where the API server drops it. Only manifests can have any:
    /// those inside a container, and what `misplaced_pull_secrets` finds where it is asked.
    pub misplaced_pull_secrets: Vec<FieldPath>,
}

/// The controller that an object belongs to, as the object says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// `apps/v1`
    pub api_version: String,
    /// `ReplicaSet`
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What tells it from an older one of that name.
    pub uid: String,
}

/// One place in a pod that names an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUse {
    /// The field, as Kubernetes prints it.
    pub field: FieldPath,
    /// The image as written.
    pub image: String,
    /// The pull policy, where it is one of the three.
    pub pull_policy: Option<PullPolicy>,
    /// What the image is for.
    pub role: Role,
    /// The name of the container or volume; empty where it has none.
    pub name: String,
}

/// What an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// `containers`.
    Container,
    /// `initContainers`, sidecars among them.
    InitContainer,
    /// `ephemeralContainers`.
    EphemeralContainer,
    /// `volumes[].image`.
    Volume,
}

/// `imagePullPolicy`, or an image volume's `pullPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PullPolicy {
    /// The registry is asked each time.
    Always,
    /// The registry is asked when the node lacks the image.
    IfNotPresent,
    /// The registry is never asked.
    Never,
}

impl PullPolicy {
    /// What the API server writes where nothing is written (K pkg/apis/core/v1/defaults.go): the
    /// tag decides, even beside a digest, and what is no reference has none.
    pub fn default_of(reference: Option<&Reference>) -> Self {
        match reference.and_then(Reference::tag) {
            Some("latest") => Self::Always,
            _ => Self::IfNotPresent,
        }
    }
}

/// One named entry of `imagePullSecrets`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullSecretRef {
    /// `spec.imagePullSecrets[0]`.
    pub field: FieldPath,
    /// The Secret's name, never empty. Nothing says that it could be a Secret's name.
    pub name: String,
}

/// What narrows the nodes that the pod can land on, as simple data: an update compares it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeConstraints {
    /// `nodeSelector`.
    pub selector: BTreeMap<String, String>,
    /// `nodeName`.
    pub node_name: Option<String>,
    /// `os.name`.
    pub os: Option<String>,
    /// `runtimeClassName`.
    pub runtime_class: Option<String>,
    /// `affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution`, as JSON text.
    pub required_affinity: Option<String>,
    /// `tolerations`, as JSON text.
    pub tolerations: Option<String>,
}

/// What a pod itself says of the platform that it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pins<'a> {
    /// `linux` or `windows`.
    pub os: Option<&'a str>,
    /// As Go names processors.
    pub architecture: Option<&'a str>,
}

impl NodeConstraints {
    /// By `nodeSelector` (the well-known labels, also by their old names) and `os.name`.
    pub fn pins(&self) -> Pins<'_> {
        let label = |names: [&str; 2]| {
            names.into_iter().find_map(|name| self.selector.get(name)).map(String::as_str)
        };
        let os = label(["kubernetes.io/os", "beta.kubernetes.io/os"]).or(self.os.as_deref());
        Pins { os, architecture: label(["kubernetes.io/arch", "beta.kubernetes.io/arch"]) }
    }
}

impl Workload {
    /// The ServiceAccount that the pods run as.
    pub fn effective_service_account(&self) -> &str {
        self.service_account.as_deref().unwrap_or("default")
    }

    /// The field that names the ServiceAccount, whether it is written or not.
    pub fn service_account_field(&self) -> String {
        format!("{}.serviceAccountName", self.kind.pod.path())
    }

    /// Keeps only the images that an update from `old` brings.
    ///
    /// An image is new if no image of `old` had the same (image, pull policy, pull secrets,
    /// ServiceAccount, node constraints). Moving a container or renaming it brings nothing new.
    pub fn retain_changed_images(&mut self, old: &Self) {
        if self.pulls_alike(old) {
            self.images.retain(|new| {
                !old.images
                    .iter()
                    .any(|was| was.image == new.image && was.pull_policy == new.pull_policy)
            });
        }
    }

    /// Whether all that images of one pod share is the same.
    fn pulls_alike(&self, old: &Self) -> bool {
        self.names_secrets == old.names_secrets
            && self.secret_names().eq(old.secret_names())
            && self.effective_service_account() == old.effective_service_account()
            && self.node == old.node
    }

    /// Their order counts: it is the order in which the kubelet tries them.
    fn secret_names(&self) -> impl Iterator<Item = &str> {
        self.pull_secrets.iter().map(|secret| secret.name.as_str())
    }
}
