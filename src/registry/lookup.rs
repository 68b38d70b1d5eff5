//! The sequence of requests that containerd makes for one image.

use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};

use super::Step;
use super::absent::Absence;
use super::content::{self, is_encoded, not_found};
use super::manifest::{self, Kind};
use super::progress;
use super::quota::{is_low, quota};
use super::session::Session;
use super::transport::{Answer, BodyFailure};
use super::trouble::{trouble, unexpected};
use crate::facts::{
    Absent, Content, Damage, Descriptor, Found, ManifestFault, Missing, Outcome, Part, PartFault,
    Quota, TroubleKind, Unread,
};
use crate::image::{Algorithm, Digest};

/// Where a manifest is kept: with the manifests, or (by digest only) with the blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shelf {
    Manifests,
    Blobs,
}

impl Shelf {
    fn path(self, what: &str) -> String {
        match self {
            Self::Manifests => format!("manifests/{what}"),
            Self::Blobs => format!("blobs/{what}"),
        }
    }
}

/// How far a host's word alone goes.
#[derive(Debug)]
pub(super) enum Reached {
    /// It has it, and this is what comes of that.
    There(Outcome),
    /// It has no such manifest, says this answer.
    Missing(Answer),
    /// An answer at which a node asks no other host.
    Stop(Outcome),
}

/// Asks one host for the manifest, and looks at it if it is there.
pub(super) async fn reach(session: &mut Session<'_>) -> Step<Reached> {
    let head = head(session, Shelf::Manifests).await?;
    match head.status {
        status if status.is_success() => {
            let (Ok(outcome) | Err(outcome)) =
                Box::pin(present(session, head, Shelf::Manifests)).await;
            Ok(Reached::There(outcome))
        }
        StatusCode::NOT_FOUND => Ok(Reached::Missing(head)),
        // Some registries know no HEAD; containerd asks them by GET.
        StatusCode::METHOD_NOT_ALLOWED => {
            let path = Shelf::Manifests.path(session.reference.pull_by());
            let answer = session.ask(Method::GET, &path).await?;
            match answer.status {
                status if status.is_success() => {
                    let (Ok(outcome) | Err(outcome)) =
                        Box::pin(instead_of_head(session, answer)).await;
                    Ok(Reached::There(outcome))
                }
                StatusCode::NOT_FOUND => Ok(Reached::Missing(answer)),
                status if status.is_redirection() => Ok(Reached::Stop(unexpected(&answer))),
                _ => Err(unexpected(&answer)),
            }
        }
        status if status.is_redirection() => Ok(Reached::Stop(unexpected(&head))),
        _ => Err(unexpected(&head)),
    }
}

/// The end of a lookup that found out what a 404 comes to.
pub(super) async fn conclude(session: &mut Session<'_>, absence: Absence) -> Outcome {
    match absence {
        Absence::Proven(outcome) => outcome,
        Absence::There(head, shelf) => {
            let (Ok(outcome) | Err(outcome)) = Box::pin(present(session, head, shelf)).await;
            outcome
        }
    }
}

/// HEAD of what the reference names.
pub(super) async fn head(session: &mut Session<'_>, shelf: Shelf) -> Step<Answer> {
    let path = shelf.path(session.reference.pull_by());
    session.ask(Method::HEAD, &path).await
}

/// The registry says that it is there: looks at it, unless that would cost the nodes a pull.
async fn present(session: &mut Session<'_>, mut head: Answer, shelf: Shelf) -> Step<Outcome> {
    let mut missed: Option<Digest> = None;
    loop {
        let quota = note_quota(session, &head).await;
        let digest = match expected_digest(session, &head) {
            Ok(digest) => digest,
            Err(fault) => return Ok(invalid(&head, fault)),
        };
        let (Some(digest), Some(length)) = (digest, head.length()) else {
            return Box::pin(by_get(session, shelf, quota)).await;
        };
        if length == 0 {
            return Ok(invalid(&head, ManifestFault::Empty));
        }
        if length > manifest::LARGEST as u64 {
            return Ok(invalid(&head, ManifestFault::TooLarge(Some(length))));
        }
        let kind = match kind(&head) {
            Ok(kind) => kind,
            Err(fault) => return Ok(invalid(&head, fault)),
        };
        let (memory, tenant) = (&session.shared.memory, &session.who.tenant);
        let known = memory.manifest(tenant, session.key(&digest), kind);
        if let Some((_, outline)) = known {
            let content = content::of(session, &outline).await?;
            return Ok(Outcome::Found(Found { digest, quota, content }));
        }
        if quota.is_some_and(|quota| is_low(quota, session.shared.quota_floor)) {
            let content = Content::Unread(Unread::Quota);
            return Ok(Outcome::Found(Found { digest, quota, content }));
        }
        if shelf == Shelf::Manifests {
            session.named = Some(named(&head, &digest));
        }
        let answer = session.ask(Method::GET, &shelf.path(digest.as_str())).await?;
        match answer.status {
            status if status.is_success() => {
                return verify(session, answer, Some(digest), Some(kind), quota).await;
            }
            StatusCode::NOT_FOUND if session.reference.digest().is_some() || head.redirected => {
                return Err(gone(session, &answer));
            }
            StatusCode::NOT_FOUND => match missed.replace(digest) {
                // The tag may have moved since.
                None => head = self::head(session, Shelf::Manifests).await?,
                Some(before) if missed.as_ref() == Some(&before) => {
                    let fault = PartFault::Missing(not_found(session, answer).await);
                    let damage = Damage { part: Part::Manifest, digest: before, fault };
                    return Ok(Outcome::Broken(damage));
                }
                Some(_) => return Err(gone(session, &answer)),
            },
            _ => return Err(unexpected(&answer)),
        }
        if !head.status.is_success() {
            return Err(trouble(TroubleKind::Error, &head.host, "its tag goes while it is read"));
        }
    }
}

/// What an answer about a manifest tells of the quota, which then counts for the next.
pub(super) async fn note_quota(session: &Session<'_>, answer: &Answer) -> Option<Quota> {
    let quota = quota(&answer.headers);
    if !answer.redirected {
        let host = session.authority.as_str();
        session.shared.memory.keep_quota(host, &session.who, quota);
    }
    quota
}

/// The manifest by GET, where HEAD does not tell enough. What its headers tell of a digest counts
/// for nothing here: containerd hashes what it gets.
async fn by_get(session: &mut Session<'_>, shelf: Shelf, quota: Option<Quota>) -> Step<Outcome> {
    let path = shelf.path(session.reference.pull_by());
    let answer = session.ask(Method::GET, &path).await?;
    match answer.status {
        status if status.is_success() => {
            let digest = session.reference.digest().cloned();
            let quota = note_quota(session, &answer).await.or(quota);
            verify(session, answer, digest, None, quota).await
        }
        StatusCode::NOT_FOUND => Err(gone(session, &answer)),
        _ => Err(unexpected(&answer)),
    }
}

/// The answer of a registry that knows no HEAD: its headers and the manifest in one.
async fn instead_of_head(session: &mut Session<'_>, answer: Answer) -> Step<Outcome> {
    let quota = note_quota(session, &answer).await;
    match expected_digest(session, &answer) {
        Ok(digest) => {
            session.named = digest.as_ref().map(|digest| named(&answer, digest));
            verify(session, answer, digest, None, quota).await
        }
        Err(fault) => Ok(invalid(&answer, fault)),
    }
}

/// The digest to go by, as containerd chooses it: the reference's own; only for a tag what the
/// header says, and only beside a length.
fn expected_digest(
    session: &Session<'_>,
    answer: &Answer,
) -> Result<Option<Digest>, ManifestFault> {
    match (session.reference.digest(), answer.length()) {
        (Some(digest), _) => Ok(Some(digest.clone())),
        (None, Some(_)) => told_digest(answer),
        (None, None) => Ok(None),
    }
}

/// Reads a manifest, checks it against its digest and kind as far as they are known, and looks at
/// what it leads to.
async fn verify(
    session: &mut Session<'_>,
    answer: Answer,
    digest: Option<Digest>,
    known: Option<Kind>,
    quota: Option<Quota>,
) -> Step<Outcome> {
    let (host, redirected) = (answer.host.clone(), answer.redirected);
    if is_encoded(&answer) {
        return Err(trouble(TroubleKind::Error, &host, "its answer is encoded, unasked"));
    }
    let kind = known.map_or_else(|| kind(&answer), Ok);
    let limit = session.shared.transport.limits.body;
    let checked = match (kind, answer.bytes(manifest::LARGEST, limit).await) {
        (_, Err(BodyFailure::TooLong(size))) => Err(ManifestFault::TooLarge(size)),
        (_, Err(failure)) => return Err(failure.outcome(&host)),
        (Err(fault), Ok(_)) => Err(fault),
        (Ok(kind), Ok(bytes)) => {
            let digest = digest.unwrap_or_else(|| Digest::of(Algorithm::Sha256, &bytes));
            manifest::check(&bytes, &digest, kind)
                .map(|()| (digest, kind, bytes.len() as u64, manifest::outline(&bytes, kind)))
        }
    };
    match checked {
        Ok((digest, kind, length, outline)) => {
            let key = session.key(&digest);
            let (memory, tenant) = (&session.shared.memory, &session.who.tenant);
            memory.keep_manifest(tenant, key, kind, length, outline.clone());
            let content = content::of(session, &outline).await?;
            Ok(Outcome::Found(Found { digest, quota, content }))
        }
        Err(fault) => Ok(unusable(&host, redirected, fault)),
    }
}

fn invalid(answer: &Answer, fault: ManifestFault) -> Outcome {
    unusable(&answer.host, answer.redirected, fault)
}

/// Only the registry's own answer proves that an image is broken.
pub(super) fn unusable(host: &str, redirected: bool, fault: ManifestFault) -> Outcome {
    if redirected {
        trouble(TroubleKind::Error, host, "an unusable manifest behind a redirect")
    } else {
        Outcome::Invalid(fault)
    }
}

/// What HEAD has and GET by digest has not.
fn gone(session: &Session<'_>, answer: &Answer) -> Outcome {
    if session.reference.digest().is_none() {
        let words = "404 for the manifest that its tag names";
        return trouble(TroubleKind::Error, &answer.host, words);
    }
    progress::first_missed();
    Outcome::Absent(Absent {
        what: Missing::Digest,
        evidence: answer.evidence(None),
        suggestion: None,
        listed: false,
        no_tags: false,
        served_by_get: false,
    })
}

/// The kind that an answer's `Content-Type` names.
pub(super) fn kind(answer: &Answer) -> Result<Kind, ManifestFault> {
    manifest::kind(content_type(answer))
}

fn content_type(answer: &Answer) -> Option<&str> {
    answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok())
}

/// What an answer names, for whoever else may have it.
fn named(answer: &Answer, digest: &Digest) -> Descriptor {
    let media_type = manifest::media_type(content_type(answer)).to_owned();
    Descriptor { digest: digest.clone(), size: None, media_type }
}

/// The `Docker-Content-Digest` header, if there is one.
fn told_digest(answer: &Answer) -> Result<Option<Digest>, ManifestFault> {
    let told = answer.headers.get("docker-content-digest").filter(|value| !value.is_empty());
    let Some(told) = told else { return Ok(None) };
    let told = told.to_str().ok().and_then(|told| Digest::parse(told).ok());
    told.ok_or(ManifestFault::BadDigestHeader).map(Some)
}
