//! TLS failed.

use super::{Basis, Cause, Code, Finding, Standing, View, trouble};
use crate::facts::{Trouble, TroubleKind};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("registry-tls"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Unknown",
    what: "No trusted TLS connection to the registry could be made.",
    why: "A certificate by an authority that pullcheck does not know, an expired one, one for another name, or a handshake that hangs.",
    fix: "Give pullcheck the authority with --ca-file (nodes need it too), or renew the certificate.",
    seen_as: &[
        "tls: failed to verify certificate: x509: certificate signed by unknown authority",
        "certificate has expired",
        "TLS handshake timeout",
    ],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    trouble::detect(&CAUSE, TroubleKind::Tls, facts, findings, words);
}

fn words(trouble: &Trouble, host: &str) -> (String, String) {
    (
        format!("TLS with {host} failed ({}){}", trouble.detail, trouble::waited(trouble)),
        "renew the certificate, or give its CA with --ca-file".to_owned(),
    )
}
