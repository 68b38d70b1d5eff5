//! YAML or JSON as a tree that keeps what a strict reader must see: every key, twice if it is
//! there twice, and what kind of scalar a value is.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Error;

use crate::message::printable;

/// Deepest nesting; a configuration has five levels.
const DEEPEST: usize = 16;
/// Most nodes of one document.
const MOST_NODES: usize = 50_000;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    /// Nothing in a configuration is a number, so that which one does not matter.
    Number,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Reads a document; else what is wrong with it, which quotes no value.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        // JSON may hold tabs, which YAML does not take everywhere.
        if text.trim_start().starts_with('{')
            && let Ok(node) = serde_json::from_str(text)
        {
            return Ok(node);
        }
        let options = serde_saphyr::options! {
            with_snippet: false,
            budget: serde_saphyr::budget! {
                max_depth: DEEPEST,
                max_nodes: MOST_NODES,
                max_aliases: 100,
                max_merge_keys: 100,
            },
            alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MOST_NODES },
        };
        serde_saphyr::from_str_with_options(text, options).map_err(|error| said(&error))
    }

    /// What it is, in words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

fn said(error: &Error) -> String {
    let line = error.location().map(|location| location.line()).filter(|line| *line > 0);
    let at = line.map_or_else(String::new, |line| format!(" in line {line}"));
    match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key {} is there twice{at}; keep one", printable(key, 60))
        }
        Error::MultipleDocuments { .. } => {
            format!("a second document begins{at}; keep the first, the kubelet reads no other")
        }
        _ => format!("is not readable as YAML or JSON{at}; correct it"),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plain value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Number)
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Node::Map(map))
    }
}
