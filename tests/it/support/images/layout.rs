//! An image that some builder wrote to disk, as an OCI layout.

use std::path::Path;

use serde_json::Value;

use super::{Blob, Format, Image, media};

/// The image of this name (`org.opencontainers.image.ref.name`).
pub fn read(layout: &Path, name: &str) -> Image {
    let index = json(&std::fs::read(layout.join("index.json")).unwrap());
    let manifests = index["manifests"].as_array().unwrap();
    let is_named = |it: &&Value| it["annotations"]["org.opencontainers.image.ref.name"] == name;
    let named = manifests.iter().find(is_named);
    let named = named.unwrap_or_else(|| panic!("no {name} in {index}"));
    let top = blob(layout, media::OCI_MANIFEST, named);
    let manifest = json(&top.bytes);
    let config = blob(layout, media::OCI_CONFIG, &manifest["config"]);
    let mut platform = json(&config.bytes);
    platform.as_object_mut().unwrap().retain(|key, _| ["os", "architecture"].contains(&&**key));
    let layers = manifest["layers"].as_array().unwrap().iter();
    let layers = layers.map(|layer| blob(layout, media::OCI_LAYER, layer));
    Image {
        blobs: std::iter::once(config).chain(layers).collect(),
        children: Vec::new(),
        top,
        format: Format::Oci,
        platform,
    }
}

/// What a descriptor names.
fn blob(layout: &Path, media_type: &'static str, descriptor: &Value) -> Blob {
    assert_eq!(descriptor["mediaType"], media_type, "{descriptor}");
    let digest = descriptor["digest"].as_str().unwrap();
    let path = layout.join("blobs").join(digest.replace(':', "/"));
    let blob = Blob::new(media_type, std::fs::read(path).unwrap());
    assert_eq!(blob.digest, digest);
    blob
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}
