//! A name did not resolve.

use super::{Basis, Cause, Code, Finding, Standing, View, trouble};
use crate::facts::{Trouble, TroubleKind};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("registry-dns"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Unknown",
    what: "The name of the registry, its token server or a redirect does not resolve from where pullcheck runs.",
    why: "A typing mistake in the host, a DNS server that does not answer, or a name that only the nodes or only the cluster know.",
    fix: "Correct the host; look at the DNS of the nodes and of pullcheck.",
    seen_as: &["dial tcp: lookup ...: no such host", "server misbehaving", "i/o timeout"],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    trouble::detect(&CAUSE, TroubleKind::Dns, facts, findings, words);
}

fn words(trouble: &Trouble, host: &str) -> (String, String) {
    let bare = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let cluster_name = [".svc", ".svc.cluster.local"].iter().any(|end| bare.ends_with(end));
    let fix = if cluster_name {
        "nodes do not resolve the cluster's own names; use one that they do".to_owned()
    } else {
        "correct the host or look at its DNS".to_owned()
    };
    (format!("{host} does not resolve ({}){}", trouble.detail, trouble::waited(trouble)), fix)
}
