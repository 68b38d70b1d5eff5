//! The bodies over the seeds, and over mutations of them: what a nightly compiler and libFuzzer do
//! for hours, in a moment.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

type Body = fn(&[u8]);

/// Every target: its name and its body.
const TARGETS: [(&str, Body); 9] = [
    ("challenge", super::challenge),
    ("docker_config", super::docker_config),
    ("hosts_toml", super::hosts_toml),
    ("manifest", super::manifest),
    ("provider_answer", super::provider_answer),
    ("provider_config", super::provider_config),
    ("reference", super::reference),
    ("review", super::review),
    ("token_answer", super::token_answer),
];

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = files.map(|entry| name(entry.unwrap())).collect();
    names.sort_unstable();
    names
}

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = fuzz().join("seeds").join(target);
    let read = |name: String| (name.clone(), fs::read(folder.join(name)).unwrap());
    names(&folder).into_iter().map(read).collect()
}

#[test]
fn every_target_has_a_binary_and_seeds_and_none_is_left_over() {
    let known = TARGETS.map(|(name, _)| name);
    assert_eq!(names(&fuzz().join("seeds")), known);
    assert_eq!(names(&fuzz().join("fuzz_targets")), known.map(|name| format!("{name}.rs")));
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for name in known {
        assert!(manifest.contains(&format!("\"fuzz_targets/{name}.rs\"")), "{name}");
        let body = fs::read_to_string(fuzz().join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(body.contains(&format!("pullcheck::fuzzing::{name}(data)")), "{name}");
        assert!(seeds(name).len() >= 4, "{name}");
    }
}

#[test]
fn every_seed_passes() {
    for (target, body) in TARGETS {
        for (name, seed) in seeds(target) {
            println!("{target}/{name}");
            body(&seed);
        }
    }
}

/// One change of an input.
#[derive(Debug, Clone)]
enum Edit {
    Byte(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, u8),
    Repeat(Index, u8),
    Splice(Index, Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    let telling: &[u8] = b"\0\n\r\t \"'\\{}[](),:;=#?@%/.-_~*\x1b\x7f\x80\xe2\xff0A";
    let byte = prop_oneof![any::<u8>(), proptest::sample::select(telling)];
    prop_oneof![
        (at(), byte.clone()).prop_map(|(at, byte)| Edit::Byte(at, byte)),
        (at(), vec(byte, 1..5)).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        (at(), any::<u8>()).prop_map(|(at, length)| Edit::Remove(at, length)),
        (at(), any::<u8>()).prop_map(|(at, length)| Edit::Repeat(at, length)),
        (at(), at()).prop_map(|(at, other)| Edit::Splice(at, other)),
    ]
}

fn apply(edit: &Edit, data: &mut Vec<u8>, other: &[u8]) {
    let place = |index: &Index, data: &[u8]| index.index(data.len() + 1);
    let piece = |start: usize, length: u8, data: &[u8]| {
        start..data.len().min(start + 1 + usize::from(length) / 4)
    };
    match edit {
        Edit::Byte(at, byte) => {
            let at = place(at, data);
            data.get_mut(at).into_iter().for_each(|place| *place = *byte);
        }
        Edit::Insert(at, bytes) => {
            let at = place(at, data);
            data.splice(at..at, bytes.iter().copied());
        }
        Edit::Remove(at, length) => {
            let at = place(at, data);
            data.drain(piece(at, *length, data));
        }
        Edit::Repeat(at, length) => {
            let at = place(at, data);
            let again = data[piece(at, *length, data)].repeat(3);
            data.splice(at..at, again);
        }
        Edit::Splice(at, from) => {
            data.truncate(place(at, data));
            data.extend_from_slice(&other[place(from, other)..]);
        }
    }
}

#[test]
fn every_mutation_of_a_seed_passes() {
    for (target, body) in TARGETS {
        let seeds: Vec<Vec<u8>> = seeds(target).into_iter().map(|(_, seed)| seed).collect();
        let input = (any::<Index>(), any::<Index>(), vec(edit(), 1..12));
        let mutated = input.prop_map(|(one, other, edits)| {
            let other: &Vec<u8> = other.get(&seeds);
            let mut data: Vec<u8> = one.get(&seeds).clone();
            for edit in &edits {
                apply(edit, &mut data, other);
            }
            data
        });
        // What fails is added to the seeds, by hand and with a name.
        let config = Config { failure_persistence: None, ..Config::default() };
        let run = TestRunner::new(config).run(&mutated, |data| {
            body(&data);
            Ok(())
        });
        if let Err(failure) = run {
            panic!("{target}: {failure}");
        }
    }
}
