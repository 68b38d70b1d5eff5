//! The operator wants images named by digest.

use super::{Basis, Cause, Certainty, Code, Finding, Severity, Standing, View};
use crate::facts::Conclusion;

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("digest-required"),
    standing: Standing::Off,
    basis: Basis::Rule,
    class: "Advice, Proven",
    what: "The image is named without a digest.",
    why: "A tag can be moved, so that pods of one Deployment run different images.",
    fix: "Append the digest, as name:tag@sha256:....",
    seen_as: &[],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    if !facts.settings.digest_required {
        return;
    }
    for image in &facts.images {
        let Ok(reference) = &image.reference else { continue };
        if reference.digest().is_some() {
            continue;
        }
        let fix = match image.conclusion() {
            Conclusion::Pulls(found) => format!("append @{}", found.digest),
            _ => "append @sha256:... of the image you mean".to_owned(),
        };
        findings.push(Finding::of_image(
            &CAUSE,
            Severity::Advice,
            Certainty::Proven,
            image,
            "images must be named by digest here",
            &fix,
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::facts::Settings;
    use crate::image::{Algorithm, Digest};

    #[test]
    fn the_digest_to_append_is_told_where_it_is_known() {
        let settings = Settings { digest_required: true, ..Settings::default() };
        let digest = Digest::of(Algorithm::Sha256, b"x");
        let attempts = vec![anonymous(served(image_for("linux", "amd64")))];
        let facts = facts(vec![image("nginx:1", attempts)], &settings);
        assert!(only(&CAUSE, &facts).2.contains(&format!("append @{digest}")));
    }

    #[test]
    fn nobody_is_told_where_nobody_asked_for_it_or_a_digest_is_there() {
        let off = Settings::default();
        assert!(found(&CAUSE, &facts(vec![image("nginx:1", Vec::new())], &off)).is_empty());
        let on = Settings { digest_required: true, ..Settings::default() };
        let name = format!("nginx:1@sha256:{}", "0".repeat(64));
        assert!(found(&CAUSE, &facts(vec![image(&name, Vec::new())], &on)).is_empty());
    }
}
