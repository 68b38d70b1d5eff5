//! kubectl, run to its end.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::secrets::assert_no_secret;

/// One run of kubectl to come.
pub struct Kubectl {
    command: Command,
    stdin: String,
}

/// What a run gave.
#[derive(Debug)]
pub struct Ran {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Kubectl {
    /// `command` is kubectl with its kubeconfig.
    pub fn of(command: Command) -> Self {
        Self { command, stdin: String::new() }
    }

    /// More arguments, separated by blanks.
    pub fn args(mut self, line: &str) -> Self {
        self.command.args(line.split_whitespace());
        self
    }

    /// One argument that may hold blanks.
    pub fn arg(mut self, arg: &str) -> Self {
        self.command.arg(arg);
        self
    }

    /// Runs in this folder.
    pub fn within(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// What it reads: `-f -`.
    pub fn stdin(mut self, text: impl Into<String>) -> Self {
        self.stdin = text.into();
        self
    }

    /// Runs it, away from the threads that serve.
    pub async fn run(mut self) -> Ran {
        let run = move || {
            let mut child = self
                .command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut pipe = child.stdin.take().unwrap();
            // Beside the reading, or two full pipes could wait for each other.
            let stdin = self.stdin;
            let feed = std::thread::spawn(move || {
                let _ = pipe.write_all(stdin.as_bytes());
            });
            let output = child.wait_with_output().unwrap();
            feed.join().unwrap();
            Ran {
                code: output.status.code(),
                stdout: String::from_utf8(output.stdout).unwrap(),
                stderr: String::from_utf8(output.stderr).unwrap(),
            }
        };
        let ran = tokio::task::spawn_blocking(run).await.unwrap();
        // What kubectl prints of Secrets is the tests' own doing; what it prints to stderr comes
        // from the API server and from us.
        assert_no_secret("what kubectl was told", &ran.stderr);
        ran
    }

    /// Runs it, and gives its exit code and all that it printed, in the order in which a terminal
    /// shows it.
    pub async fn shown(mut self) -> (Option<i32>, String) {
        let run = move || {
            let (mut reader, writer) = std::io::pipe().unwrap();
            let stderr = writer.try_clone().unwrap();
            let command = self.command.stdin(Stdio::null()).stdout(writer).stderr(stderr);
            let mut child = command.spawn().unwrap();
            // Or its own ends of the pipe would keep it open.
            drop(self);
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            (child.wait().unwrap().code(), text)
        };
        let (code, text) = tokio::task::spawn_blocking(run).await.unwrap();
        assert_no_secret("what kubectl showed", &text);
        (code, text)
    }

    /// Runs it, and panics unless it succeeds; what it printed.
    pub async fn succeeds(self) -> String {
        let ran = self.run().await;
        assert_eq!(ran.code, Some(0), "{ran}");
        ran.stdout
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, stdout, stderr } = self;
        write!(f, "kubectl ended with {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}
