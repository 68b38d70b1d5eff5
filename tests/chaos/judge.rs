//! What an answer may say, whatever is going on.

use std::collections::BTreeSet;

use crate::support::webhook::Reviewed;

/// What is said where the view of the world failed, which is true at any time; whether it is to be
/// expected is for each trouble's row to say.
const UNKNOWN: &[&str] = &[
    "not-checked",
    "registry-dns",
    "registry-error",
    "registry-plain-http",
    "registry-proxy",
    "registry-rate-limited",
    "registry-refused",
    "registry-timeout",
    "registry-tls",
];

/// The cause for which an image is denied that is missing.
pub const MISSING: &str = "tag-not-found";

/// What is known of an object's images by whoever made them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// They are all there, and nothing else is true.
    Good,
    /// So are these, and they were found before.
    Known,
    /// One is missing or damaged in the way of this cause.
    Bad(&'static str),
}

/// What is wrong with an answer, if anything: a verdict that is not true. What is `likely` may be
/// warned of.
pub fn wrong(truth: Truth, likely: &[&str], answer: &Reviewed) -> Option<String> {
    let codes: BTreeSet<String> =
        answer.denied_codes().into_iter().chain(answer.warned_codes()).collect();
    let warned = answer.allowed();
    let known = |code: &&String| {
        let code = code.as_str();
        !(UNKNOWN.contains(&code) || warned && likely.contains(&code))
    };
    let found: Vec<&String> = codes.iter().filter(known).collect();
    let is_right = match truth {
        Truth::Good | Truth::Known => answer.allowed() && found.is_empty(),
        Truth::Bad(code) => {
            let named = found.iter().any(|found| *found == code);
            let else_named = found.iter().any(|found| *found != code);
            // Not denied is right where the view failed, and nowhere else.
            !else_named && !codes.is_empty() && (named || answer.allowed())
        }
    };
    (!is_right).then(|| format!("{truth:?}, and the answer was {:#}", answer.json["response"]))
}

/// The causes that are told, but for the one of images that are missing.
pub fn told(answer: &Reviewed) -> Vec<String> {
    let codes = answer.denied_codes().into_iter().chain(answer.warned_codes());
    let codes: BTreeSet<String> = codes.filter(|code| code != MISSING).collect();
    codes.into_iter().collect()
}

/// Whether it is the whole truth, as where nothing is in the way.
pub fn is_right(truth: Truth, answer: &Reviewed) -> bool {
    match truth {
        Truth::Good | Truth::Known => answer.allowed() && answer.warnings().is_empty(),
        Truth::Bad(code) => !answer.allowed() && answer.denied_codes() == [code],
    }
}
