//! What nodes hold already (`status.images`): an image that is there need not be pulled. They tell
//! only of their largest images, so that absence from the list says nothing.

use crate::facts::{Facts, Front, ImageFact, Obstacle};
use crate::image::Reference;
use crate::message::printable;
use crate::nodes::Node;
use crate::workload::PullPolicy;

/// From this kubelet on, an image that was pulled with a secret is open only to pods that have it
/// (K pkg/kubelet/images/pullmanager; feature KubeletEnsureSecretPulledImages).
const VERIFIES: (u32, u32) = (1, 35);

/// A node that the pod may land on holds the image, and does not ask for it again.
pub(super) fn of_image(facts: &Facts<'_>, image: &ImageFact<'_>) -> Option<String> {
    let reference = unasked(image)?;
    match nodes(facts).find(|node| holds(node, reference)) {
        Some(node) => Some(format!("though node {} already holds it", name(node))),
        None => unknown(facts),
    }
}

/// The same where the image was refused. A newer kubelet asks again for what it pulled with a
/// secret; but that a node has something of the repository shows that it has a way to get it.
pub(super) fn despite_refusal(facts: &Facts<'_>, image: &ImageFact<'_>) -> Option<String> {
    let trusting = |node: &&Node| node.kubelet.is_some_and(|version| version < VERIFIES);
    let here = unasked(image)
        .and_then(|reference| nodes(facts).filter(trusting).find(|node| holds(node, reference)));
    if let Some(node) = here {
        return Some(format!("though node {} already holds it", name(node)));
    }
    let reference = image.reference.as_ref().ok()?;
    let any =
        |node: &&Node| node.images.iter().any(|held| of_repository(held, reference).is_some());
    match nodes(facts).find(any) {
        Some(node) => Some(format!("though node {} holds an image of that repository", name(node))),
        None => unknown(facts),
    }
}

/// What nodes hold is not known, because the webhook could not read them. To `check`, which runs
/// long before any node does, and mostly without this right, it makes no difference.
fn unknown(facts: &Facts<'_>) -> Option<String> {
    match facts.gaps.nodes.as_ref().filter(|_| facts.front == Front::Serve)? {
        Obstacle::Forbidden => Some("unless a node holds it, and pullcheck may not list nodes"),
        Obstacle::Trouble(_) => Some("unless a node holds it, and nodes could not be read"),
    }
    .map(str::to_owned)
}

/// Every image that the pod would pull is there already, on one node or another.
pub(super) fn of_all(facts: &Facts<'_>) -> bool {
    let mut asked = facts.images.iter().filter(|image| image.asked).peekable();
    asked.peek().is_some() && asked.all(|image| of_image(facts, image).is_some())
}

/// The reference, if a node that holds it does not ask for it.
fn unasked<'a>(image: &'a ImageFact<'_>) -> Option<&'a Reference> {
    image.reference.as_ref().ok().filter(|_| image.pull_policy == PullPolicy::IfNotPresent)
}

fn nodes<'a>(facts: &'a Facts<'_>) -> impl Iterator<Item = &'a Node> {
    facts.nodes.iter().flatten().map(AsRef::as_ref)
}

fn name(node: &Node) -> String {
    printable(&node.name, 40)
}

fn holds(node: &Node, reference: &Reference) -> bool {
    node.images.iter().any(|held| {
        let Some(rest) = of_repository(held, reference) else { return false };
        match (reference.digest(), reference.tag()) {
            // Runtimes drop the tag where there is a digest.
            (Some(digest), _) => {
                rest.split_once('@').is_some_and(|(_, held)| held == digest.as_str())
            }
            (None, Some(tag)) => rest.strip_prefix(':') == Some(tag),
            (None, None) => false,
        }
    })
}

/// What follows the repository's name, tag or digest, if the node's name for an image has it.
fn of_repository<'a>(held: &'a str, reference: &Reference) -> Option<&'a str> {
    let name = reference.name();
    // Not every runtime writes Docker Hub's names in full.
    let short = name.strip_prefix("docker.io/");
    let shorter = short.and_then(|short| short.strip_prefix("library/"));
    let names = [Some(name), short, shorter];
    let mut rests = names.into_iter().flatten().filter_map(|name| held.strip_prefix(name));
    rests.find(|rest| rest.starts_with([':', '@']))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::testing::*;
    use super::*;
    use crate::facts::Settings;

    fn holder(images: &[&str], kubelet: (u32, u32)) -> Node {
        let images = images.iter().map(|&image| Arc::from(image)).collect();
        Node { images, kubelet: Some(kubelet), ..node("linux/amd64", "containerd/1.7") }
    }

    const HEX: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn an_image_is_held_under_its_tag_or_its_digest() {
        let settings = Settings::default();
        let digest = format!("ghcr.io/acme/api@{HEX}");
        let tag_and_digest = format!("ghcr.io/acme/api:v9@{HEX}");
        for (written, held, expected) in [
            ("nginx:1.27", "docker.io/library/nginx:1.27", true),
            ("nginx:1.27", "nginx:1.27", true),
            ("bitnami/nginx:1", "bitnami/nginx:1", true),
            ("nginx:1.27", "docker.io/library/nginx:1.27.1", false),
            ("nginx:1.27", "docker.io/library/nginx2:1.27", false),
            ("nginx:1.27", "ghcr.io/library/nginx:1.27", false),
            (digest.as_str(), digest.as_str(), true),
            (tag_and_digest.as_str(), digest.as_str(), true),
            ("ghcr.io/acme/api:v9", digest.as_str(), false),
            (digest.as_str(), "ghcr.io/acme/api:v9", false),
        ] {
            let mut fact = image(written, Vec::new());
            fact.pull_policy = PullPolicy::IfNotPresent;
            let mut facts = facts(vec![fact], &settings);
            facts.nodes = nodes_of(holder(&[held], (1, 34)));
            let found = of_image(&facts, &facts.images[0]).is_some();
            assert_eq!(found, expected, "{written} {held}");
            assert_eq!(of_all(&facts), expected);
        }
    }

    fn nodes_of(node: Node) -> Option<Vec<Arc<Node>>> {
        super::super::testing::nodes(vec![node])
    }

    #[test]
    fn who_always_asks_is_not_helped_by_what_is_there() {
        let settings = Settings::default();
        for policy in [PullPolicy::Always, PullPolicy::Never] {
            let mut fact = image("nginx:1.27", Vec::new());
            fact.pull_policy = policy;
            let mut facts = facts(vec![fact], &settings);
            facts.nodes = nodes_of(holder(&["docker.io/library/nginx:1.27"], (1, 34)));
            assert_eq!(of_image(&facts, &facts.images[0]), None, "{policy:?}");
        }
        assert!(!of_all(&facts(Vec::new(), &settings)));
    }

    #[test]
    fn a_newer_kubelet_verifies_and_its_images_are_evidence_all_the_same() {
        let settings = Settings::default();
        for (kubelet, held, policy, said) in [
            ((1, 34), "ghcr.io/acme/api:v9", PullPolicy::IfNotPresent, Some("already holds it")),
            ((1, 35), "ghcr.io/acme/api:v9", PullPolicy::IfNotPresent, Some("an image of that")),
            ((1, 34), "ghcr.io/acme/api:v9", PullPolicy::Always, Some("an image of that")),
            ((1, 34), "ghcr.io/acme/api:v8", PullPolicy::IfNotPresent, Some("an image of that")),
            ((1, 34), "ghcr.io/acme/web:v9", PullPolicy::IfNotPresent, None),
        ] {
            let mut fact = image("ghcr.io/acme/api:v9", Vec::new());
            fact.pull_policy = policy;
            let mut facts = facts(vec![fact], &settings);
            facts.nodes = nodes_of(holder(&[held], kubelet));
            let found = despite_refusal(&facts, &facts.images[0]);
            assert_eq!(found.is_some(), said.is_some(), "{kubelet:?} {held} {found:?}");
            assert!(found.unwrap_or_default().contains(said.unwrap_or_default()), "{kubelet:?}");
        }
    }
}
