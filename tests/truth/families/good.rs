//! Images of every shape that is fine, from both registries.

use serde_json::{Value, json};

use crate::support::images::{Format, Image, image, index, simple};
use crate::truth::case::Case;
use crate::truth::shapes;
use crate::truth::store::Store;
use crate::truth::world::World;

pub async fn cases(world: &World) -> Vec<Case> {
    let mut cases = Vec::new();
    let amd64 = |marker: &str| image(Format::Oci, "linux/amd64", marker);
    let arm64 = |marker: &str| image(Format::Oci, "linux/arm64", marker);

    for (name, repository, image) in [
        ("an OCI image", "good/oci", amd64("good oci")),
        ("a Docker image", "good/docker", image(Format::Docker, "linux/amd64", "good docker")),
        ("an OCI index", "good/index", index(&[amd64("good index"), arm64("good index arm")])),
        ("a Docker manifest list", "good/list", {
            let docker = |platform, marker| image(Format::Docker, platform, marker);
            index(&[docker("linux/amd64", "good list"), docker("linux/arm64", "good list arm")])
        }),
        ("an index with attestations", "good/attested", {
            let good = amd64("good attested");
            let about = shapes::attestation(&good, "good attested");
            let platform = |os: &str, arch: &str| json!({ "os": os, "architecture": arch });
            shapes::index_of(&[
                (good, platform("linux", "amd64")),
                (about, platform("unknown", "unknown")),
            ])
        }),
        ("an index whose only entry has no platform", "good/no-platform", {
            shapes::index_of(&[(amd64("good no platform"), Value::Null)])
        }),
        (
            "layers as tar, gzip and zstd",
            "good/encodings",
            shapes::every_encoding("good encodings"),
        ),
        ("no layers", "good/no-layers", shapes::no_layers("good no layers")),
    ] {
        cases.push(Case::new(name, world.store.push(repository, "v1", &image).await));
    }
    let nested = shapes::nested(&index(&[amd64("good nested"), arm64("good nested arm")]));
    let nested = world.store.push("good/nested", "v1", &nested).await;
    // CRI-O refuses it.
    let case = Case::new("an index in an index", nested).likely("manifest-invalid").others_fail();
    cases.push(case);
    let old = &world.old_store;
    let image = amd64("good 2.8 oci");
    cases.push(Case::new("an OCI image, registry 2.8", old.push("good/oci", "v1", &image).await));
    let images = [amd64("good 2.8 index"), arm64("good 2.8 index arm")];
    let image = index(&images);
    cases.push(Case::new("an OCI index, registry 2.8", old.push("good/index", "v1", &image).await));
    cases.extend(by_digest(&world.store).await);
    cases
}

async fn by_digest(store: &Store) -> Vec<Case> {
    let push = async |repository: &str, image: &Image| {
        store.push(repository, "v1", image).await;
        format!("{}/{repository}", store.host())
    };
    let one = simple("good digest");
    let two = simple("good tag and digest");
    let three = simple("good absent tag and digest");
    let four = index(&[simple("good child")]);
    let name = push("good/digest", &one).await;
    let mut cases = vec![Case::new("by digest", format!("{name}@{}", one.digest()))];
    let name = push("good/tag-and-digest", &two).await;
    cases.push(Case::new("by tag and digest", format!("{name}:v1@{}", two.digest())));
    let name = push("good/absent-tag-and-digest", &three).await;
    let image = format!("{name}:gone@{}", three.digest());
    cases.push(Case::new("by digest, with a tag that does not exist", image));
    let name = push("good/child", &four).await;
    let image = format!("{name}@{}", four.children[0].digest);
    cases.push(Case::new("an index's entry, by digest", image));
    store.push("good/latest", "latest", &simple("good latest")).await;
    cases.push(Case::new("without a tag", format!("{}/good/latest", store.host())));
    cases
}
