//! Required node affinity (k8s.io/component-helpers/scheduling/corev1/nodeaffinity/nodeaffinity.go,
//! and apimachinery/pkg/labels/selector.go for what a requirement is).

use serde::Deserialize;

use super::Node;
use super::labels::{is_key, is_value};
use crate::workload::tolerant::{List, Map};

/// Every operator there is, in labels and fields alike.
const KNOWN: [&str; 6] = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];

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
            let labels = labels.into_iter().map(Requirement::of_label);
            labels.chain(fields.into_iter().map(Requirement::of_field)).collect()
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
    fn of_label(raw: Raw) -> Self {
        let (key, operator, values) = raw.parts();
        if !KNOWN.contains(&operator.as_str()) {
            return Self::Unknown;
        }
        if !is_key(&key) || !values.iter().all(|value| is_value(value)) {
            return Self::Never;
        }
        let number = match values.as_slice() {
            [value] => value.parse().ok(),
            _ => None,
        };
        match (operator.as_str(), values.is_empty(), number) {
            ("In", false, _) => Self::In(key, values),
            ("NotIn", false, _) => Self::NotIn(key, values),
            ("Exists", true, _) => Self::Exists(key),
            ("DoesNotExist", true, _) => Self::DoesNotExist(key),
            ("Gt", _, Some(number)) => Self::Gt(key, number),
            ("Lt", _, Some(number)) => Self::Lt(key, number),
            _ => Self::Never,
        }
    }

    /// `nodeSelectorRequirementsAsFieldSelector`: the one field there is, and one value.
    fn of_field(raw: Raw) -> Self {
        let (key, operator, mut values) = raw.parts();
        if key != "metadata.name" || !KNOWN.contains(&operator.as_str()) {
            return Self::Unknown;
        }
        let value = values.pop().filter(|_| values.is_empty());
        match (operator.as_str(), value) {
            ("In", Some(name)) => Self::Name(name),
            ("NotIn", Some(name)) => Self::NotName(name),
            _ => Self::Never,
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
    /// Key, operator and values.
    fn parts(self) -> (String, String, Vec<String>) {
        let values = self.values.unwrap_or_default().into_iter().map(Option::unwrap_or_default);
        (self.key.unwrap_or_default(), self.operator.unwrap_or_default(), values.collect())
    }
}

#[cfg(test)]
mod tests;
