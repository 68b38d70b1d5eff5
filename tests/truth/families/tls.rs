//! Certificates, and registries without any.

use crate::support::images::simple;
use crate::truth::case::Case;
use crate::truth::world::World;

pub fn cases(world: &World) -> Vec<Case> {
    world.stranger.add("app", "v1", &simple("tls stranger"));
    world.expired.add("app", "v1", &simple("tls expired"));
    world.other_name.add("app", "v1", &simple("tls other name"));
    world.plain.add("app", "v1", &simple("tls plain"));
    world.odd.add("tls/port", "v1", &simple("tls port"));
    world.stranger.add("tls/insecure", "v1", &simple("tls insecure"));
    world.plain.add("tls/insecure", "v1", &simple("tls insecure http"));
    vec![
        Case::new("an unknown authority", "stranger.test/app:v1")
            .fails("certificate signed by unknown authority")
            .unknown("registry-tls"),
        Case::new("a certificate that has expired", "expired.test/app:v1")
            .fails("certificate has expired")
            .unknown("registry-tls"),
        Case::new("a certificate for another name", "other-name.test/app:v1")
            .fails("certificate is valid for someone-else.test")
            .unknown("registry-tls"),
        Case::new("plain HTTP on 443", "plain.test/app:v1")
            .fails("server gave HTTP response to HTTPS client")
            .unknown("registry-plain-http"),
        Case::new("plain HTTP on another port", "plain.test:5000/app:v1")
            .fails("server gave HTTP response to HTTPS client")
            .unknown("registry-plain-http"),
        Case::new("an unknown authority, allowed", "insecure.test/tls/insecure:v1")
            .args(&["--insecure-registry", "insecure.test"]),
        Case::new("plain HTTP, allowed", "insecure.test:5000/tls/insecure:v1")
            .args(&["--insecure-registry", "insecure.test:5000"]),
        Case::new("TLS on another port", "odd.test:8443/tls/port:v1"),
    ]
}
