//! The members of a manifest that matter, read in one pass and without a copy, as Go's
//! `encoding/json` reads them into containerd's structs.
//!
//! Member names match in any case, unknown members are passed over, `null` changes nothing, text
//! need not be UTF-8, and a member of the wrong type spoils the whole.

use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::go_json::folds_to;
use crate::image::Digest;

/// Descriptors of one list that are looked at: containerd 2.4 takes no more, and before it took
/// any number.
const MOST_DESCRIPTORS: usize = 10_000;

/// What a manifest says, whatever it is meant to be.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// `mediaType`.
    pub(super) media_type: Option<String>,
    /// `fsLayers` is there, and not as `null`.
    pub(super) fs_layers: bool,
    pub(super) config: Descriptor,
    pub(super) layers: List,
    pub(super) manifests: List,
}

/// One descriptor.
#[derive(Debug, Default)]
pub(super) struct Descriptor {
    /// It is there, and not as `null`.
    pub(super) present: bool,
    /// Whether its `digest` is one, if it has any.
    digest: Option<bool>,
}

/// A list of descriptors.
#[derive(Debug, Default)]
pub(super) struct List {
    /// It is there, and not as `null`.
    pub(super) present: bool,
    /// Something is in it.
    pub(super) filled: bool,
    unfetchable: bool,
}

impl Document {
    /// Reads a manifest; `None` if Go would not.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut document = Self::default();
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        reader.deserialize_map(Whole(&mut document)).ok()?;
        reader.end().ok()?;
        Some(document)
    }
}

impl Descriptor {
    /// It names something that can be asked for.
    pub(super) fn is_fetchable(&self) -> bool {
        self.digest == Some(true)
    }
}

impl List {
    /// Everything in it that was looked at names something that can be asked for.
    pub(super) fn is_fetchable(&self) -> bool {
        !self.unfetchable
    }
}

/// A member's name.
#[derive(Clone, Copy)]
enum Name {
    Config,
    Digest,
    FsLayers,
    Layers,
    Manifests,
    MediaType,
    Size,
    Other,
}

impl Name {
    const ALL: [(&'static str, Self); 7] = [
        ("config", Self::Config),
        ("digest", Self::Digest),
        ("fslayers", Self::FsLayers),
        ("layers", Self::Layers),
        ("manifests", Self::Manifests),
        ("mediatype", Self::MediaType),
        ("size", Self::Size),
    ];

    fn find(name: &[u8]) -> Self {
        let name = String::from_utf8_lossy(name);
        let known = Self::ALL.iter().find(|(known, _)| folds_to(&name, known));
        known.map_or(Self::Other, |(_, name)| *name)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_bytes(Text(Self::find))
    }
}

/// A text that is reduced to what matters of it; none if it is `null`.
struct Text<F>(F);

impl<'de, T, F: FnOnce(&[u8]) -> T> DeserializeSeed<'de> for Text<F> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Option<T>, D::Error> {
        reader.deserialize_option(Nullable(self))
    }
}

// Bytes, because strings would have to be UTF-8.
impl<T, F: FnOnce(&[u8]) -> T> Visitor<'_> for Text<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_bytes<E: Error>(self, text: &[u8]) -> Result<T, E> {
        Ok((self.0)(text))
    }
}

/// A text or `null`.
struct Nullable<F>(Text<F>);

impl<'de, T, F: FnOnce(&[u8]) -> T> Visitor<'de> for Nullable<F> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_none<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, reader: D) -> Result<Option<T>, D::Error> {
        reader.deserialize_bytes(self.0).map(Some)
    }
}

struct Whole<'a>(&'a mut Document);

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a manifest")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self(document) = self;
        while let Some(name) = members.next_key()? {
            match name {
                Name::Config => members.next_value_seed(&mut document.config)?,
                Name::Layers => members.next_value_seed(&mut document.layers)?,
                Name::Manifests => members.next_value_seed(&mut document.manifests)?,
                Name::FsLayers => {
                    document.fs_layers |= members.next_value::<Option<IgnoredAny>>()?.is_some();
                }
                Name::MediaType => {
                    let text = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
                    let stated = members.next_value_seed(Text(text))?;
                    document.media_type = stated.or(document.media_type.take());
                }
                Name::Digest | Name::Size | Name::Other => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for &mut Descriptor {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_option(self)
    }
}

// Repeated, its members add up.
impl<'de> Visitor<'de> for &mut Descriptor {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a descriptor")
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.present = true;
        while let Some(name) = members.next_key()? {
            match name {
                Name::Digest => {
                    let is_digest = |text: &[u8]| {
                        std::str::from_utf8(text).is_ok_and(|text| Digest::parse(text).is_ok())
                    };
                    self.digest = members.next_value_seed(Text(is_digest))?.or(self.digest);
                }
                Name::MediaType => {
                    members.next_value_seed(Text(|_: &[u8]| ()))?;
                }
                Name::Size => {
                    members.next_value::<Option<i64>>()?;
                }
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for &mut List {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for &mut List {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of descriptors")
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        // Go mixes the elements of a list that comes twice: nothing is held against those.
        let judged = !self.present;
        self.present = true;
        self.unfetchable = false;
        for _ in 0..MOST_DESCRIPTORS {
            let mut one = Descriptor::default();
            if elements.next_element_seed(&mut one)?.is_none() {
                return Ok(());
            }
            self.filled = true;
            self.unfetchable |= judged && !one.is_fetchable();
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}
