//! How long this machine, not the program under test, kept everybody waiting.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A beat, and what is taken for no delay at all.
const BEAT: Duration = Duration::from_millis(10);
const USUAL: Duration = Duration::from_millis(20);

static STALLED: AtomicU64 = AtomicU64::new(0);

/// The time, since some beginning, for which a thread that wanted to run did not.
pub fn stalled() -> Duration {
    static BEGUN: OnceLock<()> = OnceLock::new();
    BEGUN.get_or_init(|| {
        std::thread::spawn(beat);
    });
    Duration::from_micros(STALLED.load(Ordering::Relaxed))
}

fn beat() {
    loop {
        let before = Instant::now();
        std::thread::sleep(BEAT);
        let late = before.elapsed().saturating_sub(BEAT);
        if late > USUAL {
            let late = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
            STALLED.fetch_add(late, Ordering::Relaxed);
        }
    }
}
