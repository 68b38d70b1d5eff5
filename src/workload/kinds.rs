//! The kinds that carry a pod: one row each. Never here: what is read out of them.

use std::fmt;

/// One kind that pullcheck looks into.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Kind as manifests write it.
    pub kind: &'static str,
    /// Plural as URLs and RBAC rules write it.
    pub resource: &'static str,
    /// Where the pod's spec is.
    pub pod: PodAt,
}

/// Where a kind keeps the spec of its pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PodAt {
    /// `spec`
    Spec,
    /// `template.spec`
    Template,
    /// `spec.template.spec`
    SpecTemplate,
    /// `spec.jobTemplate.spec.template.spec`
    JobTemplate,
}

impl PodAt {
    /// The path as Kubernetes prints it.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::Template => "template.spec",
            Self::SpecTemplate => "spec.template.spec",
            Self::JobTemplate => "spec.jobTemplate.spec.template.spec",
        }
    }
}

/// Every kind that is judged. A new one is one more row.
pub static KINDS: &[Kind] = &[
    row("", "Pod", "pods", PodAt::Spec),
    row("", "ReplicationController", "replicationcontrollers", PodAt::SpecTemplate),
    row("", "PodTemplate", "podtemplates", PodAt::Template),
    row("apps", "Deployment", "deployments", PodAt::SpecTemplate),
    row("apps", "ReplicaSet", "replicasets", PodAt::SpecTemplate),
    row("apps", "StatefulSet", "statefulsets", PodAt::SpecTemplate),
    row("apps", "DaemonSet", "daemonsets", PodAt::SpecTemplate),
    row("batch", "Job", "jobs", PodAt::SpecTemplate),
    row("batch", "CronJob", "cronjobs", PodAt::JobTemplate),
];

const fn row(group: &'static str, kind: &'static str, resource: &'static str, pod: PodAt) -> Kind {
    Kind { group, kind, resource, pod }
}

impl Kind {
    /// The row of a kind, or `None` for one that runs no pods or that nobody told us about.
    ///
    /// The version is not asked for: no served version of these kinds keeps the pod elsewhere.
    pub fn find(group: &str, kind: &str) -> Option<&'static Self> {
        KINDS.iter().find(|row| row.kind == kind && row.group == group)
    }

    /// The row for a manifest's `apiVersion` and `kind`.
    pub fn of_manifest(api_version: &str, kind: &str) -> Option<&'static Self> {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        Self::find(group, kind)
    }

    /// Whether the pod is a template inside the object.
    pub const fn is_template(&self) -> bool {
        !matches!(self.pod, PodAt::Spec)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)
    }
}
