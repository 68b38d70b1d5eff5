//! The ways to misbehave, by name.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use serde_json::json;

use super::access::BASIC;
use super::answer::Answer;
use super::store::Route;
use crate::support::images::media;
use crate::support::server::{Gate, Seen};
use crate::support::token_server::TokenServer;

type Change = dyn Fn(&Seen, Answer) -> Answer + Send + Sync;

/// What is done instead of the good answer.
pub enum Act {
    /// 401 with these challenges, to whoever has not logged in.
    Challenge(Vec<String>),
    Answer(Answer),
    Script(Arc<dyn Fn(&Seen) -> Answer + Send + Sync>),
    /// The good answer, changed.
    Change(Arc<Change>),
    /// No answer, ever.
    Hang,
    /// The good headers, then nothing.
    HangInBody,
    /// The good headers, then a byte at a time.
    Drip,
    /// The good headers, then this many bytes of white space.
    Huge {
        length: u64,
        told: bool,
    },
    Reset,
    Close,
    Garbage,
    /// Wait, then go on with what else there is.
    Gate(Gate),
    /// The same for a time, which no test may depend on: a bench does.
    Late(Duration),
}

/// A misbehaviour and the requests it is for: at first all of the repository's.
pub struct Fault {
    pub(super) act: Act,
    pub(super) before_login: bool,
    method: Option<Method>,
    only: Option<Only>,
    at: Option<String>,
    left: Option<AtomicUsize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Only {
    Manifests,
    Blobs,
    Tags,
}

impl Fault {
    pub fn new(act: Act) -> Self {
        Self { act, before_login: false, method: None, only: None, at: None, left: None }
    }

    /// Only in answer to GET.
    pub fn on_get(mut self) -> Self {
        self.method = Some(Method::GET);
        self
    }

    /// Only in answer to HEAD.
    pub fn on_head(mut self) -> Self {
        self.method = Some(Method::HEAD);
        self
    }

    /// Only for manifests.
    pub fn on_manifests(mut self) -> Self {
        self.only = Some(Only::Manifests);
        self
    }

    /// Only for blobs.
    pub fn on_blobs(mut self) -> Self {
        self.only = Some(Only::Blobs);
        self
    }

    /// Only for the list of tags.
    pub fn on_tags(mut self) -> Self {
        self.only = Some(Only::Tags);
        self
    }

    /// Only for what is asked for by this tag or digest.
    pub fn at(mut self, reference: &str) -> Self {
        self.at = Some(reference.to_owned());
        self
    }

    /// Only so many times; then it is over.
    pub fn times(mut self, times: usize) -> Self {
        self.left = Some(AtomicUsize::new(times));
        self
    }

    /// Whether or not the request carries a login.
    pub fn before_login(mut self) -> Self {
        self.before_login = true;
        self
    }

    /// Whether it is for this request; counts if so.
    pub(super) fn fits(&self, seen: &Seen, route: &Route) -> bool {
        let route_fits = match self.only {
            None => true,
            Some(Only::Manifests) => matches!(route, Route::Manifest(_)),
            Some(Only::Blobs) => matches!(route, Route::Blob(_)),
            Some(Only::Tags) => *route == Route::Tags,
        };
        let at_fits = self.at.as_ref().is_none_or(|at| match route {
            Route::Manifest(reference) | Route::Blob(reference) => reference == at,
            _ => false,
        });
        let method_fits = self.method.as_ref().is_none_or(|method| *method == seen.method);
        route_fits
            && at_fits
            && method_fits
            && self.left.as_ref().is_none_or(|left| {
                let less = |left: usize| left.checked_sub(1);
                left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
            })
    }
}

fn answer(answer: Answer) -> Fault {
    Fault::new(Act::Answer(answer))
}

fn change(how: impl Fn(&Seen, Answer) -> Answer + Send + Sync + 'static) -> Fault {
    Fault::new(Act::Change(Arc::new(how)))
}

/// 401 with challenges of the test's own.
pub fn challenge(lines: &[&str]) -> Fault {
    Fault::new(Act::Challenge(lines.iter().map(ToString::to_string).collect()))
}

/// 401 without a challenge.
pub fn no_challenge() -> Fault {
    challenge(&[])
}

/// 401 with an empty challenge.
pub fn empty_challenge() -> Fault {
    challenge(&[""])
}

/// 401 with Basic and Bearer in one header.
pub fn two_challenges_in_one_header(tokens: &TokenServer, repository: &str) -> Fault {
    challenge(&[&format!("{BASIC}, {}", tokens.challenge(repository))])
}

/// 401 with Basic and Bearer in two headers.
pub fn two_challenges_in_two_headers(tokens: &TokenServer, repository: &str) -> Fault {
    challenge(&[BASIC, &tokens.challenge(repository)])
}

/// 403 as distribution says it.
pub fn forbidden() -> Fault {
    answer(Answer::error(403, "DENIED", "requested access to the resource is denied"))
}

/// 403 without a challenge, as ECR says that a token has expired.
pub fn ecr_expired() -> Fault {
    let message = "Your authorization token has expired. Reauthenticate and try again.";
    answer(Answer::error(403, "DENIED", message))
}

/// 404 that is a web page.
pub fn html_not_found() -> Fault {
    answer(Answer::html(404, "Not Found"))
}

/// 404 NAME_UNKNOWN, as registries say that know their repositories.
pub fn name_unknown() -> Fault {
    answer(Answer::error(404, "NAME_UNKNOWN", "repository name not known to registry"))
}

/// 429, with `Retry-After` as seconds, as an HTTP date, or not at all.
pub fn too_many_requests(retry_after: Option<&str>) -> Fault {
    let plain = Answer::error(429, "TOOMANYREQUESTS", "You have reached your pull rate limit.");
    answer(match retry_after {
        None => plain,
        Some(value) => plain.with("Retry-After", value),
    })
}

/// Any status with the spec's error document, for 500, 502, 503 and the like.
pub fn server_error(status: u16) -> Fault {
    answer(Answer::error(status, "UNKNOWN", "unknown error"))
}

/// HEAD is not allowed, GET is good.
pub fn head_not_allowed() -> Fault {
    answer(Answer::error(405, "UNSUPPORTED", "The operation is unsupported.")).on_head()
}

/// Any status to HEAD of a blob, where GET is good: 404 of a proxy cache that has not fetched it
/// (Harbor), 401 (ECR Public), 403 behind an address that was signed for GET.
pub fn head_of_blobs(status: u16) -> Fault {
    answer(Answer::new(status, "")).on_head().on_blobs()
}

/// A blob that is not there.
pub fn missing_blob(digest: &str) -> Fault {
    answer(Answer::error(404, "BLOB_UNKNOWN", "blob unknown to registry")).on_blobs().at(digest)
}

/// A blob that is one byte longer than its manifest says.
pub fn longer_blob(digest: &str) -> Fault {
    change(|_, good| Answer { body: [&good.body[..], b" "].concat().into(), ..good })
        .on_blobs()
        .at(digest)
}

/// 429 to whoever fetches a manifest; HEAD is good, as at Docker Hub.
pub fn too_many_pulls() -> Fault {
    too_many_requests(None).on_get().on_manifests()
}

/// 307 to a URL.
pub fn redirect(url: &str) -> Fault {
    answer(Answer::new(307, "").with("Location", url))
}

/// 307 to the same path with a growing query, for ever.
pub fn redirect_loop() -> Fault {
    Fault::new(Act::Script(Arc::new(|seen| {
        let round: u64 = seen.query.strip_prefix("round=").map_or(0, |n| n.parse().unwrap());
        let next = format!("{}?round={}", seen.path, round + 1);
        Answer::new(307, "").with("Location", &next)
    })))
}

/// Other bytes than the digest promises, of the same length.
pub fn wrong_bytes() -> Fault {
    change(|_, good| {
        let mut bytes = good.body.to_vec();
        bytes.reverse();
        Answer { body: bytes.into(), ..good }
    })
    .on_get()
}

/// The good answer without a header: `Docker-Content-Digest`, `Content-Type`, `Content-Length`.
pub fn without_header(name: &'static str) -> Fault {
    change(move |_, good| good.without(name)).on_manifests()
}

/// The good answer with a header of the test's own.
pub fn with_header(name: &'static str, value: impl Into<String>) -> Fault {
    let value = value.into();
    change(move |_, good| good.with(name, &value)).on_manifests()
}

/// Every answer takes this long.
pub fn late(by: Duration) -> Fault {
    Fault::new(Act::Late(by))
}

/// The connection ends after each answer.
pub fn no_keep_alive() -> Fault {
    change(|_, good| good.with("Connection", "close"))
}

/// A `Docker-Content-Digest` that is none.
pub fn bad_digest_header() -> Fault {
    with_header("Docker-Content-Digest", "sha256:not-a-digest")
}

/// Docker schema 1 by its media type.
pub fn schema_one() -> Fault {
    with_header("Content-Type", media::DOCKER_SCHEMA1)
}

/// 200 with no bytes.
pub fn empty_manifest() -> Fault {
    change(|_, good| Answer { body: "".into(), ..good }).on_manifests()
}

/// 200 with the log-in page of a captive portal.
pub fn captive_portal() -> Fault {
    answer(Answer::html(200, "Welcome to the guest network")).before_login()
}

/// Docker Hub's quota headers; on every answer, as there.
pub fn rate_limit(limit: u32, remaining: u32) -> Fault {
    change(move |_, good| {
        good.with("ratelimit-limit", &format!("{limit};w=21600"))
            .with("ratelimit-remaining", &format!("{remaining};w=21600"))
            .with("docker-ratelimit-source", "192.0.2.1")
    })
    .on_manifests()
}

/// A manifest of 300 MiB; `told` is whether Content-Length says so.
pub fn huge_manifest(told: bool) -> Fault {
    Fault::new(Act::Huge { length: 300 * 1024 * 1024, told }).on_manifests().on_get()
}

/// No answer.
pub fn hang() -> Fault {
    Fault::new(Act::Hang)
}

/// Headers, and no body.
pub fn hang_in_body() -> Fault {
    Fault::new(Act::HangInBody).on_get()
}

/// Headers, and a byte at a time.
pub fn drip() -> Fault {
    Fault::new(Act::Drip).on_get()
}

/// TCP reset.
pub fn reset() -> Fault {
    Fault::new(Act::Reset)
}

/// The connection ends without an answer.
pub fn close() -> Fault {
    Fault::new(Act::Close)
}

/// Not HTTP.
pub fn garbage() -> Fault {
    Fault::new(Act::Garbage)
}

/// Waits at the gate, and then does as it would without.
pub fn gate(gate: &Gate) -> Fault {
    Fault::new(Act::Gate(gate.clone()))
}

/// A list of so many tags (`t0`, `t1`, ...) in one page.
pub fn many_tags(count: usize) -> Fault {
    let tags: Vec<String> = (0..count).map(|number| format!("t{number}")).collect();
    tag_list(&tags)
}

/// 200 with a list of no tags, as some registries answer for a repository that is absent.
pub fn no_tags() -> Fault {
    tag_list(&[])
}

fn tag_list(tags: &[String]) -> Fault {
    let body = json!({ "name": "any", "tags": tags }).to_string();
    answer(Answer::new(200, body).with("Content-Type", "application/json")).on_tags()
}

/// Pages of tags, each of which names a next one.
pub fn endless_tag_pages() -> Fault {
    Fault::new(Act::Script(Arc::new(|seen| {
        let last = seen.query.split('&').find_map(|pair| pair.strip_prefix("last=t"));
        let page: u64 = last.map_or(0, |number| number.parse::<u64>().unwrap() + 1);
        let body = json!({ "name": "any", "tags": [format!("t{page}")] }).to_string();
        let next = format!("<{}?n=1&last=t{page}>; rel=\"next\"", seen.path);
        Answer::new(200, body).with("Content-Type", "application/json").with("Link", &next)
    })))
    .on_tags()
}
