//! What processor time a process has used, as the kernel tells it.

use std::time::Duration;

/// Ticks of a second in which the kernel tells processor time: `USER_HZ`, which is 100 on every
/// architecture that Rust's standard library knows.
const TICKS: u64 = 100;

/// Processor time of a process since it began, of all its threads, in user and kernel.
pub fn cpu(id: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    // The second field is a name in parentheses, which may hold anything.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 1_000 / TICKS)
}
