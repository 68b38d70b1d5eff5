//! What is wrong with a configuration, and where.

use std::fmt;

/// Longest piece of a value that is quoted back.
const QUOTED: usize = 80;

/// Where a value was given. The order is that of a report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// In the file, at this line (the first is 1), where it is known.
    File(Option<u64>),
    /// By this environment variable.
    Env(String),
    /// By this flag, with its dashes.
    Flag(String),
    /// By nobody.
    Default,
}

/// One thing that is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub origin: Origin,
    /// What and why, on one line: bounded and escaped wherever it quotes.
    pub message: String,
}

/// Everything that is wrong with a configuration. Its `Display` is one problem a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    file: Option<String>,
    problems: Vec<Problem>,
}

impl ConfigErrors {
    pub(super) fn new(file: Option<&str>, mut problems: Vec<Problem>) -> Self {
        problems.sort();
        Self { file: file.map(escaped), problems }
    }

    /// The problems: those of the file by line, then of the environment, then of the flags.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => write!(f, "the configuration has a problem:")?,
            many => write!(f, "the configuration has {many} problems:")?,
        }
        for Problem { origin, message } in &self.problems {
            let file = self.file.as_deref().unwrap_or("configuration");
            match origin {
                Origin::File(Some(line)) => write!(f, "\n  {file}:{line}: {message}")?,
                Origin::File(None) => write!(f, "\n  {file}: {message}")?,
                Origin::Env(name) | Origin::Flag(name) => write!(f, "\n  {name}: {message}")?,
                Origin::Default => write!(f, "\n  {message}")?,
            }
        }
        Ok(())
    }
}

/// The text between double quotes: bounded, escaped, one line.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// The text bounded, escaped and on one line.
pub(super) fn escaped(text: &str) -> String {
    let kept: String = text.chars().take(QUOTED).collect();
    let dots = if kept.len() < text.len() { "..." } else { "" };
    format!("{}{dots}", kept.escape_debug())
}
