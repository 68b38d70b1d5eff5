//! The folders of a `certs.d` tree: which one is a registry's, and what is in it.

#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::entry::{ClientPair, Entry};
use super::toml_file;
use crate::message::printable;

/// Bytes of one file that are read.
const LONGEST: u64 = 4 * 1024 * 1024;
/// Files of one folder that are looked at.
const MOST_FILES: usize = 1_000;

/// What a folder says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Folder {
    pub(super) entries: Vec<Entry>,
    /// Its `hosts.toml` is left aside, and why.
    pub(super) dropped: Option<String>,
}

/// Reads what there is for a registry; `None` if no folder is for it.
///
/// # Errors
/// What containerd, too, would fail every pull by; here, it may be that the nodes' files differ.
pub(super) fn read(root: &Path, registry: &str) -> Result<Option<Folder>, String> {
    for folder in candidates(root, registry) {
        match fs::metadata(&folder) {
            Ok(_) => return load(&folder).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(&folder, &error)),
        }
    }
    Ok(None)
}

/// The folders that may be a registry's, in order: the first that exists is, even if it is empty.
fn candidates(root: &Path, registry: &str) -> Vec<PathBuf> {
    let with_port = match registry.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() => Some(format!("{host}_{port}_")),
        _ => None,
    };
    let names = with_port.into_iter().chain([registry.to_owned(), "_default".to_owned()]);
    names.map(|name| root.join(name)).collect()
}

/// `hosts.toml`, or where there is none, or an empty or unreadable one, docker's certificate files.
pub(super) fn load(folder: &Path) -> Result<Folder, String> {
    let path = folder.join("hosts.toml");
    let bytes = match file(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(unreadable(&path, &error)),
    };
    if bytes.is_empty() {
        return Ok(Folder { entries: vec![certificates(folder)?], dropped: None });
    }
    let parsed = match std::str::from_utf8(&bytes) {
        Ok(text) => toml_file::parse(text, folder),
        Err(_) => Err("it is no UTF-8 text".to_owned()),
    };
    match parsed {
        Ok(entries) => Ok(Folder { entries, dropped: None }),
        Err(why) => Ok(Folder {
            entries: vec![certificates(folder)?],
            dropped: Some(format!("{}: {why}", shown(&path))),
        }),
    }
}

/// The registry itself, with the certificates that lie in the folder: `*.crt` to check it by,
/// `*.cert` and `*.key` to show it.
fn certificates(folder: &Path) -> Result<Entry, String> {
    let mut names = Vec::new();
    let listing = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    for item in listing.take(MOST_FILES) {
        let item = item.map_err(|error| unreadable(folder, &error))?;
        // Of a link, not of what it leads to: as containerd has it.
        if !item.file_type().is_ok_and(|kind| kind.is_dir()) {
            names.push(item.file_name());
        }
    }
    names.sort_unstable();
    let mut entry = Entry::default();
    for name in names {
        let path = folder.join(&name);
        match path.extension().and_then(OsStr::to_str) {
            Some("crt") => entry.ca.get_or_insert_default().push(path),
            Some("cert") => {
                let key = path.with_extension("key");
                let key = match fs::metadata(&key) {
                    Ok(_) => Some(key),
                    Err(error) if error.kind() == ErrorKind::NotFound => None,
                    Err(error) => return Err(unreadable(&key, &error)),
                };
                entry.clients.push(ClientPair { certificate: path, key });
            }
            _ => {}
        }
    }
    Ok(entry)
}

/// The bytes of a file, bounded; a pipe or a device is none.
pub(super) fn file(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::other("it is too long"));
    }
    Ok(bytes)
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be read: {error}", shown(path))
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy(), 100)
}
