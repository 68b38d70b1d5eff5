//! Reading JSON the way the API server does: `null` is the same as nothing, for lists, their
//! entries, objects and strings alike; unknown fields are skipped; a wrong type is an error.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// Text borrowed from the input unless it holds escapes.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl<'a> Text<'a> {
    /// The text, empty where there is none.
    pub(crate) fn or_default(text: Option<Self>) -> Cow<'a, str> {
        text.map_or(Cow::Borrowed(""), |text| text.0)
    }

    /// The text, unless it is empty.
    pub(crate) fn non_empty(text: Option<Self>) -> Option<String> {
        text.map(|text| text.0.into_owned()).filter(|text| !text.is_empty())
    }

    /// The text as an owned string, empty where there is none.
    pub(crate) fn or_empty(text: Option<Self>) -> String {
        Self::or_default(text).into_owned()
    }
}

/// A list of objects in which `null` entries are empty objects.
pub(crate) struct List<T>(pub(crate) Vec<T>);

/// Most entries of a list. No object that the API server stores holds as many containers, and each
/// takes many times the memory of the few bytes in which it can be written.
const LONGEST: usize = 10_000;
const TOO_LONG: &str = "a list of at most 10000 entries";
const TOO_MANY: &str = "an object of at most 10000 entries";

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for Entries<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<List<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(entry) = entries.next_element::<Option<Map<T>>>()? {
                    if list.len() >= LONGEST {
                        return Err(A::Error::invalid_length(LONGEST + 1, &TOO_LONG));
                    }
                    list.push(entry.map(|entry| entry.0).unwrap_or_default());
                }
                Ok(List(list))
            }
        }

        deserializer.deserialize_seq(Entries(PhantomData))
    }
}

/// Labels and their values, no more of them than a list has entries.
#[derive(Default)]
pub(crate) struct Labels(pub(crate) BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Labels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
                let mut labels = BTreeMap::new();
                while let Some((label, value)) = map.next_entry::<String, Option<String>>()? {
                    if labels.len() >= LONGEST {
                        return Err(A::Error::invalid_length(LONGEST + 1, &TOO_MANY));
                    }
                    labels.insert(label, value.unwrap_or_default());
                }
                Ok(Labels(labels))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

/// An object and nothing else: serde's derived structs take a list for one, too.
pub(crate) struct Map<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Map<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Map<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Map<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Map)
            }
        }

        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// For `#[serde(deserialize_with)]`: an object, or `null`.
pub(crate) fn object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<Map<T>>::deserialize(deserializer)?.map(|map| map.0))
}
