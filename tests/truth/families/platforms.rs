//! What an index has and what the node is.

use serde_json::{Value, json};

use crate::support::images::{Format, Image, image, index};
use crate::truth::case::{Case, Feature, Node};
use crate::truth::shapes;
use crate::truth::world::World;

pub async fn cases(world: &World) -> Vec<Case> {
    let push = async |repository: &str, image: &Image| {
        world.store.push(&format!("platforms/{repository}"), "v1", image).await
    };
    let of = |platform: &str, marker: &str| image(Format::Oci, platform, marker);
    let only = |platform: &str, marker: &str| index(&[of(platform, marker)]);
    let entry = |marker: &str, platform: Value| (of("linux/amd64", marker), platform);
    let one = |marker: &str, platform: Value| shapes::index_of(&[entry(marker, platform)]);
    let amd64 = json!({ "os": "linux", "architecture": "amd64" });
    let with = |key: &str, value: Value| {
        let mut platform = amd64.clone();
        platform[key] = value;
        platform
    };
    let missing = |name, image| {
        Case::new(name, image).fails("no match for platform").proven("platform-missing")
    };
    vec![
        missing("an index with arm64 only", push("arm64", &only("linux/arm64", "p arm64")).await),
        missing(
            "an index with Windows only",
            push("windows", &only("windows/amd64", "p win")).await,
        ),
        missing("an index with amd64/v3 only", push("v3", &only("linux/amd64/v3", "p v3")).await),
        missing("an index with attestations only", {
            let about = shapes::attestation(&of("linux/amd64", "p about"), "p about");
            let unknown = json!({ "os": "unknown", "architecture": "unknown" });
            push("attestations", &shapes::index_of(&[(about, unknown)])).await
        }),
        Case::new("an index whose only entry asks for a feature of the system", {
            push("feature", &one("p feature", with("os.features", json!(["gpu"])))).await
        })
        .nodes(Node::Fails("no match for platform"), Node::Pulls)
        .likely("platform-missing")
        .awaits(Feature::Runtime),
        Case::new("an index with linux/386 only", push("386", &only("linux/386", "p 386")).await)
            .nodes(Node::Fails("get image config descriptor"), Node::Pulls)
            .likely("platform-missing")
            .awaits(Feature::Runtime),
        Case::new("amd64/v1", push("v1", &only("linux/amd64/v1", "p v1")).await),
        Case::new("amd64 beside amd64/v3", {
            push(
                "v3-too",
                &index(&[of("linux/amd64/v3", "p v3 too"), of("linux/amd64", "p v0 too")]),
            )
            .await
        }),
        Case::new("an entry with an empty system", {
            push("no-os", &one("p no os", json!({ "os": "", "architecture": "amd64" }))).await
        }),
        Case::new("an entry with a version of the system", {
            push("os-version", &one("p os version", with("os.version", json!("10.0.17763.1"))))
                .await
        }),
        Case::new(
            "one image for arm64, no index",
            push("single-arm64", &of("linux/arm64", "p single")).await,
        ),
        Case::new(
            "one image for Windows, no index",
            push("single-windows", &of("windows/amd64", "p single windows")).await,
        ),
        Case::new(
            "spelled x86_64",
            push("alias", &one("p alias", with("architecture", json!("x86_64")))).await,
        ),
    ]
}
