//! Running a tool to its end, in bounded time.

use std::process::Output;
use std::time::Duration;

use tokio::process::Command;

/// On machines where the network swallows packets.
const PATIENCE: Duration = Duration::from_secs(1200);

/// What it printed, or what it wrote to stderr if it fails.
pub fn run(command: Command) -> Result<Output, String> {
    run_within(command, PATIENCE)
}

/// The same in a time of the caller's own.
pub fn run_within(mut command: Command, patience: Duration) -> Result<Output, String> {
    command.kill_on_drop(true).stdin(std::process::Stdio::null());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let output = runtime
        .block_on(async { tokio::time::timeout(patience, command.output()).await })
        .map_err(|_| format!("no end after {patience:?}"))?
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(output);
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; "))
}
