//! `WWW-Authenticate`: what a registry asks for. Pure.

use std::fmt;

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;
use http_auth::{ChallengeParser, ChallengeRef};

use super::spec_error::says_expired;
use crate::facts::SpecCode;

/// Header lines that are read.
const MOST_LINES: usize = 16;
/// A line longer than this is not read.
const LONGEST_LINE: usize = 16 * 1024;

/// Bytes of a service and of one scope that are sent on and remembered.
const LONGEST_PARAMETER: usize = 2 * 1024;
/// Bytes of all scopes together.
const LONGEST_SCOPES: usize = 4 * 1024;

/// A Bearer challenge.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Bearer {
    /// Where tokens come from, as written; `None` if it was left out.
    pub(super) realm: Option<String>,
    pub(super) service: Option<String>,
    pub(super) scopes: Vec<String>,
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let realm = self.realm.as_ref().map(|realm| realm.split('?').next().unwrap_or_default());
        f.debug_struct("Bearer")
            .field("realm", &realm)
            .field("service", &self.service)
            .field("scopes", &self.scopes)
            .finish()
    }
}

impl Bearer {
    /// Whether it asks for more than any registry has reason to; realms have a bound of their own.
    pub(super) fn is_too_long(&self) -> bool {
        let scopes = self.scopes.iter().map(String::len);
        let longest = scopes.clone().chain(self.service.as_ref().map(String::len)).max();
        longest.is_some_and(|length| length > LONGEST_PARAMETER)
            || scopes.sum::<usize>() > LONGEST_SCOPES
    }

    /// Bytes that it takes in memory.
    pub(super) fn size(&self) -> usize {
        let scopes: usize = self.scopes.iter().map(|scope| size_of::<String>() + scope.len()).sum();
        let texts = [&self.realm, &self.service].into_iter().flatten();
        scopes + texts.map(String::len).sum::<usize>()
    }
}

/// All challenges of one answer, reduced to what a node could use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Challenges {
    /// The first Bearer challenge, one with a realm if there is one.
    pub(super) bearer: Option<Bearer>,
    /// Basic is offered.
    pub(super) basic: bool,
    /// The `error` of any challenge, if the spec knows it.
    pub(super) code: Option<SpecCode>,
    /// An `error_description` speaks of something expired.
    pub(super) expired: bool,
}

impl Challenges {
    /// Reads every `WWW-Authenticate` header: several lines, several challenges in one line, any
    /// case. What is malformed is left out.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut all = Self::default();
        for line in headers.get_all(WWW_AUTHENTICATE).iter().take(MOST_LINES) {
            if line.len() > LONGEST_LINE {
                continue;
            }
            let Ok(line) = line.to_str() else { continue };
            ChallengeParser::new(line).map_while(Result::ok).for_each(|one| all.add(&one));
        }
        all
    }

    fn add(&mut self, challenge: &ChallengeRef<'_>) {
        let param = |name: &str| {
            let found = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_unescaped())
        };
        self.code = self.code.or_else(|| param("error").and_then(|error| SpecCode::find(&error)));
        self.expired |= param("error_description").is_some_and(|text| says_expired(&text));
        if challenge.scheme.eq_ignore_ascii_case("basic") {
            self.basic = true;
        } else if challenge.scheme.eq_ignore_ascii_case("bearer") {
            let realm = param("realm").filter(|realm| !realm.is_empty());
            let better =
                self.bearer.as_ref().is_none_or(|known| known.realm.is_none() && realm.is_some());
            if better {
                let scope = param("scope").unwrap_or_default();
                let scopes = scope.split_ascii_whitespace().map(str::to_owned).collect();
                self.bearer = Some(Bearer { realm, service: param("service"), scopes });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(lines: &[&[u8]]) -> Challenges {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(line).unwrap());
        }
        Challenges::of(&headers)
    }

    fn hub() -> Bearer {
        Bearer {
            realm: Some("https://auth.test/token".to_owned()),
            service: Some("reg.test".to_owned()),
            scopes: vec!["repository:a/b:pull".to_owned(), "aws".to_owned()],
        }
    }

    const HUB: &[u8] = br#"Bearer realm="https://auth.test/token",service="reg.test",scope="repository:a/b:pull aws""#;

    #[test]
    fn bearer_is_read_with_its_parameters_in_any_case() {
        assert_eq!(of(&[HUB]).bearer, Some(hub()));
        let shouted = br#"BEARER Realm="https://auth.test/token", SERVICE="reg.test" , Scope="repository:a/b:pull aws""#;
        assert_eq!(of(&[shouted]).bearer, Some(hub()));
    }

    #[test]
    fn two_challenges_are_seen_in_one_line_and_in_two() {
        let joined = [b"Basic realm=\"r\", ".as_slice(), HUB].concat();
        for both in [of(&[&joined]), of(&[b"Basic realm=\"r\"", HUB]), of(&[HUB, b"basic"])] {
            assert!(both.basic);
            assert_eq!(both.bearer, Some(hub()));
        }
    }

    #[test]
    fn an_error_in_the_challenge_is_kept_only_if_the_spec_knows_it() {
        let with = |error: &str| {
            of(&[[HUB, format!(",error=\"{error}\"").as_bytes()].concat().as_slice()]).code
        };
        assert_eq!(with("insufficient_scope"), Some(SpecCode::InsufficientScope));
        assert_eq!(with("invalid_token"), Some(SpecCode::InvalidToken));
        assert_eq!(with("something \\\"evil\\\""), None);
        let text =
            br#"Bearer realm="x",error="invalid_token",error_description="The token has expired""#;
        assert!(of(&[text]).expired);
    }

    #[test]
    fn what_is_empty_unknown_or_malformed_is_no_challenge() {
        for line in [b"".as_slice(), b",", b"Negotiate", b"Bearer realm=\"\xff\"", b"= =", b"\"x\""]
        {
            assert_eq!(of(&[line]), Challenges::default(), "{line:?}");
        }
        assert_eq!(of(&[]), Challenges::default());
        assert_eq!(of(&[b"\xff\xfe", HUB]).bearer, Some(hub()));
    }

    #[test]
    fn a_challenge_that_asks_for_more_than_a_few_kilobytes_is_too_long() {
        let with = |service: usize, scopes: &[usize]| Bearer {
            realm: None,
            service: Some("s".repeat(service)),
            scopes: scopes.iter().map(|length| "x".repeat(*length)).collect(),
        };
        for (bearer, expected) in [
            (with(2_048, &[2_048, 2_048]), false),
            (with(2_049, &[]), true),
            (with(0, &[2_049]), true),
            (with(0, &[2_000, 2_000, 97]), true),
        ] {
            assert_eq!(bearer.is_too_long(), expected);
        }
    }

    #[test]
    fn a_bearer_challenge_without_a_realm_gives_way_to_one_with() {
        assert_eq!(of(&[b"Bearer service=\"x\""]).bearer.unwrap().realm, None);
        assert_eq!(of(&[b"Bearer service=\"x\"", HUB]).bearer, Some(hub()));
    }
}
