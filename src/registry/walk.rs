//! Asking the hosts of a registry one after another, as containerd does
//! (`core/remotes/docker/resolver.go`), and what their answers come to together.
//!
//! A node takes the image from the first host that has it. That it gets it from none is proven
//! only if every host has said so: what one of them would have answered, the others cannot tell.

use std::sync::Arc;

use super::absent;
use super::client::Shared;
use super::hosts::{Listing, RegistryHost};
use super::lookup::{self, Reached};
use super::progress::{self, Phase, enter};
use super::session::Session;
use super::transport::Answer;
use super::trouble::trouble;
use super::who::Who;
use crate::facts::{Heard, ManifestFault, Outcome, Refusal, RefusedAt, TroubleKind, Unchecked};
use crate::image::Reference;

/// One host, asked.
struct Visit<'a> {
    /// None where no request can be sent.
    session: Option<Session<'a>>,
    said: Said,
}

/// What a host that has not got it says.
enum Said {
    /// 404.
    Missing(Answer),
    /// No, to whoever asks or to this credential.
    No(Outcome),
    /// We could not see.
    Unseen(Outcome),
}

/// Which answer containerd reports where all are a no: the strongest, and of those the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// No login.
    Auth,
    /// 404.
    Missing,
    /// Another status.
    Status,
    /// A manifest that is larger than any that is taken.
    TooLarge,
}

/// Asks for an image, to the end.
pub(super) async fn image(
    shared: &Arc<Shared>,
    reference: &Reference,
    listing: &Listing,
    who: &Who,
) -> Outcome {
    let by_digest = reference.digest().is_some();
    let able =
        |host: &&RegistryHost| host.capabilities.pull && (by_digest || host.capabilities.resolve);
    let mut visits: Vec<Visit<'_>> = Vec::new();
    for host in listing.hosts.iter().filter(able) {
        let endpoint = match &host.endpoint {
            Ok(endpoint) => endpoint,
            Err(why) => {
                let said = trouble(TroubleKind::Error, reference.registry(), why);
                visits.push(Visit { session: None, said: Said::Unseen(said) });
                continue;
            }
        };
        let mut session = Session::new(shared, reference, endpoint, who.clone());
        match visit(&mut session).await {
            Ok(said) => visits.push(Visit { session: Some(session), said }),
            Err(outcome) => return unless_unseen(&visits, outcome),
        }
    }
    if visits.is_empty() {
        let what = if by_digest { "serve images" } else { "resolve tags" };
        let why = format!("its hosts.toml lets no host {what}");
        return Outcome::NotChecked(Unchecked::NodeFiles(why));
    }
    if by_digest && let Some(outcome) = among_blobs(&mut visits).await {
        return unless_unseen(&visits, outcome);
    }
    nowhere(visits).await
}

/// Asks one host. The error is an answer after which no other is asked.
async fn visit(session: &mut Session<'_>) -> Result<Said, Outcome> {
    if let Some(refusal) = session.standing_refusal().await {
        return Ok(Said::No(Outcome::Refused(refusal)));
    }
    enter(Phase::Request, session.authority.as_str());
    let outcome = match lookup::reach(session).await {
        Ok(Reached::Missing(answer)) => {
            progress::first_missed();
            return Ok(Said::Missing(answer));
        }
        Ok(Reached::Stop(outcome)) => return Err(outcome),
        Ok(Reached::End(outcome)) | Err(outcome) => session.note_refusal(outcome).await,
    };
    match &outcome {
        Outcome::Refused(_) | Outcome::Invalid(ManifestFault::TooLarge(_)) => Ok(Said::No(outcome)),
        Outcome::Trouble(_) | Outcome::NotChecked(_) => Ok(Said::Unseen(outcome)),
        _ => Err(outcome),
    }
}

/// What a host that has it gives. What is wrong with that counts only if no host before it could
/// have given something else.
fn unless_unseen(visits: &[Visit<'_>], outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Found(_) => outcome,
        outcome => first_unseen(visits).unwrap_or(outcome),
    }
}

fn first_unseen(visits: &[Visit<'_>]) -> Option<Outcome> {
    visits.iter().find_map(|visit| match &visit.said {
        Said::Unseen(outcome) => Some(outcome.clone()),
        _ => None,
    })
}

/// Looks for what is named by digest among the blobs, as containerd does where no host has it as a
/// manifest and none has said anything stronger.
async fn among_blobs(visits: &mut [Visit<'_>]) -> Option<Outcome> {
    if visits.iter().any(|visit| visit.said.weight() > Some(Weight::Missing)) {
        return None;
    }
    for visit in visits {
        let (Some(session), Said::Missing(_)) = (&mut visit.session, &visit.said) else { continue };
        match absent::among_blobs(session).await {
            Ok(None) => {}
            Ok(Some(found)) => {
                progress::found_after_all();
                return Some(lookup::conclude(session, found).await);
            }
            Err(ended) => visit.said = Said::Unseen(ended),
        }
    }
    None
}

/// What the answers come to where no host has it.
async fn nowhere(mut visits: Vec<Visit<'_>>) -> Outcome {
    if let Some(unseen) = first_unseen(&visits) {
        return unseen;
    }
    let Some(place) = strongest(&visits) else { return Outcome::NotChecked(Unchecked::Failed) };
    let visit = visits.remove(place);
    let mut outcome = match (visit.session, visit.said) {
        (Some(mut session), Said::Missing(answer)) => {
            let absence = absent::missing(&mut session, &answer).await;
            let outcome = lookup::conclude(&mut session, absence).await;
            session.note_refusal(outcome).await
        }
        (_, Said::No(outcome)) => outcome,
        _ => return Outcome::NotChecked(Unchecked::Failed),
    };
    let evidence = match &mut outcome {
        Outcome::Absent(absent) => &mut absent.evidence,
        Outcome::Refused(refusal) => &mut refusal.evidence,
        _ => return outcome,
    };
    evidence.others = visits.iter().filter_map(|visit| visit.said.heard()).collect();
    outcome
}

/// The visit whose answer is reported. Of several 404 it is the last: a mirror that does not know
/// a repository says nothing of whether there is one, and they come before the registry itself.
fn strongest(visits: &[Visit<'_>]) -> Option<usize> {
    let weights = || visits.iter().map(|visit| visit.said.weight());
    let strongest = weights().max()?;
    if strongest == Some(Weight::Missing) {
        weights().rposition(|weight| weight == strongest)
    } else {
        weights().position(|weight| weight == strongest)
    }
}

impl Said {
    /// None for what is no answer.
    fn weight(&self) -> Option<Weight> {
        match self {
            Self::Missing(_) => Some(Weight::Missing),
            Self::No(Outcome::Refused(refusal)) => Some(weight(refusal)),
            Self::No(_) => Some(Weight::TooLarge),
            Self::Unseen(Outcome::Trouble(trouble)) => {
                let status = [TroubleKind::Error, TroubleKind::RateLimited];
                status.contains(&trouble.kind).then_some(Weight::Status)
            }
            Self::Unseen(_) => None,
        }
    }

    fn heard(&self) -> Option<Heard> {
        match self {
            Self::Missing(answer) => {
                Some(Heard { host: answer.host.clone(), status: answer.status.as_u16() })
            }
            Self::No(Outcome::Refused(refusal)) => {
                let evidence = &refusal.evidence;
                Some(Heard { host: evidence.host.clone(), status: evidence.status })
            }
            _ => None,
        }
    }
}

/// A login that fails is an error of containerd's own; a 403, or a 401 that no login is asked for
/// in, is the host's answer.
fn weight(refusal: &Refusal) -> Weight {
    let status = refusal.at == RefusedAt::Repository
        && !refusal.no_basic
        && (refusal.evidence.status == 403 || refusal.evidence.code.is_none());
    if status { Weight::Status } else { Weight::Auth }
}
