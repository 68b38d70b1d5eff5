//! Asking the hosts of a registry one after another, as containerd does
//! (`core/remotes/docker/resolver.go`, `fetcher.go`), and what their answers come to together.
//!
//! A node takes what it wants from the first host that has it. That it gets it from none is proven
//! only if every host has said so: what one of them would have answered, the others cannot tell.

use std::sync::Arc;

use super::Step;
use super::absent;
use super::client::Shared;
use super::crew::Crew;
use super::entry;
use super::hosts::{Listing, RegistryHost};
use super::lookup::{self, Reached};
use super::progress::{self, Phase, enter};
use super::session::Session;
use super::transport::Answer;
use super::trouble::trouble;
use super::who::Who;
use crate::facts::{
    Damage, Descriptor, Heard, ManifestFault, Outcome, Part, PartFault, Refusal, RefusedAt,
    TroubleKind, Unchecked,
};
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
    let Resolved { outcome, named } = resolve(shared, reference, listing, who).await;
    // What one host names, another may serve: a node then goes by the digest alone.
    let Some(named) = named.filter(|_| listing.hosts.len() > 1) else { return outcome };
    let by_digest = format!("{}@{}", reference.name(), named.digest);
    let Ok(reference) = Reference::parse(&by_digest) else { return outcome };
    match entry(shared, &reference, &named, listing, who).await {
        Outcome::Broken(Damage { part: Part::Manifest, .. }) => outcome,
        elsewhere => elsewhere,
    }
}

/// What the hosts' word on a reference comes to.
struct Resolved {
    outcome: Outcome,
    /// The manifest that it leads to, where the host that names it has not served it.
    named: Option<Descriptor>,
}

impl From<Outcome> for Resolved {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, named: None }
    }
}

/// Whether a host that names a manifest does not serve it: a node's `Fetch` takes any error for a
/// reason to ask the next host.
fn is_withheld(session: &Session<'_>, outcome: &Outcome) -> bool {
    let fetched = match outcome {
        Outcome::Refused(_) | Outcome::Invalid(ManifestFault::DigestMismatch) => true,
        outcome => is_lost(outcome),
    };
    fetched && !session.shown && session.named.is_some()
}

/// Whether a manifest is not there that something leads to.
fn is_lost(outcome: &Outcome) -> bool {
    let Outcome::Broken(damage) = outcome else { return false };
    damage.part == Part::Manifest && matches!(damage.fault, PartFault::Missing(_))
}

async fn resolve(
    shared: &Arc<Shared>,
    reference: &Reference,
    listing: &Listing,
    who: &Who,
) -> Resolved {
    let by_digest = reference.digest().is_some();
    let able =
        |host: &&RegistryHost| host.capabilities.pull && (by_digest || host.capabilities.resolve);
    let crew = Arc::new(Crew::new(listing));
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
        let mut session = Session::new(shared, reference, endpoint, &crew, who.clone());
        match visit(&mut session).await {
            Ok(said) => {
                crew.has_failed(endpoint);
                visits.push(Visit { session: Some(session), said });
            }
            Err(outcome) => {
                let withheld = is_withheld(&session, &outcome);
                let named = session.named.filter(|_| withheld && first_unseen(&visits).is_none());
                return Resolved { outcome: unless_unseen(&visits, outcome), named };
            }
        }
    }
    if visits.is_empty() {
        let what = if by_digest { "serve images" } else { "resolve tags" };
        let why = format!("its hosts.toml lets no host {what}");
        return Outcome::NotChecked(Unchecked::NodeFiles(why)).into();
    }
    if by_digest && let Some(outcome) = among_blobs(&mut visits).await {
        return unless_unseen(&visits, outcome).into();
    }
    nowhere(visits).await.into()
}

/// Asks one host. The error is an answer after which no other is asked.
async fn visit(session: &mut Session<'_>) -> Result<Said, Outcome> {
    if let Some(refusal) = session.standing_refusal() {
        return Ok(Said::No(Outcome::Refused(refusal)));
    }
    if let Err(refusal) = session.take_leave() {
        return Ok(Said::Unseen(refusal));
    }
    enter(Phase::Request, session.authority.as_str());
    let (outcome, has_it) = match Box::pin(lookup::reach(session)).await {
        Ok(Reached::Missing(answer)) => {
            session.note_answer();
            progress::first_missed();
            return Ok(Said::Missing(answer));
        }
        Ok(Reached::Stop(outcome)) => {
            session.note_end(&outcome);
            return Err(outcome);
        }
        Ok(Reached::There(outcome)) => (outcome, true),
        Err(outcome) => (outcome, false),
    };
    session.note_end(&outcome);
    let outcome = session.note_refusal(outcome);
    match &outcome {
        // By digest it may have been gone a moment later.
        Outcome::Invalid(ManifestFault::TooLarge(_)) | Outcome::Absent(_) => Ok(Said::No(outcome)),
        _ if has_it => Err(outcome),
        _ => Ok(Said::of(outcome)),
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
                return Some(Box::pin(lookup::conclude(session, found)).await);
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
            let outcome = Box::pin(lookup::conclude(&mut session, absence)).await;
            session.note_refusal(outcome)
        }
        (_, Said::No(outcome)) => outcome,
        _ => return Outcome::NotChecked(Unchecked::Failed),
    };
    add_heard(&mut outcome, visits.iter().filter_map(|visit| visit.said.heard()).collect());
    outcome
}

/// Says with an outcome what the other hosts said.
fn add_heard(outcome: &mut Outcome, heard: Vec<Heard>) {
    let evidence = match outcome {
        Outcome::Absent(absent) => &mut absent.evidence,
        Outcome::Refused(refusal) => &mut refusal.evidence,
        Outcome::Broken(Damage { fault: PartFault::Missing(evidence), .. }) => evidence,
        _ => return,
    };
    evidence.others = heard;
}

/// The visit whose answer is reported. Of several 404 it is the last: a mirror that does not know
/// a repository says nothing of whether there is one, and they come before the registry itself.
fn strongest(visits: &[Visit<'_>]) -> Option<usize> {
    let weights = || visits.iter().map(|visit| visit.said.weight());
    let strongest = weights().max()?;
    let mut places = weights();
    if strongest == Some(Weight::Missing) {
        places.rposition(|weight| weight == strongest)
    } else {
        places.position(|weight| weight == strongest)
    }
}

/// Asks for an entry of an index: by digest alone, and every host.
pub(super) async fn entry(
    shared: &Arc<Shared>,
    reference: &Reference,
    entry: &Descriptor,
    listing: &Listing,
    who: &Who,
) -> Outcome {
    let crew = Arc::new(Crew::new(listing));
    let mut said = Fetched::of(&crew, reference);
    for endpoint in crew.in_turn() {
        let mut session = Session::new(shared, reference, &endpoint, &crew, who.clone());
        session.shown = true;
        let ended = match session.standing_refusal() {
            Some(refusal) => Err(Outcome::Refused(refusal)),
            None => match Box::pin(fetch(&mut session, entry)).await {
                Ok(outcome) if !is_lost(&outcome) => Ok(outcome),
                Ok(outcome) | Err(outcome) => Err(session.note_refusal(outcome)),
            },
        };
        match said.add(ended) {
            Some(Ok(outcome) | Err(outcome)) => return outcome,
            None => crew.has_failed(&endpoint),
        }
    }
    said.nowhere()
}

/// Asks one host for an entry, if it may be asked.
async fn fetch(session: &mut Session<'_>, entry: &Descriptor) -> Step<Outcome> {
    session.take_leave()?;
    let ended = entry::run(session, entry).await;
    let (Ok(outcome) | Err(outcome)) = &ended;
    session.note_end(outcome);
    ended
}

/// What is said instead of asking any of the hosts now; nothing where one of them would be asked,
/// or has an answer that stands.
pub(super) fn refusal(
    shared: &Arc<Shared>,
    reference: &Reference,
    listing: &Listing,
    who: &Who,
) -> Option<Outcome> {
    let crew = Arc::new(Crew::new(listing));
    let mut first = None;
    for host in &listing.hosts {
        let endpoint = host.endpoint.as_ref().ok()?;
        let session = Session::new(shared, reference, endpoint, &crew, who.clone());
        let refusal = session.refusal_to_ask()?;
        if session.standing_refusal().is_some() {
            return None;
        }
        first.get_or_insert(refusal);
    }
    shared.breakers.spared(reference.host());
    first
}

/// What the hosts said that were asked for content so far.
#[derive(Default)]
pub(super) struct Fetched {
    /// The first no, which is what containerd reports.
    no: Option<Outcome>,
    heard: Vec<Heard>,
    unseen: Option<Outcome>,
}

impl Fetched {
    /// Nothing yet, but of hosts that cannot be asked.
    pub(super) fn of(crew: &Crew, reference: &Reference) -> Self {
        let unseen = |why: &str| trouble(TroubleKind::Error, reference.registry(), why);
        Self { unseen: crew.out_of_reach().map(unseen), ..Self::default() }
    }

    /// Adds how asking one host ended; the end of it all, if no other is asked after that.
    pub(super) fn add<T>(&mut self, ended: Step<T>) -> Option<Step<T>> {
        let outcome = match ended {
            Ok(found) => return Some(Ok(found)),
            Err(outcome) => outcome,
        };
        match &outcome {
            Outcome::Trouble(_) | Outcome::NotChecked(_) => {
                self.unseen.get_or_insert(outcome);
                None
            }
            Outcome::Broken(Damage { fault: PartFault::Missing(_), .. }) | Outcome::Refused(_) => {
                match &self.no {
                    Some(_) => self.heard.extend(heard(&outcome)),
                    None => self.no = Some(outcome),
                }
                None
            }
            // It is there, and wrong: a node takes it, unless one before it has a good one.
            _ => Some(Err(self.unseen.take().unwrap_or(outcome))),
        }
    }

    /// The end of it where no host has it.
    pub(super) fn nowhere(self) -> Outcome {
        match (self.unseen, self.no) {
            (Some(unseen), _) => unseen,
            (None, Some(mut no)) => {
                add_heard(&mut no, self.heard);
                no
            }
            (None, None) => {
                let why = "none of its hosts can be asked".to_owned();
                Outcome::NotChecked(Unchecked::NodeFiles(why))
            }
        }
    }
}

impl Said {
    fn of(outcome: Outcome) -> Self {
        if outcome.is_unseen() { Self::Unseen(outcome) } else { Self::No(outcome) }
    }

    /// None for what is no answer.
    fn weight(&self) -> Option<Weight> {
        match self {
            Self::Missing(_) | Self::No(Outcome::Absent(_)) => Some(Weight::Missing),
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
            Self::No(outcome) => heard(outcome),
            Self::Unseen(_) => None,
        }
    }
}

fn heard(outcome: &Outcome) -> Option<Heard> {
    let evidence = match outcome {
        Outcome::Absent(absent) => &absent.evidence,
        Outcome::Refused(refusal) => &refusal.evidence,
        Outcome::Broken(Damage { fault: PartFault::Missing(evidence), .. }) => evidence,
        _ => return None,
    };
    Some(Heard { host: evidence.host.clone(), status: evidence.status })
}

/// A login that fails is an error of containerd's own; a 403, or a 401 that no login is asked for
/// in, is the host's answer.
fn weight(refusal: &Refusal) -> Weight {
    let status = refusal.at == RefusedAt::Repository
        && !refusal.no_basic
        && (refusal.evidence.status == 403 || refusal.evidence.code.is_none());
    if status { Weight::Status } else { Weight::Auth }
}
