//! A credential matched, and the registry says that its time is over.

use super::access_denied::{credential_at_fault, is_provided, login, refused_images};
use super::{Basis, Cause, Code, Finding, Severity, Standing, View, certainty, words};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("credential-expired"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Proven (Likely where another secret, a node's own login or a mirror may cure it)",
    what: "A pull secret matches the image and the registry says that its login has expired.",
    why: "Logins of cloud registries are short-lived: 12 hours on ECR, an hour on Artifact Registry. \
          A static secret made from one works only that long.",
    fix: "Renew the secret, and let something renew it for you, or use the nodes' own identity.",
    seen_as: &["Your authorization token has expired. Reauthenticate and try again."],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    for (image, reference, attempts) in refused_images(facts) {
        let Some((attempt, refusal)) = credential_at_fault(attempts) else { continue };
        if !refusal.expired {
            continue;
        }
        let doubt = certainty::of_refusal(facts, image);
        let what = format!(
            "{} has expired ({}){}",
            login(facts, attempt),
            words::said(&refusal.evidence, reference),
            doubt.clause()
        );
        findings.push(Finding::of_image(
            &CAUSE,
            Severity::WontPull,
            doubt.certainty(),
            image,
            &what,
            if is_provided(attempt) {
                "let the provider's cacheDuration end before its logins do"
            } else {
                "renew the secret, and have it renewed regularly"
            },
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::facts::{Outcome, Refusal, RefusedAt, Settings, SpecCode};

    #[test]
    fn an_expired_login_is_told_from_a_wrong_one() {
        let settings = Settings::default();
        let host = "1.dkr.ecr.eu-west-1.amazonaws.com";
        let no = Outcome::Refused(Refusal {
            at: RefusedAt::Repository,
            evidence: evidence(403, Some(SpecCode::Denied), host),
            expired: true,
            no_basic: false,
            incomplete_login: false,
        });
        let name = "1.dkr.ecr.eu-west-1.amazonaws.com/api:1";
        let facts = facts(vec![image(name, vec![with("ecr", no)])], &settings);
        assert!(only(&CAUSE, &facts).2.contains("the login in Secret shop/ecr has expired (403"));
        only_these(&[&CAUSE], &facts);
    }

    #[test]
    fn a_providers_login_cannot_be_renewed_by_hand() {
        let settings = Settings::default();
        let mut no = refused(RefusedAt::Repository, 403, Some(SpecCode::Denied), "r.io");
        if let Outcome::Refused(refusal) = &mut no {
            refusal.expired = true;
        }
        let facts = facts(vec![image("r.io/api:1", vec![provided("ecr", no)])], &settings);
        let message = only(&CAUSE, &facts).2;
        let said = "the login from credential provider ecr has expired (403 DENIED); let the \
                    provider's cacheDuration end before its logins do";
        assert!(message.contains(said), "{message}");
    }
}
