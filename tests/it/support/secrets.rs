//! Every secret the tests hand out, so that any text can be searched for all of them.

use std::collections::BTreeSet;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::hex;

static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Shorter ones would be found by accident.
const SHORTEST: usize = 10;

/// A new password or token that occurs nowhere else; it is known from now on.
pub fn fresh() -> String {
    let mut random = [0; 12];
    getrandom::fill(&mut random).unwrap();
    let secret = format!("s3cr3t-{}", hex(&random));
    register(&secret);
    secret
}

/// Makes a secret known, in the spellings in which it could leak.
pub fn register(secret: &str) {
    assert!(secret.len() >= SHORTEST, "a secret of the tests is too short to be searched for");
    let mut known = KNOWN.lock().unwrap();
    known.insert(secret.to_owned());
    for spelling in [STANDARD.encode(secret), URL_SAFE_NO_PAD.encode(secret)] {
        known.insert(spelling);
    }
    // What a newline cuts in two leaks by halves.
    for part in secret.lines().filter(|part| part.len() >= SHORTEST) {
        known.insert(part.to_owned());
    }
}

/// Makes a password known, and with it the `auth` field and the Basic header it makes.
pub fn register_login(user: &str, password: &str) {
    register(password);
    let mut known = KNOWN.lock().unwrap();
    // Unpadded, because it is then found in either spelling.
    known.insert(STANDARD_NO_PAD.encode(format!("{user}:{password}")));
}

/// The `auth` field of a docker config, which is also what follows `Basic ` in a header.
pub fn basic(user: &str, password: &str) -> String {
    register_login(user, password);
    STANDARD.encode(format!("{user}:{password}"))
}

/// How many spellings are known.
pub fn known() -> usize {
    KNOWN.lock().unwrap().len()
}

/// Fails if any known secret occurs in `text`, saying where it was found but not the secret.
#[track_caller]
pub fn assert_no_secret(what: &str, text: &str) {
    let known = KNOWN.lock().unwrap().clone();
    for secret in known {
        if let Some(at) = text.find(&secret) {
            let line = text[..at].lines().count().max(1);
            let context = text.replace(&secret, "<<SECRET>>");
            panic!("{what} holds a secret, first in line {line}:\n{context}");
        }
    }
}
