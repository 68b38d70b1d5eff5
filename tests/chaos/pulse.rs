//! How long the machine, not the program, kept everybody waiting: the time for which threads of
//! the program could have run and had no processor, as the kernel counts it. A program that waits
//! for something else, or works too long, is not excused by it.

use std::time::Duration;

/// The time up to now of all threads of these processes together; none where nobody counts.
pub fn held_up(processes: &[u32]) -> Duration {
    processes.iter().map(|process| of(*process)).sum()
}

fn of(process: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten();
    let waited = threads.flatten().filter_map(|thread| {
        let counts = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        counts.split_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
    });
    waited.sum()
}
