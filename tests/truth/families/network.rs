//! Names and roads.

use crate::support::images::simple;
use crate::support::misbehaving::faults;
use crate::truth::case::{Case, Node};
use crate::truth::world::World;

pub fn cases(world: &World) -> Vec<Case> {
    for (repository, fault) in [
        ("network/hang", faults::hang()),
        ("network/reset", faults::reset()),
        ("network/close", faults::close()),
    ] {
        world.odd.add(repository, "v1", &simple(repository));
        world.odd.misbehave(repository, fault);
    }
    // Over plain HTTP, where nobody may have agreed on HTTP/2 before.
    world.plain.misbehave("network/garbage", faults::garbage());
    vec![
        Case::new("no such name", "no-such-name.test/app:v1")
            .fails("no such host")
            .unknown("registry-dns"),
        Case::new("a name server that fails", "broken.test/app:v1")
            .fails("server misbehaving")
            .unknown("registry-dns"),
        Case::new("a name server that is silent", "silent.test/app:v1")
            .fails("i/o timeout")
            .unknown("registry-dns")
            .slow(),
        Case::new("nobody listens", "refused.test/app:v1")
            .fails("connection refused")
            .unknown("registry-refused"),
        Case::new("no route", "unreachable.test/app:v1")
            .fails("network is unreachable")
            .unknown("registry-refused"),
        Case::new("packets are swallowed", "swallowed.test/app:v1")
            .fails("i/o timeout")
            .unknown("registry-timeout")
            .slow(),
        Case::new("no TLS handshake comes about", "mute.test/app:v1")
            .fails("TLS handshake timeout")
            .unknown("registry-tls")
            .slow(),
        Case::new("the connection is closed at once", "hung-up.test/app:v1")
            .fails("failed to do request")
            .unknown("registry-tls"),
        Case::new("no answer comes", "odd.test/network/hang:v1")
            .nodes(
                Node::Fails("timeout awaiting response headers"),
                Node::Fails("no end after 75 s"),
            )
            .unknown("registry-timeout")
            .slow(),
        Case::new("the connection is reset", "odd.test/network/reset:v1")
            .fails("connection reset")
            .unknown("registry-error"),
        Case::new("the connection is closed", "odd.test/network/close:v1")
            .fails("EOF")
            .unknown("registry-error"),
        Case::new("what comes is not HTTP", "insecure.test:5000/network/garbage:v1")
            .args(&["--insecure-registry", "insecure.test:5000"])
            .fails("malformed HTTP")
            .unknown("registry-error"),
    ]
}
