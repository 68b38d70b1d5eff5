//! Too many requests.

use super::{Basis, Cause, Code, Finding, Standing, View, trouble};
use crate::facts::{Trouble, TroubleKind};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("registry-rate-limited"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Unknown",
    what: "The registry answered that there were too many requests.",
    why: "The pull quota of the address or account that pullcheck uses is spent. Nodes have their own address and may fare better or worse.",
    fix: "Log in with a pull secret, use a pull-through cache, or wait.",
    seen_as: &["toomanyrequests: You have reached your pull rate limit", "429 Too Many Requests"],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    trouble::detect(&CAUSE, TroubleKind::RateLimited, facts, findings, words);
}

fn words(trouble: &Trouble, host: &str) -> (String, String) {
    let retry = trouble
        .retry_after
        .map(|wait| format!(", asks to wait {} s", wait.as_secs()))
        .unwrap_or_default();
    (
        format!("{host} limits our requests ({}{retry})", trouble.detail),
        "log in with a pull secret, or try again later".to_owned(),
    )
}
