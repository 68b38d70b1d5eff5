//! What pullcheck did during a step, by its own metrics and by what the registries saw.

use std::collections::BTreeMap;

use crate::cluster::stage::Stage;
use crate::support::server::Seen;
use crate::support::webhook::Webhook;

/// The metrics that say what became of a request.
const TOLD: [&str; 4] =
    ["pullcheck_reviews", "pullcheck_skipped", "pullcheck_findings", "pullcheck_deadline_missed"];

/// Counts, since the beginning or of one step.
#[derive(Debug, Default)]
pub struct Did {
    /// By the metric's name with its labels.
    metrics: BTreeMap<String, u64>,
    /// Requests to the registries.
    asked: u64,
}

impl Did {
    /// Everything up to now.
    pub async fn so_far(stage: &Stage, webhook: &Webhook) -> Self {
        let text = webhook.probe("/metrics").await.text();
        let told = text.lines().filter(|line| TOLD.iter().any(|name| line.starts_with(name)));
        let counted = told.map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        });
        let all = |_: &Seen| true;
        let asked = stage.registry.log().count(all) + stage.private.log().count(all);
        Self { metrics: counted.collect(), asked: asked.try_into().unwrap() }
    }

    /// What was added since then.
    pub fn since(mut self, before: &Self) -> Self {
        for (name, value) in &mut self.metrics {
            *value -= before.metrics.get(name).copied().unwrap_or_default();
        }
        self.metrics.retain(|_, value| *value > 0);
        self.asked -= before.asked;
        self
    }

    fn reviews(&self, verdict: &str) -> u64 {
        self.count(&format!("pullcheck_reviews_total{{verdict=\"{verdict}\"}}"))
    }

    fn count(&self, name: &str) -> u64 {
        self.metrics.get(name).copied().unwrap_or_default()
    }

    /// Counts of other metrics than the reviews, by the start of their names.
    fn any(&self, start: &str) -> bool {
        self.metrics.keys().any(|name| name.starts_with(start))
    }
}

/// One command and what came of it.
#[derive(Debug)]
pub struct Step {
    #[expect(dead_code, reason = "shown where an assertion fails")]
    pub line: String,
    pub code: Option<i32>,
    /// What kubectl printed, as a terminal shows it.
    pub shown: String,
    pub did: Did,
}

impl Step {
    /// The command failed because of one denial, for this cause.
    #[track_caller]
    pub fn is_denied(&self, code: &str) -> &Self {
        self.exits(1).reviews(0, 0, 1).finds(code, "deny");
        let denied = "admission webhook \"images.pullcheck.dev\" denied the request: ";
        assert!(self.shown.contains(denied), "{self:#?}");
        self.says(&format!(" [{code}]"))
    }

    /// The command went through with a warning about one object, for this cause.
    #[track_caller]
    pub fn is_warned(&self, code: &str) -> &Self {
        self.exits(0).reviews(0, 1, 0).finds(code, "warn").warns(code)
    }

    /// The command went through; one object was looked at, and nothing was said.
    #[track_caller]
    pub fn is_admitted(&self) -> &Self {
        self.exits(0).reviews(1, 0, 0).is_silent()
    }

    /// The command went through, and pullcheck was not called.
    #[track_caller]
    pub fn is_not_sent(&self) -> &Self {
        assert!(self.did.metrics.is_empty(), "{self:#?}");
        self.exits(0).is_silent().asks_nobody()
    }

    /// The command went through; pullcheck was called once and had nothing to look at.
    #[track_caller]
    pub fn is_skipped(&self, reason: &str) -> &Self {
        let name = format!("pullcheck_skipped_total{{reason=\"{reason}\"}}");
        assert_eq!(self.did.count(&name), 1, "{self:#?}");
        self.exits(0).reviews(0, 0, 0).is_silent().asks_nobody()
    }

    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// So many objects were allowed, warned about, denied; all were answered in time.
    #[track_caller]
    pub fn reviews(&self, allowed: u64, warned: u64, denied: u64) -> &Self {
        let reviews = ["allow", "warn", "deny"].map(|verdict| self.did.reviews(verdict));
        assert_eq!(reviews, [allowed, warned, denied], "{self:#?}");
        assert!(!self.did.any("pullcheck_deadline_missed"), "{self:#?}");
        self
    }

    /// There was a finding with this code, and this was done about it.
    #[track_caller]
    pub fn finds(&self, code: &str, action: &str) -> &Self {
        let name = format!("pullcheck_findings_total{{code=\"{code}\",action=\"{action}\"}}");
        assert!(self.did.count(&name) > 0, "no {name} in {self:#?}");
        self
    }

    /// kubectl showed a warning for this cause.
    #[track_caller]
    pub fn warns(&self, code: &str) -> &Self {
        let ending = format!(" [{code}]");
        let mut lines = self.shown.lines();
        let warned = lines.any(|line| line.starts_with("Warning: ") && line.ends_with(&ending));
        assert!(warned, "no warning with{ending} in {self:#?}");
        self
    }

    /// kubectl showed this text.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.shown.contains(text), "no {text:?} in {self:#?}");
        self
    }

    /// kubectl showed nothing of pullcheck's.
    #[track_caller]
    pub fn is_silent(&self) -> &Self {
        let ours = self.shown.contains("Warning: ") || self.shown.contains("pullcheck");
        assert!(!ours, "{self:#?}");
        self
    }

    /// A registry was asked.
    #[track_caller]
    pub fn asks(&self) -> &Self {
        assert!(self.did.asked > 0, "{self:#?}");
        self
    }

    /// No registry was asked.
    #[track_caller]
    pub fn asks_nobody(&self) -> &Self {
        assert_eq!(self.did.asked, 0, "{self:#?}");
        self
    }
}
