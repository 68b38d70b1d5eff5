//! Not looked at, by our own decision or for lack of a right.

mod cluster;

use super::{Basis, Cause, Certainty, Code, Finding, Severity, Standing, View, landing, words};
use crate::facts::{Conclusion, ImageFact, LeftOut, Outcome, Unchecked};
use crate::image::Reference;
use crate::message::printable;

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("not-checked"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Unknown",
    what: "pullcheck did not look, or not to the end.",
    why: "The review's time was over before the question could be asked, a budget was used up, an \
          address is one that pullcheck does not go to, a right is missing (the message names it, \
          and docs/rights.md says what each is for), a layer or an index's entry is kept at \
          addresses of its own, or the pull policy Never means that a node does not ask either.",
    fix: "What the message says; most often nothing, or a second try.",
    seen_as: &["ErrImageNeverPull"],
    detect,
};

/// What is said of anything that has `urls`.
const ELSEWHERE: &str = "is kept at addresses of its own (urls), which pullcheck does not ask";
const REACH_THEM: &str = "make sure that nodes reach them";

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    for image in &facts.images {
        let registry = image.reference.as_ref().map(Reference::registry).unwrap_or_default();
        let (host, what, fix) = match landing::unseen(facts, image) {
            Some(Outcome::NotChecked(unchecked)) => reason(unchecked, registry),
            Some(_) => continue,
            None => match left_out(facts, image) {
                Some((what, fix)) => (registry, what, fix),
                None => continue,
            },
        };
        findings.push(
            Finding::of_image(
                &CAUSE,
                Severity::WontPull,
                Certainty::Unknown,
                image,
                &format!("not checked, {what}"),
                &format!("{}{fix}", words::unverified(facts)),
            )
            .at_host(host),
        );
    }
    cluster::detect(facts, findings);
}

/// What of an image was not looked at by our own bounds. What the operator does not want looked at
/// is not worth a word.
fn left_out(facts: &View<'_>, image: &ImageFact<'_>) -> Option<(String, &'static str)> {
    if !matches!(image.conclusion(), Conclusion::Pulls(_)) || !landing::is_left_out(image) {
        return None;
    }
    let words = facts.candidates();
    let fetched = words.first().map(|word| landing::fetched(word, image)).unwrap_or_default();
    fetched.iter().find_map(|image| match image.left_out? {
        LeftOut::Layers(layers) => Some((
            format!("a bound is reached: it has {layers} layers"),
            "build it with fewer layers",
        )),
        LeftOut::ForeignUrls => Some((format!("part of it {ELSEWHERE}"), REACH_THEM)),
        LeftOut::Depth | LeftOut::PullThrough => None,
    })
}

fn reason<'a>(unchecked: &'a Unchecked, registry: &'a str) -> (&'a str, String, &'static str) {
    match unchecked {
        Unchecked::Deadline => (
            registry,
            format!("{} was not asked before the review's time was over", printable(registry, 80)),
            "try again, the answer is being fetched",
        ),
        Unchecked::Declined { host, what } => (
            host,
            format!("{} is not contacted: {}", printable(host, 80), printable(what, 90)),
            "see --allow-address and --insecure-registry",
        ),
        Unchecked::Budget(budget) => (
            registry,
            format!("a bound is reached: {}", printable(budget, 110)),
            "drop what is not needed or try later",
        ),
        Unchecked::Provider(name) => (
            registry,
            format!(
                "credential provider {} was not back before the review's time was over",
                printable(name, 60)
            ),
            "try again, it goes on",
        ),
        Unchecked::NodeFiles(why) => (
            registry,
            format!("the nodes' files in --certs-d cannot be followed: {}", printable(why, 110)),
            "give pullcheck all files that they name",
        ),
        Unchecked::Elsewhere(platform) => {
            let entry = platform.as_ref().map_or_else(
                || "an entry of its index".to_owned(),
                |platform| format!("its entry for {}", printable(&platform.to_string(), 40)),
            );
            (registry, format!("{entry} {ELSEWHERE}"), REACH_THEM)
        }
        Unchecked::PolicyNever => (
            "",
            "pull policy Never asks no registry".to_owned(),
            "make sure that the nodes hold it",
        ),
        Unchecked::Failed => {
            (registry, "pullcheck failed inside".to_owned(), "see its log and report the defect")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::facts::Settings;
    use crate::image::Platform;

    #[test]
    fn every_reason_is_told_and_none_is_more_than_unknown() {
        let settings = Settings::default();
        let declined = Unchecked::Declined {
            host: "169.254.169.254".to_owned(),
            what: "a link-local address".to_owned(),
        };
        for (reason, said) in [
            (Unchecked::Deadline, "before the review's time was over"),
            (declined, "169.254.169.254 is not contacted: a link-local address"),
            (Unchecked::Budget("3 logins".to_owned()), "a bound is reached: 3 logins"),
            (Unchecked::Provider("ecr".to_owned()), "credential provider ecr was not back before"),
            (
                Unchecked::NodeFiles("/certs/ca.pem cannot be read".to_owned()),
                "the nodes' files in --certs-d cannot be followed: /certs/ca.pem cannot be read",
            ),
            (
                Unchecked::Elsewhere(Some(Box::new(Platform::new("linux", "arm64", "")))),
                "its entry for linux/arm64 is kept at addresses of its own (urls), which",
            ),
            (Unchecked::Elsewhere(None), "not checked, an entry of its index is kept at addresses"),
            (Unchecked::PolicyNever, "pull policy Never"),
            (Unchecked::Failed, "failed inside"),
        ] {
            let attempts = vec![anonymous(Outcome::NotChecked(reason))];
            let facts = facts(vec![image("reg.corp/a:1", attempts)], &settings);
            let (_, certainty, message) = only(&CAUSE, &facts);
            assert_eq!(certainty, Certainty::Unknown);
            assert!(message.contains(said), "{message}");
            only_these(&[&CAUSE], &facts);
        }
    }

    #[test]
    fn what_our_bounds_left_out_is_told_and_what_the_operator_did_is_not() {
        let settings = Settings::default();
        for (left_out, said) in [
            (LeftOut::Layers(300), Some("a bound is reached: it has 300 layers")),
            (LeftOut::ForeignUrls, Some("addresses of its own (urls)")),
            (LeftOut::Depth, None),
            (LeftOut::PullThrough, None),
        ] {
            let attempts = vec![anonymous(served(image_of("linux/amd64", 1, Some(left_out))))];
            let facts = facts(vec![image("ghcr.io/acme/api:v2", attempts)], &settings);
            let Some(said) = said else {
                only_these(&[], &facts);
                continue;
            };
            let (_, certainty, message) = only(&CAUSE, &facts);
            assert_eq!(certainty, Certainty::Unknown);
            assert!(message.contains(said), "{message}");
            only_these(&[&CAUSE], &facts);
        }
    }
}
