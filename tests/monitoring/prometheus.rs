//! Prometheus' own code, built.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::parts::go::Program;

const MODULE: &str = "tests/prometheus";

const PROMTOOL: Program = Program {
    // How it finds what to scrape is not wanted here, and is most of what would be built.
    tags: "remove_all_sd",
    ..Program::tool("promtool", MODULE, "github.com/prometheus/prometheus/cmd/promtool")
};

const QUERIES: Program = Program::own("queries", MODULE);

/// promtool, or why there is none.
pub fn promtool() -> Result<PathBuf, String> {
    PROMTOOL.built()
}

/// The program that holds queries against a scrape, or why there is none.
pub fn queries() -> Result<PathBuf, String> {
    QUERIES.built()
}

/// Runs a program from the package's root to its end, feeding it this text.
pub fn run(program: &PathBuf, arguments: &[&str], stdin: &str) -> Output {
    use std::io::Write as _;
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let stdin = stdin.to_owned();
    // Beside the reading, or two full pipes could wait for each other.
    let feed = std::thread::spawn(move || {
        let _ = pipe.write_all(stdin.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    feed.join().unwrap();
    output
}

/// What a run printed.
pub fn printed(output: &Output) -> String {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    format!("{stdout}{stderr}")
}
