//! Text that many nodes have in common: kept once.

use std::collections::HashSet;
use std::sync::Arc;

/// Labels and image names of all nodes. Five thousand nodes of a hundred image names each would
/// otherwise be many times the memory of everything else.
#[derive(Debug, Default)]
pub struct Names {
    known: HashSet<Arc<str>>,
    /// How many there were after the last look for those that nobody uses any more.
    used: usize,
}

impl Names {
    /// The one copy of this text.
    pub fn of(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.known.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.known.insert(Arc::clone(&new));
        new
    }

    /// Forgets what no node has any more, when that may be half of it.
    pub fn forget_unused(&mut self) {
        if self.known.len() > self.used.saturating_mul(2).max(1_000) {
            self.known.retain(|name| Arc::strong_count(name) > 1);
            self.known.shrink_to_fit();
            self.used = self.known.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Names;

    #[test]
    fn the_same_text_is_kept_once_and_forgotten_when_unused() {
        let mut names = Names::default();
        let kept = names.of("amd64");
        assert!(Arc::ptr_eq(&kept, &names.of("amd64")));
        for number in 0..5_000 {
            names.of(&number.to_string());
            names.forget_unused();
        }
        assert!(names.known.len() <= 1_002, "{}", names.known.len());
        assert!(Arc::ptr_eq(&kept, &names.of("amd64")));
    }
}
