//! Processes that have lost their parent. The first process of a container, as pullcheck is of its
//! own, is given all of them, and the kernel keeps each that has ended until somebody has asked how.
//!
//! A plugin may leave processes behind, by itself or because it was killed. To wait for just any
//! child would take its end from whoever waits for that one. So what we start is noted here and
//! left alone, and what others start (a kubeconfig's login command) is theirs for a moment.

use std::collections::BTreeSet;
use std::io;
use std::process::id;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, WaitOptions, waitpid};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

/// How long a process that has ended is left to somebody who may be waiting for it.
const PAUSE: Duration = Duration::from_secs(1);

/// The processes that we have started and not waited for. One list, as there is one process.
static STARTED: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// A process of ours; to be kept until it was waited for.
#[derive(Debug)]
pub(super) struct Started(u32);

impl Drop for Started {
    fn drop(&mut self) {
        started().remove(&self.0);
    }
}

fn started() -> MutexGuard<'static, BTreeSet<u32>> {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a process that is ours to wait for.
pub(super) fn start(command: &mut Command) -> io::Result<(Child, Started)> {
    // Held while it starts: nobody sees it before it is noted.
    let mut started = started();
    let child = command.spawn()?;
    let id = child.id().unwrap_or_default();
    started.insert(id);
    Ok((child, Started(id)))
}

/// Where this is the first process of its container: waits for those that nobody else waits for,
/// for ever.
pub async fn reap() {
    if id() != 1 {
        return;
    }
    let Ok(mut ended) = signal(SignalKind::child()) else {
        tracing::warn!("the end of child processes is not heard of; those left behind stay listed");
        return;
    };
    let mut seen = BTreeSet::new();
    loop {
        if seen.is_empty() && ended.recv().await.is_none() {
            return;
        }
        sleep(PAUSE).await;
        let swept = tokio::task::spawn_blocking(move || sweep(&seen)).await;
        seen = swept.unwrap_or_default();
    }
}

/// A process by its number and when it started, as numbers are used again.
type Process = (u32, u64);

/// Waits for what had ended before and still has nobody; what has ended by now.
fn sweep(seen: &BTreeSet<Process>) -> BTreeSet<Process> {
    let mut left = BTreeSet::new();
    // Held throughout: none of these numbers becomes one of ours.
    let started = started();
    for process in ended_children().into_iter().filter(|(id, _)| !started.contains(id)) {
        let id = i32::try_from(process.0).ok().and_then(Pid::from_raw);
        if seen.contains(&process) {
            // Somebody else may have waited for it after all.
            let _ = waitpid(id, WaitOptions::NOHANG);
        } else {
            left.insert(process);
        }
    }
    left
}

fn ended_children() -> Vec<Process> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let ids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(|of: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{of}/stat")).ok()?;
        Some((of, ended_child(&stat, id())?))
    })
    .collect()
}

/// When it started, if it has ended and is a child of `parent` (proc_pid_stat(5)).
fn ended_child(stat: &str, parent: u32) -> Option<u64> {
    // The second field is the program's name in parentheses, and may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let is_over = fields.next()? == "Z";
    let is_child = fields.next()?.parse() == Ok(parent);
    let began = fields.nth(17)?.parse().ok()?;
    (is_over && is_child).then_some(began)
}

#[cfg(test)]
mod tests {
    use super::ended_child;

    #[test]
    fn a_child_that_has_ended_is_told_by_its_state_and_its_parent() {
        let rest = "7 7 0 -1 4228172 0 0 0 0 0 0 0 0 20 0 1 0 8675309 0 0 18446744073709551615";
        let stat =
            |name: &str, state: &str, parent: u32| format!("42 ({name}) {state} {parent} {rest}\n");
        assert_eq!(ended_child(&stat("sleep", "Z", 1), 1), Some(8_675_309));
        assert_eq!(ended_child(&stat("a) Z 1 (b", "Z", 1), 1), Some(8_675_309));
        assert_eq!(ended_child(&stat("a) Z 1 (b", "S", 1), 1), None);
        assert_eq!(ended_child(&stat("sleep", "Z", 2), 1), None);
        for half in ["", "42 (sleep", "42 (sleep)", "42 (sleep) Z", "42 (sleep) Z 1 7"] {
            assert_eq!(ended_child(half, 1), None, "{half}");
        }
    }
}
