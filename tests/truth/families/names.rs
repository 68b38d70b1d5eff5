//! How images are named.

use crate::support::images::simple;
use crate::truth::case::{Case, Node};
use crate::truth::world::World;

pub fn cases(world: &World) -> Vec<Case> {
    let hub = |repository: &str| {
        world.hub.add(repository, "v1", &simple(repository));
        world.hub.add(repository, "latest", &simple(repository));
        world.tokens.publish(repository);
    };
    hub("library/names-short");
    hub("names/app");
    hub("library/names-full");
    hub("library/names-index");
    hub("library/names-library");
    world.odd.add("names/upper-host", "v1", &simple("names upper host"));
    world.odd.add("names/port", "v1", &simple("names port"));
    world.odd.add("names/address", "v1", &simple("names address"));
    world.odd.add("names/a/b/c/d", "v1", &simple("names deep"));
    world.odd.add("names/it__is-a.name---of_one", "V1.2_x-y", &simple("names odd"));
    world.plain.add("names/localhost", "v1", &simple("names localhost"));
    let invalid = |name, image: &str| {
        let text = "invalid reference format";
        Case::new(name, image).fails(text).proven("reference-invalid")
    };
    vec![
        Case::new("a short name of Docker Hub", "names-short:v1"),
        Case::new("a user's image of Docker Hub", "names/app:v1"),
        Case::new("a short name without a tag", "names-short"),
        Case::new("docker.io/NAME", "docker.io/names-full:v1"),
        Case::new("index.docker.io/library/NAME", "index.docker.io/library/names-index:v1"),
        Case::new("library/NAME", "library/names-library:v1"),
        Case::new("a host in upper case", "mixed.TEST/names/upper-host:v1"),
        Case::new("a host with a port", "odd.test:443/names/port:v1"),
        Case::new("localhost by TLS", "127.0.0.1:5443/names/address:v1")
            .nodes(Node::Pulls, Node::Fails("malformed HTTP response"))
            .undecidable("what is on localhost, which is another place on each node"),
        Case::new("localhost by plain HTTP", "localhost:5000/names/localhost:v1"),
        Case::new("a deep path", "odd.test/names/a/b/c/d:v1"),
        Case::new("every separator", "odd.test/names/it__is-a.name---of_one:V1.2_x-y"),
        invalid("upper case in the path", "odd.test/Names/app:v1"),
        invalid("a URL", "https://odd.test/names/app:v1"),
        invalid("a tag with a plus sign", "odd.test/names/app:v1+build"),
        invalid("a template that was not filled in", "odd.test/names/app:${TAG}"),
        invalid("two tags", "odd.test/names/app:v1:v2"),
        invalid("a digest too short", "odd.test/names/app@sha256:0123456789abcdef"),
        invalid("an empty path component", "odd.test//app:v1"),
    ]
}
