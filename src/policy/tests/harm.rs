//! The lines of "Do no harm" that are policy's to keep, and what follows from them.

use super::*;

#[test]
fn a_controllers_object_is_at_most_audited_for_pull_causes() {
    for mode in [Mode::Enforce, Mode::Warn, Mode::Audit] {
        for certainty in [Certainty::Proven, Certainty::Likely, Certainty::Unknown] {
            let one = Finding { certainty, ..finding("tag-not-found") };
            assert_eq!(act(&Policy::default(), &owned(mode), &one), Action::Audit);
            let denied = configured("tag-not-found", Action::Deny);
            assert_eq!(act(&denied, &owned(mode), &one), Action::Audit);
            let ignored = configured("tag-not-found", Action::Ignore);
            assert_eq!(act(&ignored, &owned(mode), &one), Action::Ignore);
        }
    }
}

#[test]
fn a_rule_that_an_operator_set_to_deny_is_not_softened() {
    for name in ["tag-mutable", "digest-required", "registry-not-allowed"] {
        let rule = Finding { severity: Severity::Advice, ..finding(name) };
        for mode in [Mode::Enforce, Mode::Warn, Mode::Audit] {
            for subject in [subject(mode), owned(mode)] {
                let policy = configured(name, Action::Deny);
                assert_eq!(act(&policy, &subject, &rule), Action::Deny, "{name} {mode}");
            }
        }
        assert!(act(&Policy::default(), &owned(Mode::Enforce), &rule) <= Action::Audit);
    }
}

#[test]
fn unknown_denies_only_where_an_operator_named_the_code() {
    for cause in ALL {
        let one = Finding { certainty: Certainty::Unknown, ..finding(cause.code.as_str()) };
        for mode in Mode::ALL {
            let found = act(&Policy::default(), &subject(mode), &one);
            assert_ne!(found, Action::Deny, "{} {mode}", cause.code);
        }
    }
    let policy = configured("registry-timeout", Action::Deny);
    assert_eq!(act(&policy, &subject(Mode::Warn), &unknown("registry-timeout")), Action::Deny);
    assert_eq!(act(&policy, &subject(Mode::Enforce), &unknown("not-checked")), Action::Warn);
}

#[test]
fn what_enforce_would_deny_is_counted_in_every_mode() {
    for mode in Mode::ALL {
        let policy = Policy {
            overrides: vec![over(namespaces(&["shop"]), &[("tag-mutable", Action::Deny)])],
            ..configured("access-denied", Action::Warn)
        };
        let findings = [
            finding("access-denied"),
            finding("tag-not-found"),
            unknown("registry-timeout"),
            finding("tag-mutable"),
        ];
        let verdict = policy.decide(&subject(mode), &findings);
        assert_eq!(verdict.would_deny, [1, 3], "{mode}");
        assert_eq!(policy.decide(&owned(mode), &findings).would_deny, [3], "{mode}");
    }
}

#[test]
fn nothing_is_looked_at_where_nothing_can_come_of_it() {
    let exempt = Exemptions { namespaces: globs(&["shop"]), ..Exemptions::default() };
    for mode in Mode::ALL {
        assert_eq!(Policy::default().looks_at(&subject(mode)), mode != Mode::Off);
        assert!(enforcing("tag-mutable").looks_at(&subject(mode)));
        let policy = Policy { exempt: exempt.clone(), ..enforcing("tag-mutable") };
        assert!(!policy.looks_at(&subject(mode)));
    }
}

#[test]
fn registries_need_not_be_waited_for_where_pull_causes_are_only_audited() {
    let deny_by = |selectors| Policy {
        overrides: vec![over(selectors, &[("tag-not-found", Action::Deny)])],
        ..Policy::default()
    };
    let exempt = Exemptions { users: globs(&["alice"]), ..Exemptions::default() };
    let cases = [
        (Policy::default(), subject(Mode::Enforce), false),
        (Policy::default(), subject(Mode::Warn), false),
        (Policy::default(), subject(Mode::Audit), true),
        (Policy::default(), subject(Mode::Off), true),
        (Policy::default(), owned(Mode::Enforce), true),
        (configured("tag-not-found", Action::Deny), owned(Mode::Enforce), true),
        (configured("tag-not-found", Action::Deny), subject(Mode::Audit), false),
        (configured("tag-not-found", Action::Warn), subject(Mode::Audit), false),
        (configured("tag-not-found", Action::Deny), subject(Mode::Off), true),
        (configured("tag-mutable", Action::Deny), subject(Mode::Audit), true),
        (deny_by(users(&["alice"])), subject(Mode::Audit), false),
        (deny_by(users(&["bob"])), subject(Mode::Audit), true),
        (deny_by(namespaces(&["shop"])), subject(Mode::Audit), false),
        (deny_by(namespaces(&["lab"])), subject(Mode::Audit), true),
        (deny_by(images(&["elsewhere/*"])), subject(Mode::Audit), false),
        (enforcing("tag-not-found"), owned(Mode::Off), false),
        (enforcing("tag-mutable"), owned(Mode::Off), true),
        (Policy { exempt, ..enforcing("tag-not-found") }, subject(Mode::Enforce), true),
    ];
    for (policy, subject, expected) in cases {
        assert_eq!(policy.can_only_audit(&subject), expected, "{policy:?} {subject:?}");
    }
}

#[test]
fn a_stronger_override_hides_a_weaker_denial_from_the_question_whether_to_wait() {
    let name = "tag-not-found";
    let behind = |first: Selectors| Policy {
        overrides: vec![
            over(namespaces(&["shop"]), &[(name, Action::Deny)]),
            over(first, &[(name, Action::Audit)]),
        ],
        ..Policy::default()
    };
    assert!(behind(users(&["alice"])).can_only_audit(&subject(Mode::Audit)));
    assert!(!behind(images(&["app"])).can_only_audit(&subject(Mode::Audit)));
}

#[test]
fn where_registries_are_not_waited_for_nothing_could_have_been_shown() {
    let policies = [
        Policy::default(),
        enforcing("tag-not-found"),
        configured("access-denied", Action::Warn),
        Policy {
            overrides: vec![over(images(&["app"]), &[("not-checked", Action::Deny)])],
            ..configured("not-checked", Action::Audit)
        },
        Policy {
            overrides: vec![over(users(&["alice"]), &[("tag-not-found", Action::Audit)])],
            ..enforcing("tag-not-found")
        },
    ];
    for policy in &policies {
        for mode in Mode::ALL {
            for subject in [subject(mode), owned(mode)] {
                let loud = ALL.iter().filter(|cause| cause.basis == Basis::Pull).any(|cause| {
                    [Certainty::Proven, Certainty::Unknown].into_iter().any(|certainty| {
                        let one = Finding { certainty, ..finding(cause.code.as_str()) };
                        act(policy, &subject, &one) > Action::Audit
                    })
                });
                let waits = !policy.can_only_audit(&subject);
                assert_eq!(waits, loud, "{policy:?} {subject:?}");
            }
        }
    }
}

#[test]
fn what_a_label_that_was_not_read_could_have_softened_is_not_denied() {
    let one = finding("tag-not-found");
    let unread = |mode| Subject { label_unread: true, ..subject(mode) };
    let denying = || configured("tag-not-found", Action::Deny);
    let enforced =
        || Policy { enforced: BTreeSet::from([code("tag-not-found")]), ..Policy::default() };
    let at_least = |minimum_mode, policy| Policy { minimum_mode, ..policy };
    for (policy, mode, expected) in [
        (Policy::default(), Mode::Enforce, Action::Warn),
        (at_least(Mode::Warn, Policy::default()), Mode::Enforce, Action::Warn),
        (at_least(Mode::Enforce, Policy::default()), Mode::Enforce, Action::Deny),
        // The label may be `off`, under which nothing that is configured counts.
        (denying(), Mode::Warn, Action::Warn),
        (at_least(Mode::Audit, denying()), Mode::Warn, Action::Deny),
        (enforced(), Mode::Off, Action::Deny),
        // It makes nothing stricter.
        (Policy::default(), Mode::Warn, Action::Warn),
        (Policy::default(), Mode::Audit, Action::Audit),
        (Policy::default(), Mode::Off, Action::Ignore),
    ] {
        assert_eq!(act(&policy, &unread(mode), &one), expected, "{mode} {policy:?}");
    }
    // What enforce would have denied is counted all the same.
    assert_eq!(Policy::default().decide(&unread(Mode::Warn), &[one]).would_deny, [0]);
}
