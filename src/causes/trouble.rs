//! What the registry-* causes share: our own view failed, and that says nothing of the image.

use super::{Cause, Certainty, Finding, Severity, View, landing, words};
use crate::facts::{Outcome, Trouble, TroubleKind};
use crate::message::printable;

/// Adds a finding of `cause` for every image whose answer ended in trouble of `kind`; `words`
/// gives what happened and the fix.
pub(super) fn detect(
    cause: &Cause,
    kind: TroubleKind,
    facts: &View<'_>,
    findings: &mut Vec<Finding>,
    words: fn(&Trouble, &str) -> (String, String),
) {
    for image in &facts.images {
        let Some(Outcome::Trouble(trouble)) = landing::unseen(facts, image) else { continue };
        if trouble.kind != kind {
            continue;
        }
        let host = printable(&trouble.host, 80);
        let (what, fix) = words(trouble, &host);
        findings.push(
            Finding::of_image(
                cause,
                Severity::WontPull,
                Certainty::Unknown,
                image,
                &format!("not checked, {what}"),
                &format!("{}{fix}", words::unverified(facts)),
            )
            .at_host(&trouble.host),
        );
    }
}

/// `in 3 s`, or nothing where no wait was measured.
pub(super) fn waited(trouble: &Trouble) -> String {
    match trouble.waited {
        Some(waited) if waited.as_millis() < 1_000 => format!(" in {} ms", waited.as_millis()),
        Some(waited) => format!(" in {:.0} s", waited.as_secs_f64()),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::{ALL, registry_dns, registry_timeout};
    use super::*;
    use crate::facts::Settings;

    const KINDS: [(TroubleKind, &str); 8] = [
        (TroubleKind::Dns, "registry-dns"),
        (TroubleKind::Refused, "registry-refused"),
        (TroubleKind::Timeout, "registry-timeout"),
        (TroubleKind::Tls, "registry-tls"),
        (TroubleKind::PlainHttp, "registry-plain-http"),
        (TroubleKind::Proxy, "registry-proxy"),
        (TroubleKind::Error, "registry-error"),
        (TroubleKind::RateLimited, "registry-rate-limited"),
    ];

    #[test]
    fn every_kind_is_one_cause_unknown_and_grouped_by_host() {
        let settings = Settings::default();
        for (kind, code) in KINDS {
            let attempts = vec![anonymous(trouble(kind, "reg.corp:5000", "evidence"))];
            let facts = facts(vec![image("reg.corp:5000/a:1", attempts)], &settings);
            let findings = crate::causes::findings(&facts);
            assert_eq!(findings.len(), 1, "{findings:?}");
            assert_eq!(findings[0].code.as_str(), code);
            assert_eq!(findings[0].certainty, Certainty::Unknown);
            assert_eq!(findings[0].host.as_deref(), Some("reg.corp:5000"));
            assert!(findings[0].message.contains(": not checked, "), "{}", findings[0].message);
        }
    }

    #[test]
    fn a_wait_is_told_in_seconds() {
        let settings = Settings::default();
        let mut slow = trouble(TroubleKind::Timeout, "reg.corp:5000", "no answer");
        if let Outcome::Trouble(trouble) = &mut slow {
            trouble.waited = Some(std::time::Duration::from_millis(3_010));
        }
        let facts = facts(vec![image("reg.corp:5000/a:1", vec![anonymous(slow)])], &settings);
        let message = only(&registry_timeout::CAUSE, &facts).2;
        assert!(message.contains("no answer from reg.corp:5000 in 3 s"), "{message}");
    }

    #[test]
    fn a_cluster_name_is_told_that_nodes_do_not_resolve_it() {
        let settings = Settings::default();
        let no = trouble(TroubleKind::Dns, "registry.tools.svc:5000", "no such host");
        let name = "registry.tools.svc:5000/a:1";
        let facts = facts(vec![image(name, vec![anonymous(no)])], &settings);
        assert!(only(&registry_dns::CAUSE, &facts).2.contains("nodes do not resolve"));
    }

    #[test]
    fn a_registrys_own_words_are_bounded_and_escaped() {
        let settings = Settings::default();
        let host = format!("reg\n::error{}", "x".repeat(500));
        let attempts = vec![anonymous(trouble(TroubleKind::Error, &host, "502"))];
        let facts = facts(vec![image("reg.corp/a:1", attempts)], &settings);
        for finding in ALL.iter().flat_map(|cause| found(cause, &facts)) {
            assert!(finding.message.bytes().all(|b| b == b' ' || b.is_ascii_graphic()));
        }
    }
}
