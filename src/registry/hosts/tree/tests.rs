//! Folders on a disk.

use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::registry::tests::tree::tree;

/// The host of the first entry that is read for a registry; empty for the registry itself.
fn first(root: &Path, registry: &str) -> Option<String> {
    let folder = super::read(root, registry).unwrap()?;
    Some(folder.entries[0].place.host.clone())
}

#[test]
fn the_first_folder_that_exists_is_the_registrys_even_if_it_is_empty() {
    let all = [
        ("reg.test_5000_/hosts.toml", "server = \"https://underscores.test\""),
        ("reg.test:5000/hosts.toml", "server = \"https://colon.test\""),
        ("reg.test/hosts.toml", "server = \"https://without.test\""),
        ("docker.io/hosts.toml", "server = \"https://hub.test\""),
        ("[fd00::1]_5000_/hosts.toml", "server = \"https://six.test\""),
        ("_default/hosts.toml", "server = \"https://default.test\""),
    ];
    let root = tree(&all);
    for (registry, expected) in [
        ("reg.test:5000", "underscores.test"),
        ("reg.test", "without.test"),
        ("reg.test:5001", "default.test"),
        ("docker.io", "hub.test"),
        ("registry-1.docker.io", "default.test"),
        ("[fd00::1]:5000", "six.test"),
    ] {
        assert_eq!(first(root.path(), registry).as_deref(), Some(expected), "{registry}");
    }
    let root = tree(&all[1..]);
    assert_eq!(first(root.path(), "reg.test:5000").as_deref(), Some("colon.test"));
    let root = tree(&[("reg.test_5000_/", ""), all[1], all[5]]);
    assert_eq!(first(root.path(), "reg.test:5000").as_deref(), Some(""));
    assert_eq!(first(root.path(), "other.test").as_deref(), Some("default.test"));
    assert_eq!(first(tree(&all[..5]).path(), "other.test"), None);
    assert_eq!(first(Path::new("/nonexistent"), "reg.test"), None);
}

#[test]
fn certificate_files_stand_in_where_there_is_no_usable_hosts_toml() {
    let files = [
        ("reg.test/ca.crt", ""),
        ("reg.test/b.crt", ""),
        ("reg.test/one.cert", ""),
        ("reg.test/one.key", ""),
        ("reg.test/two.cert", ""),
        ("reg.test/notes.txt", ""),
        ("reg.test/folder.crt/x", ""),
    ];
    let expected = |root: &TempDir| {
        let at = |name: &str| root.path().join("reg.test").join(name);
        Entry {
            ca: Some(vec![at("b.crt"), at("ca.crt")]),
            clients: vec![
                ClientPair { certificate: at("one.cert"), key: Some(at("one.key")) },
                ClientPair { certificate: at("two.cert"), key: None },
            ],
            ..Entry::default()
        }
    };
    let root = tree(&files);
    let folder = super::read(root.path(), "reg.test").unwrap().unwrap();
    assert_eq!(folder, Folder { entries: vec![expected(&root)], dropped: None });
    for (text, dropped) in [("", false), ("capabilities = [\"fly\"]", true), ("\u{1}", true)] {
        fs::write(root.path().join("reg.test/hosts.toml"), text).unwrap();
        let folder = super::read(root.path(), "reg.test").unwrap().unwrap();
        assert_eq!(folder.entries, [expected(&root)], "{text}");
        assert_eq!(folder.dropped.is_some(), dropped, "{text}");
    }
    let folder = super::read(root.path(), "reg.test").unwrap().unwrap();
    let why = folder.dropped.unwrap();
    assert!(why.contains("reg.test/hosts.toml: line 1"), "{why}");
    fs::write(root.path().join("reg.test/hosts.toml"), "# the certificates are not looked at\n")
        .unwrap();
    let folder = super::read(root.path(), "reg.test").unwrap().unwrap();
    assert_eq!(folder, Folder { entries: vec![Entry::default()], dropped: None });
}

#[test]
fn what_is_no_folder_or_no_file_is_an_error_that_names_it() {
    let root = tree(&[("reg.test", "a file"), ("b.test/hosts.toml/x", "")]);
    let why = super::read(root.path(), "reg.test").unwrap_err();
    assert!(why.contains("reg.test/hosts.toml cannot be read"), "{why}");
    let why = super::read(root.path(), "b.test").unwrap_err();
    assert!(why.contains("b.test/hosts.toml cannot be read: it is no file"), "{why}");
}

#[test]
fn an_endless_file_is_not_read_to_its_end() {
    let root = tree(&[("reg.test/hosts.toml", "")]);
    let endless = File::create(root.path().join("reg.test/hosts.toml")).unwrap();
    endless.set_len(LONGEST + 1).unwrap();
    let why = super::read(root.path(), "reg.test").unwrap_err();
    assert!(why.contains("it is too long"), "{why}");
}
