//! Asks the oracle many cases, compares, and makes the first disagreement small.

use std::fmt::Debug;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;

use pullcheck::image::Platform;
use serde::Deserialize;
use serde_json::Value;

/// How many cases may be on their way to the oracle.
const AHEAD: usize = 256;

/// Something to be asked of the oracle and of us.
pub trait Case: Clone + Debug + Send {
    /// For the oracle: one field of the type `question` in `main.go`.
    fn question(&self) -> Value;

    /// Ours and theirs, if they differ.
    fn disagreement(&self, theirs: &Answer) -> Option<String>;

    /// Simpler cases, the simplest first.
    fn smaller(&self) -> Vec<Self>;
}

/// The type `answer` in `main.go`; empty but for `error` where the node's code returns one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answer {
    pub error: Option<String>,
    pub reference: String,
    /// For each image.
    pub credentials: Vec<Vec<Credential>>,
    pub platform: Option<WirePlatform>,
    pub formatted: String,
    pub compatible: Vec<usize>,
    pub exact: Vec<usize>,
}

/// User name and password in base64.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Credential {
    pub source: usize,
    pub username: String,
    pub password: String,
}

/// A platform as an index holds it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WirePlatform {
    os: String,
    architecture: String,
    variant: String,
    #[serde(rename = "os.version")]
    os_version: String,
    #[serde(rename = "os.features")]
    os_features: Vec<String>,
}

impl WirePlatform {
    pub fn to_platform(&self) -> Platform {
        Platform {
            os_version: self.os_version.clone(),
            os_features: self.os_features.clone(),
            ..Platform::new(&self.os, &self.architecture, &self.variant)
        }
    }
}

/// Demands the oracle's answer to every case; `seen` is told each of them.
pub fn compare<C: Case>(
    oracle: &Path,
    cases: impl Iterator<Item = C> + Send,
    mut seen: impl FnMut(&C, &Answer),
) {
    let (running, mut input, mut output) = start(oracle);
    let (sender, receiver) = mpsc::sync_channel(AHEAD);
    let wrong = std::thread::scope(|scope| {
        scope.spawn(move || {
            for case in cases {
                // Either fails once a disagreement has ended the comparison.
                if write(&mut input, &case).is_err() || sender.send(case).is_err() {
                    return;
                }
            }
        });
        // Ends with this closure, also when it panics, or the other thread might never.
        let _running = running;
        for case in receiver {
            let theirs = read(&mut output);
            if case.disagreement(&theirs).is_some() {
                return Some(case);
            }
            seen(&case, &theirs);
        }
        None
    });
    if let Some(case) = wrong {
        let (case, why) = shrink(oracle, case);
        panic!("the node's code disagrees on\n{case:#?}\n{why}");
    }
}

/// The smallest case at hand that the oracle still disagrees on, and how.
fn shrink<C: Case>(oracle: &Path, mut case: C) -> (C, String) {
    let (_running, mut input, mut output) = start(oracle);
    let mut ask = |case: &C| {
        write(&mut input, case).unwrap();
        case.disagreement(&read(&mut output))
    };
    let mut why = ask(&case).unwrap_or_else(|| "not when asked again".into());
    'smaller: loop {
        for candidate in case.smaller() {
            if let Some(still) = ask(&candidate) {
                (case, why) = (candidate, still);
                continue 'smaller;
            }
        }
        break;
    }
    (case, why)
}

/// The oracle, killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(oracle: &Path) -> (Running, ChildStdin, BufReader<ChildStdout>) {
    let mut command = Command::new(oracle);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let input = child.stdin.take().unwrap();
    let output = BufReader::with_capacity(1 << 20, child.stdout.take().unwrap());
    (Running(child), input, output)
}

fn write(input: &mut impl Write, case: &impl Case) -> std::io::Result<()> {
    // In one piece, or the oracle is woken for parts of a line.
    input.write_all(format!("{}\n", case.question()).as_bytes())
}

fn read(output: &mut impl BufRead) -> Answer {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: the oracle says {line:?}"))
}
