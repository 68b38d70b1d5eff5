//! Images of shapes that `images` does not have.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::images::{Blob, Format, Image, digest, image, index, media, tar};

/// The same image with another manifest.
pub fn with_manifest(mut image: Image, change: impl FnOnce(&mut Value)) -> Image {
    let mut manifest: Value = serde_json::from_slice(&image.top.bytes).unwrap();
    change(&mut manifest);
    image.top = Blob::new(image.top.media_type, serde_json::to_vec(&manifest).unwrap());
    image
}

/// An OCI image with this config and these layers.
pub fn of_parts(config: Blob, layers: Vec<Blob>) -> Image {
    let base = image(Format::Oci, "linux/amd64", "base");
    let descriptors: Vec<Value> = layers.iter().map(Blob::descriptor).collect();
    let mut image = with_manifest(base, |manifest| {
        manifest["config"] = config.descriptor();
        manifest["layers"] = json!(descriptors);
    });
    image.blobs = std::iter::once(config).chain(layers).collect();
    image
}

/// A config for layers whose archives have these digests.
pub fn config(platform: [&str; 2], diff_ids: &[String], marker: &str) -> Blob {
    let config = json!({
        "os": platform[0],
        "architecture": platform[1],
        "config": { "Cmd": ["/marker"], "Labels": { "marker": marker } },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    Blob::new(media::OCI_CONFIG, serde_json::to_vec(&config).unwrap())
}

/// An image with layers in the three encodings that runtimes unpack.
pub fn every_encoding(marker: &str) -> Image {
    let archives: Vec<Vec<u8>> =
        (0..3).map(|number| archive(&format!("{marker} {number}"))).collect();
    let [plain, gzip, zstd] = archives.as_slice() else { unreachable!() };
    let layers = vec![
        Blob::new("application/vnd.oci.image.layer.v1.tar", plain.clone()),
        Blob::new(media::OCI_LAYER, tar::gzip(gzip)),
        Blob::new("application/vnd.oci.image.layer.v1.tar+zstd", zstd_frame(zstd)),
    ];
    let diff_ids: Vec<String> = archives.iter().map(|archive| digest(archive)).collect();
    of_parts(config(["linux", "amd64"], &diff_ids, marker), layers)
}

/// An image without any layer.
pub fn no_layers(marker: &str) -> Image {
    of_parts(config(["linux", "amd64"], &[], marker), Vec::new())
}

/// An index with entries of the test's own making: each is an image and what its `platform` is.
pub fn index_of(entries: &[(Image, Value)]) -> Image {
    let images: Vec<Image> = entries.iter().map(|(image, _)| image.clone()).collect();
    with_manifest(index(&images), |index| {
        for (entry, (_, platform)) in
            index["manifests"].as_array_mut().unwrap().iter_mut().zip(entries)
        {
            match platform {
                Value::Null => {
                    entry.as_object_mut().unwrap().remove("platform");
                }
                platform => entry["platform"] = platform.clone(),
            }
        }
    })
}

/// An index whose entry is an index.
pub fn nested(inner: &Image) -> Image {
    let mut outer = with_manifest(index(std::slice::from_ref(inner)), |index| {
        index["manifests"][0].as_object_mut().unwrap().remove("platform");
    });
    outer.children.splice(0..0, inner.children.clone());
    outer
}

/// An image in Docker's schema 1. The signature is nobody's: no runtime looks at it.
pub fn schema_one(marker: &str) -> Image {
    let layer = Blob::new(media::DOCKER_LAYER, tar::gzip(&archive(marker)));
    let compatible =
        json!({ "os": "linux", "architecture": "amd64", "created": "2016-01-01T00:00:00Z" });
    let payload = json!({
        "schemaVersion": 1,
        "name": marker,
        "tag": "v1",
        "architecture": "amd64",
        "fsLayers": [{ "blobSum": layer.digest }],
        "history": [{ "v1Compatibility": compatible.to_string() }],
    });
    let payload = payload.to_string();
    // The digest is that of the payload, which ends where the signatures are put in.
    let (text, tail) = payload.split_at(payload.len() - 1);
    let format = json!({ "formatLength": text.len(), "formatTail": URL_SAFE_NO_PAD.encode(tail) });
    let protected = URL_SAFE_NO_PAD.encode(format.to_string());
    let signatures = json!([{ "header": {}, "signature": "", "protected": protected }]);
    let signed = format!("{text},\"signatures\":{signatures}}}");
    let mut image = image(Format::Docker, "linux/amd64", marker);
    image.top =
        Blob { digest: digest(payload.as_bytes()), ..Blob::new(media::DOCKER_SCHEMA1, signed) };
    image.blobs = vec![layer];
    image
}

/// An attestation as BuildKit adds it to an index.
pub fn attestation(of: &Image, marker: &str) -> Image {
    let statement = Blob::new(
        "application/vnd.in-toto+json",
        format!("{{\"_type\":\"https://in-toto.io/Statement/v0.1\",\"marker\":\"{marker}\"}}"),
    );
    let config = config(["unknown", "unknown"], &[digest(&statement.bytes)], marker);
    let image = of_parts(config, vec![statement]);
    with_manifest(image, |manifest| {
        manifest["annotations"] = json!({
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": of.digest(),
        });
    })
}

fn archive(marker: &str) -> Vec<u8> {
    tar::archive("marker", marker.as_bytes())
}

/// RFC 8878 around one raw block.
fn zstd_frame(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    // One segment, its size in four bytes; no checksum.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0b1010_0000];
    frame.extend_from_slice(&length.to_le_bytes());
    // The last block, raw.
    frame.extend_from_slice(&(length << 3 | 1).to_le_bytes()[..3]);
    frame.extend_from_slice(bytes);
    frame
}
