use super::{MOST_DENIALS, MOST_WARNINGS, Shown, WARNING_LENGTH, show};
use crate::causes::{Certainty, Finding};
use crate::policy::tests::finding;
use crate::policy::{Action, Verdict};

fn message(n: usize) -> String {
    format!("spec.containers[{n}].image \"app-{n}\": no such tag (404); push it [tag-not-found]")
}

fn missing(n: usize) -> Finding {
    Finding { message: message(n), ..finding("tag-not-found") }
}

fn unseen(host: &str, image: &str) -> Finding {
    Finding {
        certainty: Certainty::Unknown,
        host: Some(host.to_owned()),
        image: Some(image.to_owned()),
        message: format!("\"{image}\": not checked, no answer from {host} [registry-timeout]"),
        ..finding("registry-timeout")
    }
}

fn all(action: Action, findings: &[Finding]) -> Shown {
    let decided = (0..findings.len()).map(|index| (index, action)).collect();
    show(findings, &Verdict { decided, would_deny: Vec::new(), ..Verdict::default() })
}

#[test]
fn unknown_findings_of_one_host_share_a_warning() {
    let findings = [
        unseen("reg.a", "reg.a/one"),
        unseen("reg.b", "reg.b/one"),
        unseen("reg.a", "reg.a/two"),
        unseen("reg.a", "reg.a/two"),
        unseen("reg.a", "reg.a/three"),
    ];
    assert_eq!(
        all(Action::Warn, &findings).warnings,
        [
            "\"reg.a/one\": not checked, no answer from reg.a (and 2 more images of this host) \
             [registry-timeout]",
            "\"reg.b/one\": not checked, no answer from reg.b [registry-timeout]",
        ]
    );
    assert_eq!(
        all(Action::Warn, &findings[..3]).warnings[0],
        "\"reg.a/one\": not checked, no answer from reg.a (and 1 more image of this host) \
         [registry-timeout]"
    );
}

#[test]
fn what_is_known_of_a_host_is_never_grouped() {
    let refused = |n| Finding { host: Some("reg.a".to_owned()), ..missing(n) };
    let nowhere = Finding { host: None, ..unseen("", "x") };
    let findings = [unseen("reg.a", "x"), refused(0), refused(1), nowhere.clone(), nowhere];
    assert_eq!(all(Action::Warn, &findings).warnings.len(), 5);
}

#[test]
fn twelve_warnings_are_shown_and_a_thirteenth_is_counted() {
    let findings: Vec<_> = (0..MOST_WARNINGS).map(missing).collect();
    let shown = all(Action::Warn, &findings).warnings;
    assert_eq!(shown, (0..MOST_WARNINGS).map(message).collect::<Vec<_>>());

    let mut findings: Vec<_> = (0..MOST_WARNINGS).map(missing).collect();
    findings.extend([unseen("reg.a", "a"), unseen("reg.a", "b"), missing(99)]);
    let shown = all(Action::Warn, &findings).warnings;
    assert_eq!(shown.len(), MOST_WARNINGS);
    assert_eq!(shown[MOST_WARNINGS - 2], message(MOST_WARNINGS - 2));
    assert_eq!(shown[MOST_WARNINGS - 1], "and 4 more findings that are not shown here");
}

#[test]
fn a_denial_joins_its_findings_and_warns_of_the_others_only() {
    let findings = [missing(0), missing(1), missing(2), missing(3), missing(4)];
    let actions = [Action::Deny, Action::Warn, Action::Audit, Action::Ignore, Action::Deny];
    let decided = actions.into_iter().enumerate().collect();
    let shown = show(&findings, &Verdict { decided, would_deny: vec![0], ..Verdict::default() });
    assert_eq!(shown.warnings, [message(1)]);
    assert_eq!(shown.denial, Some(format!("{}; {}", message(0), message(4))));
}

#[test]
fn a_long_denial_counts_what_it_leaves_out() {
    let findings: Vec<_> = (0..MOST_DENIALS + 3).map(missing).collect();
    let shown = all(Action::Deny, &findings);
    let denial = shown.denial.unwrap();
    assert!(denial.contains(&message(MOST_DENIALS - 1)));
    assert!(!denial.contains(&message(MOST_DENIALS)));
    assert!(denial.ends_with("[tag-not-found]; and 3 more"), "{denial}");
    assert!(shown.warnings.is_empty());
}

#[test]
fn audited_findings_are_not_shown() {
    assert_eq!(all(Action::Audit, &[missing(0)]), Shown::default());
    assert_eq!(all(Action::Ignore, &[missing(0)]), Shown::default());
}

#[test]
fn a_line_is_bounded_printable_and_keeps_its_code() {
    let long = Finding {
        message: format!("{}\n\u{e9} [registry-dns]", "x".repeat(400)),
        ..unseen("h", "a")
    };
    let shown = all(Action::Warn, &[long.clone(), unseen("h", "b"), unseen("h", "c")]).warnings;
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].len(), WARNING_LENGTH);
    assert!(shown[0].ends_with("xxx... (and 2 more images of this host) [registry-dns]"));

    let odd = Finding { message: "a\nb\u{e9}\u{7f} [tag-not-found]".to_owned(), ..missing(0) };
    assert_eq!(all(Action::Warn, &[odd]).warnings, ["a?b?? [tag-not-found]"]);
    let code = Finding { message: format!("a [{}]", "y".repeat(500)), ..missing(0) };
    assert_eq!(all(Action::Warn, &[code]).warnings[0].len(), WARNING_LENGTH);
}

#[test]
fn an_index_beyond_the_findings_shows_nothing() {
    let verdict =
        Verdict { decided: vec![(7, Action::Deny)], would_deny: vec![7], ..Verdict::default() };
    assert_eq!(show(&[], &verdict), Shown::default());
}
