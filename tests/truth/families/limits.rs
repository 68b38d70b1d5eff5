//! Limits, and servers that are unwell.

use crate::support::images::simple;
use crate::support::misbehaving::{Fault, faults};
use crate::truth::case::{Case, Feature};
use crate::truth::world::World;

pub fn cases(world: &World) -> Vec<Case> {
    let odd = |repository: &str, fault: Fault| {
        let repository = format!("limits/{repository}");
        world.odd.add(&repository, "v1", &simple(&repository));
        world.odd.misbehave(&repository, fault);
        format!("odd.test/{repository}:v1")
    };
    let too_many = || faults::too_many_requests(Some("60"));
    let limited = |name, image| {
        Case::new(name, image).fails("429 Too Many Requests").unknown("registry-rate-limited")
    };
    vec![
        limited("429 to everything", odd("all", too_many())),
        limited("429 to HEAD only", odd("head", too_many().on_head())),
        limited("429 to GET of a manifest only", odd("get", too_many().on_get().on_manifests())),
        limited("429 to blobs only", odd("blobs", too_many().on_blobs())).awaits(Feature::Depth),
        Case::new("429 once", odd("once", too_many().times(1))),
        Case::new("500 to everything", odd("500", faults::server_error(500)))
            .fails("500 Internal Server Error")
            .unknown("registry-error"),
        Case::new("502 to everything", odd("502", faults::server_error(502)))
            .fails("502 Bad Gateway")
            .unknown("registry-error"),
        Case::new("503 to everything", odd("503", faults::server_error(503)))
            .fails("503 Service Unavailable")
            .unknown("registry-error"),
        Case::new("503 to blobs only", odd("503-blobs", faults::server_error(503).on_blobs()))
            .fails("503")
            .unknown("registry-error")
            .awaits(Feature::Depth),
        Case::new("403 to blobs only", odd("403-blobs", faults::forbidden().on_blobs()))
            .fails("403 Forbidden")
            .proven("access-denied")
            .awaits(Feature::Depth),
    ]
}
