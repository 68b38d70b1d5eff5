//! Images that the node has already: pulled by other pods, with a secret or by anybody.
//!
//! Since Kubernetes 1.35 the kubelet remembers with which credentials it pulled an image, and lets
//! only those pods use it that have the same, unless anybody could pull it.

use crate::node::case::Case;
use crate::node::secret::pull_secret;
use crate::node::world::{World, stale_under};

/// Repositories of images that pods of the first round bring to the node.
const OPEN: &str = "present/open";
const PRIVATE: &str = "present/private";
/// Of those that come by another way. While the kubelet tries to pull one of them, it takes it for
/// one that it has pulled, for every pod: the pod that makes it try has one of its own.
const PRELOADED: &str = "preloaded/kept";
const PRELOADED_PULLED: &str = "preloaded/pulled";
/// Those that are taken from the registry between the rounds.
const OPEN_GONE: &str = "gone/open";
const PRIVATE_GONE: &str = "gone/private";

/// Pods that bring the images.
pub fn holders(world: &World) -> Vec<Case> {
    let good = || pull_secret(&world.good_under(&world.host()));
    vec![
        Case::of("brings an open image", &world.open(OPEN)),
        Case::of("brings an open image that goes", &world.open(OPEN_GONE)),
        Case::of("brings a private image", &world.private(PRIVATE)).secret("pull", good()),
        Case::of("brings a private image that goes", &world.private(PRIVATE_GONE))
            .secret("pull", good()),
    ]
}

/// What the node must know to have before the second round.
pub fn brought(world: &World) -> Vec<String> {
    vec![
        image(&world.open.host(), OPEN),
        image(&world.open.host(), OPEN_GONE),
        image(&world.host(), PRIVATE),
        image(&world.host(), PRIVATE_GONE),
        image(&world.host(), PRELOADED),
        image(&world.host(), PRELOADED_PULLED),
    ]
}

/// The images that come to the node without its kubelet, by somebody who has the right.
pub fn preloaded(world: &World) -> [String; 2] {
    [PRELOADED, PRELOADED_PULLED].map(|repository| world.private(repository))
}

/// Takes images from the registries.
pub fn take_away(world: &World) {
    world.open.untag(OPEN_GONE, "1.0");
    world.private.untag(PRIVATE_GONE, "1.0");
}

fn image(host: &str, repository: &str) -> String {
    format!("{host}/{repository}:1.0")
}

pub fn cases(world: &World) -> Vec<Case> {
    let good = || pull_secret(&world.good_under(&world.host()));
    let open_gone = |name| Case::of(name, &image(&world.open.host(), OPEN_GONE));
    let private = |name| Case::of(name, &image(&world.host(), PRIVATE));
    let private_gone = |name| Case::of(name, &image(&world.host(), PRIVATE_GONE));
    let by_digest = format!("{}/{PRIVATE}@{}", world.host(), world.image(PRIVATE).digest());

    vec![
        Case::of("present and Always", &image(&world.open.host(), OPEN)).policy("Always"),
        Case::of("present and Never", &image(&world.open.host(), OPEN))
            .policy("Never")
            .unknown("not-checked"),
        open_gone("present and IfNotPresent, gone from the registry")
            .policy("IfNotPresent")
            .likely("tag-not-found"),
        open_gone("present and Never, gone from the registry")
            .policy("Never")
            .unknown("not-checked"),
        open_gone("present and Always, gone from the registry")
            .policy("Always")
            .fails("not found")
            .proven("tag-not-found"),
        // Pulled by another pod with its secret.
        private("pulled with another's secret, without one")
            .fails("insufficient_scope")
            .likely("access-denied"),
        Case::of("pulled with another's secret, by digest without one", &by_digest)
            .fails("insufficient_scope")
            .likely("access-denied"),
        private("pulled with another's secret, Never without one")
            .policy("Never")
            .waits("ErrImageNeverPull", "is not present with pull policy of Never")
            .unknown("not-checked"),
        private("pulled with another's secret, with a stale one")
            .secret("pull", pull_secret(&stale_under(&world.host())))
            .fails("401 Unauthorized")
            .likely("credential-rejected"),
        private("pulled with another's secret, with the same password in another")
            .secret("other", good()),
        Case::of("preloaded, without a secret", &image(&world.host(), PRELOADED))
            .likely("access-denied"),
        Case::of("preloaded, with a stale secret", &image(&world.host(), PRELOADED))
            .secret("pull", pull_secret(&stale_under(&world.host())))
            .likely("credential-rejected"),
        Case::of("preloaded and Always, without a secret", &image(&world.host(), PRELOADED_PULLED))
            .policy("Always")
            .fails("insufficient_scope")
            .likely("access-denied"),
        private_gone("the same password in another secret, gone from the registry")
            .secret("other", good())
            .likely("tag-not-found"),
        private_gone("the same password in another secret, gone, Never")
            .secret("other", good())
            .policy("Never")
            .unknown("not-checked"),
        Case::of("a volume that is present, gone from the registry", &world.open("volumes/beside"))
            .volume(&image(&world.open.host(), OPEN_GONE), "IfNotPresent")
            .likely("tag-not-found"),
    ]
}
