//! Files, folders and stdin to documents: one Kubernetes object each, with where it stands.
//!
//! Lists are taken apart. Never here: what the objects mean.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::message::printable;

/// Largest file that is read, in bytes; no manifest comes near it.
const LARGEST: u64 = 64 << 20;

/// Where a document stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// File name as given or found; `-` for stdin.
    pub file: String,
    /// Number of the document in the file, from 1.
    pub document: usize,
    /// Line on which the document begins, from 1.
    pub line: usize,
}

/// One object of a manifest.
#[derive(Debug, Clone)]
pub struct Document {
    /// Where it stands.
    pub source: Source,
    /// The object.
    pub object: Value,
}

/// Everything that was read, and what could not be.
#[derive(Debug, Default)]
pub struct Documents {
    /// The objects, in the order in which they were given.
    pub documents: Vec<Document>,
    /// One line for each file or document that could not be read.
    pub problems: Vec<String>,
}

impl Documents {
    /// Reads every argument: a file, a folder (its `.yaml`, `.yml` and `.json` files, below it
    /// too), or `-` for `stdin`.
    pub fn read(arguments: &[PathBuf], stdin: &mut dyn Read) -> Self {
        let mut read = Self::default();
        for argument in arguments {
            if argument.as_os_str() == "-" {
                read.stream("-", stdin);
            } else if argument.is_dir() {
                read.folder(argument);
            } else {
                read.file(argument);
            }
        }
        read
    }

    fn folder(&mut self, folder: &Path) {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut paths: Vec<PathBuf> = match entries {
            Ok(entries) => entries.into_iter().map(|entry| entry.path()).collect(),
            Err(error) => return self.problem(&folder.to_string_lossy(), None, &error.to_string()),
        };
        paths.sort();
        for path in paths {
            let manifest = path
                .extension()
                .is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|e| extension == *e));
            // A link may lead back up; a folder of manifests has no need of any.
            if path.is_dir() && !path.is_symlink() {
                self.folder(&path);
            } else if manifest && path.is_file() {
                self.file(&path);
            }
        }
    }

    fn file(&mut self, path: &Path) {
        let name = path.to_string_lossy();
        match fs::File::open(path) {
            Ok(mut file) => self.stream(&name, &mut file),
            Err(error) => self.problem(&name, None, &error.to_string()),
        }
    }

    fn stream(&mut self, name: &str, stream: &mut dyn Read) {
        let mut bytes = Vec::new();
        if let Err(error) = stream.take(LARGEST + 1).read_to_end(&mut bytes) {
            return self.problem(name, None, &error.to_string());
        }
        if bytes.len() as u64 > LARGEST {
            return self.problem(name, None, "larger than 64 MiB, which no manifest is");
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) => self.text(name, text.trim_start_matches('\u{feff}')),
            Err(error) => {
                let line =
                    1 + bytes.iter().take(error.valid_up_to()).filter(|b| **b == b'\n').count();
                self.problem(name, Some(line), "not UTF-8 text");
            }
        }
    }

    fn text(&mut self, name: &str, text: &str) {
        for (index, (line, part)) in split(text).into_iter().enumerate() {
            let source = Source { file: name.to_owned(), document: index + 1, line };
            match parse(part) {
                Ok(Value::Null) => {}
                Ok(object) => self.object(&source, object),
                Err((below, why)) => self.problem(name, Some(line + below), &why),
            }
        }
    }

    /// Keeps an object, or each one of a List.
    fn object(&mut self, source: &Source, object: Value) {
        let is_list =
            object.get("kind").and_then(Value::as_str).is_some_and(|k| k.ends_with("List"));
        match object {
            Value::Object(mut list) if is_list && list.contains_key("items") => {
                if let Some(Value::Array(items)) = list.remove("items") {
                    for item in items {
                        self.object(source, item);
                    }
                }
            }
            object => self.documents.push(Document { source: source.clone(), object }),
        }
    }

    fn problem(&mut self, file: &str, line: Option<usize>, why: &str) {
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        self.problems.push(format!("{}{line}: {}", printable(file, 200), printable(why, 300)));
    }
}

/// The documents of a YAML stream: each with the line, from 1, on which its content begins.
///
/// `---` at the start of a line always ends a document: inside a block scalar every line is
/// indented.
fn split(text: &str) -> Vec<(usize, &str)> {
    let mut starts = vec![(0, 1)];
    let mut offset = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let marker = line
            .strip_prefix("---")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']));
        if marker {
            // What follows the marker on its line belongs to the document: `--- {a: b}`.
            starts.push((offset + 3, index + 1));
        }
        offset += line.len();
    }
    let ends: Vec<usize> =
        starts.iter().skip(1).map(|(start, _)| start - 3).chain([text.len()]).collect();
    starts
        .into_iter()
        .zip(ends)
        .filter_map(|((start, line), end)| Some((line, text.get(start..end)?)))
        .filter_map(|(line, part)| {
            let blank = part.lines().take_while(|line| {
                let line = line.trim();
                line.is_empty() || line.starts_with('#') || line.starts_with('%')
            });
            let skipped = blank.count();
            (skipped < part.lines().count()).then_some((line + skipped, part, skipped))
        })
        .map(|(line, part, skipped)| (line, after_lines(part, skipped)))
        .collect()
}

/// `text` without its first `count` lines.
fn after_lines(text: &str, count: usize) -> &str {
    let skipped: usize = text.split_inclusive('\n').take(count).map(str::len).sum();
    text.get(skipped..).unwrap_or_default()
}

/// One document; an error comes with the number of lines above it and what is wrong.
fn parse(text: &str) -> Result<Value, (usize, String)> {
    if text.trim_start().starts_with('{')
        && let Ok(value) = serde_json::from_str(text)
    {
        return Ok(value); // JSON is faster read as what it is, and YAML forbids its tabs.
    }
    serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map_or(0, |at| at.line().saturating_sub(1));
        let why = error.without_snippet().to_string();
        (usize::try_from(line).unwrap_or_default(), format!("not YAML: {why}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Documents {
        Documents::read(&[PathBuf::from("-")], &mut text.as_bytes())
    }

    fn places(read: &Documents) -> Vec<(usize, usize, &str)> {
        let place = |d: &Document| {
            (d.source.document, d.source.line, d.object["kind"].as_str().map(str::to_owned))
        };
        let places: Vec<_> = read.documents.iter().map(place).collect();
        places
            .into_iter()
            .map(|(document, line, kind)| (document, line, &*kind.unwrap_or_default().leak()))
            .collect()
    }

    #[test]
    fn every_document_is_found_with_its_line() {
        let read = read("# head\n---\n# why\nkind: A\n---\n\n---\nkind: B\n--- {kind: C}\n");
        assert_eq!(read.problems, Vec::<String>::new());
        assert_eq!(places(&read), [(1, 4, "A"), (2, 8, "B"), (3, 9, "C")]);
    }

    #[test]
    fn a_marker_inside_a_block_scalar_ends_nothing() {
        let read = read("kind: A\ntext: |\n  ---\n  x\n");
        assert_eq!(places(&read), [(1, 1, "A")]);
    }

    #[test]
    fn json_and_lists_are_read_and_lists_taken_apart() {
        let read = read("{\"kind\":\"List\",\"items\":[{\"kind\":\"A\"},\n\t{\"kind\":\"B\"}]}");
        assert_eq!(places(&read), [(1, 1, "A"), (1, 1, "B")]);
    }

    #[test]
    fn a_broken_document_is_named_by_line_and_the_others_are_kept() {
        let read = read("kind: A\n---\nkind: B\n  bad: [\n---\nkind: C\n");
        assert_eq!(places(&read), [(1, 1, "A"), (3, 6, "C")]);
        assert_eq!(read.problems.len(), 1);
        assert!(read.problems[0].starts_with("-:4: not YAML"), "{:?}", read.problems);
    }

    #[test]
    fn a_missing_file_and_bytes_that_are_no_text_are_problems_not_panics() {
        let read = Documents::read(&[PathBuf::from("/nonexistent.yaml")], &mut &b""[..]);
        assert!(read.problems[0].starts_with("/nonexistent.yaml: No such file"));
        let read = Documents::read(&[PathBuf::from("-")], &mut &b"a: 1\n\xff"[..]);
        assert_eq!(read.problems, ["-:2: not UTF-8 text"]);
    }
}
