//! Keeps a condition that strangers can bring about from filling the log.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets one event through per period.
#[derive(Debug)]
pub struct Sparingly {
    period: Duration,
    last: Mutex<Option<Instant>>,
}

impl Sparingly {
    /// Lets one event through per `period`.
    pub const fn new(period: Duration) -> Self {
        Self { period, last: Mutex::new(None) }
    }

    /// Whether to let the event through that happens now.
    pub fn now(&self) -> bool {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| now.saturating_duration_since(last) >= self.period);
        if due {
            *last = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_per_period_gets_through() {
        let sparingly = Sparingly::new(Duration::from_secs(10));
        let start = Instant::now();
        let seen = [0, 1, 9, 10, 11, 19, 25]
            .map(|seconds| sparingly.at(start + Duration::from_secs(seconds)));
        assert_eq!(seen, [true, false, false, true, false, false, true]);
    }
}
