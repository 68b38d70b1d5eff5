//! Pull secrets: the kubelet's `MakeDockerKeyring`, and what it looks up for an image.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pullcheck::credentials::{DecodedSecret, Keyring, Match};
use serde_json::{Value, json};

use super::docker_configs;
use super::judge::{Answer, Case, Credential, compare};
use super::program::oracle;
use super::random::{Random, cuts};

const CASES: usize = 30_000;

/// In each case; so many lookups are compared for each of them.
const IMAGES: usize = 6;

/// So many of the names stand first.
const COMMON: usize = 5;

const NAMES: &[&str] = &[
    "docker.io/library/nginx",
    "docker.io/team/app",
    "ghcr.io/team/app",
    "a.b.c/team/app",
    "reg.corp:5000/team/app",
    "a.b.c:443/team/app",
    "index.docker.io/team/app",
    "ghcr.io/app",
    "reg.corp/team/app",
    "a.b.c/app",
    "a-x.b.c/team",
    "[::1]:5000/team",
    "[::1]/team",
    "[ABC]/team",
    "[fe80::1]/x",
    "localhost/team/app",
    "localhost:5000/app",
    "LOCALDOMAIN/team",
    "a_b.c/team/app",
    "rag.io/x",
    "a.b.c/a%b",
    "nginx",
    "team/app",
    "",
    "/team",
    "a.c/v2ray",
    "a.b.c/v1/team",
    "_.b.c/x",
    "1/team",
    "a.b.c/v2",
    "a..c/x",
    "x.y",
    "[::ffff:1.2.3.4]:5/a",
    "é.b.c/x",
    "registry-1.docker.io/x",
];

#[derive(Clone)]
struct Asked {
    secrets: Vec<(&'static str, Vec<u8>)>,
    images: Vec<&'static str>,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (type_, data) in &self.secrets {
            writeln!(f, "secret {type_}: \"{}\"", data.escape_ascii())?;
        }
        write!(f, "images {:?}", self.images)
    }
}

impl Asked {
    fn key(type_: &str) -> &'static str {
        if type_ == "kubernetes.io/dockercfg" { ".dockercfg" } else { ".dockerconfigjson" }
    }

    fn decode(&self) -> Vec<DecodedSecret> {
        let decode = |(type_, data): &(&str, Vec<u8>)| {
            DecodedSecret::from_data(type_, |key| {
                (key == Self::key(type_)).then_some(data.as_slice())
            })
        };
        self.secrets.iter().map(decode).collect()
    }
}

impl Case for Asked {
    fn question(&self) -> Value {
        let secret = |(type_, data): &(&str, Vec<u8>)| json!({ "type": type_, "data": STANDARD.encode(data) });
        let secrets: Vec<_> = self.secrets.iter().map(secret).collect();
        json!({ "keyring": { "secrets": secrets, "images": self.images } })
    }

    fn disagreement(&self, theirs: &Answer) -> Option<String> {
        let mut configs = Vec::new();
        let mut malformed = Vec::new();
        let decoded = self.decode();
        for (source, secret) in decoded.iter().enumerate() {
            match secret {
                DecodedSecret::Config(config) => configs.push((source, config)),
                DecodedSecret::Malformed(error) => malformed.push(error.to_string()),
                DecodedSecret::WrongType(_) => {}
            }
        }
        if !malformed.is_empty() || theirs.error.is_some() {
            let same = !malformed.is_empty() && theirs.error.is_some();
            return (!same).then(|| format!("malformed for us: {malformed:?}\ntheirs: {theirs:?}"));
        }
        let ring = Keyring::build(configs);
        if theirs.credentials.len() != self.images.len() {
            return Some(format!("theirs: {theirs:?}"));
        }
        self.images.iter().zip(&theirs.credentials).find_map(|(image, theirs)| {
            let ours = ring.lookup(image);
            (!same_order(&ours, theirs)).then(|| {
                let ours: Vec<_> = ours.iter().map(|one| (one.key, wire(one))).collect();
                format!("{image}: in base64,\nours: {ours:?}\ntheirs: {theirs:?}")
            })
        })
    }

    fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        all.extend(cuts(&self.secrets).into_iter().map(|secrets| Self { secrets, ..self.clone() }));
        all.extend(cuts(&self.images).into_iter().map(|images| Self { images, ..self.clone() }));
        for (index, (_, data)) in self.secrets.iter().enumerate() {
            for left in cuts(data) {
                let mut smaller = self.clone();
                smaller.secrets[index].1 = left;
                all.push(smaller);
            }
        }
        all
    }
}

/// In base64, as the oracle answers. The tests' own secrets: they may be printed.
fn wire(one: &Match<'_>) -> Credential {
    let [username, password] =
        [one.credential.username(), one.credential.password()].map(|bytes| STANDARD.encode(bytes));
    Credential { source: one.source, username, password }
}

/// The same list; but where several entries of one secret come to the same key, Go ranges over a
/// map, and any order of these is the same.
fn same_order(ours: &[Match<'_>], theirs: &[Credential]) -> bool {
    let mut theirs = theirs;
    for group in ours.chunk_by(|a, b| (a.key, a.source) == (b.key, b.source)) {
        let Some((their_group, rest)) = theirs.split_at_checked(group.len()) else { return false };
        let mut ours: Vec<Credential> = group.iter().map(wire).collect();
        let mut their_group = their_group.to_vec();
        ours.sort_unstable();
        their_group.sort_unstable();
        if ours != their_group {
            return false;
        }
        theirs = rest;
    }
    theirs.is_empty()
}

fn asked(random: &mut Random) -> Asked {
    let count = [1, 1, 2, 3, 4][random.below(5)];
    let secrets = (0..count).map(|_| docker_configs::secret(random)).collect();
    let mut image = || {
        let names = if random.permille(600) { &NAMES[..COMMON] } else { NAMES };
        random.pick(names)
    };
    let images = (0..IMAGES).map(|_| image()).collect();
    Asked { secrets, images }
}

#[test]
fn the_kubelet_finds_the_same_credentials_in_the_same_order() {
    let program = oracle!();
    let mut random = Random::new(2);
    let (mut malformed, mut lookups, mut found, mut several) = (0, 0, 0, 0);
    compare(program, (0..CASES).map(move |_| asked(&mut random)), |case, theirs| {
        lookups += case.images.len();
        malformed += usize::from(theirs.error.is_some());
        found += theirs.credentials.iter().filter(|list| !list.is_empty()).count();
        several += theirs.credentials.iter().filter(|list| list.len() > 1).count();
    });
    println!("{lookups} lookups, {found} with a match, {several} with several");
    println!("{CASES} lists of secrets, {malformed} of them malformed");
    // Every kind of answer must be at stake.
    assert_eq!(lookups, CASES * IMAGES);
    assert!(malformed > CASES / 20 && malformed < CASES / 2, "{malformed} malformed");
    assert!(found > lookups / 10 && several > lookups / 40, "{found} found, {several} several");
}
