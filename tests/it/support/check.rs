//! Running the built binary to its end, `pullcheck check` above all.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::secrets::assert_no_secret;

/// No run takes this long; it only turns a hang of the suite into a failure with a name.
const NEVER: Duration = Duration::from_secs(120);

/// The binary under test.
pub const PULLCHECK: &str = env!("CARGO_BIN_EXE_pullcheck");

/// A run of the binary to come.
#[derive(Default)]
pub struct Run {
    args: Vec<String>,
    env: Vec<(String, String)>,
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

/// `pullcheck check` with these arguments.
pub fn check<S: AsRef<str>>(args: &[S]) -> Run {
    Run::of(&["check"]).args(args)
}

impl Run {
    /// Any arguments.
    pub fn of<S: AsRef<str>>(args: &[S]) -> Self {
        Self::default().args(args)
    }

    /// More arguments.
    pub fn args<S: AsRef<str>>(mut self, args: &[S]) -> Self {
        self.args.extend(args.iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// An environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Text on standard input; empty without.
    pub fn stdin(mut self, text: impl Into<String>) -> Self {
        self.stdin = text.into();
        self
    }

    /// Runs it. Whatever it prints is searched for every secret of the tests.
    pub async fn run(self) -> Ran {
        let home = TempDir::new().unwrap();
        let mut command = Command::new(PULLCHECK);
        command
            .args(&self.args)
            .env_clear()
            .envs(clean_env(&home))
            .envs(self.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let stdin = self.stdin;
        // Beside the reading, or two full pipes could wait for each other. A program that does
        // not read its input closes the pipe, which is not an error here.
        let feed = tokio::spawn(async move {
            let _ = pipe.write_all(stdin.as_bytes()).await;
        });
        let Ok(output) = tokio::time::timeout(NEVER, child.wait_with_output()).await else {
            panic!("pullcheck {:?} did not end in {NEVER:?}", self.args);
        };
        feed.abort();
        let output = output.unwrap();
        let ran = Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert_no_secret("standard output", &ran.stdout);
        assert_no_secret("standard error", &ran.stderr);
        ran
    }
}

impl Ran {
    /// Fails, with everything it printed, unless it ended with this code.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Standard output as the one JSON document that `--output json` promises.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("standard output is not one JSON document ({error}):\n{self}"),
        }
    }

    /// The codes of all findings of `--output json`, in their order.
    #[track_caller]
    pub fn codes(&self) -> Vec<String> {
        let json = self.json();
        let objects = json["objects"].as_array().unwrap();
        objects
            .iter()
            .flat_map(|object| object["findings"].as_array().unwrap())
            .map(|finding| finding["code"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { code, stdout, stderr } = self;
        write!(f, "exit code {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// What a child process gets of an environment: nothing of this machine's proxies, kubeconfig,
/// cluster, docker logins or pullcheck settings.
pub fn clean_env(home: &TempDir) -> Vec<(&'static str, std::ffi::OsString)> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| OsStr::new("/usr/bin:/bin").into());
    vec![("PATH", path), ("HOME", home.path().into()), ("NO_COLOR", "1".into())]
}
