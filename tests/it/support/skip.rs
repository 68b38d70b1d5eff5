//! Skipping a test out loud: a part it needs is not on this machine.

use std::io::Write;

/// Names the file to which skipped tests append one line each; `tests/run` counts them.
const FILE: &str = "PULLCHECK_TEST_SKIPS";

/// Says that the running test is skipped and why.
pub fn record(why: &str) {
    let thread = std::thread::current();
    let line = format!("SKIPPED {}: {why}\n", thread.name().unwrap_or("a test"));
    // Not `eprint!`: the test harness would swallow the line of a test that passes.
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    if let Some(path) = std::env::var_os(FILE) {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}

/// Skips the running test, whose function returns `()`: `skip!("docker-registry is not installed")`.
macro_rules! skip {
    ($why:expr) => {{
        $crate::support::skip::record($why);
        return;
    }};
}
pub(crate) use skip;
