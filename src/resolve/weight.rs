//! How many bytes an answer takes in memory beside itself: most of them are foreign text.

use super::Key;
use super::lifetime::{Answer, Good};
use crate::facts::{
    Content, Damage, Descriptor, Evidence, Found, Heard, ImageConfig, ImageContent, Outcome,
    PartFault,
};
use crate::registry::{
    descriptor_size, digest_size, entries_size, on_heap, shared_on_heap, shared_platform_size,
};

/// Bytes that an answer and the question that it belongs to have elsewhere on the heap. What an
/// index shares with other answers is counted with each of them.
pub(super) fn of(key: &Key, answer: &Answer) -> usize {
    let reference = &key.reference;
    let name = reference.name().len() + reference.tag().map_or(0, |tag| 1 + tag.len());
    let asked = on_heap(name)
        + reference.digest().map_or(0, digest_size)
        + key
            .entry
            .as_ref()
            .map_or(0, |entry| shared_on_heap(size_of::<Descriptor>()) + descriptor_size(entry));
    let before = answer.before.as_ref();
    let before = before.map_or(0, |good| on_heap(size_of::<Good>()) + outcome(&good.outcome));
    asked + outcome(&answer.outcome) + before
}

fn outcome(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Found(Found { digest, content, .. }) => digest_size(digest) + texts_of(content),
        Outcome::Absent(absent) => {
            evidence(&absent.evidence)
                + absent.suggestion.as_ref().map_or(0, |tag| on_heap(tag.len()))
        }
        Outcome::Refused(refusal) => evidence(&refusal.evidence),
        Outcome::Broken(lost) => damage(lost),
        Outcome::Trouble(trouble) => on_heap(trouble.host.len()) + on_heap(trouble.detail.len()),
        // Never kept.
        Outcome::Invalid(_) | Outcome::NotChecked(_) => 0,
    }
}

fn damage(damage: &Damage) -> usize {
    let told = match &damage.fault {
        PartFault::Missing(told) => evidence(told),
        PartFault::Size { .. } | PartFault::Digest | PartFault::Inline => 0,
    };
    digest_size(&damage.digest) + told
}

fn texts_of(content: &Content) -> usize {
    match content {
        Content::Index(entries) => entries_size(entries),
        Content::Image(image) => {
            let behind = image.behind_inline.as_ref();
            let behind = behind.map_or(0, |lost| on_heap(size_of::<Damage>()) + damage(lost));
            shared_on_heap(size_of::<ImageContent>()) + config(&image.config) + behind
        }
        Content::Unread(_) => 0,
    }
}

fn config(config: &ImageConfig) -> usize {
    match config {
        ImageConfig::Platform(platform) => shared_platform_size(platform),
        ImageConfig::Unread | ImageConfig::Artifact | ImageConfig::OtherLayers { .. } => 0,
    }
}

fn evidence(evidence: &Evidence) -> usize {
    let others = evidence.others.iter().map(|heard| size_of::<Heard>() + on_heap(heard.host.len()));
    on_heap(evidence.host.len()) + others.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::facts::{Descriptor, Entry, Target};
    use crate::image::{Algorithm, Digest, Platform, Reference};
    use crate::registry::{CredentialId, Fair};

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

    /// Beside its name, which this counts too.
    #[test]
    fn an_image_that_is_remembered_takes_little() {
        let reference = Reference::parse("registry.example/team-12/service:1.24.345").unwrap();
        let key = Key { reference, credential: CredentialId::ANONYMOUS, entry: None };
        let digest = Digest::of(Algorithm::Sha256, b"x");
        let config = ImageConfig::Platform(Platform::new("linux", "amd64", "").shared());
        let image = ImageContent { config, size: 61_728_390, behind_inline: None, left_out: None };
        let content = Content::Image(Arc::new(image));
        let outcome = Outcome::Found(Found { digest, quota: None, content });
        let answer = Answer::new(&key, outcome, tokio::time::Instant::now(), None);
        let bytes = Fair::<Key, Answer>::BYTES + of(&key, &answer);
        assert!(bytes <= 900, "{bytes}");
        let most = usize::try_from(crate::resolve::Limits::default().answers).unwrap();
        assert!(most / bytes >= 100_000, "not so many have room: {}", most / bytes);
    }
}
