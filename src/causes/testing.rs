//! Facts for the tests of causes, and of what asks them.

use std::sync::Arc;

use super::{Cause, Certainty, Finding, Severity};
use crate::credentials::{ConfigFormat, DecodedSecret, DockerConfig, PullSecret, SecretState};
use crate::facts::{
    Absent, Attempt, Content, CredentialSource, Damage, Descriptor, Entry, EntryFact, Evidence,
    Facts, Found, Front, Gaps, ImageConfig, ImageContent, ImageFact, LeftOut, Missing, Outcome,
    Part, PartFault, ProviderAnswer, ProviderFact, Refusal, RefusedAt, SecretFact,
    ServiceAccountFact, ServiceAccountState, Settings, SpecCode, Target, Trouble, TroubleKind,
    Unchecked,
};
use crate::image::{Algorithm, Digest, Platform, Reference};
use crate::nodes::Node;
use crate::workload::{Pins, PullPolicy, Role};

/// The facts of a pod in namespace `shop` with these images and nothing else.
pub(crate) fn facts<'a>(images: Vec<ImageFact<'a>>, settings: &'a Settings) -> Facts<'a> {
    Facts {
        namespace: "shop",
        is_template: false,
        pins: Pins::default(),
        nodes: None,
        gaps: Gaps::default(),
        images,
        secrets: Vec::new(),
        service_account: ServiceAccountFact {
            name: "default".to_owned(),
            field: "spec.serviceAccountName".to_owned(),
            state: ServiceAccountState::NotNeeded,
        },
        misplaced_pull_secrets: &[],
        settings,
        front: Front::Serve,
    }
}

/// One image and how its attempts ended.
pub(crate) fn image(image: &str, attempts: Vec<Attempt>) -> ImageFact<'_> {
    ImageFact {
        field: "spec.containers[0].image",
        image,
        role: Role::Container,
        pull_policy: PullPolicy::Always,
        reference: Reference::parse(image),
        registry_allowed: true,
        mirrors_told: false,
        asked: true,
        attempts,
        providers: Vec::new(),
    }
}

/// An attempt without a credential.
pub(crate) fn anonymous(outcome: Outcome) -> Attempt {
    Attempt::anonymous(outcome)
}

/// An attempt with what a credential provider gave.
pub(super) fn provided(provider: &str, outcome: Outcome) -> Attempt {
    let source = Some(CredentialSource::Provider(provider.to_owned()));
    Attempt { source, anonymous: false, ..anonymous(outcome) }
}

/// A credential provider that is for the image, and what came of it.
pub(super) fn provider(name: &str, answer: ProviderAnswer) -> ProviderFact {
    ProviderFact { name: name.to_owned(), answer, remembered: false }
}

/// An attempt with the credential of a secret.
pub(super) fn with(secret: &str, outcome: Outcome) -> Attempt {
    let source = Some(CredentialSource::Secret(secret.to_owned()));
    Attempt { source, anonymous: false, ..anonymous(outcome) }
}

/// An image that is there: one that is looked at no further than its manifest says.
pub(crate) fn served(content: Content) -> Outcome {
    let digest = Digest::of(Algorithm::Sha256, b"x");
    Outcome::Found(Found { digest, quota: None, content })
}

/// A whole image for this platform.
pub(super) fn image_for(os: &str, architecture: &str) -> Content {
    image_of(&format!("{os}/{architecture}"), 1_000, None)
}

/// An image for this platform of that many bytes.
pub(crate) fn image_of(platform: &str, size: u64, left_out: Option<LeftOut>) -> Content {
    let config = ImageConfig::Platform(Arc::new(platform.parse().unwrap()));
    Content::Image(Arc::new(ImageContent { config, size, behind_inline: None, left_out }))
}

/// Something of an image that is not as it should be.
pub(super) fn broken(part: Part, fault: PartFault) -> Outcome {
    Outcome::Broken(Damage { part, digest: Digest::of(Algorithm::Sha256, b"x"), fault })
}

/// Something of an image that is not there.
pub(super) fn missing(part: Part, status: u16, code: SpecCode) -> Outcome {
    broken(part, PartFault::Missing(evidence(status, Some(code), "ghcr.io")))
}

/// A whole image for this platform.
pub(super) fn whole(platform: &str) -> Outcome {
    let platform: Platform = platform.parse().unwrap();
    served(image_for(&platform.os, &platform.architecture))
}

/// An attempt that comes to an index with these entries, each looked at. A platform `-` is none.
pub(super) fn index(entries: &[(&str, Outcome)]) -> Attempt {
    let list = entries.iter().map(|(platform, _)| Entry {
        platform: (*platform != "-").then(|| platform.parse().unwrap()),
        target: Target::Manifest(Descriptor {
            digest: Digest::of(Algorithm::Sha256, b"x"),
            size: Some(1),
            media_type: String::new(),
        }),
    });
    let content = Content::Index(list.collect());
    let facts = entries.iter().enumerate().map(|(index, (_, outcome))| EntryFact {
        index,
        outcome: outcome.clone(),
        entries: Vec::new(),
    });
    Attempt { entries: facts.collect(), ..anonymous(served(content)) }
}

/// The same with this entry at addresses of its own, as `resolve` tells of it.
pub(super) fn elsewhere(place: usize, mut attempt: Attempt) -> Attempt {
    let mut list = attempt.outcome.index().unwrap().to_vec();
    list[place].target = Target::Elsewhere;
    let platform = list[place].platform.clone().map(Box::new);
    attempt.entries[place].outcome = Outcome::NotChecked(Unchecked::Elsewhere(platform));
    attempt.outcome = served(Content::Index(list.into()));
    attempt
}

/// The operator says that the nodes have these platforms.
pub(super) fn declared(platforms: &[&str]) -> Settings {
    let platforms = platforms.iter().map(|text| text.parse().unwrap()).collect();
    Settings { platforms, ..Settings::default() }
}

/// A node that is there.
pub(super) fn node(platform: &str, runtime: &str) -> Node {
    Node {
        name: "node-a".to_owned(),
        platform: platform.parse().unwrap(),
        runtime: runtime.parse().ok(),
        ..Node::default()
    }
}

/// These are the nodes that the pod may land on.
#[expect(clippy::unnecessary_wraps, reason = "as the facts have them")]
pub(super) fn nodes(nodes: Vec<Node>) -> Option<Vec<Arc<Node>>> {
    Some(nodes.into_iter().map(Arc::new).collect())
}

/// A Helm chart, or anything else that is no image.
pub(super) fn artifact() -> Content {
    image_with(ImageConfig::Artifact, None)
}

/// An image with this config, of which this is wrong in the registry and held by the manifest.
pub(super) fn image_with(config: ImageConfig, behind_inline: Option<Damage>) -> Content {
    Content::Image(Arc::new(ImageContent {
        config,
        size: 1_000,
        behind_inline: behind_inline.map(Box::new),
        left_out: None,
    }))
}

pub(super) fn evidence(status: u16, code: Option<SpecCode>, host: &str) -> Evidence {
    Evidence::new(status, code, host)
}

pub(super) fn refused(at: RefusedAt, status: u16, code: Option<SpecCode>, host: &str) -> Outcome {
    let evidence = evidence(status, code, host);
    Outcome::Refused(Refusal {
        at,
        evidence,
        expired: false,
        no_basic: false,
        incomplete_login: false,
    })
}

pub(super) fn absent(what: Missing, suggestion: Option<&str>) -> Outcome {
    Outcome::Absent(Absent {
        what,
        evidence: evidence(404, Some(SpecCode::ManifestUnknown), "registry-1.docker.io"),
        suggestion: suggestion.map(str::to_owned),
        listed: suggestion.is_some(),
        no_tags: false,
        served_by_get: false,
    })
}

pub(super) fn trouble(kind: TroubleKind, host: &str, detail: &str) -> Outcome {
    Outcome::Trouble(Trouble {
        kind,
        host: host.to_owned(),
        detail: detail.to_owned(),
        waited: None,
        retry_after: None,
    })
}

/// A pull secret of the pod.
pub(super) fn secret(name: &str, state: SecretState, used: bool) -> SecretFact {
    let secret = PullSecret { name: name.to_owned(), state };
    SecretFact { field: "spec.imagePullSecrets[0]".to_owned(), secret, used }
}

/// A Secret of type dockerconfigjson.
pub(super) fn docker_config(json: &str) -> SecretState {
    SecretState::Read(match DockerConfig::decode(ConfigFormat::DockerConfigJson, json.as_bytes()) {
        Ok(config) => DecodedSecret::Config(config),
        Err(error) => DecodedSecret::Malformed(error),
    })
}

/// What `cause` alone finds.
pub(super) fn found(cause: &Cause, facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    (cause.detect)(&super::View::new(facts), &mut findings);
    for finding in &findings {
        assert_eq!(finding.code, cause.code);
        assert!(finding.message.len() <= crate::message::LONGEST, "{}", finding.message);
    }
    findings
}

/// The one finding of `cause`, as severity, certainty and message.
pub(super) fn only(cause: &Cause, facts: &Facts<'_>) -> (Severity, Certainty, String) {
    let mut findings = found(cause, facts);
    assert_eq!(findings.len(), 1, "{findings:?}");
    let finding = findings.remove(0);
    (finding.severity, finding.certainty, finding.message)
}

/// No cause but these finds anything.
pub(super) fn only_these(causes: &[&Cause], facts: &Facts<'_>) {
    let mut codes: Vec<_> = super::findings(facts).iter().map(|finding| finding.code).collect();
    codes.dedup();
    let expected: Vec<_> = causes.iter().map(|cause| cause.code).collect();
    assert_eq!(codes, expected);
}
