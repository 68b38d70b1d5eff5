//! What a catalogue entry is, and the page of documentation made from all of them.

use std::fmt;

use super::{ALL, Basis, Finding, Standing, View};

/// A stable, kebab-case cause code. Made only by the catalogue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(&'static str);

impl Code {
    /// Only a catalogue entry makes one.
    pub(super) const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The code as written in messages, metrics and configuration.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// The catalogue's code of that name.
    pub fn find(name: &str) -> Option<Code> {
        ALL.iter().map(|cause| cause.code).find(|code| code.0 == name)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// One cause: its documentation and how it is recognised.
pub struct Cause {
    /// Its code.
    pub code: Code,
    /// What it does where nothing is configured.
    pub standing: Standing,
    /// Whether it is about the pull or about what is written.
    pub basis: Basis,
    /// Severity and certainty in the words of the documentation.
    pub class: &'static str,
    /// What happened.
    pub what: &'static str,
    /// Why it happens.
    pub why: &'static str,
    /// How to fix it.
    pub fix: &'static str,
    /// What people see and search for without pullcheck: kubelet events, runtime errors.
    pub seen_as: &'static [&'static str],
    /// Adds a finding for everything in the facts that this cause is true of.
    pub detect: fn(&View<'_>, &mut Vec<Finding>),
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cause").field("code", &self.code).finish_non_exhaustive()
    }
}

/// The catalogue as the page `docs/causes.md`.
pub fn markdown() -> String {
    use std::fmt::Write as _;

    let mut page = String::from(
        "# Causes\n\nEvery finding carries one of these codes. A code never changes its meaning; \
         renaming one is a breaking change.\nThis page is generated from the catalogue in \
         `src/causes/`.\n\n| code | severity, certainty | by default |\n|---|---|---|\n",
    );
    for cause in ALL {
        let standing = match cause.standing {
            Standing::ByMode => "as the mode says",
            Standing::AuditOnly => "audit",
            Standing::Off => "off",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| [{0}](#{0}) | {1} | {2} |", cause.code, cause.class, standing);
    }
    for cause in ALL {
        let _ = write!(
            page,
            "\n## {}\n\n{}.\n\n- **What:** {}\n- **Why:** {}\n- **Fix:** {}\n",
            cause.code, cause.class, cause.what, cause.why, cause.fix
        );
        if !cause.seen_as.is_empty() {
            page.push_str("- **Seen without pullcheck as:**\n");
            for text in cause.seen_as {
                let _ = writeln!(page, "  - `{text}`");
            }
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_unique_kebab_case_and_short_enough_for_a_message() {
        let mut seen = HashSet::new();
        for cause in ALL {
            let code = cause.code.as_str();
            assert!(seen.insert(code), "{code} stands twice");
            assert!(code.len() <= 30 && code.starts_with(|c: char| c.is_ascii_lowercase()));
            assert!(code.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{code}");
        }
    }

    #[test]
    fn every_entry_says_what_why_and_how_to_fix() {
        for cause in ALL {
            for text in [cause.what, cause.why, cause.fix] {
                assert!(text.len() > 20 && text.ends_with('.'), "{}: {text:?}", cause.code);
            }
        }
    }
}
