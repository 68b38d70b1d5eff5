//! Plain HTTP where HTTPS was expected.

use super::{Basis, Cause, Code, Finding, Standing, View, trouble};
use crate::facts::{Trouble, TroubleKind};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("registry-plain-http"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Unknown",
    what: "The registry speaks plain HTTP where HTTPS was expected.",
    why: "A registry without TLS. Nodes refuse it too unless they are configured for it.",
    fix: "Serve it over TLS, or name it with --insecure-registry where the nodes allow it as well.",
    seen_as: &["http: server gave HTTP response to HTTPS client"],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    trouble::detect(&CAUSE, TroubleKind::PlainHttp, facts, findings, words);
}

fn words(_: &Trouble, host: &str) -> (String, String) {
    (
        format!("{host} speaks plain HTTP"),
        "serve it over TLS, or allow it with --insecure-registry".to_owned(),
    )
}
