//! What is not there.

use crate::support::images::simple;
use crate::support::misbehaving::faults;
use crate::truth::case::Case;
use crate::truth::world::World;

const NO_DIGEST: &str = "sha256:00000000000000000000000000000000000000000000000000000000000000ff";

pub async fn cases(world: &World) -> Vec<Case> {
    let store = &world.store;
    let old = &world.old_store;
    store.push("absence/tag", "v1", &simple("absence tag")).await;
    old.push("absence/tag", "v1", &simple("absence 2.8 tag")).await;
    store.push("absence/digest", "v1", &simple("absence digest")).await;
    old.push("absence/digest", "v1", &simple("absence 2.8 digest")).await;
    world.odd.add("absence/html", "v1", &simple("absence html"));
    world.odd.misbehave("absence/html", faults::html_not_found());
    world.odd.add("absence/latest", "v1", &simple("absence latest"));
    world.odd.add("absence/untagged", "v1", &simple("absence untagged"));
    world.odd.untag("absence/untagged", "v1");
    world.odd.misbehave("absence/empty-list", faults::no_tags());
    vec![
        Case::new("no such tag", "distribution.test/absence/tag:v2")
            .fails("not found")
            .proven("tag-not-found"),
        Case::new("no such tag, registry 2.8", "docker-registry.test/absence/tag:v2")
            .fails("not found")
            .proven("tag-not-found"),
        Case::new("no latest", "odd.test/absence/latest")
            .fails("not found")
            .proven("tag-not-found"),
        Case::new("the last tag was deleted", "odd.test/absence/untagged:v1")
            .fails("not found")
            .proven("tag-not-found"),
        Case::new("no such repository", "distribution.test/absence/none:v1")
            .fails("not found")
            .proven("repository-not-found"),
        Case::new("no such repository, registry 2.8", "docker-registry.test/absence/none:v1")
            .fails("not found")
            .proven("repository-not-found"),
        Case::new(
            "no such repository, whose tags are an empty list",
            "odd.test/absence/empty-list:v1",
        )
        .fails("not found")
        .proven("tag-not-found"),
        Case::new("no such digest", format!("distribution.test/absence/digest@{NO_DIGEST}"))
            .fails("not found")
            .proven("digest-not-found"),
        Case::new(
            "no such digest, registry 2.8",
            format!("docker-registry.test/absence/digest@{NO_DIGEST}"),
        )
        .fails("not found")
        .proven("digest-not-found"),
        Case::new(
            "a tag with another digest",
            format!("distribution.test/absence/tag:v1@{NO_DIGEST}"),
        )
        .fails("not found")
        .proven("digest-not-found"),
        Case::new("a 404 that is a web page", "odd.test/absence/html:v1")
            .fails("not found")
            .proven("tag-not-found"),
    ]
}
