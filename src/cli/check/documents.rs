//! Files, folders and stdin to documents: one Kubernetes object each, with where it stands.
//!
//! Lists are taken apart. Never here: what the objects mean.

mod parse;
mod split;

use std::borrow::Cow;
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
    pub objects: Vec<Document>,
    /// One line for each file or document that could not be read.
    pub problems: Vec<String>,
    /// One line for each thing that is worth knowing and no failure.
    pub notes: Vec<String>,
}

/// What one argument has brought so far.
#[derive(Default)]
struct Brought {
    /// There was something in it, if only an empty List.
    anything: bool,
    /// Documents that are no Kubernetes objects: values of a chart, settings of a tool.
    strays: Vec<Source>,
}

impl Documents {
    /// Reads every argument: a file, a folder (its `.yaml`, `.yml` and `.json` files, below it
    /// too), or `-` for `stdin`.
    pub fn read(arguments: &[PathBuf], stdin: &mut dyn Read) -> Self {
        let mut read = Self::default();
        let mut empty = Vec::new();
        for argument in arguments {
            let before = read.problems.len();
            let mut brought = Brought::default();
            let (name, stdin_or_folder) = if argument.as_os_str() == "-" {
                read.stream("-", stdin, &mut brought);
                (Cow::Borrowed("standard input"), true)
            } else if argument.is_dir() {
                read.folder(argument, &mut brought);
                (argument.to_string_lossy(), true)
            } else {
                read.file(argument, &mut brought);
                (argument.to_string_lossy(), false)
            };
            let failed = read.problems.len() > before;
            let alone = !brought.anything && !failed;
            for Source { file, line: at, .. } in &brought.strays {
                if alone {
                    let why = "not a Kubernetes object, which has apiVersion, kind and metadata";
                    read.problem(file, Some(*at), why);
                } else {
                    read.notes.push(line(file, Some(*at), "not a Kubernetes object, skipped"));
                }
            }
            if alone && brought.strays.is_empty() {
                let why = "holds no manifest";
                if stdin_or_folder {
                    read.problems.push(line(&name, None, why));
                } else {
                    empty.push(line(&name, None, why));
                }
            }
        }
        // A template that renders to nothing is normal beside others, and a mistake alone.
        let nothing = read.objects.is_empty() && read.problems.is_empty();
        if nothing { &mut read.problems } else { &mut read.notes }.append(&mut empty);
        read
    }

    fn folder(&mut self, folder: &Path, brought: &mut Brought) {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut paths: Vec<PathBuf> = match entries {
            Ok(entries) => entries.into_iter().map(|entry| entry.path()).collect(),
            Err(error) => return self.problem(&folder.to_string_lossy(), None, &error.to_string()),
        };
        paths.sort();
        for path in paths {
            // `.git`, `.github`, and the `..data` of a mounted ConfigMap, whose files are linked.
            let hidden =
                path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            let manifest = path
                .extension()
                .is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|e| extension == *e));
            match fs::metadata(&path) {
                _ if hidden => {}
                // A link may lead back up; a folder of manifests has no need of any.
                Ok(found) if found.is_dir() && path.is_symlink() => {
                    self.notes.push(line(
                        &path.to_string_lossy(),
                        None,
                        "a link to a folder, not followed",
                    ));
                }
                Ok(found) if found.is_dir() => self.folder(&path, brought),
                Ok(found) if manifest && found.is_file() => self.file(&path, brought),
                Err(error) if manifest => {
                    self.problem(&path.to_string_lossy(), None, &error.to_string());
                }
                _ => {}
            }
        }
    }

    fn file(&mut self, path: &Path, brought: &mut Brought) {
        let name = path.to_string_lossy();
        match fs::File::open(path) {
            Ok(mut file) => self.stream(&name, &mut file, brought),
            Err(error) => self.problem(&name, None, &error.to_string()),
        }
    }

    fn stream(&mut self, name: &str, stream: &mut dyn Read, brought: &mut Brought) {
        let mut bytes = Vec::new();
        if let Err(error) = stream.take(LARGEST + 1).read_to_end(&mut bytes) {
            return self.problem(name, None, &error.to_string());
        }
        if bytes.len() as u64 > LARGEST {
            return self.problem(name, None, "larger than 64 MiB, which no manifest is");
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) => self.text(name, text.trim_start_matches('\u{feff}'), brought),
            Err(_) if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") => {
                self.problem(name, Some(1), "UTF-16 text; save it as UTF-8");
            }
            Err(error) => {
                let line =
                    1 + bytes.iter().take(error.valid_up_to()).filter(|b| **b == b'\n').count();
                self.problem(name, Some(line), "not UTF-8 text");
            }
        }
    }

    fn text(&mut self, name: &str, text: &str, brought: &mut Brought) {
        let mut number = 0;
        for (start, part) in split::split(text) {
            let parsed = parse::parse(part);
            if let Some((above, why)) = parsed.note {
                self.notes.push(line(name, Some(start + above), &why));
            }
            for (above, value) in parsed.values {
                number += 1;
                let source =
                    Source { file: name.to_owned(), document: number, line: start + above };
                self.document(&source, value, brought);
            }
            if let Some((above, why)) = parsed.problem {
                number += 1;
                self.problem(name, Some(start + above), &why);
            }
        }
    }

    fn document(&mut self, source: &Source, value: Value, brought: &mut Brought) {
        if value.is_null() {
            return;
        }
        // Two of them, because others have one: a chart's apiVersion, a value called kind.
        let telling = ["apiVersion", "kind", "metadata", "spec", "items"];
        if telling.iter().filter(|key| value.get(key).is_some()).count() < 2 {
            return brought.strays.push(source.clone());
        }
        brought.anything = true;
        self.object(source, value);
    }

    /// Keeps an object, or each one of a List.
    fn object(&mut self, source: &Source, mut object: Value) {
        let text = |key| object.get(key).and_then(Value::as_str);
        let of_list = text("kind").and_then(|kind| kind.strip_suffix("List")).map(|kind| {
            let api_version = text("apiVersion").unwrap_or_default();
            (Value::from(kind), Value::from(api_version))
        });
        let (Some((kind, api_version)), Some(items)) = (of_list, object.get_mut("items")) else {
            self.objects.push(Document { source: source.clone(), object });
            return;
        };
        let items = match items.take() {
            Value::Array(items) => items,
            Value::Null => Vec::new(),
            _ => return self.problem(&source.file, Some(source.line), "items: must be a list"),
        };
        for mut item in items {
            // The API server leaves both out of the items of a PodList.
            if let Value::Object(fields) = &mut item
                && kind != ""
            {
                fields.entry("kind").or_insert_with(|| kind.clone());
                fields.entry("apiVersion").or_insert_with(|| api_version.clone());
            }
            self.object(source, item);
        }
    }

    fn problem(&mut self, file: &str, at: Option<usize>, why: &str) {
        self.problems.push(line(file, at, why));
    }
}

/// `file:line: why`, fit for a terminal.
pub(super) fn line(file: &str, line: Option<usize>, why: &str) -> String {
    let line = line.map(|line| format!(":{line}")).unwrap_or_default();
    format!("{}{line}: {}", printable(file, 200), printable(why, 300))
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
        let places: Vec<_> = read.objects.iter().map(place).collect();
        places
            .into_iter()
            .map(|(document, line, kind)| (document, line, &*kind.unwrap_or_default().leak()))
            .collect()
    }

    #[test]
    fn every_document_is_found_with_its_line() {
        let read =
            read("# head\n---\n# why\nkind: A\nspec:\n---\n\n---\nnull\n--- {kind: C, spec: 1}\n");
        assert_eq!(read.problems, Vec::<String>::new());
        assert_eq!(places(&read), [(1, 4, "A"), (3, 10, "C")]);
    }

    #[test]
    fn lists_are_taken_apart_and_their_items_keep_their_line() {
        let text = "{\"kind\":\"List\",\"items\":[{\"kind\":\"A\"},\n\t{\"kind\":\"B\"}]}\n";
        assert_eq!(places(&read(text)), [(1, 1, "A"), (1, 1, "B")]);
        let read = read("apiVersion: v1\nkind: PodList\nitems: [{spec: {}}, {kind: B}]\n");
        assert_eq!(places(&read), [(1, 1, "Pod"), (1, 1, "B")]);
        assert_eq!(read.objects[0].object["apiVersion"], "v1");
    }

    #[test]
    fn a_broken_document_is_named_by_line_and_the_others_are_kept() {
        let read = read("kind: A\nspec:\n---\nkind: B\n  bad: [\n---\nkind: C\nspec:\n");
        assert_eq!(places(&read), [(1, 1, "A"), (3, 7, "C")]);
        assert_eq!(read.problems.len(), 1);
        assert!(read.problems[0].starts_with("-:5: not YAML"), "{:?}", read.problems);
    }
}
