//! Writes several files that belong together: all of them, or none.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Everybody,
    Owner,
}

/// A file to be written.
pub(super) struct NewFile<'a> {
    pub(super) name: &'static str,
    pub(super) text: &'a str,
    pub(super) access: Access,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub(super) enum FilesError {
    /// Something is there, and was not to be replaced.
    #[error("{} already there: {}; --force replaces, --dir writes elsewhere", if .0.len() == 1 { "this is" } else { "these are" }, list(.0))]
    Exist(Vec<PathBuf>),
    /// Something is there that is no file.
    #[error("{} is not a file and is never replaced; move it away, or write elsewhere with --dir", .0.display())]
    NotAFile(PathBuf),
    /// Making, writing or moving failed.
    #[error("{} cannot be {done} ({why}); nothing was changed. Check free space and permissions, or write elsewhere with --dir", path.display())]
    Failed { path: PathBuf, done: &'static str, why: io::Error },
    /// Moving failed, and so did moving back.
    #[error("{} cannot be replaced ({why}), and the old files could not all be put back: look for names ending in {OLD}", path.display())]
    Torn { path: PathBuf, why: io::Error },
}

/// What a file that is being replaced is called until all are.
const OLD: &str = ".old";
/// What a file is called until it is complete.
const NEW: &str = ".new";

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Writes all of `new` into `dir`, which is made if it is missing.
///
/// Every file is complete on the disk under another name before the first takes its place, so that
/// a full disk is met before anything changed.
pub(super) fn write_all(dir: &Path, new: &[NewFile<'_>], force: bool) -> Result<(), FilesError> {
    refuse_existing(dir, new, force)?;
    let failed = |path: &Path, done| {
        let path = path.to_owned();
        move |why| FilesError::Failed { path, done, why }
    };
    fs::create_dir_all(dir).map_err(failed(dir, "made"))?;
    let mut staged = Vec::with_capacity(new.len());
    for file in new {
        let path = dir.join(file.name);
        let next = Staged::write(&path, file).map_err(failed(&path, "written"))?;
        staged.push(next);
    }
    let mut placed = Vec::with_capacity(staged.len());
    for file in &staged {
        match Placed::put(file) {
            Ok(done) => placed.push(done),
            Err(why) => {
                let path = file.path.clone();
                // Not `all`, which would stop at the first that cannot be put back.
                let torn = placed.iter().rev().filter(|done| done.undo().is_err()).count();
                return Err(if torn == 0 {
                    FilesError::Failed { path, done: "replaced", why }
                } else {
                    FilesError::Torn { path, why }
                });
            }
        }
    }
    for done in &placed {
        done.forget();
    }
    // The names are on the disk once their folder is; some file systems cannot say so.
    let _ = File::open(dir).and_then(|dir| dir.sync_all());
    Ok(())
}

fn refuse_existing(dir: &Path, new: &[NewFile<'_>], force: bool) -> Result<(), FilesError> {
    let mut exist = Vec::new();
    for file in new {
        let path = dir.join(file.name);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => return Err(FilesError::NotAFile(path)),
            Ok(_) => exist.push(path),
            Err(_) => {}
        }
    }
    if exist.is_empty() || force { Ok(()) } else { Err(FilesError::Exist(exist)) }
}

/// A complete file under a name of its own; gone when this is dropped, unless it was moved.
struct Staged {
    path: PathBuf,
    temporary: PathBuf,
}

impl Staged {
    fn write(path: &Path, file: &NewFile<'_>) -> io::Result<Self> {
        let temporary = suffixed(path, NEW);
        // Left behind by a run that was killed.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // A new file, so that a key never is in one that somebody else has made and opened.
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(match file.access {
                Access::Everybody => 0o644,
                Access::Owner => 0o600,
            });
        }
        let mut opened = options.open(&temporary)?;
        let staged = Self { path: path.to_owned(), temporary };
        opened.write_all(file.text.as_bytes())?;
        opened.sync_all()?;
        Ok(staged)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.temporary);
    }
}

/// A file in its place, and the one that was there before.
struct Placed {
    path: PathBuf,
    old: Option<PathBuf>,
}

impl Placed {
    fn put(file: &Staged) -> io::Result<Self> {
        let old = suffixed(&file.path, OLD);
        let old = match fs::rename(&file.path, &old) {
            Ok(()) => Some(old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let placed = Self { path: file.path.clone(), old };
        match fs::rename(&file.temporary, &file.path) {
            Ok(()) => Ok(placed),
            Err(error) => {
                placed.undo()?;
                Err(error)
            }
        }
    }

    fn undo(&self) -> io::Result<()> {
        match &self.old {
            Some(old) => fs::rename(old, &self.path),
            None => match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        }
    }

    /// A replaced certificate or key is of no use to anybody who may have it.
    fn forget(&self) {
        if let Some(old) = &self.old {
            let _ = fs::remove_file(old);
        }
    }
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests;
