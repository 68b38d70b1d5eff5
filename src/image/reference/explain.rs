//! From a reference that the grammar refused to the rule that explains most, and to what was
//! probably meant. Never decides what is accepted.

use super::error::{BrokenRule, DomainFault, ReferenceError};
use super::grammar::{self, Pieces};
use crate::image::{Algorithm, DigestError};

/// The longest reference that is suggested; beyond it people get the rule alone.
const MEANT_MAX: usize = 110;
/// The longest piece of a template that is quoted.
const QUOTED_MAX: usize = 40;

/// Names the mistake behind a refusal by `rule`.
pub(super) fn explain(raw: &str, rule: BrokenRule) -> ReferenceError {
    let rule = apparent(raw).unwrap_or(rule);
    let meant = meant(raw, &rule).filter(|text| text.len() <= MEANT_MAX);
    // Only what the kubelet would take is suggested; that also makes it printable ASCII.
    let meant = meant.filter(|text| grammar::scan(text).is_ok());
    ReferenceError::new(rule, meant)
}

/// Mistakes that are plain to see and break whatever rule comes first.
fn apparent(raw: &str) -> Option<BrokenRule> {
    if raw.trim().is_empty() {
        return Some(BrokenRule::Empty);
    }
    if let Some(template) = template(raw) {
        return Some(BrokenRule::Template(printable(template)));
    }
    if raw.trim() != raw {
        return Some(BrokenRule::OuterSpace);
    }
    if raw.contains(['"', '\'', '`']) {
        return Some(BrokenRule::Quoted);
    }
    if without_scheme(raw).is_some() {
        return Some(BrokenRule::Scheme);
    }
    if raw.contains(char::is_whitespace) {
        return Some(BrokenRule::InnerSpace);
    }
    if let Some(c) = raw.chars().find(|c| !c.is_ascii()) {
        return Some(BrokenRule::NonAscii(c));
    }
    if raw.starts_with('[') && !raw.contains('/') {
        return Some(BrokenRule::RepositoryMissing);
    }
    None
}

/// The placeholder that was left in: of a shell, of a template language, or of a manual.
fn template(raw: &str) -> Option<&str> {
    const BRACKETS: [(&str, &str); 6] =
        [("${{", "}}"), ("${", "}"), ("$(", ")"), ("{{", "}}"), ("<", ">"), ("{", "}")];
    for (open, close) in BRACKETS {
        if let Some((start, _)) = raw.match_indices(open).next() {
            let rest = raw.get(start..)?;
            let end = rest.find(close).map_or(rest.len(), |end| end + close.len());
            return rest.get(..end);
        }
    }
    let rest = raw.get(raw.find('$')?..)?;
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = rest.char_indices().skip(1).find(|&(_, c)| !name(c)).map_or(rest.len(), |(at, _)| at);
    // A `$` with no name after it is only a wrong character.
    rest.get(..end).filter(|found| found.len() > 1)
}

fn printable(text: &str) -> Box<str> {
    let ascii = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    let mut shown: String = text.chars().take(QUOTED_MAX).map(ascii).collect();
    if text.chars().nth(QUOTED_MAX).is_some() {
        shown.push_str("...");
    }
    shown.into_boxed_str()
}

/// What follows `https://`, `docker://`, `oci://`.
fn without_scheme(raw: &str) -> Option<&str> {
    let (scheme, rest) = raw.split_once("://")?;
    (!scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphabetic())).then_some(rest)
}

/// The reference that a person most likely meant; not checked yet.
fn meant(raw: &str, rule: &BrokenRule) -> Option<String> {
    let pieces = grammar::split(raw);
    match rule {
        BrokenRule::OuterSpace => Some(raw.trim().into()),
        BrokenRule::InnerSpace => Some(raw.split_whitespace().collect()),
        BrokenRule::Quoted => Some(raw.replace(['"', '\'', '`'], "").trim().into()),
        BrokenRule::Scheme => without_scheme(raw).map(from_address),
        BrokenRule::NonAscii(_) => Some(ascii_twin(raw)),
        BrokenRule::Uppercase => Some(lowercase(raw, pieces)),
        BrokenRule::LeadingSlash | BrokenRule::TrailingSlash | BrokenRule::DoubleSlash => {
            Some(single_slashes(raw))
        }
        BrokenRule::TagPlus => Some(raw.replace('+', "-")),
        BrokenRule::SlashAfterTag | BrokenRule::Domain(DomainFault::TagInside) => tag_last(raw),
        BrokenRule::DigestWithoutAlgorithm => {
            let (name, hex) = raw.split_once('@')?;
            let algorithm = Algorithm::ALL.into_iter().find(|a| a.hex_len() == hex.len())?;
            Some(format!("{name}@{algorithm}:{hex}"))
        }
        BrokenRule::TagAfterDigest => {
            let (rest, tag) = raw.rsplit_once(':')?;
            let (name, digest) = rest.split_once('@')?;
            Some(format!("{name}:{tag}@{digest}"))
        }
        BrokenRule::Digest(DigestError::Uppercase | DigestError::AlgorithmUnknown) => {
            let (name, digest) = raw.split_once('@')?;
            Some(format!("{name}@{}", digest.to_lowercase()))
        }
        _ => None,
    }
}

/// An address without its scheme; Docker Hub's web pages lead to the image they describe.
fn from_address(address: &str) -> String {
    let name = address.trim_end_matches('/');
    let page = name.strip_prefix("hub.docker.com/");
    let image = page.and_then(|page| page.strip_prefix("_/").or_else(|| page.strip_prefix("r/")));
    let name = image.unwrap_or(name);
    lowercase(name, grammar::split(name))
}

/// In lower case: all of the repository, and the first segment if only its letters make it a host.
fn lowercase(raw: &str, pieces: Pieces<'_>) -> String {
    let cased_host = pieces.origin == grammar::Origin::Uppercase
        && grammar::check_domain(pieces.domain).is_err();
    // All pieces are slices of `raw` in order, so the lengths of the last ones tell where the
    // path ends.
    let after = pieces.tag.map_or(0, |tag| tag.len() + 1)
        + pieces.digest.map_or(0, |digest| digest.len() + 1);
    let end = raw.len() - after;
    let start = if cased_host { 0 } else { end - pieces.path.len() };
    let cut = |range: std::ops::Range<usize>| raw.get(range).unwrap_or_default();
    let (head, name, tail) = (cut(0..start), cut(start..end), cut(end..raw.len()));
    format!("{head}{}{tail}", name.to_lowercase())
}

fn single_slashes(raw: &str) -> String {
    raw.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

/// `nginx:1.27/app` as `nginx/app:1.27`.
fn tag_last(raw: &str) -> Option<String> {
    let (name, rest) = raw.rsplit_once(':')?;
    let (tag, path) = rest.split_once('/')?;
    Some(format!("{name}/{path}:{tag}"))
}

/// Word processors turn dashes into longer ones and add spaces of no width.
fn ascii_twin(raw: &str) -> String {
    raw.chars()
        .filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}'))
        .map(|c| match c {
            '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
            '\u{2024}' | '\u{3002}' | '\u{ff0e}' => '.',
            '\u{ff0f}' => '/',
            '\u{ff1a}' => ':',
            other => other,
        })
        .collect()
}
