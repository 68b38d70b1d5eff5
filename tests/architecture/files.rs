//! The source files of the package, and which of them a `mod` reaches.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use super::paths::contents;

/// A source file.
#[derive(Debug)]
pub struct Source {
    /// From the package's root, with `/`.
    pub path: String,
    pub text: String,
}

/// Every `.rs` file under some folders.
pub fn sources(root: &Path, folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders: VecDeque<PathBuf> = folders.iter().map(|name| root.join(name)).collect();
    while let Some(folder) = folders.pop_front() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push_back(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// Whether cargo itself compiles the file: it needs no `mod`.
pub fn is_root(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    matches!(
        parts.as_slice(),
        ["src", "lib.rs" | "main.rs"]
            | ["src", "bin", _]
            | ["tests" | "benches" | "examples", _]
            | ["tests" | "benches" | "examples" | "bin", _, "main.rs"]
    )
}

/// The files that are compiled, and whether only for tests.
pub fn reached(sources: &[Source]) -> BTreeMap<&str, bool> {
    let by_path: BTreeMap<&str, &Source> =
        sources.iter().map(|source| (source.path.as_str(), source)).collect();
    let mut reached = BTreeMap::new();
    // With whether its own `mod`s are beside it, as those of a root or of a file that a `path`
    // attribute names are.
    let roots = sources.iter().filter(|source| is_root(&source.path));
    let mut queue: VecDeque<(&Source, bool, bool)> = roots.map(|it| (it, false, true)).collect();
    while let Some((source, test, beside)) = queue.pop_front() {
        // Reached once for the program, it is not for tests only.
        if reached.get(source.path.as_str()).is_some_and(|only_test| !only_test || test) {
            continue;
        }
        reached.insert(source.path.as_str(), test);
        for declared in contents(&source.text, &[]).mods {
            let file = declared.file.as_deref();
            for candidate in candidates(&source.path, beside, &declared.path, file) {
                if let Some(next) = by_path.get(candidate.as_str()) {
                    queue.push_back((next, test || declared.test, file.is_some()));
                }
            }
        }
    }
    reached
}

/// Where the file of a `mod` may be.
fn candidates(declaring: &str, beside: bool, path: &[String], file: Option<&str>) -> Vec<String> {
    let (folder, name) = declaring.rsplit_once('/').unwrap_or(("", declaring));
    if let Some(file) = file {
        return vec![format!("{folder}/{file}")];
    }
    let folder = if beside || name == "mod.rs" {
        folder.to_owned()
    } else {
        format!("{folder}/{}", name.trim_end_matches(".rs"))
    };
    let stem = format!("{folder}/{}", path.join("/"));
    vec![format!("{stem}.rs"), format!("{stem}/mod.rs")]
}
