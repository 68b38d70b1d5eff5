//! What is written about the program is what the program does.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Set to rewrite the generated parts of the documentation instead of comparing them.
const BLESS: &str = "PULLCHECK_BLESS";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn hold(name: &str, expected: &str) {
    let path = path(name);
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, expected).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == expected,
        "{name} is not what the program says; refresh it with {BLESS}=1 cargo test --test it docs"
    );
}

#[test]
fn the_page_of_causes_is_the_catalogue() {
    hold("docs/causes.md", &pullcheck::causes::markdown());
}

#[test]
fn the_transcript_in_the_readme_is_what_the_demo_prints() {
    let run = Command::new(env!("CARGO_BIN_EXE_pullcheck")).arg("demo").output().unwrap();
    let printed = String::from_utf8(run.stdout).unwrap();
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{printed}\n{errors}");
    let readme = std::fs::read_to_string(path("README.md")).unwrap();
    let (before, rest) = readme.split_once("<!-- demo -->\n```console\n").unwrap();
    let (_, after) = rest.split_once("```\n<!-- /demo -->").unwrap();
    let expected =
        format!("{before}<!-- demo -->\n```console\n{printed}```\n<!-- /demo -->{after}");
    hold("README.md", &expected);
}

#[test]
fn the_counts_in_the_readme_are_those_of_the_page_of_nodes() {
    let page = std::fs::read_to_string(path("docs/truth.md")).unwrap();
    let part = |name: &str| {
        let (_, rest) = page.split_once(&format!("<!-- {name} -->")).unwrap();
        rest.split_once(&format!("<!-- /{name} -->")).unwrap().0
    };
    let images = part("truth").lines().find_map(|line| line.strip_suffix(" cases.")).unwrap();
    // But for the head and the line below it.
    let pods = part("node").lines().filter(|line| line.starts_with('|')).count() - 2;
    let claim = format!("{images} images on two generations of containerd and {pods} pods");
    let readme = std::fs::read_to_string(path("README.md")).unwrap();
    assert!(readme.contains(&claim), "README.md does not say: {claim}");
}
