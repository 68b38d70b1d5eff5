//! After a 404: what exactly is missing, and what was probably meant.

use http::{Method, StatusCode};
use tokio::time::timeout;

use super::Step;
use super::content::not_found;
use super::lookup::{Shelf, head, kind};
use super::progress;
use super::session::Session;
use super::tags::{self, TagList};
use super::transport::Answer;
use super::trouble::unexpected;
use crate::facts::{Absent, ManifestFault, Missing, Outcome, SpecCode};
use crate::near_miss;

/// What a 404 comes to.
#[derive(Debug)]
pub(super) enum Absence {
    /// It is not there, or not as a manifest.
    Proven(Outcome),
    /// It is there after all: the answer to HEAD, and where.
    There(Answer, Shelf),
}

/// The registry's own 404 to what the reference names, which no host has as a blob either:
/// explains it.
pub(super) async fn missing(session: &mut Session<'_>, answer: &Answer) -> Absence {
    let by_digest = session.reference.digest().is_some();
    let what = if by_digest { Missing::Digest } else { Missing::Tag };
    let mut absent = Absent {
        what,
        evidence: answer.evidence(None),
        suggestion: None,
        listed: false,
        no_tags: false,
        served_by_get: false,
    };
    progress::preliminary(&Outcome::Absent(absent.clone()));
    let limit = session.shared.transport.limits.explanation;
    if let Ok(Some(head)) = timeout(limit, explain(session, &mut absent)).await {
        progress::found_after_all();
        return Absence::There(head, Shelf::Manifests);
    }
    progress::preliminary(&Outcome::Absent(absent.clone()));
    if absent.what != Missing::Repository && !absent.served_by_get {
        consult_tags(session, &mut absent).await;
    }
    Absence::Proven(Outcome::Absent(absent))
}

/// containerd takes a manifest named by digest from the blobs too.
pub(super) async fn among_blobs(session: &mut Session<'_>) -> Step<Option<Absence>> {
    let blob = match head(session, Shelf::Blobs).await {
        Ok(blob) => blob,
        // Whoever may read the manifests and not the blobs pulls nothing from there.
        Err(Outcome::Refused(_)) => return Ok(None),
        Err(ended) => return Err(ended),
    };
    match blob.status {
        status if status.is_success() => {
            if kind(&blob).is_err() && !blob.redirected {
                let fault = Outcome::Invalid(ManifestFault::MediaType);
                return Ok(Some(Absence::Proven(fault)));
            }
            Ok(Some(Absence::There(blob, Shelf::Blobs)))
        }
        StatusCode::TOO_MANY_REQUESTS => Err(unexpected(&blob)),
        status if status.is_server_error() => Err(unexpected(&blob)),
        _ => Ok(None),
    }
}

/// HEAD has no body: the same by GET may say that the whole repository is missing, or that the
/// image has just come.
async fn explain(session: &mut Session<'_>, absent: &mut Absent) -> Option<Answer> {
    let path = format!("manifests/{}", session.reference.pull_by());
    let answer = session.ask(Method::GET, &path).await.ok()?;
    if answer.status.is_success() {
        absent.served_by_get = true;
        progress::preliminary(&Outcome::Absent(absent.clone()));
        // containerd decides by HEAD.
        let again = head(session, Shelf::Manifests).await.ok()?;
        return Some(again).filter(|again| again.status.is_success());
    }
    if answer.status == StatusCode::NOT_FOUND {
        absent.evidence = not_found(session, answer).await;
        if absent.evidence.code == Some(SpecCode::NameUnknown) {
            absent.what = Missing::Repository;
        }
    }
    None
}

/// The registry's tags tell whether the repository exists, and what was probably meant. That they
/// cannot be had changes nothing.
async fn consult_tags(session: &mut Session<'_>, absent: &mut Absent) {
    if session.is_pull_through() {
        return;
    }
    match tags::list(session).await {
        TagList::NoRepository(evidence) => {
            absent.what = Missing::Repository;
            absent.evidence = evidence;
        }
        TagList::Tags(tags) if tags.is_empty() => absent.no_tags = true,
        TagList::Tags(tags) | TagList::Partial(tags) => {
            absent.listed = !tags.is_empty();
            if absent.what == Missing::Tag
                && let Some(wanted) = session.reference.tag()
            {
                let nearest = near_miss::nearest(wanted, tags.iter().map(String::as_str));
                absent.suggestion = nearest.map(str::to_owned);
            }
        }
    }
}
