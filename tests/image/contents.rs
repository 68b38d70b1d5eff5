//! What is in the image.

use std::collections::BTreeSet;

use serde_json::json;

use super::root::{config, tar};
use crate::parts::image::{Built, built};
use crate::support::images::{Blob, Image, layout, media};
use crate::support::skip;

/// What everybody fetches who installs pullcheck and has the base image already.
const LARGEST: usize = 15 << 20;

#[test]
fn it_adds_the_program_and_its_licence_and_nothing_else() {
    let built = match built() {
        Ok(built) => built,
        Err(why) => skip!(&why),
    };
    let image = layout::read(&built.layout, Built::PULLCHECK);
    let base = layout::read(&built.layout, Built::BASE);
    let (layers, below) = (layers(&image), layers(&base));
    let (shared, ours) = layers.split_at(below.len());
    let digests = |layers: &[&Blob]| layers.iter().map(|it| it.digest.clone()).collect::<Vec<_>>();
    assert_eq!(digests(shared), digests(&below));

    let listed: String =
        ours.iter().map(|layer| tar(&layer.bytes, &["-tvz", "--numeric-owner"], None)).collect();
    let files: BTreeSet<(&str, &str, &str)> = listed
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .map(|words| (words[0], words[1], *words.last().unwrap()))
        .collect();
    // Root's, so that the program cannot change itself.
    let expected = [("-rw-r--r--", "0/0", "LICENSE"), ("-rwxr-xr-x", "0/0", "pullcheck")];
    assert_eq!(files, BTreeSet::from(expected), "{listed}");

    let compressed: usize = ours.iter().map(|layer| layer.bytes.len()).sum();
    println!("our own layers: {} KiB compressed", compressed >> 10);
    assert!(compressed <= LARGEST, "{compressed} bytes");
}

#[test]
fn it_says_what_it_is_and_how_it_is_run() {
    let built = match built() {
        Ok(built) => built,
        Err(why) => skip!(&why),
    };
    let config = config(&layout::read(&built.layout, Built::PULLCHECK));
    assert_eq!(config["Entrypoint"], json!(["/pullcheck"]));
    assert_eq!(config["Cmd"], json!(["serve"]));
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["ExposedPorts"], json!({ "8080/tcp": {}, "8443/tcp": {} }));
    let label = |key: &str| &config["Labels"][format!("org.opencontainers.image.{key}")];
    assert_eq!(label("title"), env!("CARGO_PKG_NAME"));
    assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(label("licenses"), env!("CARGO_PKG_LICENSE"));
    assert_eq!(label("description"), env!("CARGO_PKG_DESCRIPTION"));
}

fn layers(image: &Image) -> Vec<&Blob> {
    image.blobs.iter().filter(|blob| blob.media_type == media::OCI_LAYER).collect()
}
