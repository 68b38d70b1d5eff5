//! What must hold for any bytes that strangers send: the bodies of the fuzz targets.
//!
//! Compiled for tests and for cargo-fuzz alone (`cfg(fuzzing)`), so that it is no part of the
//! library. A body takes any bytes and fails by an assertion. The same bodies run over every file
//! of `fuzz/seeds`, and over mutations of them, with the other tests; docs/fuzzing.md tells more.
//!
//! Never here: files, clocks, the network. What is private to a room has its body in that room.

mod credentials;
mod reference;
#[cfg(test)]
mod tests;

use std::fmt::Debug;

pub use crate::registry::fuzz::{challenge, hosts_toml, manifest, token_answer};
pub use crate::reviewer::fuzz::review;
pub use credentials::{docker_config, provider_answer, provider_config};
pub use reference::reference;

/// What a secret of the input is replaced by, to be looked for where no secret may be.
const MARK: &str = "Xq7kPullcheckMark";
/// `MARK:MARK` in base64.
const MARK_LOGIN: &str = "WHE3a1B1bGxjaGVja01hcms6WHE3a1B1bGxjaGVja01hcms=";

/// A text that a person may see: one line of printable ASCII, of at most so many characters.
pub(crate) fn assert_line(text: &str, most: usize) {
    assert!(text.len() <= most, "{} characters: {text}", text.len());
    let printable = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    assert!(printable, "{text:?}");
}

/// Nothing of what was marked is in it.
fn assert_silent(shown: &impl Debug) {
    let shown = format!("{shown:?}");
    assert!(!shown.contains(MARK) && !shown.contains(MARK_LOGIN), "{shown}");
}

/// A JSON document whose strings are replaced where `is_secret` holds for the name of the member
/// that they are, or are in, once by text and once by what `auth` may be; none where it is no JSON,
/// or holds the mark already.
fn marked(data: &[u8], is_secret: fn(&str) -> bool) -> Vec<Vec<u8>> {
    let Ok(document) = serde_json::from_slice::<serde_json::Value>(data) else {
        return Vec::new();
    };
    if document.to_string().contains("PullcheckMark") {
        return Vec::new();
    }
    let with = |mark: &str| {
        let mut document = document.clone();
        mark_strings(&mut document, mark, is_secret, false);
        document.to_string().into_bytes()
    };
    vec![with(MARK), with(MARK_LOGIN)]
}

fn mark_strings(
    value: &mut serde_json::Value,
    mark: &str,
    is_secret: fn(&str) -> bool,
    secret: bool,
) {
    match value {
        serde_json::Value::String(text) if secret => mark.clone_into(text),
        serde_json::Value::Array(items) => {
            for item in items {
                mark_strings(item, mark, is_secret, secret);
            }
        }
        serde_json::Value::Object(members) => {
            for (name, value) in members {
                mark_strings(value, mark, is_secret, secret || is_secret(name));
            }
        }
        _ => {}
    }
}
