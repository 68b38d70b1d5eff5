//! A config or a layer in the registry is not what its manifest says.

use super::landing::{self, Met};
use super::{Basis, Cause, Code, Finding, Standing, View, words};
use crate::facts::{Damage, ImageFact, PartFault};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("blob-mismatch"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Proven (Likely where only some of the platforms that matter are concerned, \
            where runtimes differ, or where a mirror or a node may have it)",
    what: "The registry has a config or a layer of another size, or with another digest, than the \
           image's manifest says.",
    why: "The registry's storage is damaged, an upload was cut short, or a proxy in between changes \
          what it passes on. Runtimes verify both, and throw away what does not fit. Of layers only \
          the size is looked at in advance.",
    fix: "Delete the blob in the registry, then push the image again: while the registry has it, a \
          push skips it. Where it cannot be deleted, build with --no-cache, which makes another one.",
    seen_as: &[
        "failed size validation: 12 != 34: failed precondition",
        "unexpected commit digest sha256:..., expected sha256:...: failed precondition",
        "short read: expected 34 bytes but got 12: unexpected EOF",
    ],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    landing::detect(&CAUSE, facts, findings, phrase);
}

fn phrase(met: &Met<'_>, _: &ImageFact<'_>) -> Option<(String, String)> {
    let Damage { part, digest, fault } = met.blob()?;
    let wrong = match fault {
        PartFault::Missing(_) => return None,
        PartFault::Size { served, stated } => {
            format!("has {served} bytes in the registry and {stated} by its manifest")
        }
        PartFault::Digest => "does not have that digest in the registry".to_owned(),
        PartFault::Inline => {
            "stands in the manifest with other bytes, which containerd takes since 1.7".to_owned()
        }
    };
    let what = format!(
        "{}{} {wrong}{}",
        words::concerning(met),
        words::part(*part, digest),
        words::behind_inline(met)
    );
    let fix = match fault {
        PartFault::Inline => "push the image again without inline data",
        _ => "delete it there or build with --no-cache, then push again",
    };
    Some((what, fix.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::{Certainty, Severity};
    use super::*;
    use crate::facts::{Part, Settings};

    #[test]
    fn what_does_not_fit_is_named_with_both_figures() {
        let settings = Settings::default();
        let layer = Part::Layer { number: 1, of: 2 };
        for (part, fault, said) in [
            (
                layer,
                PartFault::Size { served: 12, stated: 34 },
                "layer 1 of 2 (sha256:2d711642b726) has 12 bytes in the registry and 34 by its \
                 manifest; delete it there or build with --no-cache, then push again \
                 [blob-mismatch]",
            ),
            (
                Part::Config,
                PartFault::Digest,
                "the config sha256:2d711642b726 does not have that digest in the registry; delete \
                 it there or build with --no-cache, then push again [blob-mismatch]",
            ),
        ] {
            let attempts = vec![anonymous(broken(part, fault))];
            let facts = facts(vec![image("ghcr.io/acme/api:v2", attempts)], &settings);
            let (severity, certainty, message) = only(&CAUSE, &facts);
            assert_eq!((severity, certainty), (Severity::WontPull, Certainty::Proven));
            assert!(message.ends_with(said), "{message}");
            only_these(&[&CAUSE], &facts);
        }
    }
}
