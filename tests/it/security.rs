//! What `SECURITY.md` claims is held by code and tests that exist.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

/// The text of every Rust file under these folders of the package.
fn sources(folders: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = folders.iter().map(|name| root().join(name)).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_threat_model_names_code_and_tests_that_exist() {
    let sources = sources(&["src", "tests"]);
    let tests: HashSet<&str> = sources
        .iter()
        .flat_map(|(_, text)| text.split("fn ").skip(1))
        .filter_map(|after| after.split('(').next())
        .collect();
    let page = std::fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let (_, model) = page.split_once("## Threat model").unwrap();
    let mut named = 0;
    // Every second piece is between backticks.
    for word in model.split('`').skip(1).step_by(2) {
        let path = ["src/", "tests/", "deploy/", "docs/"].iter().any(|at| word.starts_with(at));
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if path {
            assert!(root().join(word).exists(), "{word} is not there");
        } else if word.matches('_').count() >= 3 && word.chars().all(is_name) {
            assert!(tests.contains(word), "no test is called {word}");
            named += 1;
        }
    }
    assert!(named >= 60, "only {named} tests are named");
}

#[test]
fn every_fuzz_target_has_a_row_in_each_table_and_is_built_and_no_other_is_named() {
    let entries = std::fs::read_dir(root().join("fuzz/fuzz_targets")).unwrap();
    let there: BTreeSet<String> = entries
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let manifest = std::fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    let (_, built) = manifest.split_once("[[bin]]").unwrap();
    let built: BTreeSet<String> = built
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .map(str::to_owned)
        .collect();
    assert_eq!(built, there, "fuzz/Cargo.toml");
    let page = std::fs::read_to_string(root().join("docs/fuzzing.md")).unwrap();
    // What must hold, and what came of it, if that is there.
    let tables: Vec<BTreeSet<String>> = page
        .split("\n\n")
        .filter(|part| part.starts_with("| target |"))
        .map(|table| {
            let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
            rows.map(|(name, _)| name.to_owned()).collect()
        })
        .collect();
    assert!(!tables.is_empty(), "docs/fuzzing.md has no table of the targets");
    for named in tables {
        assert_eq!(named, there, "docs/fuzzing.md");
    }
}

#[test]
fn no_file_of_ours_may_do_without_the_ban_of_unsafe() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"forbid\""));
    // The package of the fuzz targets is a workspace of its own.
    for entry in std::fs::read_dir(root().join("fuzz/fuzz_targets")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("unsafe_code"), "{}", path.display());
    }
    for (path, text) in sources(&["src", "tests", "fuzz/fuzz_targets"]) {
        // In two pieces, so as not to find itself.
        let unsafe_word = ["un", "safe {"].concat();
        assert!(!text.contains(&unsafe_word), "{}", path.display());
    }
}
