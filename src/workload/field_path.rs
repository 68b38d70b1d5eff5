//! Field paths, printed the way Kubernetes prints them: `spec.containers[0].image`.

use std::fmt;

/// The path of one field. It is made of field names and indices only, so nothing foreign is in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldPath(String);

impl FieldPath {
    /// The path of an entry of a list.
    pub(super) fn entry(parent: &str, list: &str, index: usize) -> Self {
        Self(format!("{parent}.{list}[{index}]"))
    }

    /// The path of a field below this one; `name` may itself hold dots.
    pub(super) fn child(&self, name: &str) -> Self {
        Self(format!("{self}.{name}"))
    }

    /// A path that was put together from field names.
    pub(super) fn of(path: String) -> Self {
        Self(path)
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for FieldPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// The longest path that is shown, in characters.
const LONGEST: usize = 160;

/// A path that a parser found: it may hold a map's keys, which are foreign text.
pub(super) fn printable(path: &str) -> String {
    path.chars().take(LONGEST).map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}
