//! The decision table of the product, line by line.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Exemptions, Mode, Outcome, Override, Policy, Selectors, Subject, Verdict};
use crate::causes::{ALL, Basis, Certainty, Code, Finding, Severity, Standing};
use crate::glob::{Glob, ImageGlob, RegistryGlob};

mod harm;
mod precedence;

pub(super) fn code(name: &str) -> Code {
    Code::find(name).unwrap_or_else(|| panic!("{name} is in the catalogue"))
}

/// A proven WontPull of the image `app:1`, with what the catalogue says of the code.
pub(super) fn finding(name: &str) -> Finding {
    let cause = ALL.iter().find(|cause| cause.code == code(name)).unwrap();
    Finding {
        code: cause.code,
        severity: Severity::WontPull,
        certainty: Certainty::Proven,
        standing: cause.standing,
        basis: cause.basis,
        field: "spec.containers[0].image".to_owned(),
        image: Some("app:1".to_owned()),
        reference: Some("docker.io/library/app:1".to_owned()),
        host: None,
        message: format!("spec.containers[0].image \"app:1\": broken; mend it [{name}]"),
    }
}

fn unknown(name: &str) -> Finding {
    Finding { certainty: Certainty::Unknown, ..finding(name) }
}

fn subject(mode: Mode) -> Subject<'static> {
    Subject { namespace: "shop", user: "alice", mode, label_unread: false, controller_owned: false }
}

fn owned(mode: Mode) -> Subject<'static> {
    Subject { controller_owned: true, ..subject(mode) }
}

fn actions(entries: &[(&str, Action)]) -> BTreeMap<Code, Action> {
    entries.iter().map(|(name, action)| (code(name), *action)).collect()
}

fn globs(patterns: &[&str]) -> Vec<Glob> {
    patterns.iter().map(|pattern| Glob::new(pattern)).collect()
}

fn users(patterns: &[&str]) -> Selectors {
    Selectors { users: Some(globs(patterns)), ..Selectors::default() }
}

fn namespaces(patterns: &[&str]) -> Selectors {
    Selectors { namespaces: Some(globs(patterns)), ..Selectors::default() }
}

fn images(patterns: &[&str]) -> Selectors {
    let images = patterns.iter().map(|pattern| ImageGlob::new(pattern)).collect();
    Selectors { images: Some(images), ..Selectors::default() }
}

fn over(selectors: Selectors, entries: &[(&str, Action)]) -> Override {
    Override::new(selectors, actions(entries)).unwrap()
}

fn act(policy: &Policy, subject: &Subject<'_>, finding: &Finding) -> Action {
    policy.decide(subject, std::slice::from_ref(finding)).decided[0].1
}

fn enforcing(name: &str) -> Policy {
    Policy { enforced: BTreeSet::from([code(name)]), ..Policy::default() }
}

fn configured(name: &str, action: Action) -> Policy {
    Policy { actions: actions(&[(name, action)]), ..Policy::default() }
}

#[test]
fn the_modes_columns_are_those_of_the_product() {
    use Action::{Audit, Deny, Ignore, Warn};
    use Certainty::{Likely, Proven, Unknown};
    use Severity::{Advice, WontPull};
    let rows = [
        (WontPull, Proven, [Deny, Warn, Audit, Ignore]),
        (WontPull, Likely, [Warn, Warn, Audit, Ignore]),
        (WontPull, Unknown, [Warn, Warn, Audit, Ignore]),
        (Advice, Proven, [Warn, Warn, Audit, Ignore]),
        (Advice, Likely, [Warn, Warn, Audit, Ignore]),
        (Advice, Unknown, [Warn, Warn, Audit, Ignore]),
    ];
    for (severity, certainty, columns) in rows {
        for (mode, expected) in Mode::ALL.into_iter().zip(columns) {
            for basis in [Basis::Pull, Basis::Rule] {
                let one = Finding { severity, certainty, basis, ..finding("tag-not-found") };
                let found = act(&Policy::default(), &subject(mode), &one);
                assert_eq!(found, expected, "{mode} {severity:?} {certainty:?} {basis:?}");
            }
        }
    }
}

#[test]
fn a_standing_replaces_the_column_where_nothing_is_configured() {
    for mode in Mode::ALL {
        let audited = Finding { standing: Standing::AuditOnly, ..finding("tag-not-found") };
        let silent = Finding { standing: Standing::Off, ..finding("tag-not-found") };
        let expected = if mode == Mode::Off { Action::Ignore } else { Action::Audit };
        assert_eq!(act(&Policy::default(), &subject(mode), &audited), expected, "{mode}");
        assert_eq!(act(&Policy::default(), &subject(mode), &silent), Action::Ignore, "{mode}");
        if mode != Mode::Off {
            let policy = configured("tag-not-found", Action::Deny);
            assert_eq!(act(&policy, &subject(mode), &audited), Action::Deny, "{mode}");
            assert_eq!(act(&policy, &subject(mode), &silent), Action::Deny, "{mode}");
        }
    }
}

#[test]
fn a_label_wins_over_the_mode_and_not_over_the_minimum() {
    use Mode::{Audit, Enforce, Off, Warn};
    for (mode, minimum, label, expected) in [
        (Warn, Off, None, Warn),
        (Warn, Off, Some("enforce"), Enforce),
        (Enforce, Off, Some("warn"), Warn),
        (Warn, Off, Some("audit"), Audit),
        (Warn, Off, Some("off"), Off),
        (Warn, Audit, Some("off"), Audit),
        (Warn, Enforce, Some("audit"), Enforce),
        (Audit, Warn, None, Warn),
        (Warn, Audit, Some("enforce"), Enforce),
    ] {
        let policy = Policy { mode, minimum_mode: minimum, ..Policy::default() };
        assert_eq!(policy.effective_mode(label), (expected, None), "{mode} {minimum} {label:?}");
    }
}

#[test]
fn a_label_that_is_no_mode_counts_as_absent_and_is_reported() {
    let policy = Policy { mode: Mode::Enforce, minimum_mode: Mode::Warn, ..Policy::default() };
    for label in ["enforced", "Enforce", "", "true", "off "] {
        let (mode, reported) = policy.effective_mode(Some(label));
        assert_eq!(mode, Mode::Enforce, "{label}");
        let reported = reported.unwrap().to_string();
        assert!(reported.contains(&format!("pullcheck.dev/mode: \"{label}\"")), "{reported}");
    }
    let (_, reported) = policy.effective_mode(Some(&"\n\u{1b}[31m".repeat(500)));
    let reported = reported.unwrap().to_string();
    assert!(reported.len() < 600 && reported.chars().all(|c| matches!(c, ' '..='~')));
}

#[test]
fn modes_and_actions_are_ordered_and_spelled() {
    assert!(Mode::Off < Mode::Audit && Mode::Audit < Mode::Warn && Mode::Warn < Mode::Enforce);
    assert!(Action::Ignore < Action::Audit && Action::Audit < Action::Warn);
    assert!(Action::Warn < Action::Deny);
    for mode in Mode::ALL {
        assert_eq!(mode.to_string().parse(), Ok(mode));
        assert_eq!(serde_json::to_string(&mode).unwrap(), format!("\"{mode}\""));
    }
    for action in Action::ALL {
        assert_eq!(action.to_string().parse(), Ok(action));
        assert_eq!(serde_json::to_string(&action).unwrap(), format!("\"{action}\""));
    }
    assert_eq!(serde_json::to_string(&Outcome::Deny).unwrap(), "\"deny\"");
}

#[test]
fn the_outcome_is_the_strictest_action() {
    use Action::{Audit, Deny, Ignore, Warn};
    let verdict = |actions: &[Action]| Verdict {
        decided: actions.iter().copied().enumerate().collect(),
        would_deny: Vec::new(),
        ..Verdict::default()
    };
    for (found, expected) in [
        (&[][..], Outcome::Allow),
        (&[Ignore, Audit], Outcome::Allow),
        (&[Warn, Audit], Outcome::Warn),
        (&[Warn, Deny, Ignore], Outcome::Deny),
    ] {
        assert_eq!(verdict(found).outcome(), expected, "{found:?}");
        assert_eq!(verdict(found).denied(), expected == Outcome::Deny);
    }
}

#[test]
fn every_finding_is_decided_in_its_order() {
    let findings = [unknown("registry-timeout"), finding("tag-not-found"), finding("tag-mutable")];
    let verdict = Policy::default().decide(&subject(Mode::Enforce), &findings);
    assert_eq!(verdict.decided, [(0, Action::Warn), (1, Action::Deny), (2, Action::Audit)]);
    assert_eq!(verdict.would_deny, [1]);
}

#[test]
fn registries_are_all_allowed_until_some_are_listed() {
    let mut policy = Policy::default();
    assert!(policy.allows_registry("docker.io/library/nginx"));
    policy.allowed_registries = ["ghcr.io/acme", "*.corp.example"].map(RegistryGlob::new).to_vec();
    assert!(policy.allows_registry("ghcr.io/acme/api"));
    assert!(policy.allows_registry("eu.corp.example/team/app"));
    assert!(!policy.allows_registry("docker.io/library/nginx"));
    assert!(!policy.allows_registry("ghcr.io/acme-evil/api"));
}
