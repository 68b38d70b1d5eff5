//! How long to wait before the API server is asked again.

use std::time::Duration;

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);

/// Pauses that double, each drawn from its upper half: the replicas of a Deployment lose their
/// watches in the same moment.
#[derive(Debug)]
pub(super) struct Pause {
    first: Duration,
    next: Duration,
}

impl Pause {
    /// Pauses that start with this one.
    pub(super) fn new(first: Duration) -> Self {
        Self { first, next: first }
    }

    /// The next pause.
    pub(super) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        // Without randomness the pauses are all whole ones, which is no harm.
        let drawn = getrandom::u32().unwrap_or(u32::MAX);
        pause / 2 + (pause / 2).mul_f64(f64::from(drawn) / f64::from(u32::MAX))
    }

    /// It works again: the next pause is the first one.
    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, LONGEST, Pause};

    #[test]
    fn pauses_double_up_to_a_minute_until_something_works() {
        let mut pause = Pause::new(Duration::from_secs(1));
        for whole in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            let whole = Duration::from_secs(whole);
            let drawn = pause.next();
            assert!(drawn >= whole / 2 && drawn <= whole.min(LONGEST), "{drawn:?} of {whole:?}");
        }
        pause.reset();
        assert!(pause.next() <= Duration::from_secs(1));
    }
}
