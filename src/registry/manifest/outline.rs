//! What a manifest leads to: the parts of one image, or an index's entries.

use std::collections::HashSet;
use std::sync::Arc;

use super::bounds::{MOST_ENTRIES, is_modest, platform_size};
use super::strict;
use super::{Kind, kind_of};
use crate::facts::{Descriptor, Entry, Target};
use crate::image::Digest;
use crate::registry::{on_heap, shared_on_heap};

/// Layers beyond which an image is not read: containerd 2.4 takes no more descriptors, and before
/// it took any number.
const MOST_LAYERS: usize = 10_000;

/// What a manifest leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::registry) enum Outline {
    /// One image's parts.
    Image(Arc<Parts>),
    /// An index's entries.
    Index(Arc<[Entry]>),
    /// This reading would not surely be the runtime's.
    Unusual,
}

/// The parts of one image.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::registry) struct Parts {
    pub(in crate::registry) config: Blob,
    pub(in crate::registry) layers: Vec<Blob>,
}

/// A config or a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::registry) struct Blob {
    pub(in crate::registry) descriptor: Descriptor,
    pub(in crate::registry) source: Source,
}

/// Where a node gets it from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::registry) enum Source {
    /// From the registry.
    Registry,
    /// From addresses that the manifest names, before the registry.
    Foreign,
    /// From the manifest itself (containerd since 1.7); none if that has another digest.
    Inline(Option<Vec<u8>>),
}

impl Outline {
    /// Reads a manifest that was checked.
    pub(super) fn read(bytes: &[u8], kind: Kind) -> Self {
        let read = match kind {
            Kind::Image => image(bytes).map(|parts| Self::Image(Arc::new(parts))),
            Kind::Index => entries(bytes).map(|entries| Self::Index(entries.into())),
        };
        read.unwrap_or(Self::Unusual)
    }

    /// Bytes that it has elsewhere on the heap.
    pub(in crate::registry) fn size(&self) -> usize {
        match self {
            Self::Image(parts) => {
                let blobs = std::iter::once(&parts.config).chain(&parts.layers);
                let inline = |blob: &Blob| match &blob.source {
                    Source::Inline(Some(bytes)) => on_heap(bytes.len()),
                    _ => 0,
                };
                blobs
                    .map(|blob| {
                        size_of::<Blob>() + descriptor_size(&blob.descriptor) + inline(blob)
                    })
                    .sum()
            }
            Self::Index(entries) => entries_size(entries),
            Self::Unusual => 0,
        }
    }
}

impl Parts {
    /// Bytes of all layers, each counted once: a node keeps one of a kind.
    pub(in crate::registry) fn size(&self) -> u64 {
        let mut seen = HashSet::new();
        let first = self.layers.iter().filter(|layer| seen.insert(&layer.descriptor.digest));
        first.fold(0, |sum, layer| sum.saturating_add(layer.descriptor.size.unwrap_or_default()))
    }
}

/// Bytes that the entries of an index take on the heap.
pub fn entries_size(entries: &[Entry]) -> usize {
    let one = |entry: &Entry| {
        size_of::<Entry>()
            + entry.manifest().map_or(0, descriptor_size)
            + entry.platform.as_ref().map_or(0, platform_size)
    };
    entries.iter().map(one).sum()
}

/// Bytes that a descriptor's texts have on the heap.
pub fn descriptor_size(descriptor: &Descriptor) -> usize {
    digest_size(&descriptor.digest) + on_heap(descriptor.media_type.len())
}

/// Bytes that a digest has on the heap.
pub fn digest_size(digest: &Digest) -> usize {
    shared_on_heap(digest.as_str().len())
}

fn image(bytes: &[u8]) -> Option<Parts> {
    let image = strict::Image::read(bytes)?;
    let layers = image.layers.unwrap_or_default();
    if layers.len() > MOST_LAYERS {
        return None;
    }
    let layers: Option<Vec<Blob>> = layers.iter().map(blob).collect();
    Some(Parts { config: blob(&image.config)?, layers: layers? })
}

fn blob(raw: &strict::Descriptor) -> Option<Blob> {
    let descriptor = descriptor(raw)?;
    // A node would ask for it as a manifest, and read it as one.
    if kind_of(&descriptor.media_type).is_some() {
        return None;
    }
    let source = match raw.inline().ok()? {
        Some(bytes) => Source::Inline(Some(bytes).filter(|bytes| descriptor.digest.verify(bytes))),
        None if raw.has_urls() => Source::Foreign,
        None => Source::Registry,
    };
    Some(Blob { descriptor, source })
}

fn entries(bytes: &[u8]) -> Option<Vec<Entry>> {
    let index = strict::Index::read(bytes)?;
    if index.manifests.len() > MOST_ENTRIES {
        return None;
    }
    let entry = |mut raw: strict::Descriptor| {
        // Some runtimes take it for the manifest, and others ask the registry.
        if raw.inline().ok()?.is_some() {
            return None;
        }
        let platform = raw.platform();
        if !platform.as_ref().is_none_or(is_modest) {
            return None;
        }
        let target = if raw.has_urls() {
            Target::Elsewhere
        } else {
            descriptor(&raw).map_or(Target::Nothing, Target::Manifest)
        };
        Some(Entry { platform, target })
    };
    index.manifests.into_iter().map(entry).collect()
}

fn descriptor(raw: &strict::Descriptor) -> Option<Descriptor> {
    Some(Descriptor {
        digest: Digest::parse(raw.digest.as_deref()?).ok()?,
        size: raw.size(),
        media_type: raw.media_type.clone().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests;
