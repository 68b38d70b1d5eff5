//! The registry itself failed.

use super::{Basis, Cause, Code, Finding, Standing, View, trouble};
use crate::facts::{Trouble, TroubleKind};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("registry-error"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Unknown",
    what: "The registry answered with an error of its own, or with something that is not its protocol.",
    why: "A 5xx, a broken connection, an error behind a redirect, a token that cannot be used.",
    fix: "Look at the registry; try again later.",
    seen_as: &[
        "unexpected status from HEAD request: 502 Bad Gateway",
        "unexpected EOF",
        "connection reset by peer",
    ],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    trouble::detect(&CAUSE, TroubleKind::Error, facts, findings, words);
}

fn words(trouble: &Trouble, host: &str) -> (String, String) {
    (
        format!("{host} failed ({})", trouble.detail),
        "try again later, or look at the registry".to_owned(),
    )
}
