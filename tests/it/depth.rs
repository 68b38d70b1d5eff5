//! How far an image is looked at, and how often: counted at the registry.

use crate::support::images;
use crate::support::misbehaving::{Access, Registry};
use crate::support::reviews::Review;
use crate::support::webhook::Launch;

const REPOSITORY: &str = "team/app";

/// How many requests were about blobs.
fn blob_requests(registry: &Registry) -> usize {
    registry.log().count(|seen| seen.path.contains("/blobs/"))
}

#[tokio::test]
async fn the_second_look_at_a_digest_asks_for_nothing_but_its_tag() {
    let registry = Registry::start(Access::anonymous()).await;
    let image = images::simple("twice");
    let webhook = Launch::alone().mode("enforce").start().await;
    let mut requests = Vec::new();
    for tag in ["1.0", "2.0"] {
        let name = registry.add(REPOSITORY, tag, &image);
        let before = registry.log().all().len();
        let answer = webhook.review(&Review::of_pod(&name)).await;
        assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
        requests.push(registry.log().all().len() - before);
    }
    // HEAD and GET of the manifest, the config and every layer; then HEAD of the other tag.
    assert_eq!(requests, [2 + image.blobs.len(), 1]);
}

#[tokio::test]
async fn an_operator_may_leave_it_at_manifests() {
    for args in [&["--depth", "manifest"][..], &["--pull-through", "127.0.0.1:*"]] {
        let registry = Registry::start(Access::anonymous()).await;
        let image = registry.add(REPOSITORY, "1.0", &images::simple("shallow"));
        let webhook = Launch::alone().mode("enforce").args(args).start().await;
        let answer = webhook.review(&Review::of_pod(&image)).await;
        assert!(answer.allowed(), "{:#}", answer.json);
        assert_eq!((blob_requests(&registry), registry.manifest_requests(REPOSITORY)), (0, 2));
    }
}
