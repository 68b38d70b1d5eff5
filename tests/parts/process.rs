//! Programs that run beside the test and die with it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::webhook::signal;

/// How much of a log is shown when a test fails.
const LAST_LINES: usize = 40;

/// A program that is killed when dropped.
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it; what it prints goes to a file in `folder`.
    pub fn start(name: &'static str, folder: &Path, command: &mut Command) -> Self {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name, child, log }
    }

    /// What it has printed.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Panics with what it said if it has ended.
    pub fn assert_running(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("{} has ended: {status}", self.name);
        }
    }

    /// Stops it in its tracks: its connections stay open, and nobody answers.
    pub fn freeze(&self) {
        signal(&self.child, "STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        signal(&self.child, "CONT");
    }

    /// Kills it, if it has not ended by itself.
    pub fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            eprintln!("--- the last of {}:\n{}", self.name, last_lines(&self.log()));
        }
    }
}

/// The end of a log.
pub fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}
