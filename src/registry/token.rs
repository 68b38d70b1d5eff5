//! Tokens, and the answers they come in. Pure: the time comes in.

use std::fmt;
use std::time::Duration;

use http::HeaderValue;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// A token without `expires_in` lives this long (distribution's token specification).
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);
/// No token is kept longer than this.
const LONGEST_LIFETIME: Duration = Duration::from_secs(3_600);
/// A token is given up this long before its end, or a tenth of its life if that is shorter.
const MARGIN: Duration = Duration::from_secs(10);
/// Bytes of a token that is taken: what servers and proxies commonly take in one header.
const LONGEST: usize = 16 * 1024;
/// Bytes of a token server's answer that are read; some tokens list many rights.
pub(super) const LONGEST_ANSWER: usize = 1024 * 1024;

/// A bearer token and how long it may be used.
pub(super) struct Token {
    value: SecretString,
    /// How long from its arrival it is worth keeping; may be zero.
    pub(super) lifetime: Duration,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

impl Token {
    /// Bytes that it takes in memory.
    pub(super) fn size(&self) -> usize {
        self.value.expose_secret().len()
    }

    /// The `Authorization` header; `None` if the token holds bytes that no header may hold.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let text = SecretString::from(format!("Bearer {}", self.value.expose_secret()));
        let mut header = HeaderValue::from_str(text.expose_secret()).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

/// How the token was asked for, which decides the member it comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// The OAuth 2 form; the answer must hold `access_token`.
    Post,
    /// A GET, with Basic or anonymously; `access_token` or `token`.
    Get,
}

/// What is wrong with a token server's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenFault {
    /// Not JSON of the expected shape (containerd: "unable to decode token response").
    Undecodable,
    /// No token in it.
    Missing,
    /// A token that cannot be sent: it holds a newline, say.
    Unusable,
    /// A token that no header has room for.
    TooLong,
}

impl TokenFault {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Undecodable => "the token server's answer cannot be read",
            Self::Missing => "the token server's answer holds no token",
            Self::TooLong => "the token server's token is longer than 16 KiB",
            Self::Unusable => "the token server's token cannot be sent in a header",
        }
    }
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    expires_in: Option<i64>,
    #[serde(default)]
    issued_at: Option<Timestamp>,
}

/// Reads a token server's answer.
pub(super) fn parse(body: &[u8], method: Method, now: Timestamp) -> Result<Token, TokenFault> {
    let raw: Raw = serde_json::from_slice(body).map_err(|_| TokenFault::Undecodable)?;
    let lifetime = lifetime(raw.expires_in, raw.issued_at, now);
    let given = |token: Option<String>| token.filter(|token| !token.is_empty());
    let (token, access_token) = (given(raw.token), given(raw.access_token));
    let value = match method {
        Method::Post => access_token,
        Method::Get => access_token.or(token),
    };
    let value = value.ok_or(TokenFault::Missing)?;
    if value.len() > LONGEST {
        return Err(TokenFault::TooLong);
    }
    let token = Token { value: value.into(), lifetime };
    token.header().ok_or(TokenFault::Unusable)?;
    Ok(token)
}

fn lifetime(expires_in: Option<i64>, issued_at: Option<Timestamp>, now: Timestamp) -> Duration {
    let told = expires_in
        .filter(|seconds| *seconds > 0)
        .map_or(DEFAULT_LIFETIME, |seconds| Duration::from_secs(seconds.unsigned_abs()))
        .min(LONGEST_LIFETIME);
    // A server whose clock is behind ours makes its tokens look older than they are, never younger.
    let age = issued_at.map(|issued| now.duration_since(issued));
    let age = age.and_then(|age| Duration::try_from(age).ok()).unwrap_or_default();
    let left = told.saturating_sub(age);
    left.saturating_sub(MARGIN.min(left / 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-20T10:00:00Z".parse().unwrap()
    }

    fn seconds(body: &str) -> f64 {
        parse(body.as_bytes(), Method::Get, now()).unwrap().lifetime.as_secs_f64()
    }

    #[test]
    fn a_get_takes_either_member_and_a_post_only_access_token() {
        let of = |body: &str, method| {
            let token = parse(body.as_bytes(), method, now());
            token.map(|token| token.header().unwrap().to_str().unwrap().to_owned())
        };
        assert_eq!(of(r#"{"token":"a"}"#, Method::Get).as_deref(), Ok("Bearer a"));
        assert_eq!(of(r#"{"access_token":"b"}"#, Method::Get).as_deref(), Ok("Bearer b"));
        assert_eq!(
            of(r#"{"token":"a","access_token":"b"}"#, Method::Get).as_deref(),
            Ok("Bearer b")
        );
        assert_eq!(of(r#"{"access_token":"b"}"#, Method::Post).as_deref(), Ok("Bearer b"));
        assert_eq!(of(r#"{"token":"a"}"#, Method::Post), Err(TokenFault::Missing));
        assert_eq!(of(r#"{"token":""}"#, Method::Get), Err(TokenFault::Missing));
        assert_eq!(of("{}", Method::Get), Err(TokenFault::Missing));
    }

    #[test]
    fn what_containerd_cannot_decode_is_undecodable() {
        for body in [
            "",
            "<html>",
            r#"{"token":5}"#,
            r#"{"token":"a","expires_in":"300"}"#,
            r#"{"token":"a","expires_in":1.5}"#,
            r#"{"token":"a","issued_at":"yesterday"}"#,
        ] {
            let fault = parse(body.as_bytes(), Method::Get, now()).unwrap_err();
            assert_eq!(fault, TokenFault::Undecodable, "{body}");
        }
    }

    #[test]
    fn a_token_that_no_header_can_hold_is_a_fault_and_no_panic() {
        for body in [r#"{"token":"a\nb"}"#, r#"{"token":"a\r\nX: y"}"#, r#"{"token":"a\u0000"}"#] {
            let fault = parse(body.as_bytes(), Method::Get, now()).unwrap_err();
            assert_eq!(fault, TokenFault::Unusable, "{body}");
        }
    }

    #[test]
    fn a_token_that_no_header_has_room_for_is_refused() {
        let of = |length: usize| {
            let body = format!(r#"{{"token":"{}"}}"#, "a".repeat(length));
            parse(body.as_bytes(), Method::Get, now()).map(|token| token.size())
        };
        assert_eq!(of(16 * 1024), Ok(16 * 1024));
        assert_eq!(of(16 * 1024 + 1), Err(TokenFault::TooLong));
    }

    #[test]
    fn a_token_is_kept_a_little_less_than_it_lives() {
        for (body, kept) in [
            (r#"{"token":"a"}"#, 54.0),
            (r#"{"token":"a","expires_in":300}"#, 290.0),
            (r#"{"token":"a","expires_in":10}"#, 9.0),
            (r#"{"token":"a","expires_in":0}"#, 54.0),
            (r#"{"token":"a","expires_in":-5}"#, 54.0),
            (r#"{"token":"a","expires_in":99999999999}"#, 3_590.0),
            (r#"{"token":"a","expires_in":300,"issued_at":"2026-11-20T09:58:00Z"}"#, 170.0),
            (r#"{"token":"a","expires_in":300,"issued_at":"2026-11-20T10:05:00Z"}"#, 290.0),
            (r#"{"token":"a","expires_in":300,"issued_at":"2020-01-01T00:00:00Z"}"#, 0.0),
        ] {
            assert!((seconds(body) - kept).abs() < 0.001, "{body}: {}", seconds(body));
        }
    }

    #[test]
    fn neither_a_token_nor_its_header_shows_in_debug() {
        let token = parse(br#"{"token":"hush"}"#, Method::Get, now()).unwrap();
        assert!(!format!("{token:?} {:?}", token.header()).contains("hush"));
    }
}
