//! Actions for chosen users, images or namespaces, and which of several wins.

use std::collections::BTreeMap;

use super::{Action, Policy, Subject};
use crate::causes::{Code, Finding};
use crate::glob::{Glob, ImageGlob, any_matches};

/// Whom an override is for. A selector that is absent selects everybody; those that are present
/// must all match.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Selectors {
    /// User names.
    pub users: Option<Vec<Glob>>,
    /// Images, as written or normalised. Findings that are about no image are not selected.
    pub images: Option<Vec<ImageGlob>>,
    /// Namespaces.
    pub namespaces: Option<Vec<Glob>>,
}

impl Override {
    /// The codes it has an action for.
    pub(super) fn codes(&self) -> impl Iterator<Item = Code> {
        self.actions.keys().copied()
    }
}

impl Selectors {
    /// Whether user and namespace are selected, whatever the image.
    fn selects_object(&self, subject: &Subject<'_>) -> bool {
        let user = |globs| !subject.user.is_empty() && any_matches(globs, subject.user);
        self.users.as_deref().is_none_or(user)
            && self.namespaces.as_deref().is_none_or(|globs| any_matches(globs, subject.namespace))
    }

    fn selects_image(&self, finding: &Finding) -> bool {
        let Some(globs) = &self.images else { return true };
        let Some(written) = finding.image.as_deref() else { return false };
        let covers = |glob: &ImageGlob| {
            glob.matches(written)
                || finding.reference.as_deref().is_some_and(|name| glob.matches(name))
        };
        globs.iter().any(covers)
    }
}

/// An override's most specific selector; the order is the precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    User,
    Image,
    Namespace,
}

/// Actions for some codes, for those whom the selectors select.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    class: Class,
    selectors: Selectors,
    actions: BTreeMap<Code, Action>,
}

impl Override {
    /// `None` without any selector: that would be a global action, which is weaker.
    pub fn new(selectors: Selectors, actions: BTreeMap<Code, Action>) -> Option<Self> {
        let class = match &selectors {
            Selectors { users: Some(_), .. } => Class::User,
            Selectors { images: Some(_), .. } => Class::Image,
            Selectors { namespaces: Some(_), .. } => Class::Namespace,
            Selectors { users: None, images: None, namespaces: None } => return None,
        };
        Some(Self { class, selectors, actions })
    }
}

impl Policy {
    /// The action configured for a code: of the first listed override of the strongest class,
    /// else the global one.
    pub(super) fn configured(
        &self,
        code: Code,
        subject: &Subject<'_>,
        finding: &Finding,
    ) -> Option<Action> {
        self.overriding(code, subject)
            .find(|(over, _)| over.selectors.selects_image(finding))
            .map(|(_, action)| action)
            .or_else(|| self.actions.get(&code).copied())
    }

    /// The strictest action that could come out for a code, whatever the image turns out to be;
    /// `unconfigured` is what it comes to where nothing is configured.
    pub(super) fn strictest(
        &self,
        code: Code,
        subject: &Subject<'_>,
        unconfigured: Action,
    ) -> Action {
        let mut strictest = Action::Ignore;
        for (over, action) in self.overriding(code, subject) {
            strictest = strictest.max(action);
            if over.selectors.images.is_none() {
                return strictest;
            }
        }
        strictest.max(self.actions.get(&code).copied().unwrap_or(unconfigured))
    }

    /// The overrides that name the code and select the object, the strongest first.
    fn overriding(
        &self,
        code: Code,
        subject: &Subject<'_>,
    ) -> impl Iterator<Item = (&Override, Action)> {
        [Class::User, Class::Image, Class::Namespace]
            .into_iter()
            .flat_map(|class| self.overrides.iter().filter(move |over| over.class == class))
            .filter(|over| over.selectors.selects_object(subject))
            .filter_map(move |over| Some((over, *over.actions.get(&code)?)))
    }
}
