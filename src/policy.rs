//! What to do about what is true: findings and the operator's policy give a verdict.
//!
//! Pure, synchronous and total. Never here: what is true of an image (`causes`), how it was found
//! out, or how the configuration is spelled (`config`).

mod decide;
pub mod display;
mod mode;
mod overrides;
#[cfg(test)]
mod tests;

pub use decide::{Outcome, Subject, Verdict};
pub use mode::{Action, Mode, UnknownLabel};
pub use overrides::{Override, Selectors};

use std::collections::{BTreeMap, BTreeSet};

use crate::causes::Code;
use crate::glob::{Glob, ImageGlob, RegistryGlob, any_matches};

pub use crate::facts::{MODE_LABEL, PodMutation};

/// What is never judged.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exemptions {
    /// Images, as written or normalised.
    pub images: Vec<ImageGlob>,
    /// Namespaces.
    pub namespaces: Vec<Glob>,
    /// User names as the API server authenticated them.
    pub users: Vec<Glob>,
}

/// The operator's decisions. Every value of this type is a valid policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The mode of namespaces without a label.
    pub mode: Mode,
    /// No namespace label goes below this.
    pub minimum_mode: Mode,
    /// Actions per code, for everybody.
    pub actions: BTreeMap<Code, Action>,
    /// Actions per code for some, in the order in which they were listed.
    pub overrides: Vec<Override>,
    /// Codes that ignore namespace labels and owners.
    pub enforced: BTreeSet<Code>,
    /// What is never judged.
    pub exempt: Exemptions,
    /// The registries images may come from; empty allows all.
    pub allowed_registries: Vec<RegistryGlob>,
    /// What happens to pods after admission of their template.
    pub pod_mutation: PodMutation,
}

impl Default for Policy {
    /// Mode `warn`, no minimum, nothing configured.
    fn default() -> Self {
        Self {
            mode: Mode::Warn,
            minimum_mode: Mode::Off,
            actions: BTreeMap::new(),
            overrides: Vec::new(),
            enforced: BTreeSet::new(),
            exempt: Exemptions::default(),
            allowed_registries: Vec::new(),
            pod_mutation: PodMutation::None,
        }
    }
}

impl Policy {
    /// The mode for a namespace with this value of [`MODE_LABEL`], if it has one.
    ///
    /// The label wins over the configured mode; a value that is no mode counts as absent and is
    /// handed back to be reported; the result is never below the minimum.
    pub fn effective_mode(&self, label: Option<&str>) -> (Mode, Option<UnknownLabel>) {
        let (asked, unknown) = match label.map(|text| (text.parse::<Mode>(), text)) {
            None => (self.mode, None),
            Some((Ok(mode), _)) => (mode, None),
            Some((Err(_), text)) => (self.mode, Some(UnknownLabel::new(text))),
        };
        (asked.max(self.minimum_mode), unknown)
    }

    /// Whether everything in this namespace, or by this user, is exempt. An empty user (nobody is
    /// known to `check`) is never exempt.
    pub fn exempts_object(&self, namespace: &str, user: &str) -> bool {
        any_matches(&self.exempt.namespaces, namespace)
            || (!user.is_empty() && any_matches(&self.exempt.users, user))
    }

    /// Whether an image is exempt by either of its spellings.
    pub fn exempts_image(&self, as_written: &str, normalised: Option<&str>) -> bool {
        self.exempt.images.iter().any(|glob| {
            glob.matches(as_written) || normalised.is_some_and(|name| glob.matches(name))
        })
    }

    /// Whether an operator wrote an action for this code, or enforced it.
    pub fn mentions(&self, code: &str) -> bool {
        let named = |found: &Code| found.as_str() == code;
        self.actions.keys().any(named)
            || self.enforced.iter().any(named)
            || self.overrides.iter().flat_map(Override::codes).any(|found| found.as_str() == code)
    }

    /// Whether images may come from here: `name` is a normalised repository, `host[:port]/path`.
    pub fn allows_registry(&self, name: &str) -> bool {
        self.allowed_registries.is_empty()
            || self.allowed_registries.iter().any(|registry| registry.matches(name))
    }
}
