//! The check on our own source, and the check on examples that it must find.

use std::path::Path;

use super::files::{Source, is_root, reached, sources};
use super::{ARROWS, BANS, faults};

fn package(folders: &[&str]) -> Vec<Source> {
    sources(Path::new(env!("CARGO_MANIFEST_DIR")), folders)
}

#[test]
fn no_room_knows_what_it_must_not() {
    let sources = package(&["src"]);
    let compiled = reached(&sources);
    let faults: Vec<String> = sources
        .iter()
        .filter(|source| compiled.get(source.path.as_str()) != Some(&true))
        .flat_map(|source| faults(&source.path, &source.text))
        .collect();
    assert!(faults.is_empty(), "{} forbidden arrows:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_arrow_is_in_the_table_of_the_page() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let page = std::fs::read_to_string(page).unwrap();
    for arrow in ARROWS {
        let start = format!("| {} |", arrow.number);
        let row = page.lines().find(|line| line.starts_with(&start));
        let rooms = row.and_then(|row| row.split('|').nth(2)).unwrap_or_default();
        for room in arrow.from {
            // These are one to the reader.
            let named = if room.starts_with("go_") { "go_*" } else { room };
            assert!(rooms.contains(&format!("`{named}`")), "arrow {}: {room}", arrow.number);
        }
    }
}

#[test]
fn every_source_file_is_compiled() {
    let sources = package(&["src", "tests", "benches", "examples"]);
    assert!(sources.iter().any(|source| is_root(&source.path)), "no sources were found");
    let compiled = reached(&sources);
    let dead: Vec<&str> = sources
        .iter()
        .map(|source| source.path.as_str())
        .filter(|path| !compiled.contains_key(path))
        .collect();
    assert!(dead.is_empty(), "no `mod` reaches these files, so nobody compiles them: {dead:#?}");
}

#[test]
fn modules_are_named_files_beside_their_folders() {
    let sources = package(&["src", "tests"]);
    let old: Vec<&str> =
        sources.iter().map(|it| it.path.as_str()).filter(|it| it.ends_with("/mod.rs")).collect();
    assert!(old.is_empty(), "write foo.rs beside foo/, not foo/mod.rs: {old:#?}");
}

/// Asserts that the file has exactly these faults, each told by its beginning.
#[track_caller]
fn expect(path: &str, source: &str, expected: &[&str]) {
    let found = faults(path, source);
    let fits = found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, start)| found.starts_with(start));
    assert!(fits, "{path}: found {found:#?}, expected {expected:#?}");
}

#[test]
fn every_forbidden_arrow_is_found() {
    for arrow in ARROWS {
        for from in arrow.from {
            let to = match arrow.to {
                super::Target::These(rooms) => rooms.first().unwrap(),
                super::Target::AllBut(_) => "server",
            };
            let source = format!("use crate::{to}::Thing;\n");
            expect(
                &format!("src/{from}/deep/file.rs"),
                &source,
                &[&format!("src/{from}/deep/file.rs:1: crate::{to}::Thing: arrow")],
            );
        }
    }
}

#[test]
fn every_ban_is_found_and_only_where_it_holds() {
    for ban in BANS {
        let path = ban.path.replace('*', "Listener");
        let source = format!("fn f() {{ {path}::new(); }}\n");
        let source = if path.contains("::") { source } else { format!("use {path};\n") };
        expect("src/policy/a.rs", &source, &["src/policy/a.rs:1: "]);
        let everywhere = ban.rooms == super::Rooms::All;
        expect("src/server/a.rs", &source, if everywhere { &["src/server/a.rs:1: "] } else { &[] });
    }
}

#[test]
fn a_fault_names_file_line_arrow_and_reason() {
    let found = faults("src/causes/denied.rs", "\n\nuse crate::registry::Client;\n");
    let all = "src/causes/denied.rs:3: crate::registry::Client: arrow 3, causes -> registry: \
               a cause says what is true of the Facts; what to do about it is the policy's";
    assert_eq!(found, [all]);
}

#[test]
fn an_arrow_is_found_in_every_spelling() {
    let file = "src/image/reference.rs";
    for spelling in [
        "use crate::policy::Mode;",
        "use super::super::policy::Mode;",
        "use crate::{near_miss, policy};",
        "use crate::{near_miss::{self, nearest}, policy::{Mode}};",
        "use crate::{self as root, policy as p};",
        "pub(crate) use crate::policy;",
        "use crate::*;",
        "fn f() -> crate::policy::Mode {}",
        "fn f(x: &[super::super::policy::Mode; 3]) {}",
        "type X = <crate::policy::Mode as Default>::Y;",
        "mod inner { use super::super::super::policy::Mode; }",
        "macro_rules! m { () => { $crate::policy::f() } }",
        "use ::pullcheck::policy;",
    ] {
        let found = faults(file, spelling);
        assert_eq!(found.len(), 1, "{spelling}: {found:#?}");
        assert!(found[0].contains("arrow"), "{spelling}: {found:#?}");
    }
    for spelling in [
        "use std::time::{Duration, Instant};",
        "use std::time::Instant as Now;",
        "use std::time; fn f() { time::Instant::now(); }",
        "fn f() { clock::Instant::now(); } use std::time as clock;",
        "use std::time::*;",
        "use std::*;",
        "fn f() { std::time::Instant::now(); }",
        "fn f() { ::std::time::Instant::now(); }",
        "use jiff::Timestamp; fn f() { Timestamp::now(); }",
        "#[tracing::instrument] fn f() {}",
        "fn f() { tracing::info!(\"x\"); }",
        "extern_prelude!(); use r#std::env;",
    ] {
        let found = faults(file, spelling);
        assert_eq!(found.len(), 1, "{spelling}: {found:#?}");
    }
}

#[test]
fn what_is_allowed_is_not_found() {
    for (file, source) in [
        ("src/image/tag.rs", "use super::Digest; use crate::image::Tag; use crate::near_miss;"),
        ("src/image.rs", "mod tag; pub use tag::Tag; fn f() { self::tag::Tag::new(); }"),
        ("src/credentials/keyring.rs", "use crate::image::Reference; use crate::message;"),
        ("src/causes/a.rs", "use crate::facts::Facts; use std::time::Duration;"),
        ("src/policy/a.rs", "use crate::causes::Cause; const V: &str = std::env!(\"X\");"),
        ("src/registry/a.rs", "use crate::image::Reference; use tokio::time::Instant;"),
        ("src/server/a.rs", "use crate::reviewer::Reviewer; use axum::Router;"),
        ("src/main.rs", "use pullcheck::cli; fn main() { pullcheck::registry::x(); }"),
        ("src/image/a.rs", "use oci_distribution::Reference; use std::net::IpAddr;"),
        ("src/image/a.rs", "// use crate::policy;\n/* crate::policy::x /* nested */ */"),
        ("src/image/a.rs", "/// See [`crate::policy::Mode`].\nfn f() {}"),
        (
            "src/image/a.rs",
            r##"const X: &str = r#"use crate::policy; "; "#; const Y: char = '"';"##,
        ),
        ("src/image/a.rs", "const X: &[u8] = b\"crate::policy::x\\\"\"; fn f<'a>(x: &'a str) {}"),
        ("src/image/a.rs", "#[cfg(test)] mod tests { use crate::policy::Mode; }"),
        ("src/image/a.rs", "#[cfg(test)]\n#[rustfmt::skip]\nuse crate::{policy, server};"),
        ("src/image/a.rs", "#[cfg(test)] fn help(x: [u8; 3]) { crate::policy::f(); }"),
        ("src/image/a.rs", "fn f(tokio: Tokio) { tokio.tracing.go(); }"),
    ] {
        expect(file, source, &[]);
    }
}

#[test]
fn code_after_a_test_is_checked_again() {
    let source = "#[cfg(test)] mod tests { fn f() { {} } }\nuse crate::policy::Mode;\n\
                  #[cfg(test)] use crate::server::X;\nuse crate::server::Y;\n\
                  #[cfg(not(test))]\nuse crate::cli::Z;\n";
    expect(
        "src/image/a.rs",
        source,
        &[
            "src/image/a.rs:2: crate::policy::Mode: arrow 2",
            "src/image/a.rs:4: crate::server::Y: arrow 2",
            "src/image/a.rs:6: crate::cli::Z: arrow 2",
        ],
    );
}

fn tree(files: &[(&str, &str)]) -> Vec<Source> {
    let source =
        |(path, text): &(&str, &str)| Source { path: (*path).into(), text: (*text).into() };
    files.iter().map(source).collect()
}

#[test]
fn a_file_is_reached_through_every_kind_of_mod() {
    let sources = tree(&[
        ("src/lib.rs", "pub mod a;\n#[cfg(test)] mod only_tests; mod inline { mod deep; }"),
        ("src/a.rs", "mod b; // mod commented;\n#[path = \"odd/place.rs\"] mod odd;"),
        ("src/a/b.rs", ""),
        ("src/odd/place.rs", ""),
        ("src/inline/deep.rs", ""),
        ("src/only_tests.rs", "mod more;"),
        ("src/only_tests/more.rs", ""),
        ("src/a/commented.rs", ""),
        ("src/b.rs", ""),
        ("src/main.rs", ""),
        ("tests/it/main.rs", "mod support;"),
        ("tests/it/support.rs", ""),
        ("tests/it/forgotten.rs", ""),
    ]);
    let compiled = reached(&sources);
    let dead: Vec<&str> =
        sources.iter().map(|it| it.path.as_str()).filter(|it| !compiled.contains_key(it)).collect();
    assert_eq!(dead, ["src/a/commented.rs", "src/b.rs", "tests/it/forgotten.rs"]);
    let for_tests: Vec<&str> =
        compiled.iter().filter(|(_, test)| **test).map(|(path, _)| *path).collect();
    assert_eq!(for_tests, ["src/only_tests.rs", "src/only_tests/more.rs"]);
}
