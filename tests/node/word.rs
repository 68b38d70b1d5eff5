//! What `pullcheck check` said of a pod, and whether the node agreed.

use super::case::{Case, Word};
use super::outcome::Outcome;
use crate::support::contract::{Action, Certainty, Finding, Object, Severity};

/// The findings of one pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Of an object of the report.
    pub fn of(object: Object) -> Self {
        Self(object.findings)
    }

    /// Code and certainty of those that say that the pod cannot be run.
    pub fn against(&self) -> Vec<(&str, Certainty)> {
        let against = self.0.iter().filter(|finding| finding.severity == Severity::WontPull);
        let mut words: Vec<_> = against.map(|it| (it.code.as_str(), it.certainty)).collect();
        words.dedup();
        words
    }

    /// Codes of the advice that a user would see.
    pub fn advice(&self) -> Vec<&str> {
        let seen = |it: &&Finding| it.severity == Severity::Advice && it.action == Action::Warn;
        self.0.iter().filter(seen).map(|it| it.code.as_str()).collect()
    }

    /// Whether they are what was expected, no more and no less.
    pub fn are_for(&self, case: &Case) -> bool {
        let expected = match case.word {
            Word::Nothing => Vec::new(),
            Word::Proven(code) => vec![(code, Certainty::Proven)],
            Word::Likely(code) => vec![(code, Certainty::Likely)],
            Word::Unknown(code) => vec![(code, Certainty::Unknown)],
        };
        self.against() == expected && self.advice() == case.advice
    }

    /// Whether they can be true together with what the node did: nothing proven against what ran,
    /// and something against what did not.
    pub fn agree(&self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Runs => !self.against().iter().any(|(_, it)| *it == Certainty::Proven),
            Outcome::Waits { .. } => !self.against().is_empty(),
        }
    }
}

impl std::fmt::Display for Findings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let against = self.against().into_iter().map(|(code, it)| format!("{code} ({it:?})"));
        let advice = self.advice().into_iter().map(|code| format!("{code} (advice)"));
        let words: Vec<String> = against.chain(advice).collect();
        f.write_str(if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }.as_str())
    }
}
