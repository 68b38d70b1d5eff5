//! `tokenAttributes`: what the kubelet demands of them. The providers that have them are not run,
//! because they are given a token that only a kubelet can ask for.

use std::collections::HashSet;

use super::Version;
use super::config::{Given, RawToken, is_not_one_of};
use super::validate::Check;
use crate::message::printable;

/// Longest name and longest prefix of an annotation's key.
const LONGEST_NAME: usize = 63;
const LONGEST_PREFIX: usize = 253;

/// Complains of what is wrong with a provider's `tokenAttributes`.
pub(super) fn check(check: &mut Check<'_, '_>, raw: &RawToken) {
    let of = |field: &str| format!("tokenAttributes.{field}");
    let other = check.raw.api_version.value().is_some_and(|v| v != Version::V1.as_str());
    if other {
        let v1 = Version::V1.as_str();
        check.wrong("tokenAttributes", format!("need {v1}; write that apiVersion beside them"));
    }
    if is_empty(&raw.audience) {
        check.wrong(&of("serviceAccountTokenAudience"), "is missing; name the token's audience");
    }
    if raw.require_service_account.is_absent() {
        check.wrong(&of("requireServiceAccount"), "is missing; write true or false");
    }
    if !matches!(raw.cache_type, Given::Wrong) {
        let text = raw.cache_type.value().map_or("", String::as_str);
        let words = ["ServiceAccount", "Token"];
        if !words.contains(&text) {
            check.wrong(&of("cacheType"), is_not_one_of(text, &words));
        }
    }
    let required = keys(check, &of("requiredServiceAccountAnnotationKeys"), &raw.required_keys);
    let optional = keys(check, &of("optionalServiceAccountAnnotationKeys"), &raw.optional_keys);
    if raw.require_service_account == Given::Is(false) && !required.is_empty() {
        check.wrong(
            &of("requiredServiceAccountAnnotationKeys"),
            "cannot be where requireServiceAccount is false; make that true, or make them optional",
        );
    }
    for key in required.iter().filter(|key| optional.contains(key)) {
        let shown = printable(key, 80);
        check.wrong("tokenAttributes", format!("\"{shown}\" is required and optional; keep one"));
    }
}

fn is_empty(given: &Given<String>) -> bool {
    match given {
        Given::Is(text) => text.is_empty(),
        Given::Absent => true,
        Given::Wrong => false,
    }
}

fn keys<'a>(check: &mut Check<'_, '_>, field: &str, given: &'a Given<Vec<String>>) -> Vec<&'a str> {
    let keys: Vec<&str> = given.value().into_iter().flatten().map(String::as_str).collect();
    let mut seen = HashSet::new();
    for key in &keys {
        let shown = printable(key, 80);
        if !is_qualified_name(&key.to_lowercase()) {
            check.wrong(
                field,
                format!("\"{shown}\" can be no annotation; write such as example.com/role"),
            );
        }
        if !seen.insert(*key) {
            check.wrong(field, format!("\"{shown}\" is there twice; keep one"));
        }
    }
    keys
}

/// `IsQualifiedName` of k8s.io/apimachinery: a name, after a DNS prefix and a slash or not.
fn is_qualified_name(text: &str) -> bool {
    let (prefix, name) = match text.split_once('/') {
        None => (None, text),
        Some((prefix, name)) => (Some(prefix), name),
    };
    let ends = |part: &str| {
        let sound = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        sound(part.chars().next()) && sound(part.chars().next_back())
    };
    let label = |part: &str| {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        ends(part) && part.chars().all(fits)
    };
    let is_prefix = |prefix: &str| prefix.len() <= LONGEST_PREFIX && prefix.split('.').all(label);
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    prefix.is_none_or(is_prefix)
        && name.len() <= LONGEST_NAME
        && ends(name)
        && name.chars().all(fits)
}
