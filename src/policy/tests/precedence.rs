//! Each step of the precedence against the next.

use super::*;

#[test]
fn an_exemption_wins_over_everything() {
    let exemptions = [
        Exemptions { namespaces: globs(&["sh*"]), ..Exemptions::default() },
        Exemptions { users: globs(&["alice"]), ..Exemptions::default() },
        Exemptions { images: vec![ImageGlob::new("app")], ..Exemptions::default() },
        Exemptions { images: vec![ImageGlob::new("docker.io/library/*")], ..Exemptions::default() },
    ];
    for exempt in exemptions {
        let policy = Policy {
            exempt: exempt.clone(),
            overrides: vec![over(users(&["alice"]), &[("tag-not-found", Action::Deny)])],
            ..enforcing("tag-not-found")
        };
        let verdict = policy.decide(&subject(Mode::Enforce), &[finding("tag-not-found")]);
        assert_eq!(verdict.decided, [(0, Action::Ignore)], "{exempt:?}");
        assert!(verdict.would_deny.is_empty(), "{exempt:?}");
    }
}

#[test]
fn an_exempt_image_does_not_exempt_its_neighbour() {
    let exempt = Exemptions { images: vec![ImageGlob::new("other")], ..Exemptions::default() };
    let policy = Policy { exempt, ..Policy::default() };
    let secret = Finding { image: None, ..finding("tag-not-found") };
    let other = Finding { image: Some("other:2".to_owned()), ..finding("tag-not-found") };
    let findings = [finding("tag-not-found"), other, secret];
    let verdict = policy.decide(&subject(Mode::Enforce), &findings);
    assert_eq!(verdict.decided, [(0, Action::Deny), (1, Action::Ignore), (2, Action::Deny)]);
}

#[test]
fn off_wins_over_configured_actions() {
    let policy = Policy {
        actions: actions(&[("tag-not-found", Action::Deny), ("tag-mutable", Action::Deny)]),
        overrides: vec![over(users(&["alice"]), &[("tag-not-found", Action::Deny)])],
        ..Policy::default()
    };
    for name in ["tag-not-found", "tag-mutable"] {
        assert_eq!(act(&policy, &subject(Mode::Off), &finding(name)), Action::Ignore);
    }
}

#[test]
fn a_configured_action_wins_over_the_column() {
    for mode in [Mode::Enforce, Mode::Warn, Mode::Audit] {
        for action in Action::ALL {
            let policy = configured("tag-not-found", action);
            assert_eq!(act(&policy, &subject(mode), &finding("tag-not-found")), action, "{mode}");
            let other = act(&policy, &subject(mode), &finding("access-denied"));
            assert_eq!(other, act(&Policy::default(), &subject(mode), &finding("access-denied")));
        }
    }
}

#[test]
fn user_wins_over_image_over_namespace_over_global_whatever_the_order() {
    use Action::{Audit, Deny, Ignore, Warn};
    let name = "tag-not-found";
    let by_user = over(users(&["alice"]), &[(name, Ignore)]);
    let by_image = over(images(&["app"]), &[(name, Audit)]);
    let by_namespace = over(namespaces(&["shop"]), &[(name, Warn)]);
    let global = configured(name, Deny);
    for (overrides, expected) in [
        (vec![&by_namespace, &by_image, &by_user], Ignore),
        (vec![&by_user, &by_namespace], Ignore),
        (vec![&by_namespace, &by_image], Audit),
        (vec![&by_image, &by_user], Ignore),
        (vec![&by_namespace], Warn),
        (vec![], Deny),
    ] {
        let policy =
            Policy { overrides: overrides.into_iter().cloned().collect(), ..global.clone() };
        assert_eq!(act(&policy, &subject(Mode::Enforce), &finding(name)), expected);
    }
}

#[test]
fn within_a_class_the_first_listed_wins() {
    let name = "tag-not-found";
    let list = vec![
        over(namespaces(&["other"]), &[(name, Action::Ignore)]),
        over(namespaces(&["shop"]), &[("access-denied", Action::Ignore)]),
        over(namespaces(&["s*"]), &[(name, Action::Audit)]),
        over(namespaces(&["shop"]), &[(name, Action::Deny)]),
    ];
    let policy = Policy { overrides: list, ..Policy::default() };
    assert_eq!(act(&policy, &subject(Mode::Warn), &finding(name)), Action::Audit);
}

#[test]
fn all_selectors_of_an_override_must_match() {
    let name = "tag-not-found";
    let both = |user: &str, namespace: &str| {
        let selectors = Selectors { users: Some(globs(&[user])), ..namespaces(&[namespace]) };
        Policy { overrides: vec![over(selectors, &[(name, Action::Deny)])], ..Policy::default() }
    };
    let warned = subject(Mode::Warn);
    assert_eq!(act(&both("alice", "shop"), &warned, &finding(name)), Action::Deny);
    assert_eq!(act(&both("alice", "other"), &warned, &finding(name)), Action::Warn);
    assert_eq!(act(&both("bob", "shop"), &warned, &finding(name)), Action::Warn);
}

#[test]
fn an_override_without_a_selector_does_not_exist() {
    assert_eq!(Override::new(Selectors::default(), BTreeMap::new()), None);
}

#[test]
fn an_image_selector_sees_both_names_and_only_images() {
    let name = "tag-not-found";
    let policy = |pattern| Policy {
        overrides: vec![over(images(&[pattern]), &[(name, Action::Deny)])],
        ..Policy::default()
    };
    let warned = subject(Mode::Warn);
    for (pattern, expected) in [
        ("app:1", Action::Deny),
        ("docker.io/library/app", Action::Deny),
        ("docker.io/library/app:2", Action::Warn),
    ] {
        assert_eq!(act(&policy(pattern), &warned, &finding(name)), expected, "{pattern}");
    }
    let invalid = Finding { reference: None, ..finding(name) };
    assert_eq!(act(&policy("app"), &warned, &invalid), Action::Deny);
    assert_eq!(act(&policy("docker.io/library/app"), &warned, &invalid), Action::Warn);
    let secret = Finding { image: None, ..finding(name) };
    assert_eq!(act(&policy("*"), &warned, &secret), Action::Warn);
}

#[test]
fn nobody_is_selected_by_no_user_pattern() {
    let name = "tag-not-found";
    let nobody = Subject { user: "", ..subject(Mode::Warn) };
    let policy = Policy {
        overrides: vec![over(users(&["*"]), &[(name, Action::Ignore)])],
        exempt: Exemptions { users: globs(&["*"]), ..Exemptions::default() },
        ..Policy::default()
    };
    assert_eq!(act(&policy, &nobody, &finding(name)), Action::Warn);
    assert_eq!(act(&policy, &subject(Mode::Warn), &finding(name)), Action::Ignore);
}

#[test]
fn enforced_codes_ignore_modes_and_owners() {
    for name in ["tag-not-found", "tag-mutable", "registry-not-allowed", "registry-timeout"] {
        let policy = enforcing(name);
        for mode in Mode::ALL {
            for subject in [subject(mode), owned(mode)] {
                assert_eq!(act(&policy, &subject, &unknown(name)), Action::Deny, "{name} {mode}");
                let advice = Finding { severity: Severity::Advice, ..finding(name) };
                assert_eq!(act(&policy, &subject, &advice), Action::Deny, "{name} {mode}");
                assert_eq!(
                    act(&policy, &subject, &finding("access-denied")),
                    act(&Policy::default(), &subject, &finding("access-denied")),
                );
            }
        }
    }
}

#[test]
fn an_enforced_code_does_not_deny_what_may_yet_be_cured() {
    let policy = Policy {
        enforced: [code("access-denied"), code("pull-secret-not-found")].into(),
        ..Policy::default()
    };
    let likely = Finding { certainty: Certainty::Likely, ..finding("access-denied") };
    assert_eq!(act(&policy, &owned(Mode::Off), &likely), Action::Warn);
    assert_eq!(act(&policy, &owned(Mode::Off), &finding("access-denied")), Action::Deny);
    let absent = Finding { certainty: Certainty::Likely, ..finding("pull-secret-not-found") };
    assert_eq!(act(&policy, &subject(Mode::Enforce), &absent), Action::Warn);
}

#[test]
fn an_enforced_code_takes_its_configured_action() {
    let policy = Policy {
        actions: actions(&[("tag-not-found", Action::Warn)]),
        overrides: vec![over(namespaces(&["lab"]), &[("tag-not-found", Action::Ignore)])],
        ..enforcing("tag-not-found")
    };
    for mode in Mode::ALL {
        assert_eq!(act(&policy, &owned(mode), &finding("tag-not-found")), Action::Warn);
        let lab = Subject { namespace: "lab", ..subject(mode) };
        assert_eq!(act(&policy, &lab, &finding("tag-not-found")), Action::Ignore);
    }
}
