//! A configuration as typed: a tree of values that know where they were written.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Error, Spanned};

use super::flags::Lookup;
use super::problem::{Origin, Problem, escaped, quoted};

/// Largest file that is read, in bytes; far above what an operator writes by hand.
pub(super) const LARGEST: usize = 1 << 20;

/// A value of YAML, or the text of a flag.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub origin: Origin,
    pub value: Value,
}

/// A key, where it stands, and its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub key: String,
    pub origin: Origin,
    pub node: Node,
}

/// All settings of one source: flags over environment, the file, or the defaults.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Layer(pub Vec<Entry>);

impl Layer {
    pub fn set(&mut self, key: &str, origin: Origin, value: Value) {
        let node = Node { origin: origin.clone(), value };
        self.0.push(Entry { key: key.to_owned(), origin, node });
    }

    /// The value of a key; one that is null counts as not given.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let entry = self.0.iter().find(|entry| entry.key == key)?;
        (entry.node.value != Value::Null).then_some(&entry.node)
    }
}

/// Whether the flag or its variable gave these values: clap does not tell once it has parsed, and
/// where both say the same, either name is right.
pub(super) fn origin(key: &str, given: &[String], env: Lookup<'_>) -> Origin {
    let variable = variable_of(key);
    match (given, env(&variable)) {
        ([one], Some(value)) if *one == value => Origin::Env(variable),
        _ => Origin::Flag(flag_of(key)),
    }
}

/// `--minimum-mode` of `minimumMode`.
pub(super) fn flag_of(key: &str) -> String {
    let mut flag = "--".to_owned();
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            flag.push('-');
        }
        flag.push(c.to_ascii_lowercase());
    }
    flag
}

/// `PULLCHECK_MINIMUM_MODE` of `minimumMode`.
pub(super) fn variable_of(key: &str) -> String {
    let name = flag_of(key).trim_start_matches('-').replace('-', "_");
    format!("PULLCHECK_{}", name.to_ascii_uppercase())
}

/// Reads YAML (and so JSON). An empty file is an empty layer.
pub(super) fn parse(text: &str) -> Result<Layer, Problem> {
    if text.len() > LARGEST {
        return Err(Problem {
            origin: Origin::File(None),
            message: format!("is larger than {LARGEST} bytes"),
        });
    }
    let options = serde_saphyr::options! {
        // Else `mode: off` would be false.
        strict_booleans: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: 16,
            max_nodes: 50_000,
            max_aliases: 100,
            max_merge_keys: 100,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 50_000 },
    };
    let tree: Option<Spanned<Value>> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| syntax(&error))?;
    match tree.map(Node::from) {
        None | Some(Node { value: Value::Null, .. }) => Ok(Layer::default()),
        Some(Node { value: Value::Map(entries), .. }) => Ok(Layer(entries)),
        Some(Node { origin, .. }) => Err(Problem {
            origin,
            message: "is no configuration: write settings as \"key: value\", one a line".to_owned(),
        }),
    }
}

fn syntax(error: &Error) -> Problem {
    let line = error.location().map(|location| location.line());
    let message = match error.without_snippet() {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("{} is there twice; keep one", quoted(key))
        }
        other => {
            let text = other.to_string();
            let said = text.rsplit_once(" at line ").map_or(text.as_str(), |(said, _)| said);
            format!("is not readable as YAML: {}", escaped(said))
        }
    };
    Problem { origin: Origin::File(line), message }
}

impl From<Spanned<Value>> for Node {
    fn from(spanned: Spanned<Value>) -> Self {
        Self { origin: at(spanned.referenced), value: spanned.value }
    }
}

fn at(location: serde_saphyr::Location) -> Origin {
    Origin::File(Some(location.line()).filter(|line| *line > 0))
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plain YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Text(value.to_string()), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Value>>()? {
            list.push(item.into());
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some((key, value)) = entries.next_entry::<Spanned<String>, Spanned<Value>>()? {
            map.push(Entry { origin: at(key.referenced), key: key.value, node: value.into() });
        }
        Ok(Value::Map(map))
    }
}
