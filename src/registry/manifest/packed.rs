//! An outline as it is remembered: one for each image, so that what nearly all parts are like
//! takes no more than their digests.

use std::sync::Arc;

use oci_distribution::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_LAYER_GZIP_MEDIA_TYPE,
    IMAGE_DOCKER_LAYER_TAR_MEDIA_TYPE, IMAGE_LAYER_GZIP_MEDIA_TYPE, IMAGE_LAYER_MEDIA_TYPE,
};

use super::outline::{Blob, Outline, Parts, Source};
use crate::facts::Descriptor;
use crate::image::Digest;
use crate::registry::on_heap;

/// What nearly all parts are.
const COMMON: [&str; 8] = [
    "",
    IMAGE_CONFIG_MEDIA_TYPE,
    IMAGE_DOCKER_CONFIG_MEDIA_TYPE,
    IMAGE_LAYER_MEDIA_TYPE,
    IMAGE_LAYER_GZIP_MEDIA_TYPE,
    "application/vnd.oci.image.layer.v1.tar+zstd",
    IMAGE_DOCKER_LAYER_TAR_MEDIA_TYPE,
    IMAGE_DOCKER_LAYER_GZIP_MEDIA_TYPE,
];

/// A part: its hash, its size and the place of its media type in [`COMMON`].
const RECORD: usize = 32 + 8 + 1;
/// The size of a part that states none.
const NO_SIZE: u64 = u64::MAX;

/// A remembered outline.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::registry) enum Packed {
    /// The parts of an image that are of a common kind and lie in the registry: the config's
    /// record and then those of the layers.
    Image(Box<[u8]>),
    /// Anything else, as it is.
    Whole(Outline),
}

impl Packed {
    pub(in crate::registry) fn of(outline: Outline) -> Self {
        let Outline::Image(parts) = &outline else { return Self::Whole(outline) };
        match pack(parts) {
            Some(records) => Self::Image(records),
            None => Self::Whole(outline),
        }
    }

    /// The outline again.
    pub(in crate::registry) fn unpack(&self) -> Outline {
        match self {
            Self::Image(records) => match unpack(records) {
                Some(parts) => Outline::Image(Arc::new(parts)),
                // None that was packed is like this.
                None => Outline::Unusual,
            },
            Self::Whole(outline) => outline.clone(),
        }
    }

    /// Bytes that it has elsewhere on the heap.
    pub(in crate::registry) fn size(&self) -> usize {
        match self {
            Self::Image(records) => on_heap(records.len()),
            Self::Whole(outline) => outline.size(),
        }
    }
}

fn pack(parts: &Parts) -> Option<Box<[u8]>> {
    let mut records = Vec::with_capacity((1 + parts.layers.len()) * RECORD);
    for Blob { descriptor, source } in std::iter::once(&parts.config).chain(&parts.layers) {
        let kind = COMMON.iter().position(|common| *common == descriptor.media_type)?;
        let size = descriptor.size.unwrap_or(NO_SIZE);
        if *source != Source::Registry || (descriptor.size == Some(NO_SIZE)) {
            return None;
        }
        records.extend(descriptor.digest.sha256()?);
        records.extend(size.to_le_bytes());
        records.push(u8::try_from(kind).ok()?);
    }
    Some(records.into())
}

fn unpack(records: &[u8]) -> Option<Parts> {
    let mut blobs = records.chunks_exact(RECORD).map(|record| {
        let (hash, rest) = record.split_first_chunk::<32>()?;
        let (size, kind) = rest.split_first_chunk::<8>()?;
        let size = Some(u64::from_le_bytes(*size)).filter(|size| *size != NO_SIZE);
        let media_type = (*COMMON.get(usize::from(*kind.first()?))?).to_owned();
        let descriptor = Descriptor { digest: Digest::from_sha256(hash), size, media_type };
        Some(Blob { descriptor, source: Source::Registry })
    });
    Some(Parts { config: blobs.next()??, layers: blobs.collect::<Option<_>>()? })
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, outline};
    use super::*;
    use crate::image::Algorithm;

    fn read(config: &str, layers: &[&str]) -> Outline {
        let layers = layers.join(",");
        let text = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layers}]}}"#);
        outline(text.as_bytes(), Kind::Image)
    }

    fn part(media_type: &str, algorithm: Algorithm, more: &str) -> String {
        let digest = Digest::of(algorithm, more.as_bytes());
        format!(r#"{{"mediaType":"{media_type}","digest":"{digest}"{more}}}"#)
    }

    #[test]
    fn what_is_remembered_is_the_same_outline_again_whatever_its_parts_are_like() {
        let config = part(IMAGE_CONFIG_MEDIA_TYPE, Algorithm::Sha256, r#","size":7"#);
        let layer = |more| part(IMAGE_LAYER_GZIP_MEDIA_TYPE, Algorithm::Sha256, more);
        let (plain, unsized_) = (layer(r#","size":123"#), layer(""));
        let other = part("application/vnd.example", Algorithm::Sha256, r#","size":1"#);
        let longer = part(IMAGE_LAYER_MEDIA_TYPE, Algorithm::Sha512, r#","size":1"#);
        let foreign = layer(r#","size":1,"urls":["https://example.test/"]"#);
        for (layers, packed) in [
            (vec![], true),
            (vec![&*plain, &*unsized_, &*plain], true),
            (vec![&*plain, &*other], false),
            (vec![&*longer], false),
            (vec![&*foreign], false),
        ] {
            let outline = read(&config, &layers);
            let Outline::Image(parts) = &outline else { panic!("{outline:?}") };
            assert_eq!(parts.layers.len(), layers.len());
            let kept = Packed::of(outline.clone());
            assert_eq!(matches!(kept, Packed::Image(_)), packed, "{layers:?}");
            assert_eq!(kept.unpack(), outline);
        }
        assert_eq!(Packed::of(Outline::Unusual).unpack(), Outline::Unusual);
    }
}
