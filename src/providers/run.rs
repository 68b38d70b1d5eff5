//! One process: a request on its standard input, an answer on its standard output.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::try_join;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::{Environment, Limits, Plugin, orphans};
use crate::credentials::provider::ResponseFault;

/// Longest that the end of a process is waited for which was killed.
const KILLED: Duration = Duration::from_secs(5);

/// Why there is no answer. Nothing of what the process wrote.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("it cannot be started: {0}")]
    Start(io::ErrorKind),
    #[error("it was still running after {0:?}")]
    TooLong(Duration),
    #[error("it wrote more than {0} bytes")]
    TooMuch(usize),
    #[error("its output cannot be read: {0}")]
    Unreadable(io::ErrorKind),
    #[error("it ended with exit code {0}")]
    Exit(i32),
    #[error("a signal ended it")]
    Signal,
    #[error("{0}")]
    Response(ResponseFault),
}

/// Runs a plugin about an image, and gives what it wrote to its standard output.
///
/// No shell has a part in it: arguments and variables are handed over as they are. What the plugin
/// writes to its standard error goes nowhere.
pub(super) async fn run(
    plugin: &Plugin,
    environment: &Environment,
    name: &str,
    limits: &Limits,
) -> Result<Vec<u8>, Failure> {
    let provider = &plugin.provider;
    let mut command = Command::new(&plugin.path);
    command
        .args(&provider.args)
        .env_clear()
        .envs(environment.0.iter().map(|(name, value)| (name, value)))
        // After ours, so that these win.
        .envs(provider.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // One of its own, so that what it started ends with it.
        .process_group(0)
        .kill_on_drop(true);
    let started = orphans::start(&mut command);
    // Dropped last, in reverse order: `started` says that somebody waits for it.
    let (_started, mut child) = match started {
        Ok((child, started)) => (started, child),
        Err(error) => return Err(Failure::Start(error.kind())),
    };
    let group = Group::of(child.id());
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let exchange = async {
        let request = provider.version.request(name);
        let (output, ()) = try_join(read(stdout, limits.output), write(stdin, &request)).await?;
        // Only now: as long as it is not waited for, its number is nobody else's.
        let status = child.wait().await.map_err(|error| Failure::Unreadable(error.kind()))?;
        Ok((output, status))
    };
    let late = |_| Failure::TooLong(limits.time);
    let ended = timeout(limits.time, exchange).await.map_err(late).flatten();
    let (output, status) = match ended {
        Ok(ended) => {
            group.spare();
            ended
        }
        Err(failure) => {
            drop(group);
            // It was killed, so this is soon; where the kernel holds it, tokio waits on.
            let _ = timeout(KILLED, child.wait()).await;
            return Err(failure);
        }
    };
    match status.code() {
        Some(0) => Ok(output),
        Some(code) => Err(Failure::Exit(code)),
        None => Err(Failure::Signal),
    }
}

/// A plugin need not read what it is asked; whether it did, its answer tells.
async fn write(stdin: Option<ChildStdin>, request: &[u8]) -> Result<(), Failure> {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(request).await;
    }
    Ok(())
}

async fn read(stdout: Option<ChildStdout>, most: usize) -> Result<Vec<u8>, Failure> {
    let mut output = Vec::new();
    if let Some(stdout) = stdout {
        let read = stdout.take(most as u64 + 1).read_to_end(&mut output).await;
        read.map_err(|error| Failure::Unreadable(error.kind()))?;
    }
    if output.len() > most { Err(Failure::TooMuch(most)) } else { Ok(output) }
}

/// The process and what it started. Killed when dropped, unless it is over.
struct Group(Option<Pid>);

impl Group {
    fn of(id: Option<u32>) -> Self {
        Self(id.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)))
    }

    fn spare(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.0 {
            // One that has just ended by itself is no failure.
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}
