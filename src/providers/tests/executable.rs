//! Executables that tests write. Part of the program's own tests too, and so in need of nothing of
//! ours.

use std::path::Path;
use std::process::{Command, Stdio};

/// Writes an executable by another process: a file that this one has open for writing, even for a
/// moment, is inherited by whatever another test starts just then, and cannot be run that long.
pub(crate) fn executable(path: &Path, script: &str) {
    let draft = path.with_extension("draft");
    std::fs::write(&draft, script).unwrap();
    let status = Command::new("sh")
        .args(["-c", "cat < \"$0\" > \"$1\" && chmod 755 \"$1\""])
        .args([&draft, path])
        .stdin(Stdio::null())
        .status();
    assert!(status.unwrap().success());
}
