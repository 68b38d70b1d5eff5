//! Members that are not looked at, by their names.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::go_json::folds_to;

/// What is left of an object, to be flattened into what is read of it.
#[derive(Debug)]
pub(in crate::registry) struct Others(Vec<String>);

impl Others {
    /// Whether Go would take none of these for one that is `known`, in lower case.
    pub(in crate::registry) fn are_other_than(&self, known: &[&str]) -> bool {
        self.0.iter().all(|name| !known.iter().any(|known| folds_to(name, known)))
    }
}

impl<'de> Deserialize<'de> for Others {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_map(Names)
    }
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Others;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Others, A::Error> {
        let mut names = Vec::new();
        while let Some((name, IgnoredAny)) = members.next_entry()? {
            names.push(name);
        }
        Ok(Others(names))
    }
}
