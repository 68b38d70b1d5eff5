//! Error envelopes of registries and token servers, reduced to known codes. Pure.
//!
//! Nothing else of a foreign text is ever kept.

use serde::Deserialize;

use crate::facts::SpecCode;

/// Bytes of an error body that are read.
pub(super) const LONGEST_BODY: usize = 64 * 1024;

/// What an error body says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ErrorBody {
    /// The first code that the distribution spec knows.
    pub(super) code: Option<SpecCode>,
    /// It speaks of something that has expired.
    pub(super) expired: bool,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    errors: Option<Vec<Entry>>,
    /// OAuth 2's form (RFC 6749, 5.2), which some token servers use.
    #[serde(default)]
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    code: Option<serde_json::Value>,
}

/// Reads the body of an error answer, whatever it is.
pub(super) fn read(body: &[u8]) -> ErrorBody {
    let expired = says_expired(&String::from_utf8_lossy(body));
    let Ok(envelope) = serde_json::from_slice::<Envelope>(body) else {
        return ErrorBody { code: None, expired };
    };
    let listed = envelope.errors.into_iter().flatten().filter_map(|entry| entry.code);
    let code = listed.chain(envelope.error).find_map(|code| SpecCode::find(code.as_str()?));
    ErrorBody { code, expired }
}

/// Whether a text says that something has expired.
pub(super) fn says_expired(text: &str) -> bool {
    text.to_ascii_lowercase().contains("expired")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_code_counts_and_foreign_text_is_dropped() {
        for (body, code) in [
            (r#"{"errors":[{"code":"NAME_UNKNOWN","message":"x"}]}"#, Some(SpecCode::NameUnknown)),
            (r#"{"errors":[{"code":"EVIL"},{"code":"DENIED"}]}"#, Some(SpecCode::Denied)),
            (r#"{"errors":[{"code":"toomanyrequests"}]}"#, Some(SpecCode::TooManyRequests)),
            (r#"{"error":"invalid_token"}"#, Some(SpecCode::InvalidToken)),
            (r#"{"errors":[{"code":404}]}"#, None),
            (r#"{"errors":null}"#, None),
            (r#"{"errors":{"code":"DENIED"}}"#, None),
            ("<html>404</html>", None),
            ("", None),
        ] {
            assert_eq!(read(body.as_bytes()).code, code, "{body}");
        }
    }

    #[test]
    fn an_expired_credential_is_told_by_the_registrys_words() {
        let ecr = r#"{"errors":[{"code":"DENIED","message":"Your authorization token has expired. Reauthenticate and try again."}]}"#;
        assert_eq!(read(ecr.as_bytes()), ErrorBody { code: Some(SpecCode::Denied), expired: true });
        assert!(!read(b"{\"errors\":[{\"code\":\"DENIED\"}]}").expired);
        assert!(read(b"token Expired \xff").expired);
    }
}
