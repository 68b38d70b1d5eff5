//! A registry did not answer.

use super::{Basis, Cause, Code, Finding, Standing, View, trouble};
use crate::facts::{Trouble, TroubleKind};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("registry-timeout"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Unknown",
    what: "The registry did not answer in time.",
    why: "A registry that hangs or is overloaded, or a firewall that drops packets without a word.",
    fix: "Look at the registry and at network policy. The question goes on in the background, so a second try may find it answered.",
    seen_as: &["i/o timeout", "context deadline exceeded", "DeadlineExceeded"],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    trouble::detect(&CAUSE, TroubleKind::Timeout, facts, findings, words);
}

fn words(trouble: &Trouble, host: &str) -> (String, String) {
    let what = match trouble.waited {
        Some(_) => format!("no answer from {host}{}", trouble::waited(trouble)),
        None => format!("{host} does not answer ({})", trouble.detail),
    };
    (what, "try again, or look at the registry and network policy".to_owned())
}
