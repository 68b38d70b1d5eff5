//! The repository is there, the tag is not.

use super::{Basis, Cause, Code, Finding, Standing, View, absence, words};
use crate::facts::{Absent, ImageFact, Missing};
use crate::image::Reference;
use crate::message::printable;

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("tag-not-found"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Proven (Likely where a mirror, a cache or an unknown secret may have it)",
    what: "The registry answered that the repository has no such tag.",
    why: "A typing mistake, a tag that was deleted, or a build that has not pushed yet.",
    fix: "Use one of the registry's tags (the message names a near one), or push this one first.",
    seen_as: &["ErrImagePull: ... not found", "manifest unknown", "failed to resolve reference"],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    absence::detect(&CAUSE, Missing::Tag, facts, findings, phrase);
}

fn phrase(image: &ImageFact<'_>, reference: &Reference, absent: &Absent) -> (String, String) {
    let what = format!(
        "{} has no tag {}{}{}",
        words::repository(image, reference),
        printable(reference.tag().unwrap_or("latest"), 60),
        if reference.tag_given() { "" } else { ", which no tag means" },
        if absent.no_tags { ", nor any other, or does not exist" } else { "" },
    );
    let fix = match &absent.suggestion {
        Some(near) => format!("did you mean {}?", printable(near, 60)),
        None => "correct the tag or push it first".to_owned(),
    };
    (what, fix)
}

#[cfg(test)]
mod tests {
    use super::super::Certainty;
    use super::super::Severity;
    use super::super::testing::*;
    use super::*;
    use crate::credentials::SecretState;
    use crate::facts::{Heard, Outcome, PodMutation, Settings};
    use crate::glob::Glob;

    #[test]
    fn the_nearest_tag_is_offered() {
        let settings = Settings::default();
        let attempts = vec![anonymous(absent(Missing::Tag, Some("latest")))];
        let facts = facts(vec![image("nginx:latests", attempts)], &settings);
        assert_eq!(
            only(&CAUSE, &facts),
            (
                Severity::WontPull,
                Certainty::Proven,
                "spec.containers[0].image \"nginx:latests\": docker.io/library/nginx has no tag \
                 latests (404 MANIFEST_UNKNOWN); did you mean latest? \
                 [tag-not-found]"
                    .to_owned()
            )
        );
        only_these(&[&CAUSE], &facts);
    }

    #[test]
    fn an_implied_latest_is_explained() {
        let settings = Settings::default();
        let attempts = vec![anonymous(absent(Missing::Tag, None))];
        let facts = facts(vec![image("nginx", attempts)], &settings);
        assert!(only(&CAUSE, &facts).2.contains("has no tag latest, which no tag means (404"));
    }

    #[test]
    fn mirrors_caches_and_rewriting_make_it_likely() {
        let hub = || vec![Glob::new("docker.io")];
        let all = [
            Settings { node_mirrors: hub(), ..Settings::default() },
            Settings { pull_through: hub(), ..Settings::default() },
            Settings { pod_mutation: PodMutation::Images, ..Settings::default() },
        ];
        for settings in &all {
            let attempts = vec![anonymous(absent(Missing::Tag, Some("latest")))];
            let mut facts = facts(vec![image("nginx:latests", attempts)], settings);
            facts.is_template = true;
            assert_eq!(only(&CAUSE, &facts).1, Certainty::Likely, "{settings:?}");
        }
    }

    #[test]
    fn mirrors_that_pullcheck_was_told_of_leave_no_doubt() {
        let settings = Settings { node_mirrors: vec![Glob::new("*")], ..Settings::default() };
        let attempts = vec![anonymous(absent(Missing::Tag, None))];
        let mut facts = facts(vec![image("nginx:latests", attempts)], &settings);
        assert_eq!(only(&CAUSE, &facts).1, Certainty::Likely);
        facts.images[0].mirrors_told = true;
        assert_eq!(only(&CAUSE, &facts).1, Certainty::Proven);
    }
    #[test]
    fn a_list_of_tags_says_nothing_of_a_mirror_that_wants_a_login() {
        let settings = Settings::default();
        for (status, expected) in
            [(404, Certainty::Proven), (401, Certainty::Likely), (403, Certainty::Likely)]
        {
            let mut outcome = absent(Missing::Tag, Some("latest"));
            if let Outcome::Absent(absent) = &mut outcome {
                absent.evidence.others = vec![Heard { host: "mirror.corp".to_owned(), status }];
            }
            let mut facts =
                facts(vec![image("nginx:latests", vec![anonymous(outcome)])], &settings);
            facts.secrets = vec![secret("regcred", SecretState::Absent { similar: None }, false)];
            assert_eq!(only(&CAUSE, &facts).1, expected, "{status}");
        }
    }
}
