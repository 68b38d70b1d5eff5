//! `OS[(VERSION[+FEATURE]...)]/ARCH[/VARIANT]`, as `platforms.Parse` reads it.

use std::str::FromStr;

use super::{Platform, normalise_architecture, normalise_os};

/// What stands for itself in a version or a feature, besides letters and digits.
const OPTION_MARKS: &[u8] = b"_.%-";

/// What would end a version or a feature, and is written as `%` and two hex digits.
const ESCAPED: [char; 5] = ['%', '+', '(', ')', '/'];

/// Why a text names no platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlatformError {
    /// Only one part. containerd would add what the machine it runs on has; another machine's
    /// platforms are meant here.
    #[error("a platform is written OS/ARCH or OS/ARCH/VARIANT, as in linux/amd64")]
    ArchitectureMissing,
    /// More than three parts.
    #[error("a platform has at most three parts: OS/ARCH/VARIANT")]
    TooManyParts,
    /// A system that is not a word, or what follows it is not `(VERSION+FEATURE)`.
    #[error("the operating system is a word such as linux, or windows(10.0.20348)")]
    Os,
    /// A version or feature with a `%` that starts no escape, or that is not UTF-8 without them.
    #[error("a % in an OS version or feature is written %25")]
    Escape,
    /// An architecture or a variant that is no word.
    #[error("architecture and variant are words of letters, digits, dots, dashes and underscores")]
    Word,
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let mut parts = text.splitn(4, '/');
        let (os, os_version, os_features) = parse_os(parts.next().unwrap_or_default())?;
        let architecture = parts.next().ok_or(PlatformError::ArchitectureMissing)?;
        let variant = parts.next();
        if parts.next().is_some() {
            return Err(PlatformError::TooManyParts);
        }
        if ![Some(architecture), variant].into_iter().flatten().all(|part| is_word(part, b"_.-")) {
            return Err(PlatformError::Word);
        }
        let (architecture, written) =
            normalise_architecture(architecture, variant.unwrap_or_default());
        let (architecture, mut written) = (architecture.into_owned(), written.into_owned());
        // The plain variant shows where it was written, and only there.
        match (architecture.as_str(), variant) {
            ("arm", None) if written == "v7" => written.clear(),
            ("arm64", Some(_)) if written.is_empty() => written.push_str("v8"),
            _ => {}
        }
        Ok(Self { os, architecture, variant: written, os_version, os_features })
    }
}

/// The system, its version and its features.
fn parse_os(part: &str) -> Result<(String, String, Vec<String>), PlatformError> {
    let (os, options) = match part.split_once('(') {
        None => (part, ""),
        Some((os, rest)) => (os, rest.strip_suffix(')').ok_or(PlatformError::Os)?),
    };
    let mut options = options.split('+');
    let version = options.next().unwrap_or_default();
    let features: Vec<&str> = options.collect();
    let valid = is_word(os, b"_-")
        && (version.is_empty() || is_word(version, OPTION_MARKS))
        && features.iter().all(|feature| is_word(feature, OPTION_MARKS));
    if !valid {
        return Err(PlatformError::Os);
    }
    let features = features.into_iter().map(unescape).collect::<Result<_, _>>()?;
    Ok((normalise_os(os).into_owned(), unescape(version)?, features))
}

fn is_word(text: &str, marks: &[u8]) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || marks.contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}

/// A version or feature as it is written between the parentheses.
pub(super) fn escape(text: &str) -> String {
    let one = |c: char| {
        if ESCAPED.contains(&c) { format!("%{:02X}", u32::from(c)) } else { c.into() }
    };
    text.chars().map(one).collect()
}

fn unescape(text: &str) -> Result<String, PlatformError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).ok_or(PlatformError::Escape)?;
        // `from_str_radix` takes a sign.
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(PlatformError::Escape);
        }
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| PlatformError::Escape)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).map_err(|_| PlatformError::Escape)
}
