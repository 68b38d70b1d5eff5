//! How long to wait before something is tried again.

use std::time::Duration;

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);

/// Pauses that double, each [`drawn`]: the replicas of a Deployment lose their API server in the
/// same moment.
#[derive(Debug)]
pub struct Pause {
    first: Duration,
    next: Duration,
}

impl Pause {
    /// Pauses that start with this one.
    pub fn new(first: Duration) -> Self {
        Self { first, next: first }
    }

    /// The next pause.
    pub fn draw(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        drawn(pause)
    }

    /// It works again: the next pause is the first one.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

/// A time drawn from the upper half of this one, so that replicas do not all act together.
pub fn drawn(pause: Duration) -> Duration {
    // Without randomness the pauses are all whole ones, which is no harm.
    let drawn = getrandom::u32().unwrap_or(u32::MAX);
    pause / 2 + (pause / 2).mul_f64(f64::from(drawn) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Duration, LONGEST, Pause};

    #[test]
    fn pauses_double_up_to_a_minute_until_something_works() {
        let mut pause = Pause::new(Duration::from_secs(1));
        for whole in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            let whole = Duration::from_secs(whole);
            let drawn = pause.draw();
            assert!(drawn >= whole / 2 && drawn <= whole.min(LONGEST), "{drawn:?} of {whole:?}");
        }
        pause.reset();
        assert!(pause.draw() <= Duration::from_secs(1));
    }
}
