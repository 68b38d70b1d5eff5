//! Reads the configuration and looks for the executables, at start.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::environment::inherited;
use super::{Limits, Providers};
use crate::credentials::provider::{self, Document, Named, Problem, Problems};
use crate::message::printable;

/// Largest file that is read, in bytes; far above what anybody writes.
const LARGEST: u64 = 1 << 20;
/// Most files of a folder.
const MOST_FILES: usize = 256;

/// The providers of `config`, a file or (as the kubelet of 1.36 takes it) a folder of files, with
/// their executables in `folder`; else everything that is wrong.
pub fn load(config: &Path, folder: &Path, limits: Limits) -> Result<Providers, Problems> {
    let mut problems = Vec::new();
    let documents = documents(config, &mut problems);
    let (providers, named, wrong) = provider::read(&documents);
    problems.extend(wrong);
    executables(folder, &named, &mut problems);
    if problems.is_empty() {
        Ok(Providers::new(providers, folder, inherited(), limits))
    } else {
        Err(Problems(problems))
    }
}

fn problem(path: &Path, message: impl Into<String>) -> Problem {
    Problem { file: shown(path), field: String::new(), message: message.into() }
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy(), 200)
}

fn documents(config: &Path, problems: &mut Vec<Problem>) -> Vec<Document> {
    let files = match fs::metadata(config) {
        Ok(metadata) if metadata.is_dir() => match files_in(config) {
            Ok(files) if files.is_empty() => Err("has no file *.json, *.yaml or *.yml".to_owned()),
            Ok(files) if files.len() > MOST_FILES => {
                Err(format!("has more than {MOST_FILES} files"))
            }
            Ok(files) => Ok(files),
            Err(error) => Err(format!("cannot be listed: {error}")),
        },
        Ok(_) => Ok(vec![config.to_owned()]),
        Err(error) => Err(format!("cannot be read: {error}")),
    };
    let mut documents = Vec::new();
    match files {
        Err(why) => {
            problems.push(problem(config, format!("{why}; name a CredentialProviderConfig")));
        }
        Ok(files) => {
            for file in files {
                match read(&file) {
                    Ok(text) => documents.push(Document { file: shown(&file), text }),
                    Err(why) => problems.push(problem(&file, why)),
                }
            }
        }
    }
    documents
}

/// The files that the kubelet takes from a folder, in its order.
fn files_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        let fits = matches!(extension, Some("json" | "yaml" | "yml"));
        // A link counts as a file, whatever it leads to.
        if fits && !entry.file_type()?.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("cannot be read: {error}; make it readable for pullcheck"))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("is larger than {LARGEST} bytes; name a CredentialProviderConfig"));
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 text; name YAML or JSON".to_owned())
}

const PUT: &str = "put the provider's executable there";

/// Every executable is there and may be run, as the kubelet makes sure of at its start.
fn executables(folder: &Path, named: &[Named], problems: &mut Vec<Problem>) {
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => {
            problems.push(problem(folder, "is no folder; name the one that holds the executables"));
            return;
        }
        Err(error) => {
            let fix = "name the folder that holds the executables";
            problems.push(problem(folder, format!("cannot be read: {error}; {fix}")));
            return;
        }
    }
    for Named { file, field, name } in named {
        let path = folder.join(name);
        let fault = match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {
                Some(format!("is a folder, not an executable; {PUT}"))
            }
            Ok(metadata) if metadata.permissions().mode() & 0o111 == 0 => {
                Some("may not be executed; set its mode to 0755".to_owned())
            }
            Ok(_) => None,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Some(format!("does not exist; {PUT}"))
            }
            Err(error) => {
                Some(format!("cannot be looked at: {error}; make it executable for pullcheck"))
            }
        };
        if let Some(fault) = fault {
            let message = format!("{} {fault}", shown(&path));
            problems.push(Problem { file: file.clone(), field: field.clone(), message });
        }
    }
}
