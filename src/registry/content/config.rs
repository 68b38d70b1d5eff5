//! An image's config, as far as it matters to a pull. Pure.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::facts::ImageConfig;
use crate::image::Platform;
use crate::registry::manifest::{CONFIGS, Others, Parts, is_modest, shared_platform_size};

/// Bytes of a config beyond which it is looked at like a layer, and not read.
pub(in crate::registry) const LARGEST: u64 = 4 * 1024 * 1024;

/// What a verified config says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::registry) enum Config {
    /// It is no JSON object.
    Foreign,
    /// It is spelled so that runtimes may read it in different ways, or its platform is very long.
    Unusual,
    /// It is one.
    Read {
        platform: Arc<Platform>,
        /// How many layers it unpacks to.
        layers: usize,
    },
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    os: Option<String>,
    #[serde(default)]
    architecture: Option<String>,
    #[serde(default)]
    variant: Option<String>,
    #[serde(default, rename = "os.version")]
    os_version: Option<String>,
    #[serde(default, rename = "os.features")]
    os_features: Option<Vec<String>>,
    #[serde(default)]
    rootfs: Option<RootFs>,
    #[serde(flatten)]
    rest: Others,
}

#[derive(Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Option<Vec<IgnoredAny>>,
    #[serde(flatten)]
    rest: Others,
}

impl Config {
    /// Reads a config.
    pub(in crate::registry) fn read(bytes: &[u8]) -> Self {
        let object = bytes.trim_ascii_start().starts_with(b"{");
        if !object || serde_json::from_slice::<IgnoredAny>(bytes).is_err() {
            return Self::Foreign;
        }
        let Ok(raw) = serde_json::from_slice::<Raw>(bytes) else { return Self::Unusual };
        let known = ["os", "architecture", "variant", "os.version", "os.features", "rootfs"];
        let rootfs = raw.rootfs.as_ref();
        if !raw.rest.are_other_than(&known)
            || !rootfs.is_none_or(|rootfs| rootfs.rest.are_other_than(&["diff_ids"]))
        {
            return Self::Unusual;
        }
        let platform = Platform {
            os: raw.os.unwrap_or_default(),
            architecture: raw.architecture.unwrap_or_default(),
            variant: raw.variant.unwrap_or_default(),
            os_version: raw.os_version.unwrap_or_default(),
            os_features: raw.os_features.unwrap_or_default(),
        };
        if !is_modest(&platform) {
            return Self::Unusual;
        }
        let layers = raw.rootfs.and_then(|rootfs| rootfs.diff_ids).map_or(0, |ids| ids.len());
        Self::Read { platform: platform.shared(), layers }
    }

    /// What it makes of a manifest. One that does not unpack to as many layers is a broken image
    /// if all else is that of an image, and otherwise none (containerd 1.6: "mismatched image
    /// rootfs and manifest layers").
    pub(super) fn of(self, image: &Parts) -> ImageConfig {
        let manifest = image.layers.len();
        match self {
            Self::Foreign => ImageConfig::Artifact,
            Self::Read { layers: config, .. } if config != manifest => {
                if is_unpacked(image) {
                    ImageConfig::OtherLayers { manifest, config }
                } else {
                    ImageConfig::Artifact
                }
            }
            Self::Read { platform, .. }
                if !(platform.os.is_empty() && platform.architecture.is_empty()) =>
            {
                ImageConfig::Platform(platform)
            }
            Self::Read { .. } | Self::Unusual => ImageConfig::Unread,
        }
    }

    /// Bytes that it takes in memory, roughly.
    pub(in crate::registry) fn size(&self) -> usize {
        match self {
            Self::Read { platform, .. } => shared_platform_size(platform),
            Self::Foreign | Self::Unusual => 0,
        }
    }
}

/// What containerd unpacks layers for (`core/images/mediatypes.go`, `IsConfigType`).
pub(super) fn is_image_config(media_type: &str) -> bool {
    CONFIGS.contains(&media_type)
}

/// Whether every containerd unpacks it, and takes all of its layers for layers of an image. One
/// that has none is not looked at by all.
fn is_unpacked(image: &Parts) -> bool {
    let mut layers = image.layers.iter().map(|layer| layer.descriptor.media_type.as_str());
    is_image_config(&image.config.descriptor.media_type)
        && !image.layers.is_empty()
        && layers.all(is_image_layer)
}

/// What every containerd takes for a layer of an image (likewise, `IsLayerType`; Docker's zstd
/// came later).
fn is_image_layer(media_type: &str) -> bool {
    let docker = [
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ];
    media_type.starts_with("application/vnd.oci.image.layer.") || docker.contains(&media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_with_an_endless_platform_is_left_open() {
        let read = |os: &str| Config::read(format!(r#"{{"os":"{os}"}}"#).as_bytes());
        assert!(matches!(read(&"x".repeat(128)), Config::Read { .. }));
        assert_eq!(read(&"x".repeat(129)), Config::Unusual);
    }
}
