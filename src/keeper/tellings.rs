//! How often the API server was told which authorities to trust, lately.

use std::time::{Duration, SystemTime};

/// So many are one too many: a change of ours needs one, and a second where somebody interferes.
const MANY: usize = 3;

/// Within this time.
const LATELY: Duration = Duration::from_secs(600);

/// When it was told; no longer ago than is of interest.
#[derive(Debug, Default)]
pub(super) struct Tellings(Vec<SystemTime>);

impl Tellings {
    /// It was told now.
    pub(super) fn add(&mut self, now: SystemTime) {
        self.0.retain(|at| is_late(*at, now));
        self.0.push(now);
    }

    /// Whether somebody else must be writing in turns with us.
    pub(super) fn are_many(&self, now: SystemTime) -> bool {
        self.0.iter().filter(|at| is_late(**at, now)).count() >= MANY
    }
}

fn is_late(at: SystemTime, now: SystemTime) -> bool {
    now.duration_since(at).is_ok_and(|ago| ago < LATELY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_within_ten_minutes_are_many_until_it_is_quiet() {
        let start = SystemTime::UNIX_EPOCH + LATELY * 100;
        let minutes = |number: u32| start + Duration::from_secs(60) * number;
        let mut tellings = Tellings::default();
        for (minute, many) in [(0, false), (4, false), (10, false), (13, true), (14, true)] {
            tellings.add(minutes(minute));
            assert_eq!(tellings.are_many(minutes(minute)), many, "{minute}");
        }
        assert!(!tellings.are_many(minutes(24)));
        assert!(tellings.0.len() <= 4);
    }
}
