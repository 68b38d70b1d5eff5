//! Content digests as go-digest v1.0.0 takes them: three algorithms, lowercase hex, exact length.

use std::fmt;
use std::sync::Arc;

use sha2::digest::Digest as _;
use sha2::{Sha256, Sha384, Sha512};

/// The hash functions that runtimes link. Anything else is refused when the reference is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256, 64 hex digits; what registries use.
    Sha256,
    /// SHA-384, 96 hex digits.
    Sha384,
    /// SHA-512, 128 hex digits.
    Sha512,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// As written before the colon.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// How many hex digits follow the colon.
    pub const fn hex_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A valid digest: `sha256:` and 64 lowercase hex digits, or its longer relatives.
///
/// One pointer and a length, and one text for all copies: caches hold many.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(Arc<str>);

/// Which rule of a digest is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// No colon, or nothing before it.
    #[error("a digest starts with its algorithm, as in sha256:")]
    AlgorithmMissing,
    /// An algorithm that runtimes do not link.
    #[error("runtimes know no digest algorithm of this name")]
    AlgorithmUnknown,
    /// Too few or too many hex digits.
    #[error("a {algorithm} digest has {} hex digits, this one {found}", algorithm.hex_len())]
    Length {
        /// The algorithm named before the colon.
        algorithm: Algorithm,
        /// How many characters follow the colon.
        found: usize,
    },
    /// The right length, in upper case.
    #[error("digests are written in lowercase hex")]
    Uppercase,
    /// The right length, but not hex.
    #[error("a digest is hex digits only")]
    NotHex,
}

impl Digest {
    /// Parses `algorithm:hex`.
    pub fn parse(text: &str) -> Result<Self, DigestError> {
        let (name, hex) = text.split_once(':').ok_or(DigestError::AlgorithmMissing)?;
        if name.is_empty() {
            return Err(DigestError::AlgorithmMissing);
        }
        let algorithm = Algorithm::from_name(name).ok_or(DigestError::AlgorithmUnknown)?;
        if hex.len() != algorithm.hex_len() {
            return Err(DigestError::Length { algorithm, found: hex.chars().count() });
        }
        if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(DigestError::NotHex);
        }
        if hex.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(DigestError::Uppercase);
        }
        Ok(Self(text.into()))
    }

    /// The digest of these bytes.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// Which hash function.
    pub fn algorithm(&self) -> Algorithm {
        // Names and lengths grow together, so the length alone tells them apart.
        match self.hex().len() {
            64 => Algorithm::Sha256,
            96 => Algorithm::Sha384,
            _ => Algorithm::Sha512,
        }
    }

    /// The part after the colon.
    pub fn hex(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, hex)| hex)
    }

    /// Enough to tell it from others: the algorithm and twelve digits, as tools show it.
    pub fn short(&self) -> &str {
        let end = self.algorithm().name().len() + 1 + 12;
        self.0.get(..end).unwrap_or(&self.0)
    }

    /// `algorithm:hex`, as it stands in a URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The hash itself, where it is one of SHA-256.
    pub fn sha256(&self) -> Option<[u8; 32]> {
        let hex = self.0.strip_prefix("sha256:")?;
        let mut hash = [0; 32];
        for (byte, at) in hash.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?;
        }
        Some(hash)
    }

    /// The digest that this hash of SHA-256 is written as.
    pub fn from_sha256(hash: &[u8; 32]) -> Self {
        written(Algorithm::Sha256, hash)
    }

    /// Whether these bytes have this digest.
    pub fn verify(&self, bytes: &[u8]) -> bool {
        Self::of(self.algorithm(), bytes) == *self
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Computes a digest from bytes that arrive in pieces.
#[derive(Debug, Clone)]
pub struct Hasher(State);

#[derive(Debug, Clone)]
enum State {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hasher {
    /// Starts with no bytes.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha384 => State::Sha384(Sha384::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        })
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(bytes),
            State::Sha384(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// The digest of everything added.
    pub fn finish(self) -> Digest {
        match self.0 {
            State::Sha256(state) => written(Algorithm::Sha256, &state.finalize()),
            State::Sha384(state) => written(Algorithm::Sha384, &state.finalize()),
            State::Sha512(state) => written(Algorithm::Sha512, &state.finalize()),
        }
    }
}

fn written(algorithm: Algorithm, hash: &[u8]) -> Digest {
    let hex = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let hex = hex.filter_map(|nibble| char::from_digit(u32::from(nibble), 16));
    let text: String = algorithm.name().chars().chain([':']).chain(hex).collect();
    Digest(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4's example message, "abc".
    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn the_three_algorithms_of_go_digest_are_accepted_and_keep_their_text() {
        for algorithm in Algorithm::ALL {
            let text = format!("{algorithm}:{}", "0f".repeat(algorithm.hex_len() / 2));
            let digest = Digest::parse(&text).unwrap();
            assert_eq!(digest.algorithm(), algorithm);
            assert_eq!(digest.hex().len(), algorithm.hex_len());
            assert_eq!(digest.to_string(), text);
        }
    }

    #[test]
    fn every_other_text_is_refused_by_the_rule_it_breaks() {
        let hex = "a".repeat(64);
        for (text, error) in [
            (String::new(), DigestError::AlgorithmMissing),
            (hex.clone(), DigestError::AlgorithmMissing),
            (format!(":{hex}"), DigestError::AlgorithmMissing),
            (format!("md5:{}", "a".repeat(32)), DigestError::AlgorithmUnknown),
            (format!("SHA256:{hex}"), DigestError::AlgorithmUnknown),
            ("sha256:".into(), DigestError::Length { algorithm: Algorithm::Sha256, found: 0 }),
            (
                format!("sha256:{hex}a"),
                DigestError::Length { algorithm: Algorithm::Sha256, found: 65 },
            ),
            (
                format!("sha512:{hex}"),
                DigestError::Length { algorithm: Algorithm::Sha512, found: 64 },
            ),
            (format!("sha256:{}", "A".repeat(64)), DigestError::Uppercase),
            (format!("sha256:{}", "g".repeat(64)), DigestError::NotHex),
            (format!("sha256:{}", "é".repeat(32)), DigestError::NotHex),
        ] {
            assert_eq!(Digest::parse(&text), Err(error), "{text}");
        }
    }

    #[test]
    fn bytes_are_verified_and_a_flipped_byte_is_noticed() {
        let digest = Digest::parse(ABC).unwrap();
        assert!(digest.verify(b"abc"));
        assert!(!digest.verify(b"abd"));
        for algorithm in Algorithm::ALL {
            let digest = Digest::of(algorithm, b"abc");
            assert_eq!(Digest::parse(digest.as_str()), Ok(digest.clone()));
            assert!(digest.verify(b"abc") && !digest.verify(b""));
        }
    }

    #[test]
    fn pieces_hash_like_the_whole() {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(b"a");
        hasher.update(b"bc");
        assert_eq!(hasher.finish().as_str(), ABC);
    }

    #[test]
    fn a_hash_of_sha256_is_the_same_digest_again() {
        let digest = Digest::parse(ABC).unwrap();
        let hash = digest.sha256().unwrap();
        assert_eq!(hash[..2], [0xba, 0x78]);
        assert_eq!(Digest::from_sha256(&hash), digest);
        assert_eq!(Digest::of(Algorithm::Sha512, b"abc").sha256(), None);
    }

    #[test]
    fn twelve_digits_are_enough_to_show() {
        assert_eq!(Digest::of(Algorithm::Sha256, b"abc").short(), "sha256:ba7816bf8f01");
        assert_eq!(Digest::of(Algorithm::Sha512, b"abc").short().len(), "sha512:".len() + 12);
    }
}
