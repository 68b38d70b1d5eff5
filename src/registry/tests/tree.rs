//! Trees that tests write. Part of the program's own tests too, and so in need of nothing of ours.

use tempfile::TempDir;

/// A tree of these files; a name with a slash at its end is that of a folder.
pub(crate) fn tree(files: &[(&str, &str)]) -> TempDir {
    let root = TempDir::new().unwrap();
    for (name, text) in files {
        let path = root.path().join(name);
        if name.ends_with('/') {
            std::fs::create_dir_all(path).unwrap();
        } else {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }
    root
}
