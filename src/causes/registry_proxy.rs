//! The proxy failed.

use super::{Basis, Cause, Code, Finding, Standing, View, trouble};
use crate::facts::{Trouble, TroubleKind};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("registry-proxy"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Unknown",
    what: "The HTTP proxy of the environment could not be used.",
    why: "The proxy is down, wants a login, or refuses to connect to the registry.",
    fix: "Look at HTTPS_PROXY, HTTP_PROXY and NO_PROXY of pullcheck and at the proxy itself.",
    seen_as: &["proxyconnect tcp: ...", "Proxy Authentication Required"],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    trouble::detect(&CAUSE, TroubleKind::Proxy, facts, findings, words);
}

fn words(trouble: &Trouble, host: &str) -> (String, String) {
    (
        format!("the proxy for {host} failed ({}){}", trouble.detail, trouble::waited(trouble)),
        "look at HTTPS_PROXY and NO_PROXY".to_owned(),
    )
}
