//! What pullcheck says of a case, and whether that agrees with the nodes.

use std::path::Path;

use serde_json::json;

use crate::support::check::check;
use crate::support::contract::{Certainty, Report, Severity};
use crate::support::manifests::{pod, service_account, stream};

use super::case::{Case, Node, Says};
use super::judge::Pulled;

/// What all nodes are.
pub const PLATFORM: &str = "linux/amd64";

/// A finding that says that the image would not be pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub code: String,
    pub certainty: Certainty,
    pub message: String,
}

/// Everything that came of a case.
#[derive(Debug)]
pub struct Row {
    pub case: Case,
    pub current: Pulled,
    pub old: Pulled,
    /// `None` where pullcheck cannot be held to the case yet.
    pub said: Option<Vec<Said>>,
    /// When told of the current runtime, and of the old one; where they differ.
    pub by_runtime: Option<[Vec<Said>; 2]>,
}

/// Runs `pullcheck check` on a pod with the image and everything that could cure a refusal.
pub async fn ask(case: &Case, ca: &Path, runtime: Option<&str>) -> Vec<Said> {
    let names: Vec<_> =
        case.secrets.iter().map(|it| json!({ "name": it["metadata"]["name"] })).collect();
    let spec = json!({
        "imagePullSecrets": names,
        "containers": [{ "name": "web", "image": case.image, "imagePullPolicy": "Always" }],
    });
    let mut objects = case.secrets.clone();
    objects.extend([service_account("default", &[]), pod(&spec)]);
    let arguments = ["-", "--output", "json", "--mode", "enforce", "--platform", PLATFORM];
    let run = check(&arguments).args(&["--ca-file", ca.to_str().unwrap()]);
    let runtime: Vec<&str> = runtime.map_or_else(Vec::new, |runtime| vec!["--runtime", runtime]);
    let ran = run.args(&case.args).args(&runtime).stdin(stream(&objects)).run().await;
    let report = Report::of(&ran);
    let findings = report.objects.iter().flat_map(|object| &object.findings);
    findings
        .filter(|finding| finding.severity == Severity::WontPull)
        .map(|it| Said {
            code: it.code.clone(),
            certainty: it.certainty,
            message: it.message.clone(),
        })
        .collect()
}

impl Row {
    /// What is wrong: with the agreement first, then with what the case expects.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.disagreements();
        let Self { case, current, old, said, .. } = self;
        for (name, expected, pulled) in [("current", case.current, current), ("old", case.old, old)]
        {
            match expected {
                Node::Pulls if !pulled.ok => problems.push(format!("the {name} node fails")),
                Node::Fails(_) if pulled.ok => problems.push(format!("the {name} node pulls")),
                // Some give up a little earlier or later than that.
                Node::Fails(_) if case.slow && pulled.is_unfinished() => {}
                Node::Fails(text) if !pulled.error.contains(text) => {
                    problems.push(format!("the {name} node fails in another way than {text:?}"));
                }
                Node::Pulls | Node::Fails(_) => {}
            }
        }
        let expected: Vec<(&str, Certainty)> =
            case.says.iter().map(|says| (says.code, says.certainty)).collect();
        let is = |it: &Said| expected.contains(&(it.code.as_str(), it.certainty));
        if said.as_ref().is_some_and(|said| said.len() != expected.len() || !said.iter().all(is)) {
            problems.push(format!("pullcheck should say {expected:?}"));
        }
        problems
    }

    /// Where pullcheck and the nodes cannot both be right.
    pub fn disagreements(&self) -> Vec<String> {
        let Some(said) = &self.said else { return Vec::new() };
        let proven = said.iter().any(|it| it.certainty == Certainty::Proven);
        let likely = said.iter().any(|it| it.certainty == Certainty::Likely);
        let mut found = Vec::new();
        for (name, pulled) in [("current", &self.current), ("old", &self.old)] {
            if pulled.ok && proven {
                found.push(format!("the {name} node pulls what is proven not to"));
            }
            if pulled.ok && likely && !self.case.differs() {
                found.push(format!("the {name} node pulls what is likely not to"));
            }
            if !pulled.ok && said.is_empty() && self.case.undecidable.is_none() {
                found.push(format!("the {name} node fails and nothing was said"));
            }
        }
        for (said, pulled) in self.by_runtime.iter().flatten().zip([&self.current, &self.old]) {
            if pulled.ok && !said.is_empty() {
                found.push("this very runtime pulls, and something was said".to_owned());
            }
            let named = |says: Says| said.iter().any(|it| it.code == says.code);
            if !pulled.ok && !self.case.says.is_some_and(named) {
                found.push("this very runtime fails and the cause was not named".to_owned());
            }
        }
        found
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}: {}", self.case.name, self.case.image)?;
        for (name, pulled) in [("current", &self.current), ("old", &self.old)] {
            if pulled.ok {
                writeln!(f, "  {name}: pulled")?;
            } else {
                writeln!(f, "  {name}: {} {}", pulled.code, pulled.error.trim())?;
            }
        }
        for (said, runtime) in self.by_runtime.iter().flatten().zip(["current", "old"]) {
            for said in said {
                let Said { certainty, message, .. } = said;
                writeln!(f, "  pullcheck, of the {runtime} node: {certainty:?} {message}")?;
            }
        }
        for said in self.said.iter().flatten() {
            writeln!(f, "  pullcheck: {:?} {}", said.certainty, said.message)?;
        }
        if self.said.as_ref().is_some_and(Vec::is_empty) {
            writeln!(f, "  pullcheck: nothing")?;
        }
        for problem in self.problems() {
            writeln!(f, "  PROBLEM: {problem}")?;
        }
        Ok(())
    }
}
