//! A name without a registry, on nodes whose runtime looks it up in a list of its own.

use super::{Basis, Cause, Certainty, Code, Finding, Severity, Standing, View};
use crate::facts::{Facts, ImageFact};
use crate::image::{Reference, hub};
use crate::message::printable;
use crate::nodes::quirks::{Certain, Quirk, certain};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("short-name"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Likely",
    what: "The image is written without a registry, and nodes that the pod may land on run CRI-O.",
    why: "Kubernetes and containerd mean Docker Hub by it. CRI-O goes through the aliases and the \
          search list of the node's registries.conf: it may find another image, or refuse the name \
          because it could mean several.",
    fix: "Write the name in full, with docker.io where Docker Hub is meant.",
    seen_as: &[
        "ImageInspectError: Failed to inspect image",
        "short name mode is enforcing, but image name nginx returns ambiguous list",
    ],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    for image in &facts.images {
        let Ok(reference) = &image.reference else { continue };
        if !image.asked || !is_open(facts, image) {
            continue;
        }
        findings.push(Finding::of_image(
            &CAUSE,
            Severity::WontPull,
            Certainty::Likely,
            image,
            "nodes with CRI-O look up a name without a registry in their registries.conf, and may \
             refuse it or find another image",
            &format!("write {}", printable(&reference.to_string(), 90)),
        ));
    }
}

/// Why what Docker Hub says of it may not count.
pub(super) fn elsewhere(facts: &Facts<'_>, image: &ImageFact<'_>) -> Option<String> {
    is_open(facts, image)
        .then(|| "though CRI-O may take a name without a registry from another one".to_owned())
}

/// Whether the name is short, and some node's runtime does not surely mean Docker Hub by it.
fn is_open(facts: &Facts<'_>, image: &ImageFact<'_>) -> bool {
    image.reference.as_ref().is_ok_and(|reference| is_short(image.image, reference))
        && facts
            .runtimes()
            .any(|runtime| certain(Quirk::ShortName, Some(runtime)) == Certain::Nothing)
}

fn is_short(written: &str, reference: &Reference) -> bool {
    reference.registry() == hub::DOMAIN
        && !["docker.io/", "index.docker.io/"].iter().any(|domain| written.starts_with(domain))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::facts::{Missing, Settings};

    fn with_runtime(runtime: &str) -> Settings {
        Settings { runtimes: vec![runtime.parse().unwrap()], ..Settings::default() }
    }

    fn facts_of<'a>(name: &'a str, settings: &'a Settings) -> Facts<'a> {
        facts(vec![image(name, vec![anonymous(whole("linux/amd64"))])], settings)
    }

    #[test]
    fn a_short_name_is_likely_trouble_on_cri_o_and_nowhere_else() {
        let crio = with_runtime("cri-o/1.34");
        let (severity, certainty, message) = only(&CAUSE, &facts_of("nginx:1.27", &crio));
        assert_eq!((severity, certainty), (Severity::WontPull, Certainty::Likely));
        assert!(message.contains("; write docker.io/library/nginx:1.27 [short-name]"), "{message}");
        for name in ["docker.io/library/nginx:1.27", "index.docker.io/nginx:1", "ghcr.io/a/b:1"] {
            only_these(&[], &facts_of(name, &crio));
        }
        for settings in [Settings::default(), with_runtime("containerd/2.4")] {
            only_these(&[], &facts_of("nginx:1.27", &settings));
        }
    }

    #[test]
    fn what_docker_hub_lacks_may_be_elsewhere_for_cri_o() {
        let crio = with_runtime("cri-o/1.34");
        let attempts = vec![anonymous(absent(Missing::Tag, Some("latest")))];
        let facts = facts(vec![image("nginx:latests", attempts)], &crio);
        let tag = &crate::causes::tag_not_found::CAUSE;
        assert_eq!(only(tag, &facts).1, Certainty::Likely);
        only_these(&[tag, &CAUSE], &facts);
    }
}
