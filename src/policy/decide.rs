//! From findings to a verdict.

use serde::{Deserialize, Serialize};

use super::{Action, Mode, Policy};
use crate::causes::{self, Basis, Certainty, Code, Finding, Severity, Standing};

/// Whose request is judged.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Namespace of the object.
    pub namespace: &'a str,
    /// User name as the API server authenticated it; empty where nobody is known (`check`), and
    /// then no selector for users selects it.
    pub user: &'a str,
    /// The namespace's mode, as [`Policy::effective_mode`] gave it.
    pub mode: Mode,
    /// Whether the namespace has a label that chooses a milder one is not known.
    pub label_unread: bool,
    /// Whether the object has a controller owner.
    pub controller_owned: bool,
}

/// What the request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Admitted without a word.
    Allow,
    /// Admitted with warnings.
    Warn,
    /// Denied.
    Deny,
}

impl Outcome {
    /// As written in answers, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }
}

impl From<Action> for Outcome {
    fn from(action: Action) -> Self {
        match action {
            Action::Deny => Self::Deny,
            Action::Warn => Self::Warn,
            Action::Audit | Action::Ignore => Self::Allow,
        }
    }
}

/// An action for every finding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Index of each finding, in the order of the findings, and what is done about it.
    pub decided: Vec<(usize, Action)>,
    /// Indices of the findings that mode `enforce` would have denied, in every mode.
    pub would_deny: Vec<usize>,
    /// Indices of the findings that are audited only because the object has a controller owner:
    /// without one the user would have been told.
    pub untold: Vec<usize>,
}

impl Verdict {
    /// Whether anything is denied.
    pub fn denied(&self) -> bool {
        self.outcome() == Outcome::Deny
    }

    /// The strictest of what was decided.
    pub fn outcome(&self) -> Outcome {
        let strictest = self.decided.iter().map(|(_, action)| *action).max();
        strictest.map_or(Outcome::Allow, Outcome::from)
    }

    /// Indices of the findings that came to this action.
    pub fn with_action(&self, action: Action) -> impl Iterator<Item = usize> {
        self.decided.iter().filter(move |(_, found)| *found == action).map(|(index, _)| *index)
    }
}

impl Policy {
    /// What is done about each finding.
    ///
    /// Precedence: exemption; a code under `enforced`; `off`; a configured action for the code
    /// (user, image, namespace, global); the mode's column. Then an object with a controller
    /// owner is at most audited for pull causes. Where the namespace's label is not known, only
    /// what no label could have softened is denied.
    pub fn decide(&self, subject: &Subject<'_>, findings: &[Finding]) -> Verdict {
        let enforcing = Subject { mode: Mode::Enforce, ..*subject };
        let mildest = Subject { mode: self.minimum_mode, ..*subject };
        let unowned = Subject { controller_owned: false, ..*subject };
        let mut verdict = Verdict::default();
        for (index, finding) in findings.iter().enumerate() {
            let mut action = self.action(subject, finding);
            if subject.label_unread && action == Action::Deny {
                action = self.action(&mildest, finding).max(Action::Warn);
            }
            verdict.decided.push((index, action));
            if action == Action::Audit && self.action(&unowned, finding) > Action::Audit {
                verdict.untold.push(index);
            }
            if self.action(&enforcing, finding) == Action::Deny {
                verdict.would_deny.push(index);
            }
        }
        verdict
    }

    /// Whether no cause that needs a registry can reach the user or deny, so that the caller may
    /// answer at once from what it has. Where it depends on the image, it says no.
    pub fn can_only_audit(&self, subject: &Subject<'_>) -> bool {
        self.exempts_object(subject.namespace, subject.user)
            || causes::ALL.iter().filter(|cause| cause.basis == Basis::Pull).all(|cause| {
                self.strictest_of(subject, cause.code, cause.standing) <= Action::Audit
            })
    }

    /// Whether anything at all is to be found out for this subject.
    pub fn looks_at(&self, subject: &Subject<'_>) -> bool {
        !self.exempts_object(subject.namespace, subject.user)
            && (subject.mode != Mode::Off || !self.enforced.is_empty())
    }

    fn action(&self, subject: &Subject<'_>, finding: &Finding) -> Action {
        let exempt_image = finding
            .image
            .as_deref()
            .is_some_and(|image| self.exempts_image(image, finding.reference.as_deref()));
        if exempt_image || self.exempts_object(subject.namespace, subject.user) {
            return Action::Ignore;
        }
        let configured = self.configured(finding.code, subject, finding);
        if self.enforced.contains(&finding.code) {
            return configured.unwrap_or_else(|| when_enforced(finding.certainty));
        }
        let action = configured.unwrap_or_else(|| {
            by_default(subject.mode, finding.standing, finding.severity, finding.certainty)
        });
        softened(subject, finding.basis, action)
    }

    /// The strictest that a pull cause could come to.
    fn strictest_of(&self, subject: &Subject<'_>, code: Code, standing: Standing) -> Action {
        if self.enforced.contains(&code) {
            return self.strictest(code, subject, Action::Deny);
        }
        let column = by_default(subject.mode, standing, Severity::WontPull, Certainty::Proven);
        softened(subject, Basis::Pull, self.strictest(code, subject, column))
    }
}

/// The mode's column, where nothing is configured.
fn by_default(mode: Mode, standing: Standing, severity: Severity, certainty: Certainty) -> Action {
    match (mode, standing) {
        (Mode::Off, _) | (_, Standing::Off) => Action::Ignore,
        (Mode::Audit, _) | (_, Standing::AuditOnly) => Action::Audit,
        (Mode::Warn, Standing::ByMode) => Action::Warn,
        (Mode::Enforce, Standing::ByMode) => match (severity, certainty) {
            (Severity::WontPull, Certainty::Proven) => Action::Deny,
            _ => Action::Warn,
        },
    }
}

/// An enforced code without an action denies, except what something that comes a moment later may
/// cure. Who enforces a code that can only be unknown means just that.
fn when_enforced(certainty: Certainty) -> Action {
    match certainty {
        Certainty::Proven | Certainty::Unknown => Action::Deny,
        Certainty::Likely => Action::Warn,
    }
}

/// `off` looks at nothing, whatever is configured; and what a controller makes was judged when a
/// person applied its template: denying it on a reschedule turns a registry's bad minute into an
/// outage.
fn softened(subject: &Subject<'_>, basis: Basis, action: Action) -> Action {
    match (subject.mode, basis, subject.controller_owned) {
        (Mode::Off, _, _) => Action::Ignore,
        (_, Basis::Pull, true) => action.min(Action::Audit),
        _ => action,
    }
}
