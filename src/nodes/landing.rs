//! Onto which nodes a pod may land, as the scheduler's filters and the kubelet's admission say
//! (K pkg/scheduler/framework/plugins, pkg/kubelet/lifecycle/predicate.go).
//!
//! What cannot be understood narrows nothing. A node too many makes at worst a warning of what is
//! only likely; one too few could hide a node that holds the image, and with it the reason not to
//! deny. Never looked at: resources, topology, other pods, and what a scheduler of one's own does.

use std::sync::Arc;

use super::affinity::Affinity;
use super::taints::{self, Effect, Taint, Toleration, UNSCHEDULABLE};
use super::{Node, Scheduling};
use crate::workload::{Kind, NodeConstraints};

/// What a pod asks of its node.
#[derive(Debug)]
pub struct Demands<'a> {
    pod: &'a NodeConstraints,
    class: Scheduling,
    affinity: Option<Affinity>,
    /// None if they cannot be read.
    tolerations: Option<Vec<Toleration>>,
}

impl<'a> Demands<'a> {
    /// Of a pod with these constraints; `kind` is of the object that it is in, `class` what is
    /// known of its RuntimeClass.
    pub fn of(pod: &'a NodeConstraints, kind: &Kind, class: Scheduling) -> Self {
        let written = pod.tolerations.as_deref().map_or(Some(Vec::new()), taints::parse);
        let tolerations = written.map(|mut tolerations| {
            tolerations.extend(class.tolerations.iter().cloned());
            if (kind.group, kind.kind) == ("apps", "DaemonSet") {
                tolerations.push(of_daemon_sets());
            }
            tolerations
        });
        let affinity = pod.required_affinity.as_deref().and_then(Affinity::parse);
        Self { pod, class, affinity, tolerations }
    }

    /// The same of a pod whose RuntimeClass is not known: it may tolerate any taint.
    #[must_use]
    pub fn of_unknown_class(self) -> Self {
        Self { tolerations: None, ..self }
    }

    /// Whether the pod may land there.
    pub fn admits(&self, node: &Node) -> bool {
        let pod = self.pod;
        let label = |(key, value): (&String, &String)| {
            node.labels.get(key.as_str()).is_some_and(|label| **label == **value)
        };
        pod.node_name.as_ref().is_none_or(|name| *name == node.name)
            && pod.os.as_ref().is_none_or(|os| *os == node.platform.os)
            && pod.selector.iter().chain(&self.class.selector).all(label)
            && self.affinity.as_ref().is_none_or(|affinity| affinity.matches(node))
            && self.tolerates(node)
    }

    /// Whether no taint keeps the pod away.
    ///
    /// A pod with `nodeName` is past the scheduler, and the kubelet asks only for `NoExecute`.
    fn tolerates(&self, node: &Node) -> bool {
        let Some(tolerations) = &self.tolerations else { return true };
        let scheduled = self.pod.node_name.is_none();
        let tolerated = |taint: &Taint| tolerations.iter().any(|one| one.tolerates(taint));
        let harmless = |taint: &Taint| {
            taint.is_passing()
                || taint.effect == Effect::NoSchedule && !scheduled
                || tolerated(taint)
        };
        let cordoned =
            || Taint { key: UNSCHEDULABLE.into(), value: "".into(), effect: Effect::NoSchedule };
        node.taints.iter().all(harmless) && (!node.unschedulable || harmless(&cordoned()))
    }
}

/// Of the tolerations that the DaemonSet controller adds (K pkg/controller/daemon/util,
/// `AddOrUpdateDaemonPodTolerations`) the one whose taint is not a passing one.
fn of_daemon_sets() -> Toleration {
    Toleration::of_all(UNSCHEDULABLE, Effect::NoSchedule)
}

/// The nodes among these that the pod may land on.
pub fn eligible(demands: &Demands<'_>, nodes: &[Arc<Node>]) -> Vec<Arc<Node>> {
    nodes.iter().filter(|node| demands.admits(node)).map(Arc::clone).collect()
}

#[cfg(test)]
mod tests;
