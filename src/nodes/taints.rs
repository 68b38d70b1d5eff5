//! Taints and what tolerates them (k8s.io/api/core/v1/toleration.go `ToleratesTaint`,
//! k8s.io/component-helpers/scheduling/corev1/helpers.go `FindMatchingUntoleratedTaint`).

use std::sync::Arc;

use serde::Deserialize;

use crate::workload::tolerant::List;

/// A taint that keeps pods away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taint {
    /// Its key.
    pub key: Arc<str>,
    /// Its value, often empty.
    pub value: Arc<str>,
    /// Whom it keeps away.
    pub effect: Effect,
}

/// What a taint does. `PreferNoSchedule` keeps nothing away, and an effect that nobody knows does
/// nothing at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// New pods are not scheduled onto the node.
    NoSchedule,
    /// And those that are there are evicted.
    NoExecute,
}

impl Effect {
    pub(super) fn find(text: &str) -> Option<Self> {
        [Self::NoSchedule, Self::NoExecute].into_iter().find(|effect| effect.as_str() == text)
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::NoSchedule => "NoSchedule",
            Self::NoExecute => "NoExecute",
        }
    }
}

/// A taint that a cordoned node counts as having, whether it is written or not (K
/// pkg/scheduler/framework/plugins/nodeunschedulable).
pub(super) const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Taints that Kubernetes puts on by itself while something is wrong or not yet right with a
/// node, and takes off again (k8s.io/api/core/v1/well_known_taints.go, k8s.io/cloud-provider/api).
///
/// They keep pods away now. A pod waits for such a node and a template outlives the state, so
/// these narrow nothing: a node whose disk is full this minute must not turn an image that is
/// only for it into one that is for nobody. Cordoning is not among them: a person or an upgrade
/// means it, and mostly the node is about to go.
const PASSING: &[&str] = &[
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/memory-pressure",
    "node.kubernetes.io/disk-pressure",
    "node.kubernetes.io/pid-pressure",
    "node.kubernetes.io/network-unavailable",
    "node.cloudprovider.kubernetes.io/uninitialized",
    "node.cloudprovider.kubernetes.io/shutdown",
];

impl Taint {
    /// Whether it goes away by itself.
    pub(super) fn is_passing(&self) -> bool {
        PASSING.contains(&&*self.key)
    }
}

/// A toleration. Its `tolerationSeconds` is of no interest here: it lands first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Toleration {
    /// The key of the taint; empty for all.
    pub key: String,
    /// How the values are compared.
    pub operator: Operator,
    /// The value.
    pub value: String,
    /// The effect of the taint; empty for all.
    pub effect: String,
}

/// How a toleration's value is compared with that of the taint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Operator {
    /// The same, also where no operator is written.
    #[default]
    Equal,
    /// Any.
    Exists,
    /// The taint's is greater, as a whole number.
    Gt,
    /// The taint's is less.
    Lt,
    /// One that nobody has told us of.
    Unknown,
}

impl Toleration {
    /// For every value of a key and effect.
    pub(super) fn of_all(key: &str, effect: Effect) -> Self {
        Self {
            key: key.to_owned(),
            operator: Operator::Exists,
            value: String::new(),
            effect: effect.as_str().to_owned(),
        }
    }

    /// Whether it tolerates the taint.
    ///
    /// `Gt` and `Lt` are for clusters with the feature gate TaintTolerationComparisonOperators
    /// (alpha in 1.35 and 1.36, off by default); where it is off, the API server refuses pods that
    /// use them, so that whoever meets one here is in a cluster that compares.
    pub(super) fn tolerates(&self, taint: &Taint) -> bool {
        if !self.effect.is_empty() && self.effect != taint.effect.as_str() {
            return false;
        }
        if !self.key.is_empty() && *self.key != *taint.key {
            return false;
        }
        let compared = || Some((decimal(&taint.value)?, decimal(&self.value)?));
        match self.operator {
            Operator::Equal => *self.value == *taint.value,
            // A newer Kubernetes may know what we do not, and what is not understood narrows nothing.
            Operator::Exists | Operator::Unknown => true,
            Operator::Gt => compared().is_some_and(|(taint, own)| taint > own),
            Operator::Lt => compared().is_some_and(|(taint, own)| taint < own),
        }
    }
}

/// A whole number as people write it, without leading zeros or a plus sign
/// (apimachinery/pkg/api/validate/content, `IsDecimalInteger`).
fn decimal(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A toleration as written.
#[derive(Deserialize, Default)]
pub(super) struct Raw {
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    operator: Option<String>,
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    effect: Option<String>,
}

/// Tolerations as written.
pub(super) fn tolerations(raw: List<Raw>) -> Vec<Toleration> {
    let read = |raw: Raw| Toleration {
        key: raw.key.unwrap_or_default(),
        operator: match raw.operator.as_deref().unwrap_or_default() {
            "" | "Equal" => Operator::Equal,
            "Exists" => Operator::Exists,
            "Gt" => Operator::Gt,
            "Lt" => Operator::Lt,
            _ => Operator::Unknown,
        },
        value: raw.value.unwrap_or_default(),
        effect: raw.effect.unwrap_or_default(),
    };
    raw.0.into_iter().map(read).collect()
}

/// The JSON text of `tolerations`; `None` if it cannot be read.
pub(super) fn parse(json: &str) -> Option<Vec<Toleration>> {
    serde_json::from_str(json).ok().map(tolerations)
}

#[cfg(test)]
mod tests;
