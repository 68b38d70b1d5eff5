//! The kubelet would not even try: `InvalidImageName`.

use super::{Basis, Cause, Certainty, Code, Finding, Severity, Standing, View};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("reference-invalid"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Proven",
    what: "The image is not a reference that the kubelet can parse.",
    why: "Upper case in a repository name, a URL scheme, a tag with a plus sign, white space or a \
          template variable that was never filled in. The kubelet parses before it does anything \
          else, whatever the pull policy.",
    fix: "Write the reference as the message says.",
    seen_as: &["InvalidImageName", "couldn't parse image name", "invalid reference format"],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    for image in &facts.images {
        let Err(error) = &image.reference else { continue };
        let fix =
            error.fix().unwrap_or_else(|| "write [host/]repository[:tag][@digest]".to_owned());
        findings.push(Finding::of_image(
            &CAUSE,
            Severity::WontPull,
            Certainty::Proven,
            image,
            &error.to_string(),
            &fix,
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::facts::Settings;

    #[test]
    fn the_broken_rule_and_its_fix_are_told() {
        let settings = Settings::default();
        let facts = facts(vec![image("ghcr.io/Acme/api:v2", Vec::new())], &settings);
        assert_eq!(
            only(&CAUSE, &facts),
            (
                Severity::WontPull,
                Certainty::Proven,
                "spec.containers[0].image \"ghcr.io/Acme/api:v2\": repository names must be \
                 lowercase; write ghcr.io/acme/api:v2 [reference-invalid]"
                    .to_owned()
            )
        );
        only_these(&[&CAUSE], &facts);
    }
}
