//! Modes and actions: the words of the decision table.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How strict a namespace is judged; ordered from the mildest.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Not looked at.
    Off,
    /// Audit annotation, metric and log line; nothing the user sees.
    Audit,
    /// Warnings.
    #[default]
    Warn,
    /// Denials of what is proven, warnings for the rest.
    Enforce,
}

impl Mode {
    /// Every mode, the strictest first.
    pub const ALL: [Self; 4] = [Self::Enforce, Self::Warn, Self::Audit, Self::Off];

    /// As written in labels and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Audit => "audit",
            Self::Warn => "warn",
            Self::Enforce => "enforce",
        }
    }
}

/// What is done about a finding; ordered from the mildest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Nothing at all.
    Ignore,
    /// Audit annotation, metric and log line.
    Audit,
    /// A warning to the user.
    Warn,
    /// The request is denied.
    Deny,
}

impl Action {
    /// Every action, the strictest first.
    pub const ALL: [Self; 4] = [Self::Deny, Self::Warn, Self::Audit, Self::Ignore];

    /// As written in configuration and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Audit => "audit",
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }
}

/// The text is none of the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of the known words")]
pub struct UnknownWord;

impl FromStr for Mode {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text).ok_or(UnknownWord)
    }
}

impl FromStr for Action {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|action| action.as_str() == text).ok_or(UnknownWord)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A mode label whose value is no mode; its `Display` is bounded, escaped and one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownLabel(String);

impl UnknownLabel {
    /// Label values have at most 63 characters; one that has more did not come from Kubernetes.
    pub(super) fn new(value: &str) -> Self {
        Self(value.chars().take(63).collect())
    }
}

impl fmt::Display for UnknownLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "label {}: \"{}\" is no mode and is not used; write enforce, warn, audit or off",
            super::MODE_LABEL,
            self.0.escape_default(),
        )
    }
}
