//! The registry serves a manifest that no runtime can use.

use super::{Basis, Cause, Code, Finding, Severity, Standing, certainty};
use crate::facts::{Conclusion, Facts, ManifestFault};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("manifest-invalid"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Proven (Likely where a mirror may have a whole one)",
    what: "The registry serves a manifest whose bytes, size or type a runtime refuses.",
    why: "A damaged or half-written registry storage, a proxy or captive portal that answers with \
          its own page, or an image in Docker's abandoned schema 1.",
    fix: "Push the image again; where a web page came back, look at the proxy in between.",
    seen_as: &[
        "unexpected commit digest",
        "failed size validation",
        "unexpected media type",
        "reports content size of zero",
        "media type \"application/vnd.docker.distribution.manifest.v1+prettyjws\" is no longer supported",
    ],
    detect,
};

fn detect(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for image in &facts.images {
        let Conclusion::Invalid(fault) = image.conclusion() else { continue };
        let doubt = certainty::of_image(facts, image);
        let (what, fix) = words(fault);
        let what = format!("{what}{}", doubt.clause());
        let certainty = doubt.certainty();
        findings.push(Finding::of_image(&CAUSE, Severity::WontPull, certainty, image, &what, fix));
    }
}

fn words(fault: ManifestFault) -> (String, &'static str) {
    let again = "push the image again";
    match fault {
        ManifestFault::DigestMismatch => {
            ("the registry serves a manifest that does not match its digest".to_owned(), again)
        }
        ManifestFault::TooLarge(Some(size)) => {
            (format!("its manifest has {size} bytes, runtimes stop at 4393216"), "split the image")
        }
        ManifestFault::TooLarge(None) => (
            "its manifest has more than the 4393216 bytes that runtimes read".to_owned(),
            "split the image",
        ),
        ManifestFault::Empty => ("the registry serves an empty manifest".to_owned(), again),
        ManifestFault::Malformed => ("its manifest is not readable JSON".to_owned(), again),
        ManifestFault::MediaType => (
            "the registry answers with something that is not an image manifest".to_owned(),
            "push an image there, or look at the proxy that answered",
        ),
        ManifestFault::SchemaOne => (
            "its manifest has Docker's schema 1, which containerd 2.1 dropped".to_owned(),
            "push the image again with a current tool",
        ),
        ManifestFault::BadDigestHeader => {
            ("the registry names a digest that is none".to_owned(), again)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Certainty;
    use super::super::testing::*;
    use super::*;
    use crate::facts::{Outcome, Settings};

    #[test]
    fn every_fault_has_its_words() {
        let settings = Settings::default();
        for (fault, said) in [
            (ManifestFault::DigestMismatch, "does not match its digest"),
            (ManifestFault::TooLarge(Some(5_000_000)), "5000000 bytes"),
            (ManifestFault::TooLarge(None), "more than the 4393216 bytes"),
            (ManifestFault::Empty, "empty manifest"),
            (ManifestFault::Malformed, "not readable JSON"),
            (ManifestFault::MediaType, "not an image manifest"),
            (ManifestFault::SchemaOne, "schema 1"),
            (ManifestFault::BadDigestHeader, "digest that is none"),
        ] {
            let attempts = vec![anonymous(Outcome::Invalid(fault))];
            let facts = facts(vec![image("nginx:1", attempts)], &settings);
            let (severity, certainty, message) = only(&CAUSE, &facts);
            assert_eq!((severity, certainty), (Severity::WontPull, Certainty::Proven));
            assert!(message.contains(said), "{message}");
        }
    }
}
