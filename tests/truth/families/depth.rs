//! What a manifest leads to, and registries that are odd about it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::images::{Format, Image, image, index, simple};
use crate::support::misbehaving::faults::Act;
use crate::support::misbehaving::{Answer, Fault, faults};
use crate::truth::case::{Case, Node};
use crate::truth::shapes::with_manifest;
use crate::truth::world::World;

pub fn cases(world: &World) -> Vec<Case> {
    let add = |repository: &str, image: &Image| {
        let repository = format!("depth/{repository}");
        world.odd.add(&repository, "v1", image);
        format!("odd.test/{repository}:v1")
    };
    let with_fault = |repository: &str, fault: Fault| {
        world.odd.misbehave(&format!("depth/{repository}"), fault);
        add(repository, &simple(&format!("depth {repository}")))
    };
    let head = |repository: &str, fault: Fault| with_fault(repository, fault.on_head().on_blobs());
    let elsewhere = |repository: &str, host: &'static str| {
        let there = Fault::new(Act::Script(Arc::new(move |seen| {
            Answer::new(307, "").with("Location", &format!("https://{host}{}", seen.path))
        })));
        with_fault(repository, there.on_blobs())
    };
    let broken = |repository: &str, platforms: [&str; 2]| {
        let of =
            |platform, part| image(Format::Oci, platform, &format!("depth {repository} {part}"));
        let image = index(&[of(platforms[0], "one"), of(platforms[1], "two")]);
        let name = add(repository, &image);
        world.odd.lose(&format!("depth/{repository}"), &image.children[1].digest);
        name
    };
    let sized = |repository: &str, change: fn(&mut Value)| {
        add(repository, &with_manifest(simple(&format!("depth {repository}")), change))
    };
    world.mirror.add("depth/elsewhere", "v1", &simple("depth elsewhere"));
    vec![
        Case::new(
            "404 to HEAD of blobs, as Harbor's proxy cache",
            head("404", faults::server_error(404)),
        ),
        Case::new("401 to HEAD of blobs, as ECR Public", head("401", faults::no_challenge())),
        Case::new(
            "403 to HEAD of blobs, as a URL signed for GET",
            head("403", faults::forbidden()),
        ),
        Case::new("405 to HEAD of blobs", head("405", faults::server_error(405))),
        Case::new("500 to HEAD of blobs", head("500", faults::server_error(500))),
        Case::new("blobs are on another host", elsewhere("elsewhere", "mirror.test")),
        Case::new(
            "blobs are on another host, which does not have them",
            elsewhere("nowhere", "mirror.test"),
        )
        .fails("not found")
        .unknown("registry-error"),
        Case::new("blobs are on another host, which is down", elsewhere("dead", "refused.test"))
            .fails("connection refused")
            .unknown("registry-refused"),
        Case::new(
            "another platform's manifest is gone",
            broken("other-child", ["linux/amd64", "linux/arm64"]),
        ),
        Case::new(
            "two manifests for the node, the second is gone",
            broken("second-child", ["linux/amd64", "linux/amd64"]),
        )
        .nodes(Node::Fails("not found"), Node::Pulls)
        .likely("manifest-missing"),
        Case::new(
            "the config is shorter than the manifest says",
            sized("config-size", |it| {
                it["config"]["size"] = json!(it["config"]["size"].as_u64().unwrap() + 1);
            }),
        )
        .fails("unexpected EOF")
        .proven("blob-mismatch"),
        Case::new(
            "a layer is shorter than the manifest says",
            sized("layer-short", |it| {
                it["layers"][0]["size"] = json!(it["layers"][0]["size"].as_u64().unwrap() + 1);
            }),
        )
        .fails("unexpected EOF")
        .proven("blob-mismatch"),
        Case::new(
            "a layer is longer than the manifest says",
            sized("layer-long", |it| {
                it["layers"][0]["size"] = json!(it["layers"][0]["size"].as_u64().unwrap() - 1);
            }),
        )
        .nodes(Node::Fails("read past expected size"), Node::Fails("failed size validation"))
        .proven("blob-mismatch"),
        Case::new("the config is in the manifest itself", {
            let whole = simple("depth inline");
            let config = whole.blobs[0].clone();
            let inline = with_manifest(whole, |it| {
                it["config"]["data"] = json!(STANDARD.encode(&config.bytes));
            });
            let name = add("inline", &inline);
            world.odd.lose("depth/inline", &config.digest);
            name
        })
        .nodes(Node::Pulls, Node::Fails("could not fetch content descriptor"))
        .likely("blob-missing"),
        Case::new("the config is in the manifest and in the registry", {
            let whole = simple("depth inline twice");
            let config = whole.blobs[0].clone();
            let inline = with_manifest(whole, |it| {
                it["config"]["data"] = json!(STANDARD.encode(&config.bytes));
            });
            add("inline-twice", &inline)
        }),
        Case::new("the config is in the manifest itself, with other bytes", {
            let whole = simple("depth inline wrong");
            let config = whole.blobs[0].clone();
            let inline = with_manifest(whole, |it| {
                it["config"]["data"] = json!(STANDARD.encode(vec![b' '; config.bytes.len()]));
            });
            add("inline-wrong", &inline)
        })
        .nodes(Node::Fails("unexpected commit digest"), Node::Pulls)
        .likely("blob-mismatch"),
        Case::new("a layer is to be had elsewhere, by its urls", {
            let whole = simple("depth urls");
            let layer = whole.blobs[1].digest.clone();
            world.mirror.add("depth/urls", "v1", &whole);
            let name = add(
                "urls",
                &with_manifest(whole, |it| {
                    it["layers"][0]["urls"] =
                        json!([format!("https://mirror.test/v2/depth/urls/blobs/{layer}")]);
                }),
            );
            world.odd.lose("depth/urls", &layer);
            name
        })
        .unknown("not-checked"),
    ]
}
