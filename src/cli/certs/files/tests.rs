use super::*;

const OLD_TEXT: &str = "what was there before\n";

fn files<'a>(first: &'a str, second: &'a str) -> [NewFile<'a>; 2] {
    [
        NewFile { name: "a.crt", text: first, access: Access::Everybody },
        NewFile { name: "a.key", text: second, access: Access::Owner },
    ]
}

/// Every name in `dir` with what it holds; a folder holds nothing.
fn holds(dir: &Path) -> Vec<(String, String)> {
    let mut all: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read_to_string(entry.path()).unwrap_or_default())
        })
        .collect();
    all.sort();
    all
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn all_are_written_into_a_folder_that_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("not/yet");
    write_all(&deep, &files("1", "2"), false).unwrap();
    assert_eq!(holds(&deep), pairs(&[("a.crt", "1"), ("a.key", "2")]));
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_a_key_also_when_it_replaces_one_that_all_could() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let mode =
        |name: &str| fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
    fs::write(dir.path().join("a.key"), OLD_TEXT).unwrap();
    fs::set_permissions(dir.path().join("a.key"), fs::Permissions::from_mode(0o666)).unwrap();
    write_all(dir.path(), &files("1", "2"), true).unwrap();
    assert_eq!(mode("a.key"), 0o600);
    assert_eq!(mode("a.crt") & 0o600, 0o600);
}

#[test]
fn nothing_is_replaced_without_force_and_all_of_it_with() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.key"), OLD_TEXT).unwrap();
    let error = write_all(dir.path(), &files("1", "2"), false).unwrap_err().to_string();
    assert!(error.starts_with("this is already there: "), "{error}");
    assert!(error.contains("a.key; --force replaces"), "{error}");
    assert_eq!(holds(dir.path()), pairs(&[("a.key", OLD_TEXT)]));
    write_all(dir.path(), &files("1", "2"), true).unwrap();
    assert_eq!(holds(dir.path()), pairs(&[("a.crt", "1"), ("a.key", "2")]));
}

#[test]
fn what_a_killed_run_left_behind_is_no_obstacle() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.key.new"), "half").unwrap();
    write_all(dir.path(), &files("1", "2"), false).unwrap();
    assert_eq!(holds(dir.path()), pairs(&[("a.crt", "1"), ("a.key", "2")]));
}

#[test]
fn a_folder_in_the_way_is_named_and_nothing_changes() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.crt"), OLD_TEXT).unwrap();
    fs::create_dir(dir.path().join("a.key")).unwrap();
    let error = write_all(dir.path(), &files("1", "2"), true).unwrap_err();
    assert!(matches!(&error, FilesError::NotAFile(path) if path.ends_with("a.key")), "{error}");
    assert_eq!(holds(dir.path()), pairs(&[("a.crt", OLD_TEXT), ("a.key", "")]));
}

#[test]
fn a_file_that_cannot_be_written_leaves_the_others_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.crt"), OLD_TEXT).unwrap();
    // Stands for a full disk: the second temporary file cannot be made.
    fs::create_dir(dir.path().join("a.key.new")).unwrap();
    let error = write_all(dir.path(), &files("1", "2"), true).unwrap_err().to_string();
    assert!(error.contains("a.key cannot be written"), "{error}");
    assert!(error.contains("nothing was changed"), "{error}");
    assert_eq!(holds(dir.path()), pairs(&[("a.crt", OLD_TEXT), ("a.key.new", "")]));
}

#[test]
fn a_file_that_cannot_be_replaced_puts_the_others_back() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a.crt", "a.key"] {
        fs::write(dir.path().join(name), OLD_TEXT).unwrap();
    }
    // A folder that is not empty cannot be moved over: the second replacement fails.
    fs::create_dir_all(dir.path().join("a.key.old/x")).unwrap();
    let error = write_all(dir.path(), &files("1", "2"), true).unwrap_err().to_string();
    assert!(error.contains("a.key cannot be replaced"), "{error}");
    assert!(error.contains("nothing was changed"), "{error}");
    let expected = pairs(&[("a.crt", OLD_TEXT), ("a.key", OLD_TEXT), ("a.key.old", "")]);
    assert_eq!(holds(dir.path()), expected);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), OLD_TEXT).unwrap();
    let below = dir.path().join("file/certs");
    let error = write_all(&below, &files("1", "2"), false).unwrap_err().to_string();
    assert!(error.contains("file/certs cannot be made"), "{error}");
}
