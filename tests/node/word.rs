//! What `pullcheck check` said of a pod, and whether the node agreed.

use serde_json::Value;

use super::case::Word;
use super::outcome::Outcome;

/// One finding of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub code: String,
    pub severity: String,
    pub certainty: String,
}

/// The findings of one pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// From an object of the JSON report.
    pub fn of(object: &Value) -> Self {
        let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
        let findings = object["findings"].as_array().unwrap().iter();
        Self(
            findings
                .map(|finding| Finding {
                    code: text(finding, "code"),
                    severity: text(finding, "severity"),
                    certainty: text(finding, "certainty"),
                })
                .collect(),
        )
    }

    /// Those that say that the pod cannot be run, each once: `code, Proven`.
    pub fn against(&self) -> Vec<String> {
        let against = self.0.iter().filter(|finding| finding.severity == "WontPull");
        let mut words: Vec<String> =
            against.map(|it| format!("{}, {}", it.code, it.certainty)).collect();
        words.dedup();
        words
    }

    /// Whether they are what was expected, no more and no less.
    pub fn are(&self, expected: Word) -> bool {
        let expected = match expected {
            Word::Nothing => Vec::new(),
            Word::Proven(code) => vec![format!("{code}, Proven")],
            Word::Likely(code) => vec![format!("{code}, Likely")],
            Word::Unknown(code) => vec![format!("{code}, Unknown")],
        };
        self.against() == expected
    }

    /// Whether they can be true together with what the node did: nothing proven against what ran,
    /// and something against what did not.
    pub fn agree(&self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Runs => !self.against().iter().any(|word| word.ends_with("Proven")),
            Outcome::Waits { .. } => !self.against().is_empty(),
        }
    }
}
