//! What registries serve in place of a manifest.

use serde_json::json;

use crate::support::images::{Blob, Image, media, simple};
use crate::support::misbehaving::{Fault, faults};
use crate::truth::case::{Case, Node};
use crate::truth::shapes;
use crate::truth::world::World;

pub fn cases(world: &World) -> Vec<Case> {
    let odd = |repository: &str, image: &Image, fault: Option<Fault>| {
        let repository = format!("manifests/{repository}");
        world.odd.add(&repository, "v1", image);
        if let Some(fault) = fault {
            world.odd.misbehave(&repository, fault);
        }
        format!("odd.test/{repository}:v1")
    };
    let chart = {
        let config = Blob::new("application/vnd.cncf.helm.config.v1+json", "{\"name\":\"chart\"}");
        let content =
            Blob::new("application/vnd.cncf.helm.chart.content.v1.tar+gzip", "no archive");
        shapes::of_parts(config, vec![content])
    };
    let empty = {
        let config = Blob::new("application/vnd.oci.empty.v1+json", "{}");
        shapes::of_parts(config, vec![Blob::new("text/plain", "an artifact")])
    };
    let other_layers = {
        let whole = simple("m other layers");
        let config = shapes::config(["linux", "amd64"], &[], "m other layers");
        shapes::of_parts(config, vec![whole.blobs[1].clone()])
    };
    let both = shapes::with_manifest(simple("m both"), |it| it["manifests"] = json!([]));
    let foreign = shapes::with_manifest(simple("m foreign"), |it| {
        it["mediaType"] = json!(media::OCI_INDEX);
    });
    let digest_of_another = simple("m another");
    vec![
        Case::new(
            "no Content-Type",
            odd("no-type", &simple("m no type"), Some(faults::without_header("Content-Type"))),
        )
        .fails("could not fetch content descriptor")
        .proven("manifest-invalid"),
        Case::new(
            "the page of a captive portal",
            odd("portal", &simple("m portal"), Some(faults::captive_portal())),
        )
        .fails("unexpected media type")
        .proven("manifest-invalid"),
        Case::new("schema 1", odd("schema-one", &shapes::schema_one("m schema"), None))
            .nodes(Node::Fails("schema 1 image manifests are no longer supported"), Node::Pulls)
            .likely("manifest-invalid"),
        Case::new(
            "an empty manifest",
            odd("empty", &simple("m empty"), Some(faults::empty_manifest())),
        )
        .fails("size of zero")
        .proven("manifest-invalid"),
        Case::new(
            "other bytes than the digest promises",
            odd("wrong-bytes", &simple("m wrong"), Some(faults::wrong_bytes().on_manifests())),
        )
        .fails("unexpected commit digest")
        .proven("manifest-invalid"),
        Case::new(
            "a digest header that is none",
            odd("bad-digest", &simple("m bad digest"), Some(faults::bad_digest_header())),
        )
        .fails("in header not a valid digest")
        .proven("manifest-invalid"),
        Case::new("a digest header of another image", {
            let fault = faults::with_header("Docker-Content-Digest", digest_of_another.digest());
            odd("other-digest", &simple("m other"), Some(fault))
        })
        .fails("not found")
        .proven("manifest-missing"),
        Case::new(
            "no digest header",
            odd(
                "no-digest",
                &simple("m no digest"),
                Some(faults::without_header("Docker-Content-Digest")),
            ),
        ),
        Case::new(
            "no length",
            odd(
                "no-length",
                &simple("m no length"),
                Some(faults::without_header("Content-Length")),
            ),
        ),
        Case::new(
            "no HEAD, only GET",
            odd("no-head", &simple("m no head"), Some(faults::head_not_allowed())),
        ),
        Case::new(
            "a manifest of 300 MiB",
            odd("huge", &simple("m huge"), Some(faults::huge_manifest(true))),
        )
        .nodes(Node::Fails("read past expected size"), Node::Fails("failed size validation"))
        .proven("manifest-invalid"),
        Case::new("image and index at once", odd("both", &both, None))
            .fails("invalid desc")
            .proven("manifest-invalid"),
        Case::new("an image that calls itself an index", odd("foreign", &foreign, None))
            .fails("invalid desc")
            .proven("manifest-invalid"),
        Case::new("a Helm chart", odd("chart", &chart, None))
            .nodes(Node::Pulls, Node::Fails("mismatched image rootfs"))
            .likely("manifest-invalid"),
        Case::new("an artifact with an empty config", odd("artifact", &empty, None))
            .nodes(Node::Pulls, Node::Fails("mismatched image rootfs"))
            .likely("manifest-invalid"),
        Case::new(
            "a config for another number of layers",
            odd("other-layers", &other_layers, None),
        )
        .fails("number of layers and diffIDs don't match")
        .likely("manifest-invalid"),
        Case::new("a redirect to where it is", {
            let target = odd("redirected", &simple("m redirect"), None);
            let (_, path) = target.split_once('/').unwrap();
            let path = path.replace(":v1", "/manifests/v1");
            odd(
                "redirect",
                &simple("m redirect"),
                Some(faults::redirect(&format!("https://odd.test/v2/{path}")).on_head()),
            )
        }),
        Case::new(
            "redirects without an end",
            odd("loop", &simple("m loop"), Some(faults::redirect_loop())),
        )
        .fails("stopped after 10 redirects")
        .unknown("registry-error"),
    ]
}
