//! How many bytes an answer takes in memory, roughly: most of them are foreign text.

use super::Key;
use super::lifetime::{Answer, Good};
use crate::facts::{
    Content, Damage, Evidence, Found, Heard, ImageConfig, ImageContent, Outcome, PartFault,
};
use crate::registry::{descriptor_size, entries_size, platform_size};

/// Bytes of an answer and of the question that it belongs to. What an index shares with other
/// answers is counted with each of them.
pub(super) fn of(key: &Key, answer: &Answer) -> usize {
    let reference = &key.reference;
    let asked = reference.name().len()
        + reference.tag().map_or(0, str::len)
        + reference.digest().map_or(0, |digest| digest.as_str().len())
        + key.entry.as_ref().map_or(0, |entry| descriptor_size(entry));
    let before =
        answer.before.as_ref().map_or(0, |good| size_of::<Good>() + outcome(&good.outcome));
    size_of::<Key>() + size_of::<Answer>() + asked + outcome(&answer.outcome) + before
}

fn outcome(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Found(Found { digest, content, .. }) => digest.as_str().len() + texts_of(content),
        Outcome::Absent(absent) => {
            evidence(&absent.evidence) + absent.suggestion.as_ref().map_or(0, String::len)
        }
        Outcome::Refused(refusal) => evidence(&refusal.evidence),
        Outcome::Broken(lost) => damage(lost),
        Outcome::Trouble(trouble) => trouble.host.len() + trouble.detail.len(),
        // Never kept.
        Outcome::Invalid(_) | Outcome::NotChecked(_) => 0,
    }
}

fn damage(damage: &Damage) -> usize {
    let told = match &damage.fault {
        PartFault::Missing(told) => evidence(told),
        PartFault::Size { .. } | PartFault::Digest | PartFault::Inline => 0,
    };
    damage.digest.as_str().len() + told
}

fn texts_of(content: &Content) -> usize {
    match content {
        Content::Index(entries) => entries_size(entries),
        Content::Image(image) => {
            let behind = image.behind_inline.as_ref().map_or(0, damage);
            size_of::<ImageContent>() + config(&image.config) + behind
        }
        Content::Unread(_) => 0,
    }
}

fn config(config: &ImageConfig) -> usize {
    match config {
        ImageConfig::Platform(platform) => platform_size(platform),
        ImageConfig::Unread | ImageConfig::Artifact | ImageConfig::OtherLayers { .. } => 0,
    }
}

fn evidence(evidence: &Evidence) -> usize {
    let others = evidence.others.iter().map(|heard| size_of::<Heard>() + heard.host.len());
    evidence.host.len() + others.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::facts::{Descriptor, Entry, Target};
    use crate::image::{Algorithm, Digest, Platform, Reference};
    use crate::registry::CredentialId;

    #[test]
    fn what_an_index_says_weighs_and_what_is_said_of_an_entry_too() {
        let digest = Digest::of(Algorithm::Sha256, b"x");
        let media_type = "m".repeat(1_000);
        let target = Descriptor { digest: digest.clone(), size: None, media_type };
        let platform = Some(Platform::new(&"o".repeat(10_000), "amd64", ""));
        let entries = [Entry { platform, target: Target::Manifest(target.clone()) }];
        let weight = |entry: Option<&Descriptor>, content| {
            let reference = Reference::parse("r.io/app:1").unwrap();
            let entry = entry.cloned().map(Arc::new);
            let key = Key { reference, credential: CredentialId::ANONYMOUS, entry };
            let outcome = Outcome::Found(Found { digest: digest.clone(), quota: None, content });
            of(&key, &Answer::new(&key, outcome, tokio::time::Instant::now(), None))
        };
        let nothing = Content::Unread(crate::facts::Unread::Quota);
        let light = weight(None, nothing.clone());
        assert!(weight(Some(&target), nothing) >= light + 1_000);
        assert!(weight(None, Content::Index(entries.into())) >= light + 11_000);
    }
}
