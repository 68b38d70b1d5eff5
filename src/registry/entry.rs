//! The one request that containerd makes for an entry of an index: its manifest by digest
//! (`core/remotes/docker/fetcher.go`, `Fetch`). HEAD is for what a reference names.

use http::{Method, StatusCode};

use super::Step;
use super::content::{self, accept, damaged, is_encoded, not_found};
use super::lookup::{note_quota, unusable};
use super::manifest::{self, Kind};
use super::quota::is_low;
use super::session::Session;
use super::transport::{Answer, BodyFailure};
use super::trouble::{trouble, unexpected};
use crate::facts::{
    Content, Descriptor, Found, ManifestFault, Outcome, Part, PartFault, Quota, TroubleKind, Unread,
};

/// Asks for the manifest that `entry` names, and looks at what it leads to.
pub(super) async fn run(session: &mut Session<'_>, entry: &Descriptor) -> Step<Outcome> {
    let unread = |why, quota| {
        let (digest, content) = (entry.digest.clone(), Content::Unread(why));
        Ok(Outcome::Found(Found { digest, quota, content }))
    };
    // containerd takes what is of no known type from the blobs and finds no image there; others go
    // by what they get.
    let Some(kind) = manifest::kind_of(&entry.media_type) else {
        return unread(Unread::Unusual, None);
    };
    let memory = &session.shared.memory;
    if let Some((length, outline)) =
        memory.manifest(&session.who.tenant, session.key(&entry.digest), kind)
        && entry.size.is_none_or(|stated| stated == length)
    {
        return Ok(found(session, entry, None, &outline).await);
    }
    let known = memory.quota(session.authority.as_str(), &session.who);
    if known.is_some_and(|quota| is_low(quota, session.shared.quota_floor)) {
        return unread(Unread::Quota, known);
    }
    let path = format!("manifests/{}", entry.digest);
    let answer = session.ask_for(Method::GET, &path, &accept(&entry.media_type)).await?;
    match answer.status {
        status if status.is_success() => {}
        StatusCode::NOT_FOUND => {
            let evidence = not_found(session, answer).await;
            return Ok(damaged(Part::Manifest, entry, PartFault::Missing(evidence)));
        }
        _ => return Err(unexpected(&answer)),
    }
    let quota = note_quota(session, &answer).await;
    match read(session, answer, entry, kind).await? {
        Some((length, outline)) => {
            let key = session.key(&entry.digest);
            let (memory, tenant) = (&session.shared.memory, &session.who.tenant);
            memory.keep_manifest(tenant, key, kind, length, outline.clone());
            Ok(found(session, entry, quota, &outline).await)
        }
        None => unread(Unread::Unusual, quota),
    }
}

async fn found(
    session: &mut Session<'_>,
    entry: &Descriptor,
    quota: Option<Quota>,
    outline: &manifest::Outline,
) -> Outcome {
    match content::of(session, outline).await {
        Ok(content) => Outcome::Found(Found { digest: entry.digest.clone(), quota, content }),
        Err(ended) => ended,
    }
}

/// Reads the manifest, which must be what the index says of it. None if it is longer than what we
/// read: of an entry, containerd reads any length.
async fn read(
    session: &Session<'_>,
    answer: Answer,
    entry: &Descriptor,
    kind: Kind,
) -> Step<Option<(u64, manifest::Outline)>> {
    let (host, redirected) = (answer.host.clone(), answer.redirected);
    if is_encoded(&answer) {
        return Err(trouble(TroubleKind::Error, &host, "its answer is encoded, unasked"));
    }
    let broken = |fault| {
        if redirected {
            unusable(&host, redirected, ManifestFault::DigestMismatch)
        } else {
            damaged(Part::Manifest, entry, fault)
        }
    };
    let other_size = |served| {
        let stated = entry.size.filter(|stated| *stated != served);
        stated.map(|stated| broken(PartFault::Size { served, stated }))
    };
    let limit = session.shared.transport.limits.body;
    let bytes = match answer.bytes(manifest::LARGEST, limit).await {
        Ok(bytes) => bytes,
        Err(BodyFailure::TooLong(told)) => return told.and_then(other_size).map_or(Ok(None), Err),
        Err(failure) => return Err(failure.outcome(&host)),
    };
    let length = bytes.len() as u64;
    if let Some(wrong) = other_size(length) {
        return Err(wrong);
    }
    match manifest::check(&bytes, &entry.digest, kind) {
        Ok(()) => Ok(Some((length, manifest::outline(&bytes, kind)))),
        Err(ManifestFault::DigestMismatch) => Err(broken(PartFault::Digest)),
        Err(fault) => Err(unusable(&host, redirected, fault)),
    }
}
