//! The `auth` field: base64 of `user:password`, with the leniency of Go's decoder.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::error::Fault;
use crate::credentials::Credential;

/// Go's encodings are not strict: bits beyond the last byte may be set.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
const PADDED: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    LENIENT.with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);
const UNPADDED: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    LENIENT.with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Decodes a non-empty `auth` (`decodeDockerConfigFieldAuth`).
pub(super) fn decode(auth: &str) -> Result<Credential, Fault> {
    let decoded = base64(auth.as_bytes()).ok_or(Fault::AuthNotBase64)?;
    // Nothing is trimmed: a newline that was encoded too is part of the password.
    let mut halves = decoded.splitn(2, |&byte| byte == b':');
    match (halves.next(), halves.next()) {
        (Some(username), Some(password)) => Ok(Credential::new(username, password)),
        _ if base64(decoded.trim_ascii()).is_some_and(|inner| inner.contains(&b':')) => {
            Err(Fault::AuthEncodedTwice)
        }
        _ => Err(Fault::AuthWithoutColon),
    }
}

/// Decodes base64, padded or not.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let engine = if text.trim_ascii().ends_with(b"=") { PADDED } else { UNPADDED };
    // Go's decoder skips line ends wherever they are, and nothing else.
    let digits: Vec<u8> =
        text.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    engine.decode(digits).ok()
}
