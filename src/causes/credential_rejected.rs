//! A credential matched, and the registry would not log it in.

use super::access_denied::{credential_at_fault, malformed_secret, source};
use super::{Basis, Cause, Code, Finding, Severity, Standing, certainty};
use crate::facts::{Conclusion, Facts, RefusedAt};
use crate::message::printable;

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("credential-rejected"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Proven (Likely where another secret, a node's own login or a mirror may cure it)",
    what: "A pull secret matches the image and the registry refused its login.",
    why: "A wrong or changed password, a revoked token. Once a credential matches, a node never \
          falls back to pulling without one, so this breaks public images too.",
    fix: "Create the secret anew with a valid login, or remove it where the image is public.",
    seen_as: &[
        "failed to authorize: failed to fetch oauth token",
        "unauthorized: incorrect username or password",
        "401 Unauthorized",
        "denied: denied",
    ],
    detect,
};

fn detect(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for image in &facts.images {
        let (Ok(reference), Conclusion::Refused(attempts)) = (&image.reference, image.conclusion())
        else {
            continue;
        };
        let Some((attempt, refusal)) = credential_at_fault(attempts) else { continue };
        if refusal.expired || malformed_secret(facts) {
            continue;
        }
        let doubt = certainty::of_refusal(facts, image);
        let unclear =
            if refusal.at == RefusedAt::Token { ", or it may not pull there" } else { "" };
        let what = format!(
            "the login in {} was refused{unclear} ({}){}",
            source(facts, attempt),
            refusal.evidence,
            doubt.clause()
        );
        let fix = format!(
            "renew its password for {}, or drop it if the image is public",
            printable(reference.registry(), 40)
        );
        let certainty = doubt.certainty();
        findings.push(Finding::of_image(&CAUSE, Severity::WontPull, certainty, image, &what, &fix));
    }
}
