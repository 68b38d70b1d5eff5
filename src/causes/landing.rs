//! What becomes of an image on each kind of node that the pod may land on: the one judgement that
//! the causes about an image's content share.
//!
//! Never here: words.

use super::{Cause, Certainty, Finding, Severity, View, certainty};
use crate::facts::{
    Attempt, Candidate, Candidates, Conclusion, Content, Damage, Entry, EntryFact, Facts, Found,
    ImageConfig, ImageContent, ImageFact, ManifestFault, Outcome, Part, PartFault, Target, Whose,
};
use crate::image::{Digest, Platform};
use crate::nodes::quirks::{Certain, Quirk, certain};
use crate::workload::Role;

/// What keeps a node from an image that the registry hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault<'a> {
    /// No entry of this index is for the node.
    Platform(&'a [Entry]),
    /// Something of it is not there.
    Damage(&'a Damage),
    /// Something of it is not there, unless a runtime takes what the manifest itself holds.
    BehindInline(&'a Damage),
    /// A manifest that runtimes refuse: that of an entry with this digest, or the image's own.
    Invalid(ManifestFault, Option<&'a Digest>),
    /// Nothing to run; some runtimes do not even pull it.
    Artifact,
    /// Its manifest has so many layers, and its config so many.
    OtherLayers(usize, usize),
    /// The node's entry is an index again.
    Nested,
}

impl Fault<'_> {
    /// Not every runtime minds.
    fn hangs_on_runtime(self) -> bool {
        match self {
            Self::Artifact | Self::OtherLayers(..) | Self::Nested | Self::BehindInline(_) => true,
            Self::Damage(damage) => damage.fault == PartFault::Inline,
            Self::Invalid(fault, _) => fault == ManifestFault::SchemaOne,
            Self::Platform(_) => false,
        }
    }
}

/// What becomes of it on one kind of node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate<'a> {
    Pulls,
    /// It hangs on what is not known of the node.
    May(Fault<'a>),
    /// Our own view failed.
    Unseen(&'a Outcome),
    Fails(Fault<'a>),
    /// Absent or refused, whatever the node.
    Denied,
}

/// A fault, and the nodes that meet it.
#[derive(Debug)]
pub(super) struct Met<'a> {
    pub(super) fault: Fault<'a>,
    /// Whose word those nodes are.
    pub(super) whose: Whose,
    /// The platforms of the nodes that meet it, each once; none where it is not of an index, which
    /// concerns all alike.
    pub(super) platforms: Vec<Platform>,
    /// Nodes of these platforms meet it for sure, and not only by one of the ways that they may go.
    pub(super) sure: bool,
    /// All of the nodes fail, of it or of something else.
    pub(super) all: bool,
    /// So does every node there may be.
    pub(super) proven: bool,
}

impl<'a> Met<'a> {
    /// What is wrong with a config or a layer, if that is the fault.
    pub(super) fn blob(&self) -> Option<&'a Damage> {
        match self.fault {
            Fault::Damage(damage) | Fault::BehindInline(damage) => {
                (damage.part != Part::Manifest).then_some(damage)
            }
            _ => None,
        }
    }
}

/// Adds a finding for every image that meets a fault which `words` has words for: what happened
/// and the fix.
pub(super) fn detect(
    cause: &Cause,
    facts: &View<'_>,
    findings: &mut Vec<Finding>,
    words: impl Fn(&Met<'_>, &ImageFact<'_>) -> Option<(String, String)>,
) {
    for image in facts.images.iter().filter(|image| is_damaged(image)) {
        for met in faults(facts, image) {
            if let Some((what, fix)) = words(&met, image) {
                findings.push(finding(cause, facts, image, &met, &what, &fix));
                break;
            }
        }
    }
}

/// The finding about a fault.
pub(super) fn finding(
    cause: &Cause,
    facts: &Facts<'_>,
    image: &ImageFact<'_>,
    met: &Met<'_>,
    what: &str,
    fix: &str,
) -> Finding {
    let doubt = match met.fault {
        Fault::Damage(Damage { fault: PartFault::Missing(said), .. }) => {
            certainty::of_missing_part(facts, image, said)
        }
        _ => certainty::of_image(facts, image),
    };
    let certainty = if met.proven { doubt.certainty() } else { Certainty::Likely };
    let what = format!("{what}{}", doubt.clause());
    Finding::of_image(cause, Severity::WontPull, certainty, image, &what, fix)
}

/// Whether an index has, or may have, nothing for the node.
pub(super) fn is_without_platform(fate: &Fate<'_>) -> bool {
    matches!(fate, Fate::Fails(Fault::Platform(_)) | Fate::May(Fault::Platform(_)))
}

/// Whether anything but a platform that is not served can be wrong with it. Most images end here.
fn is_damaged(image: &ImageFact<'_>) -> bool {
    any_manifest(image, |outcome, inner| match outcome {
        Outcome::Broken(_) | Outcome::Invalid(_) => true,
        Outcome::Found(Found { content: Content::Image(image), .. }) => {
            suspects(image, Role::Container).next().is_some()
        }
        Outcome::Found(Found { content: Content::Index(entries), .. }) => {
            inner || entries.iter().any(|entry| entry.target == Target::Nothing)
        }
        _ => false,
    })
}

/// The same of all attempts: [`Attempt::any_manifest`].
fn any_manifest(image: &ImageFact<'_>, is: impl Fn(&Outcome, bool) -> bool) -> bool {
    image.attempts.iter().any(|attempt| attempt.any_manifest(&is))
}

/// What the nodes meet, by the first word on them that knows of anything; each fault once.
pub(super) fn faults<'a>(facts: &View<'a>, image: &ImageFact<'_>) -> Vec<Met<'a>> {
    if !matches!(
        image.conclusion(),
        Conclusion::Pulls(_) | Conclusion::Invalid(_) | Conclusion::Broken(_)
    ) {
        return Vec::new();
    }
    let words = facts.fates(image).map(|(word, fates)| of_word(word, fates, image));
    words.into_iter().find(|met| !met.is_empty()).unwrap_or_default()
}

fn of_word<'a>(word: &Candidates, fates: &[Fate<'a>], image: &ImageFact<'_>) -> Vec<Met<'a>> {
    let all = !word.more && fates.iter().all(|fate| matches!(fate, Fate::Fails(_)));
    let in_index = image.attempts.iter().any(|attempt| attempt.outcome.index().is_some());
    let mut met: Vec<Met<'a>> = Vec::new();
    for sure in [true, false] {
        for (kind, fate) in word.kinds.iter().zip(fates) {
            let fault = match (fate, sure) {
                (Fate::Fails(fault), true) | (Fate::May(fault), false) => *fault,
                _ => continue,
            };
            // Which platform the nodes have is nobody's word.
            if matches!(fault, Fault::Platform(_)) && word.whose == Whose::Assumed {
                continue;
            }
            let at = met.iter().position(|met| met.fault == fault).unwrap_or_else(|| {
                let proven = all && is_certain(word, image, fault, in_index);
                let platforms = Vec::new();
                let whose = word.whose;
                met.push(Met { fault, whose, platforms, sure, all, proven });
                met.len() - 1
            });
            if let Some(met) = met.get_mut(at)
                && in_index
                && met.sure == sure
                && !met.platforms.contains(&kind.platform)
            {
                met.platforms.push(kind.platform.clone());
            }
        }
    }
    met
}

/// Whether what is met by all of these nodes is met by every node there may be.
fn is_certain(word: &Candidates, image: &ImageFact<'_>, fault: Fault<'_>, in_index: bool) -> bool {
    word.whose.is_all()
        || if in_index {
            has_no_whole_entry(image)
        } else {
            !fault.hangs_on_runtime() || word.runtimes_declared
        }
}

/// Whether every entry of every index that was handed out was looked at, and is broken.
fn has_no_whole_entry(image: &ImageFact<'_>) -> bool {
    let broken = |attempt: &Attempt| {
        let Some(list) = attempt.outcome.index() else { return true };
        list.iter().enumerate().filter(|(_, entry)| !is_attestation(entry)).all(|(index, _)| {
            attempt.entries.iter().any(|fact| {
                let broken = match &fact.outcome {
                    Outcome::Broken(damage) => !Fault::Damage(damage).hangs_on_runtime(),
                    Outcome::Invalid(fault) => !Fault::Invalid(*fault, None).hangs_on_runtime(),
                    _ => false,
                };
                fact.index == index && broken
            })
        })
    };
    image.attempts.iter().all(broken)
}

/// Build tools add what they have to say of an image as an entry for no platform.
pub(super) fn is_attestation(entry: &Entry) -> bool {
    entry.platform.as_ref().is_some_and(|platform| platform.os == "unknown")
}

/// What could not be seen of it, and matters to some node.
pub(super) fn unseen<'a>(facts: &'a View<'_>, image: &'a ImageFact<'_>) -> Option<&'a Outcome> {
    match image.conclusion() {
        Conclusion::Unseen(outcome) => Some(outcome),
        Conclusion::Pulls(_) if any_manifest(image, |outcome, _| outcome.is_unseen()) => {
            facts.fates(image).flat_map(|(_, fates)| fates).find_map(|fate| match fate {
                Fate::Unseen(outcome) => Some(*outcome),
                _ => None,
            })
        }
        _ => None,
    }
}

/// Whether anything of it was not looked at, for any node.
pub(super) fn is_left_out(image: &ImageFact<'_>) -> bool {
    any_manifest(image, |outcome, _| match outcome {
        Outcome::Found(Found { content: Content::Image(image), .. }) => image.left_out.is_some(),
        _ => false,
    })
}

/// The images that these nodes would fetch, each once for every kind of node that fetches it.
pub(super) fn fetched<'a>(word: &Candidates, image: &'a ImageFact<'_>) -> Vec<&'a ImageContent> {
    let mut images = Vec::new();
    for kind in &word.kinds {
        let pulls = |attempt: &&Attempt| of_attempt(attempt, image.role, kind) == Fate::Pulls;
        if let Some(attempt) = image.attempts.iter().find(pulls) {
            collect(&attempt.outcome, &attempt.entries, kind, &mut images);
        }
    }
    images
}

fn collect<'a>(
    outcome: &'a Outcome,
    facts: &'a [EntryFact],
    kind: &Candidate,
    images: &mut Vec<&'a ImageContent>,
) {
    if let Outcome::Found(Found { content: Content::Image(image), .. }) = outcome {
        images.push(image);
    }
    let Some(list) = outcome.index() else { return };
    let picks = kind.picks(list);
    for fact in facts {
        if picks.iter().flatten().any(|index| *index == fact.index) {
            collect(&fact.outcome, &fact.entries, kind, images);
        }
    }
}

/// The best that the attempts come to: a node takes the first that works.
pub(super) fn fate<'a>(image: &'a ImageFact<'_>, kind: &Candidate) -> Fate<'a> {
    let order = |fate: &Fate<'_>| match fate {
        Fate::Pulls => 0,
        Fate::May(_) => 1,
        Fate::Unseen(_) => 2,
        Fate::Fails(_) => 3,
        Fate::Denied => 4,
    };
    let all = image.attempts.iter().map(|attempt| of_attempt(attempt, image.role, kind));
    all.min_by_key(order).unwrap_or(Fate::Denied)
}

fn of_attempt<'a>(attempt: &'a Attempt, role: Role, kind: &Candidate) -> Fate<'a> {
    of_manifest(&attempt.outcome, &attempt.entries, None, role, kind)
}

/// `digest` is that of the entry, where it is one.
fn of_manifest<'a>(
    outcome: &'a Outcome,
    facts: &'a [EntryFact],
    digest: Option<&'a Digest>,
    role: Role,
    kind: &Candidate,
) -> Fate<'a> {
    let by_runtime = |quirk, fault| match certain(quirk, kind.runtime) {
        Certain::Pulls => Fate::Pulls,
        Certain::Fails => Fate::Fails(fault),
        Certain::Nothing => Fate::May(fault),
    };
    match outcome {
        Outcome::Found(found) => match &found.content {
            Content::Image(image) => {
                let fates = suspects(image, role).map(|(quirk, fault)| by_runtime(quirk, fault));
                worst(fates).unwrap_or(Fate::Pulls)
            }
            Content::Unread(_) => Fate::Pulls,
            Content::Index(list) => {
                let inner = of_index(list, facts, role, kind);
                if digest.is_some() && inner == Fate::Pulls {
                    by_runtime(Quirk::NestedIndex, Fault::Nested)
                } else {
                    inner
                }
            }
        },
        Outcome::Broken(damage) if damage.fault == PartFault::Inline => {
            by_runtime(Quirk::WrongInlineData, Fault::Damage(damage))
        }
        Outcome::Broken(damage) => Fate::Fails(Fault::Damage(damage)),
        Outcome::Invalid(ManifestFault::SchemaOne) => {
            by_runtime(Quirk::SchemaOne, Fault::Invalid(ManifestFault::SchemaOne, digest))
        }
        Outcome::Invalid(fault) => Fate::Fails(Fault::Invalid(*fault, digest)),
        Outcome::Absent(_) | Outcome::Refused(_) if digest.is_none() => Fate::Denied,
        _ => Fate::Unseen(outcome),
    }
}

/// What some runtimes hold against an image that is there.
fn suspects(
    image: &ImageContent,
    role: Role,
) -> impl DoubleEndedIterator<Item = (Quirk, Fault<'_>)> {
    let config = match image.config {
        // What is mounted need not run.
        ImageConfig::Artifact if role != Role::Volume => Some((Quirk::Artifact, Fault::Artifact)),
        // And yet it is unpacked.
        ImageConfig::OtherLayers { manifest, config } => {
            Some((Quirk::OtherLayers, Fault::OtherLayers(manifest, config)))
        }
        _ => None,
    };
    let inline = image.behind_inline.as_deref();
    let inline = inline.map(|damage| (Quirk::InlineData, Fault::BehindInline(damage)));
    config.into_iter().chain(inline)
}

/// What becomes of all that is fetched: the worst, and of equally bad ones the first.
fn worst<'a>(fates: impl DoubleEndedIterator<Item = Fate<'a>>) -> Option<Fate<'a>> {
    let order = |fate: &Fate<'_>| match fate {
        Fate::Fails(_) | Fate::Denied => 3,
        Fate::Unseen(_) => 2,
        Fate::May(_) => 1,
        Fate::Pulls => 0,
    };
    fates.rev().max_by_key(order)
}

/// A pull goes one of several ways, and which is not known: certain is only what all come to.
fn of_index<'a>(
    list: &'a [Entry],
    facts: &'a [EntryFact],
    role: Role,
    kind: &Candidate,
) -> Fate<'a> {
    // Each once, and not once for every way that comes to it.
    let known: Vec<(usize, Fate<'a>)> =
        facts.iter().map(|fact| (fact.index, of_entry(list, fact, role, kind))).collect();
    let of = |index: usize| match known.iter().find(|(looked_at, _)| *looked_at == index) {
        Some((_, fate)) => *fate,
        // Not looked at. Nothing is known against it.
        None if is_fetchable(list, index) => Fate::Pulls,
        None => UNFETCHABLE,
    };
    let ways: Vec<Fate<'a>> = kind
        .picks(list)
        .iter()
        .map(|pick| {
            let fates = pick.iter().map(|index| of(*index));
            worst(fates).unwrap_or(Fate::Fails(Fault::Platform(list)))
        })
        .collect();
    let fault = |fate: &Fate<'a>| match fate {
        Fate::Fails(fault) | Fate::May(fault) => Some(*fault),
        _ => None,
    };
    let first = ways.iter().find_map(fault);
    let unseen = ways.iter().find(|fate| matches!(fate, Fate::Unseen(_)));
    match (first, unseen) {
        (Some(fault), _) if ways.iter().all(|fate| matches!(fate, Fate::Fails(_))) => {
            Fate::Fails(fault)
        }
        (Some(fault), _) => Fate::May(fault),
        (None, Some(unseen)) => *unseen,
        (None, None) => Fate::Pulls,
    }
}

fn of_entry<'a>(list: &'a [Entry], fact: &'a EntryFact, role: Role, kind: &Candidate) -> Fate<'a> {
    match list.get(fact.index).map(|entry| &entry.target) {
        Some(Target::Manifest(target)) => {
            of_manifest(&fact.outcome, &fact.entries, Some(&target.digest), role, kind)
        }
        Some(Target::Elsewhere) => Fate::Unseen(&fact.outcome),
        Some(Target::Nothing) | None => UNFETCHABLE,
    }
}

/// What is fetched has no digest to be verified by, and is thrown away.
const UNFETCHABLE: Fate<'_> = Fate::Fails(Fault::Invalid(ManifestFault::Malformed, None));

fn is_fetchable(list: &[Entry], index: usize) -> bool {
    list.get(index).is_some_and(|entry| entry.target != Target::Nothing)
}

#[cfg(test)]
mod tests;
