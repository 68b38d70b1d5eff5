//! A connection was refused.

use super::{Basis, Cause, Code, Finding, Standing, View, trouble};
use crate::facts::{Trouble, TroubleKind};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("registry-refused"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Unknown",
    what: "The registry refused the connection, or no route leads to it from where pullcheck runs.",
    why: "Nothing listens on that port, or a firewall or network policy rejects the connection.",
    fix: "Look whether the registry runs, at the port, and at the network policy of pullcheck.",
    seen_as: &["connect: connection refused", "no route to host"],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    trouble::detect(&CAUSE, TroubleKind::Refused, facts, findings, words);
}

fn words(trouble: &Trouble, host: &str) -> (String, String) {
    (
        format!("{host} cannot be reached ({})", trouble.detail),
        "look whether it runs, at the port and at network policy".to_owned(),
    )
}
