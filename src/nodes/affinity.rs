//! Required node affinity (k8s.io/component-helpers/scheduling/corev1/nodeaffinity/nodeaffinity.go,
//! and apimachinery/pkg/labels/selector.go for what a requirement is).

use serde::Deserialize;

use super::Node;
use super::labels::{is_key, is_value};
use crate::workload::tolerant::{List, Map};

/// Terms, one of which must match: none matches nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Affinity(Vec<Term>);

/// Requirements that must all be met, at least one.
type Term = Vec<Requirement>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    /// A label with one of these values.
    In(String, Vec<String>),
    /// No label with one of these values.
    NotIn(String, Vec<String>),
    /// A label, whatever its value.
    Exists(String),
    /// No such label.
    DoesNotExist(String),
    /// A label that is a whole number, greater.
    Gt(String, i64),
    /// A label that is a whole number, less.
    Lt(String, i64),
    /// The node's name.
    Name(String),
    /// Any other name.
    NotName(String),
    /// One that the scheduler cannot read either: no node meets it.
    Never,
    /// One that only a newer Kubernetes can know: it narrows nothing.
    Unknown,
}

impl Affinity {
    /// Reads `requiredDuringSchedulingIgnoredDuringExecution`; `None` if it is not of that shape.
    pub(super) fn parse(json: &str) -> Option<Self> {
        let Map(selector) = serde_json::from_str::<Map<Selector>>(json).ok()?;
        let terms = selector.node_selector_terms.unwrap_or_default().0.into_iter();
        let terms = terms.map(|term| {
            let labels = term.match_expressions.unwrap_or_default().0;
            let fields = term.match_fields.unwrap_or_default().0;
            let labels = labels.into_iter().map(|raw| raw.read(Requirement::of_label));
            labels.chain(fields.into_iter().map(|raw| raw.read(Requirement::of_field))).collect()
        });
        Some(Self(terms.collect()))
    }

    /// Whether a term matches.
    pub(super) fn matches(&self, node: &Node) -> bool {
        self.0
            .iter()
            .any(|term| !term.is_empty() && term.iter().all(|requirement| requirement.met_by(node)))
    }
}

impl Requirement {
    /// `labels.NewRequirement`: what is wrong in any part of it matches nothing.
    fn of_label(key: String, operator: &str, values: Vec<String>) -> Self {
        let number = || match values.as_slice() {
            [value] => value.parse().ok(),
            _ => None,
        };
        let requirement = match operator {
            "In" if !values.is_empty() => Self::In(key.clone(), values.clone()),
            "NotIn" if !values.is_empty() => Self::NotIn(key.clone(), values.clone()),
            "Exists" if values.is_empty() => Self::Exists(key.clone()),
            "DoesNotExist" if values.is_empty() => Self::DoesNotExist(key.clone()),
            "Gt" => number().map_or(Self::Never, |number| Self::Gt(key.clone(), number)),
            "Lt" => number().map_or(Self::Never, |number| Self::Lt(key.clone(), number)),
            "In" | "NotIn" | "Exists" | "DoesNotExist" => Self::Never,
            _ => return Self::Unknown,
        };
        let valid = is_key(&key) && values.iter().all(|value| is_value(value));
        if valid { requirement } else { Self::Never }
    }

    /// `nodeSelectorRequirementsAsFieldSelector`: the one field there is, and one value.
    fn of_field(key: String, operator: &str, mut values: Vec<String>) -> Self {
        if key != "metadata.name" {
            return Self::Unknown;
        }
        let value = values.pop().filter(|_| values.is_empty());
        match (operator, value) {
            ("In", Some(name)) => Self::Name(name),
            ("NotIn", Some(name)) => Self::NotName(name),
            ("In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt", _) => Self::Never,
            _ => Self::Unknown,
        }
    }

    fn met_by(&self, node: &Node) -> bool {
        let label = |key: &String| node.labels.get(key.as_str()).map(|value| &**value);
        let among = |key, values: &[String]| {
            label(key).map(|label| values.iter().any(|value| value == label))
        };
        let number = |key| label(key).and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::In(key, values) => among(key, values) == Some(true),
            Self::NotIn(key, values) => among(key, values) != Some(true),
            Self::Exists(key) => label(key).is_some(),
            Self::DoesNotExist(key) => label(key).is_none(),
            Self::Gt(key, than) => number(key).is_some_and(|number| number > *than),
            Self::Lt(key, than) => number(key).is_some_and(|number| number < *than),
            Self::Name(name) => node.name == *name,
            Self::NotName(name) => node.name != *name,
            Self::Never => false,
            Self::Unknown => true,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Selector {
    #[serde(default)]
    node_selector_terms: Option<List<RawTerm>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct RawTerm {
    #[serde(default)]
    match_expressions: Option<List<Raw>>,
    #[serde(default)]
    match_fields: Option<List<Raw>>,
}

#[derive(Deserialize, Default)]
struct Raw {
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    operator: Option<String>,
    #[serde(default)]
    values: Option<Vec<Option<String>>>,
}

impl Raw {
    fn read(self, of: impl Fn(String, &str, Vec<String>) -> Requirement) -> Requirement {
        let values = self.values.unwrap_or_default().into_iter().map(Option::unwrap_or_default);
        let operator = self.operator.unwrap_or_default();
        of(self.key.unwrap_or_default(), &operator, values.collect())
    }
}

#[cfg(test)]
mod tests;
