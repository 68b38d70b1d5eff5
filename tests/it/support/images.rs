//! Images made in memory: config, layers, manifest, index. No tool, no download.

pub mod layout;
pub mod tar;

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::hex;

/// Media types of the two families.
pub mod media {
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    pub const DOCKER_SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";

    /// What a runtime says it takes.
    pub const ACCEPT: &str = "application/vnd.docker.distribution.manifest.v2+json, \
        application/vnd.docker.distribution.manifest.list.v2+json, \
        application/vnd.oci.image.manifest.v1+json, \
        application/vnd.oci.image.index.v1+json, */*";
}

/// Which family an image is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Oci,
    /// Docker, version 2 schema 2.
    Docker,
}

/// Bytes with their digest and media type.
#[derive(Debug, Clone)]
pub struct Blob {
    pub digest: String,
    pub media_type: &'static str,
    pub bytes: Bytes,
}

impl Blob {
    pub fn new(media_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { digest: digest(&bytes), media_type, bytes }
    }

    fn json(media_type: &'static str, value: &Value) -> Self {
        Self::new(media_type, serde_json::to_vec(value).unwrap())
    }

    /// The descriptor that names it.
    pub fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest, "size": self.bytes.len() })
    }
}

/// `sha256:...` of some bytes.
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// An image or an index with everything it needs.
#[derive(Debug, Clone)]
pub struct Image {
    /// Configs and layers.
    pub blobs: Vec<Blob>,
    /// Manifests that an index names; none for a single-platform image.
    pub children: Vec<Blob>,
    /// The manifest or index that a tag points to.
    pub top: Blob,
    format: Format,
    platform: Value,
}

impl Image {
    /// Digest of the manifest or index that a tag points to.
    pub fn digest(&self) -> &str {
        &self.top.digest
    }
}

/// A single-platform image; `platform` is `os/arch` or `os/arch/variant`, and `marker` makes its
/// digests differ from those of every other image.
pub fn image(format: Format, platform: &str, marker: &str) -> Image {
    let layer = Layer::of(format, &tar::archive("marker", marker.as_bytes()));
    layered(format, platform, &layer, &["/marker"], marker)
}

/// A layer.
#[derive(Debug, Clone)]
pub struct Layer {
    blob: Blob,
    /// Digest of the archive before it was compressed.
    diff_id: String,
}

impl Layer {
    /// With one program, by its name without a leading slash.
    pub fn program(name: &str, content: &[u8]) -> Self {
        Self::of(Format::Oci, &tar::program(name, content))
    }

    fn of(format: Format, archive: &[u8]) -> Self {
        let media_type = match format {
            Format::Oci => media::OCI_LAYER,
            Format::Docker => media::DOCKER_LAYER,
        };
        Self { blob: Blob::new(media_type, tar::gzip(archive)), diff_id: digest(archive) }
    }
}

/// The platform of this machine's containers.
pub fn machine() -> String {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("linux/{architecture}")
}

/// An OCI image for this machine, of one layer, that runs a command.
pub fn runnable(layer: &Layer, command: &[&str], marker: &str) -> Image {
    layered(Format::Oci, &machine(), layer, command, marker)
}

fn layered(format: Format, platform: &str, layer: &Layer, command: &[&str], marker: &str) -> Image {
    stacked(format, platform, std::slice::from_ref(layer), command, marker)
}

fn stacked(
    format: Format,
    platform: &str,
    layers: &[Layer],
    command: &[&str],
    marker: &str,
) -> Image {
    let (manifest_type, config_type) = match format {
        Format::Oci => (media::OCI_MANIFEST, media::OCI_CONFIG),
        Format::Docker => (media::DOCKER_MANIFEST, media::DOCKER_CONFIG),
    };
    let platform = platform_json(platform);
    let mut config = platform.clone();
    config["config"] = json!({ "Cmd": command });
    let diff_ids: Vec<&str> = layers.iter().map(|layer| layer.diff_id.as_str()).collect();
    config["rootfs"] = json!({ "type": "layers", "diff_ids": diff_ids });
    config["history"] = json!([{ "created_by": marker }]);
    let config = Blob::json(config_type, &config);
    let top = Blob::json(
        manifest_type,
        &json!({
            "schemaVersion": 2,
            "mediaType": manifest_type,
            "config": config.descriptor(),
            "layers": layers.iter().map(|layer| layer.blob.descriptor()).collect::<Vec<_>>(),
        }),
    );
    let layers = layers.iter().map(|layer| layer.blob.clone());
    let blobs = std::iter::once(config).chain(layers).collect();
    Image { blobs, children: Vec::new(), top, format, platform }
}

/// An OCI image for linux/amd64 of so many layers, no two of them alike.
pub fn of_layers(count: usize, marker: &str) -> Image {
    let layers: Vec<Layer> = (0..count)
        .map(|number| {
            let content = format!("{marker} {number}");
            Layer::of(Format::Oci, &tar::archive("marker", content.as_bytes()))
        })
        .collect();
    stacked(Format::Oci, "linux/amd64", &layers, &["/marker"], marker)
}

/// An OCI image for linux/amd64, when nothing but its existence matters.
pub fn simple(marker: &str) -> Image {
    image(Format::Oci, "linux/amd64", marker)
}

/// An index (or Docker manifest list, if its images are Docker's) over single-platform images.
pub fn index(images: &[Image]) -> Image {
    let format = images.first().map_or(Format::Oci, |image| image.format);
    let media_type = match format {
        Format::Oci => media::OCI_INDEX,
        Format::Docker => media::DOCKER_LIST,
    };
    let entries: Vec<Value> = images
        .iter()
        .map(|image| {
            let mut entry = image.top.descriptor();
            entry["platform"] = image.platform.clone();
            entry
        })
        .collect();
    let top = Blob::json(
        media_type,
        &json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": entries }),
    );
    Image {
        blobs: images.iter().flat_map(|image| image.blobs.clone()).collect(),
        children: images.iter().map(|image| image.top.clone()).collect(),
        top,
        format,
        platform: Value::Null,
    }
}

fn platform_json(platform: &str) -> Value {
    let mut parts = platform.split('/');
    let mut json = json!({ "os": parts.next(), "architecture": parts.next() });
    if let Some(variant) = parts.next() {
        json["variant"] = variant.into();
    }
    json
}
