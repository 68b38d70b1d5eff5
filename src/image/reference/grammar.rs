//! The grammar, one function per production. Decides alone what is accepted; words and fixes for
//! what is not are `explain`'s.

use super::error::{BrokenRule, DomainFault};
use crate::image::{Digest, DigestError, hub};

/// distribution/reference `RepositoryNameTotalLengthMax`.
const PATH_MAX: usize = 255;
/// distribution/reference `TagRegexp`.
const TAG_MAX: usize = 128;
/// Always a domain, though it has neither dot nor port.
const LOCALHOST: &str = "localhost";

/// A reference taken apart and found valid.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) domain: &'a str,
    /// `library/` where Docker Hub implies it, else empty.
    pub(super) namespace: &'static str,
    pub(super) path: &'a str,
    pub(super) tag: Option<&'a str>,
    pub(super) digest: Option<Digest>,
}

/// A reference taken apart by its separators alone, nothing checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pieces<'a> {
    pub(super) domain: &'a str,
    /// Why the first segment is the domain.
    pub(super) origin: Origin,
    pub(super) path: &'a str,
    pub(super) tag: Option<&'a str>,
    pub(super) digest: Option<&'a str>,
}

/// What makes the domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// None is written: Docker Hub.
    Implied,
    /// The first segment looks like one.
    Written,
    /// The first segment has an upper-case letter, which no path may have.
    Uppercase,
}

/// The first half of `ParseNormalizedNamed`: domain from path, then path, tag and digest, which
/// cannot hold each other's separators.
pub(super) fn split(raw: &str) -> Pieces<'_> {
    let (domain, origin, rest) = match raw.split_once('/') {
        Some((LOCALHOST, rest)) => (LOCALHOST, Origin::Written, rest),
        Some((hub::LEGACY_DOMAIN, rest)) => (hub::DOMAIN, Origin::Written, rest),
        Some((first, rest)) if first.contains(['.', ':']) => (first, Origin::Written, rest),
        Some((first, rest)) if has_uppercase(first) => (first, Origin::Uppercase, rest),
        _ => (hub::DOMAIN, Origin::Implied, raw),
    };
    let (before, digest) = match rest.split_once('@') {
        Some((before, digest)) => (before, Some(digest)),
        None => (rest, None),
    };
    let (path, tag) = match before.split_once(':') {
        Some((path, tag)) => (path, Some(tag)),
        None => (before, None),
    };
    Pieces { domain, origin, path, tag, digest }
}

/// Takes a reference apart and checks every piece.
pub(super) fn scan(raw: &str) -> Result<Parts<'_>, BrokenRule> {
    let Pieces { domain, origin, path, tag, digest } = split(raw);
    if is_image_id(raw) {
        return Err(BrokenRule::ImageId);
    }
    let mut path_len = path.len();
    if let Err(fault) = check_domain(domain) {
        // The expression for names makes the domain optional: a first segment that is no domain
        // but would do in a path (`a_b.c`) is taken as part of the path.
        if origin != Origin::Written || check_component(domain).is_err() {
            return Err(domain_rule(fault, origin));
        }
        path_len += domain.len() + 1;
    }
    check_path(path).map_err(|rule| match rule {
        BrokenRule::LeadingSlash if origin != Origin::Implied => BrokenRule::DoubleSlash,
        rule => rule,
    })?;
    let on_hub = domain == hub::DOMAIN && !path.contains('/');
    let namespace = if on_hub { hub::OFFICIAL_NAMESPACE } else { "" };
    path_len += namespace.len();
    if let Some(tag) = tag {
        check_tag(tag)?;
    }
    let digest = digest.map(check_digest).transpose()?;
    if path_len > PATH_MAX {
        return Err(BrokenRule::NameTooLong(path_len));
    }
    Ok(Parts { domain, namespace, path, tag, digest })
}

fn domain_rule(fault: DomainFault, origin: Origin) -> BrokenRule {
    // `My_Org/app` is meant as a name on Docker Hub, whatever the grammar makes of it.
    if origin == Origin::Uppercase { BrokenRule::Uppercase } else { BrokenRule::Domain(fault) }
}

fn has_uppercase(text: &str) -> bool {
    text.chars().any(char::is_uppercase)
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// 64 hex digits alone would be an image ID.
pub(super) fn is_image_id(raw: &str) -> bool {
    raw.len() == 64 && raw.bytes().all(is_lower_hex)
}

/// `host[:port]`.
pub(super) fn check_domain(domain: &str) -> Result<(), DomainFault> {
    if let Some(bracketed) = domain.strip_prefix('[') {
        let (address, after) = bracketed.split_once(']').ok_or(DomainFault::Ipv6)?;
        let valid = |byte: u8| byte.is_ascii_hexdigit() || byte == b':';
        if address.is_empty() || !address.bytes().all(valid) {
            return Err(DomainFault::Ipv6);
        }
        return match after.strip_prefix(':') {
            Some(port) => check_port(port),
            None if after.is_empty() => Ok(()),
            None => Err(DomainFault::Ipv6),
        };
    }
    let Some((host, port)) = domain.split_once(':') else { return check_host(domain) };
    if port.contains(':') && domain.bytes().all(|b| b.is_ascii_hexdigit() || b == b':') {
        return Err(DomainFault::Ipv6Brackets);
    }
    check_port(port)?;
    check_host(host)
}

fn check_port(port: &str) -> Result<(), DomainFault> {
    if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(())
    } else if check_tag(port).is_ok() {
        Err(DomainFault::TagInside)
    } else {
        Err(DomainFault::Port)
    }
}

fn check_host(host: &str) -> Result<(), DomainFault> {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    match host.chars().find(|&c| !valid(c)) {
        Some('_') => return Err(DomainFault::Underscore),
        Some(other) => return Err(DomainFault::Character(other)),
        None => {}
    }
    let bad = |label: &str| label.is_empty() || label.starts_with('-') || label.ends_with('-');
    if host.split('.').any(bad) { Err(DomainFault::Label) } else { Ok(()) }
}

fn check_path(path: &str) -> Result<(), BrokenRule> {
    if path.is_empty() {
        return Err(BrokenRule::RepositoryMissing);
    }
    if has_uppercase(path) {
        return Err(BrokenRule::Uppercase);
    }
    if path.starts_with('/') {
        return Err(BrokenRule::LeadingSlash);
    }
    if path.contains("//") {
        return Err(BrokenRule::DoubleSlash);
    }
    if path.ends_with('/') {
        return Err(BrokenRule::TrailingSlash);
    }
    path.split('/').try_for_each(check_component)
}

/// Runs of `a-z0-9` joined by one `.`, one or two `_`, or any number of `-`.
fn check_component(component: &str) -> Result<(), BrokenRule> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if !component.is_empty() && component.bytes().all(plain) {
        return Ok(());
    }
    let alnum = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separator = |c: char| matches!(c, '.' | '_' | '-');
    if let Some(bad) = component.chars().find(|&c| !alnum(c) && !separator(c)) {
        return Err(BrokenRule::NameCharacter(bad));
    }
    if !component.starts_with(alnum) || !component.ends_with(alnum) {
        return Err(BrokenRule::NameEdge);
    }
    let joins = |run: &str| matches!(run, "" | "." | "_" | "__") || run.bytes().all(|b| b == b'-');
    if component.split(alnum).all(joins) { Ok(()) } else { Err(BrokenRule::NameSeparator) }
}

fn check_tag(tag: &str) -> Result<(), BrokenRule> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let Some(first) = tag.chars().next() else { return Err(BrokenRule::TagMissing) };
    match tag.chars().find(|&c| !word(c) && !matches!(c, '.' | '-')) {
        Some('+') => return Err(BrokenRule::TagPlus),
        Some(':') => return Err(BrokenRule::SecondTag),
        Some('/') => return Err(BrokenRule::SlashAfterTag),
        Some(other) => return Err(BrokenRule::TagCharacter(other)),
        None => {}
    }
    if !word(first) {
        return Err(BrokenRule::TagStart(first));
    }
    if tag.len() > TAG_MAX { Err(BrokenRule::TagTooLong(tag.len())) } else { Ok(()) }
}

fn check_digest(text: &str) -> Result<Digest, BrokenRule> {
    if text.is_empty() {
        return Err(BrokenRule::DigestMissing);
    }
    if text.contains('@') {
        return Err(BrokenRule::SecondDigest);
    }
    Digest::parse(text).map_err(|error| match text.rsplit_once(':') {
        // `@sha256:<hex>:tag`.
        Some((digest, _)) if digest.contains(':') => BrokenRule::TagAfterDigest,
        _ if error == DigestError::AlgorithmMissing && text.bytes().all(is_lower_hex) => {
            BrokenRule::DigestWithoutAlgorithm
        }
        _ => BrokenRule::Digest(error),
    })
}
