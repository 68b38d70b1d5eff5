//! Challenges, tokens and the bodies of errors.

use http::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use jiff::Timestamp;

use crate::fuzzing::assert_line;
use crate::registry::challenge::{Bearer, Challenges};
use crate::registry::realm::realm;
use crate::registry::spec_error;
use crate::registry::token::{Method, parse};

/// Any `WWW-Authenticate` headers, one a line: what is read is no longer than what was sent, and is
/// read again from what a registry would write for it; a realm is asked only over https; what is
/// shown of it holds no query.
///
/// # Panics
/// Where that does not hold.
pub fn challenge(data: &[u8]) {
    let challenges = of(data.split(|byte| *byte == b'\n'));
    let Some(bearer) = challenges.bearer else { return };
    let texts = bearer.scopes.iter().chain(&bearer.realm).chain(&bearer.service);
    assert!(texts.map(String::len).sum::<usize>() <= data.len());
    assert!(bearer.size() <= data.len() * (1 + size_of::<String>()));
    assert!(bearer.scopes.iter().all(|one| !one.is_empty() && !one.contains(char::is_whitespace)));

    if let Ok(uri) = realm(bearer.realm.as_deref(), true) {
        assert_eq!(uri.scheme_str(), Some("https"));
        let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        assert!(!authority.is_empty() && !authority.contains('@'), "{uri}");
    }
    let shown = format!("{:?}", Bearer { service: None, scopes: Vec::new(), ..bearer.clone() });
    assert!(!shown.contains('?'), "{shown}");

    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut line = format!("Bearer scope={}", quoted(&bearer.scopes.join(" ")));
    for (name, text) in [("realm", &bearer.realm), ("service", &bearer.service)] {
        let text = text.as_ref().map(|text| format!(",{name}={}", quoted(text)));
        line.push_str(&text.unwrap_or_default());
    }
    if line.len() <= 16 * 1024 {
        assert_eq!(of([line.as_bytes()].into_iter()).bearer, Some(bearer), "{line}");
    }
}

fn of<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Challenges {
    let mut headers = HeaderMap::new();
    for line in lines.take(64) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(WWW_AUTHENTICATE, value);
        }
    }
    Challenges::of(&headers)
}

/// Any answer of a token server, and any body of an error: a token that is taken can be sent, lives
/// within bounds and is not shown.
///
/// # Panics
/// Where that does not hold.
pub fn token_answer(data: &[u8]) {
    for method in [Method::Get, Method::Post] {
        match parse(data, method, Timestamp::UNIX_EPOCH) {
            Ok(token) => {
                assert!(token.size() <= data.len().min(16 * 1024) && token.size() > 0);
                assert!(token.header().is_some_and(|header| header.is_sensitive()));
                assert!(token.lifetime.as_secs() <= 3_600);
                assert!(format!("{token:?}").len() < 60);
            }
            Err(fault) => assert_line(fault.words(), 100),
        }
    }
    let body = spec_error::read(data);
    assert!(body.code.is_none() || !data.is_empty());
}
