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
    let engine = if auth.trim().ends_with('=') { PADDED } else { UNPADDED };
    // Go's decoder skips line ends wherever they are, and nothing else.
    let digits: Vec<u8> = auth.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let decoded = engine.decode(digits).map_err(|_| Fault::AuthNotBase64)?;
    // Nothing is trimmed: a newline that was encoded too is part of the password.
    let mut halves = decoded.splitn(2, |&byte| byte == b':');
    match (halves.next(), halves.next()) {
        (Some(username), Some(password)) => Ok(Credential::new(username, password)),
        _ => Err(Fault::AuthWithoutColon),
    }
}
