//! Which namespaces get a metric label of their own.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

/// The label of every namespace beyond the bound.
pub const OTHER: &str = "other";

/// The namespaces that have been given a label, at most `bound` of them.
///
/// A cluster in which every pull request gets a namespace would otherwise grow `/metrics`, and the
/// monitoring behind it, without end.
#[derive(Debug)]
pub(super) struct Namespaces {
    bound: usize,
    known: RwLock<HashSet<Box<str>>>,
}

impl Namespaces {
    pub(super) fn new(bound: usize) -> Self {
        Self { bound, known: RwLock::default() }
    }

    /// The label for `namespace`: itself, or [`OTHER`].
    pub(super) fn label<'a>(&self, namespace: &'a str) -> &'a str {
        if self.known.read().unwrap_or_else(PoisonError::into_inner).contains(namespace) {
            return namespace;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        // Asked again: another thread may have let it in between the two locks.
        if known.contains(namespace) {
            return namespace;
        }
        if known.len() >= self.bound {
            return OTHER;
        }
        known.insert(namespace.into());
        namespace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_bound_new_namespaces_share_a_label_and_known_ones_keep_theirs() {
        let namespaces = Namespaces::new(2);
        assert_eq!(namespaces.label("shop"), "shop");
        assert_eq!(namespaces.label("bank"), "bank");
        assert_eq!(namespaces.label("pr-1"), OTHER);
        assert_eq!(namespaces.label("shop"), "shop");
        assert_eq!(namespaces.label("pr-1"), OTHER);
    }
}
