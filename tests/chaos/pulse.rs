//! How long the machine, not the program, kept somebody waiting: the time for which a thread could
//! have run and had no processor, as the kernel counts it. A program that waits for something
//! else, or works too long, is not excused by it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What the kernel had counted for each thread of some processes at one time.
pub struct Pulse {
    taken: Instant,
    waited: HashMap<PathBuf, Duration>,
}

impl Pulse {
    pub fn take(processes: &[u32]) -> Self {
        Self { taken: Instant::now(), waited: threads(processes).collect() }
    }

    /// The longest that any one thread of these processes was kept waiting since, which is never
    /// more than the time that has passed; none where nobody counts. What several threads waited
    /// at the same time is not added up: nobody waited for it one after the other.
    pub fn held_up(&self, processes: &[u32]) -> Duration {
        let since = threads(processes).map(|(thread, now)| {
            now.saturating_sub(self.waited.get(&thread).copied().unwrap_or_default())
        });
        since.max().unwrap_or_default().min(self.taken.elapsed())
    }
}

fn threads(processes: &[u32]) -> impl Iterator<Item = (PathBuf, Duration)> {
    let folders = processes.iter().map(|process| format!("/proc/{process}/task"));
    let threads = folders.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    threads.filter_map(|thread| {
        let path = thread.path();
        let counts = std::fs::read_to_string(path.join("schedstat")).ok()?;
        let waited = counts.split_whitespace().nth(1)?.parse().ok()?;
        Some((path, Duration::from_nanos(waited)))
    })
}
