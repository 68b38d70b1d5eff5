//! Manifests as nearly everybody writes them. What is spelled in any other way is not read here
//! at all, because runtimes may read it in different ways: member names in another case, members
//! that come twice, values of another type, text that is not UTF-8. Nor is a media type that is
//! longer than any.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::bounds::LONGEST_MEDIA_TYPE;
use super::others::Others;
use crate::image::Platform;

/// An image's manifest.
#[derive(Deserialize)]
pub(super) struct Image {
    pub(super) config: Descriptor,
    #[serde(default)]
    pub(super) layers: Option<Vec<Descriptor>>,
    #[serde(flatten)]
    rest: Others,
}

/// An index.
#[derive(Deserialize)]
pub(super) struct Index {
    pub(super) manifests: Vec<Descriptor>,
    #[serde(flatten)]
    rest: Others,
}

/// A descriptor (OCI image spec, `descriptor.md`).
#[derive(Deserialize)]
pub(super) struct Descriptor {
    #[serde(default)]
    pub(super) digest: Option<String>,
    #[serde(default)]
    size: Option<i64>,
    #[serde(default, rename = "mediaType")]
    pub(super) media_type: Option<String>,
    #[serde(default)]
    urls: Option<Vec<String>>,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    platform: Option<RawPlatform>,
    #[serde(flatten)]
    rest: Others,
}

#[derive(Deserialize)]
struct RawPlatform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
    #[serde(default, rename = "os.version")]
    os_version: String,
    #[serde(default, rename = "os.features")]
    os_features: Option<Vec<String>>,
    #[serde(flatten)]
    rest: Others,
}

impl Image {
    /// Reads it, if it is spelled as usual.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let image: Self = serde_json::from_slice(bytes).ok()?;
        let mut all = std::iter::once(&image.config).chain(image.layers.iter().flatten());
        let usual =
            image.rest.are_other_than(&["config", "layers"]) && all.all(Descriptor::is_usual);
        usual.then_some(image)
    }
}

impl Index {
    /// Reads it, if it is spelled as usual.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let index: Self = serde_json::from_slice(bytes).ok()?;
        let usual = index.rest.are_other_than(&["manifests"])
            && index.manifests.iter().all(Descriptor::is_usual);
        usual.then_some(index)
    }
}

impl Descriptor {
    fn is_usual(&self) -> bool {
        let known = ["digest", "size", "mediatype", "urls", "data", "platform"];
        let platform = ["os", "architecture", "variant", "os.version", "os.features"];
        let media_type = self.media_type.as_ref().map_or(0, String::len);
        media_type <= LONGEST_MEDIA_TYPE
            && self.rest.are_other_than(&known)
            && self.platform.as_ref().is_none_or(|raw| raw.rest.are_other_than(&platform))
    }

    /// Its size; one that is not stated is nought, as Go reads it. None if it is nonsense.
    pub(super) fn size(&self) -> Option<u64> {
        u64::try_from(self.size.unwrap_or_default()).ok()
    }

    /// It names addresses of its own.
    pub(super) fn has_urls(&self) -> bool {
        self.urls.as_ref().is_some_and(|urls| !urls.is_empty())
    }

    /// The content that it holds itself, where runtimes would take it for that: as long as
    /// stated (containerd, `core/remotes/handlers.go`, `Fetch`).
    ///
    /// # Errors
    /// What it holds is no base64, and no runtime that looks at it reads the manifest.
    pub(super) fn inline(&self) -> Result<Option<Vec<u8>>, base64::DecodeError> {
        let Some(data) = self.data.as_deref().filter(|data| !data.is_empty()) else {
            return Ok(None);
        };
        let bytes = STANDARD.decode(data)?;
        Ok(Some(bytes).filter(|bytes| self.size() == Some(bytes.len() as u64)))
    }

    /// Takes its platform out.
    pub(super) fn platform(&mut self) -> Option<Platform> {
        let raw = self.platform.take()?;
        Some(Platform {
            os: raw.os,
            architecture: raw.architecture,
            variant: raw.variant,
            os_version: raw.os_version,
            os_features: raw.os_features.unwrap_or_default(),
        })
    }
}
