//! What lies behind a manifest: an image's config and layers, an index's entries, and what of it
//! is not there.

use std::sync::Arc;

use super::Evidence;
use crate::image::{Digest, Platform};

/// What a manifest that the registry hands out leads to, as far as it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Not known, and why.
    Unread(Unread),
    /// One image. Everything that was looked at is there, and is what its manifest says.
    Image(Arc<ImageContent>),
    /// A list of images, one for each platform. What is known of those that matter here stands
    /// with the attempt.
    Index(Arc<[Entry]>),
}

/// Why what a manifest leads to is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// Only the manifest's headers were asked for: fetching it would have spent the nodes' quota.
    Quota,
    /// It is spelled so that runtimes may read it in different ways, or is very long.
    Unusual,
}

/// One image: a config and layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageContent {
    /// What the config says.
    pub config: ImageConfig,
    /// Bytes of all layers, compressed, as the manifest states them; the node unpacks more.
    pub size: u64,
    /// What is wrong in the registry with a part that the manifest itself holds: a matter of
    /// runtimes that pass over what it holds.
    pub behind_inline: Option<Box<Damage>>,
    /// Why some of it was not looked at.
    pub left_out: Option<LeftOut>,
}

/// What an image's config says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageConfig {
    /// It was not looked at.
    Unread,
    /// Nothing that could be run: a Helm chart, an empty config, any other artifact.
    Artifact,
    /// That of an image, though for another number of layers than its manifest has.
    OtherLayers { manifest: usize, config: usize },
    /// The platform that the image is built for.
    Platform(Arc<Platform>),
}

/// Why an image was not looked at to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// The operator set `depth: manifest`.
    Depth,
    /// The host is listed as a pull-through cache: what is asked for there is fetched there.
    PullThrough,
    /// It has more layers than are looked at; how many it has.
    Layers(usize),
    /// A part's descriptor names addresses of its own (`urls`), which are never asked.
    ForeignUrls,
}

/// One entry of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is built for; none for an entry that does not say, which every node takes.
    pub platform: Option<Platform>,
    /// What it leads to.
    pub target: Target,
}

/// What an entry of an index leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A manifest in the registry.
    Manifest(Descriptor),
    /// Addresses of its own (`urls`), which are never asked here, and by containerd before the
    /// registry (`core/remotes/docker/fetcher.go`, `Fetch`).
    Elsewhere,
    /// Its digest is no digest, so that nothing can be asked for.
    Nothing,
}

impl Entry {
    /// The manifest in the registry that it leads to, if it does.
    pub fn manifest(&self) -> Option<&Descriptor> {
        match &self.target {
            Target::Manifest(descriptor) => Some(descriptor),
            Target::Elsewhere | Target::Nothing => None,
        }
    }
}

/// What a manifest says of something that it leads to (OCI image spec, `descriptor.md`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Descriptor {
    /// `digest`.
    pub digest: Digest,
    /// `size` in bytes, where it is stated and no nonsense.
    pub size: Option<u64>,
    /// `mediaType`; foreign text, empty where there is none.
    pub media_type: String,
}

/// Something of an image that is not there, or is not what its manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Which part.
    pub part: Part,
    /// Its digest, as the reference, the tag or the parent manifest names it.
    pub digest: Digest,
    /// What is wrong with it.
    pub fault: PartFault,
}

/// A part of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The manifest that a tag or an index's entry names.
    Manifest,
    /// The config.
    Config,
    /// A layer, counted from 1, and how many there are.
    Layer { number: usize, of: usize },
}

/// What is wrong with a part. The registry itself said so, to a GET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartFault {
    /// It is not there.
    Missing(Evidence),
    /// The registry has so many bytes, the manifest states another size.
    Size { served: u64, stated: u64 },
    /// The bytes do not have this digest.
    Digest,
    /// The manifest itself holds it, with bytes that do not have this digest. What the registry
    /// has was not looked at.
    Inline,
}
