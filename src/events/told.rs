//! What has been told within the hour.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// How long nothing is told again: as long as an API server keeps Events by default.
const AGAIN: Duration = Duration::from_secs(3_600);
/// How much is remembered. Beyond it the API server's 409 is what keeps Events single.
const REMEMBERED: usize = 10_000;

/// Events by namespace and name, and when they were told.
#[derive(Debug, Default)]
pub(super) struct Told(HashMap<(Box<str>, Box<str>), Instant>);

impl Told {
    pub(super) fn recently(&self, namespace: &str, name: &str, now: Instant) -> bool {
        let told = self.0.get(&(namespace.into(), name.into()));
        told.is_some_and(|at| now.saturating_duration_since(*at) < AGAIN)
    }

    pub(super) fn remember(&mut self, namespace: &str, name: String, now: Instant) {
        if self.0.len() >= REMEMBERED {
            self.0.retain(|_, at| now.saturating_duration_since(*at) < AGAIN);
        }
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        self.0.insert((namespace.into(), name.into()), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_told_again_after_an_hour() {
        let now = Instant::now();
        let mut told = Told::default();
        assert!(!told.recently("shop", "web.1", now));
        told.remember("shop", "web.1".to_owned(), now);
        assert!(told.recently("shop", "web.1", now + AGAIN - Duration::from_secs(1)));
        assert!(!told.recently("bank", "web.1", now));
        assert!(!told.recently("shop", "web.1", now + AGAIN));
    }

    #[test]
    fn the_memory_is_bounded() {
        let now = Instant::now();
        let mut told = Told::default();
        for n in 0..3 * REMEMBERED {
            told.remember("shop", n.to_string(), now);
        }
        assert!(told.0.len() <= REMEMBERED);
        assert!(told.recently("shop", &(3 * REMEMBERED - 1).to_string(), now));
    }
}
