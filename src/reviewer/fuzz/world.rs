//! A world in which anything may have come of an image: the image's own bytes decide what did.

use std::sync::Arc;
use std::time::Duration;

use super::Case;
use crate::credentials::{ConfigFormat, DecodedSecret, DockerConfig, PullSecret, SecretState};
use crate::credentials::{Entry as Login, WrongTypeHint};
use crate::facts::{
    Absent, Attempt, Content, CredentialSource, Damage, Evidence, Facts, Found, Gaps, ImageConfig,
    ImageContent, ImageFact, ManifestFault, Missing, Outcome, Part, PartFault, Quota, Refusal,
    RefusedAt, SecretFact, ServiceAccountFact, ServiceAccountState, Settings, SpecCode, Stale,
    Trouble, TroubleKind, Unchecked,
};
use crate::image::{Algorithm, Digest, Platform, Reference};
use crate::workload::PullPolicy;

/// The facts of an object, where foreign text stands wherever any may.
pub(super) fn facts<'a>(case: &'a Case, settings: &'a Settings) -> Facts<'a> {
    let workload = &case.workload;
    let foreign = &workload.name;
    let images = workload.images.iter().map(|one| {
        let reference = Reference::parse(&one.image);
        let attempts = match &reference {
            Ok(reference) => vec![attempt(reference, &one.name, foreign)],
            Err(_) => Vec::new(),
        };
        ImageFact {
            field: one.field.as_str(),
            image: &one.image,
            role: one.role,
            pull_policy: one
                .pull_policy
                .unwrap_or_else(|| PullPolicy::default_of(reference.as_ref().ok())),
            registry_allowed: !one.name.ends_with('!'),
            mirrors_told: false,
            asked: reference.is_ok(),
            attempts,
            providers: Vec::new(),
            reference,
        }
    });
    let secrets = workload.pull_secrets.iter().map(|one| SecretFact {
        field: one.field.to_string(),
        secret: PullSecret { name: one.name.clone(), state: secret(&one.name, foreign) },
        used: one.name.len().is_multiple_of(2),
    });
    Facts {
        namespace: &case.namespace,
        is_template: workload.is_template,
        pins: workload.node.pins(),
        nodes: None,
        gaps: Gaps::default(),
        images: images.collect(),
        secrets: secrets.collect(),
        service_account: ServiceAccountFact {
            name: workload.effective_service_account().to_owned(),
            field: workload.service_account_field(),
            state: account(workload.effective_service_account(), foreign),
        },
        misplaced_pull_secrets: &workload.misplaced_pull_secrets,
        settings,
        front: case.front,
    }
}

/// Which of so many things came of this, by its text.
fn choice(text: &str, of: usize) -> usize {
    text.bytes().fold(0, |sum, byte| (sum + usize::from(byte)) % of)
}

fn attempt(reference: &Reference, name: &str, foreign: &str) -> Attempt {
    let older = || Stale {
        age: Duration::from_secs(3_600),
        now: outcome(reference, foreign, name),
        entries: Vec::new(),
    };
    let source = (choice(name, 3) != 0).then(|| CredentialSource::Secret(name.to_owned()));
    Attempt {
        anonymous: source.is_none(),
        source,
        stale: (choice(name, 4) == 0).then(|| Box::new(older())),
        ..Attempt::anonymous(outcome(reference, name, foreign))
    }
}

fn outcome(reference: &Reference, name: &str, foreign: &str) -> Outcome {
    let codes = SpecCode::ALL.len();
    let code = SpecCode::ALL.get(choice(name, codes + 1)).copied();
    let evidence = || Evidence::new(404, code, reference.host());
    let digest = Digest::of(Algorithm::Sha256, name.as_bytes());
    let (host, some) = (|| reference.host().to_owned(), || foreign.to_owned());
    let found = |quota, config, size| {
        let image = ImageContent { config, size, behind_inline: None, left_out: None };
        let content = Content::Image(Arc::new(image));
        Outcome::Found(Found { digest: digest.clone(), quota, content })
    };
    let absent = |what| {
        Outcome::Absent(Absent {
            what,
            evidence: evidence(),
            suggestion: Some(some()),
            listed: name.len().is_multiple_of(2),
            no_tags: name.len().is_multiple_of(3),
            served_by_get: false,
        })
    };
    let refused = |at| {
        Outcome::Refused(Refusal {
            at,
            evidence: evidence(),
            expired: name.len().is_multiple_of(2),
            no_basic: name.len().is_multiple_of(3),
            incomplete_login: name.len().is_multiple_of(5),
        })
    };
    let broken = |part, fault| Outcome::Broken(Damage { part, digest: digest.clone(), fault });
    let trouble = |kind| {
        let (detail, waited) = ("as said".to_owned(), Some(Duration::from_millis(3_100)));
        Outcome::Trouble(Trouble { kind, host: host(), detail, waited, retry_after: waited })
    };
    match choice(reference.name(), 25) {
        0 => absent(Missing::Repository),
        1 => absent(Missing::Tag),
        2 => absent(Missing::Digest),
        3 => refused(RefusedAt::Login),
        4 => refused(RefusedAt::Token),
        5 => refused(RefusedAt::Repository),
        6 => Outcome::Invalid(ManifestFault::TooLarge(Some(u64::MAX))),
        7 => Outcome::Invalid(ManifestFault::MediaType),
        8 => broken(Part::Config, PartFault::Missing(evidence())),
        9 => broken(
            Part::Layer { number: 7, of: 9 },
            PartFault::Size { served: 1, stated: u64::MAX },
        ),
        10 => broken(Part::Manifest, PartFault::Digest),
        11 => trouble(TroubleKind::Dns),
        12 => trouble(TroubleKind::Refused),
        13 => trouble(TroubleKind::Timeout),
        14 => trouble(TroubleKind::Tls),
        15 => trouble(TroubleKind::PlainHttp),
        16 => trouble(TroubleKind::Proxy),
        17 => trouble(TroubleKind::Error),
        18 => trouble(TroubleKind::RateLimited),
        19 => Outcome::NotChecked(Unchecked::Declined { host: host(), what: "as said".to_owned() }),
        20 => Outcome::NotChecked(Unchecked::Deadline),
        21 => found(None, ImageConfig::Platform(Arc::new(Platform::new(name, foreign, "v9"))), 5),
        22 => found(Some(Quota { limit: 100, remaining: 1 }), ImageConfig::Artifact, u64::MAX),
        23 => {
            let platform = Platform::new(name, foreign, "v9");
            Outcome::NotChecked(Unchecked::Elsewhere(Some(Box::new(platform))))
        }
        _ => found(None, ImageConfig::OtherLayers { manifest: 1, config: 2 }, 5),
    }
}

fn secret(name: &str, foreign: &str) -> SecretState {
    let similar = || Some(foreign.to_owned());
    let login = |key: &str| {
        let mut login = Login::new(key, crate::credentials::Credential::new("u", "p"));
        login.has_identity_token = name.len().is_multiple_of(2);
        login
    };
    match choice(name, 8) {
        0 => SecretState::Absent { similar: similar() },
        1 => SecretState::Undecided { similar: similar() },
        2 => SecretState::Forbidden,
        3 => SecretState::Unreadable("it took too long".to_owned()),
        4 => SecretState::Read(DecodedSecret::WrongType(WrongTypeHint {
            type_: foreign.to_owned(),
            key: Some("config.json".to_owned()),
        })),
        5 => {
            let auths = serde_json::json!({"auths": {foreign: {"auth": "?"}}}).to_string();
            match DockerConfig::decode(ConfigFormat::DockerConfigJson, auths.as_bytes()) {
                Ok(config) => SecretState::Read(DecodedSecret::Config(config)),
                Err(error) => SecretState::Read(DecodedSecret::Malformed(error)),
            }
        }
        _ => {
            let entries = [login(foreign), login("docker.io")].into();
            SecretState::Read(DecodedSecret::Config(DockerConfig { entries }))
        }
    }
}

fn account(name: &str, foreign: &str) -> ServiceAccountState {
    let similar = || Some(foreign.to_owned());
    match choice(name, 6) {
        0 => ServiceAccountState::Absent { similar: similar() },
        1 => ServiceAccountState::Undecided { similar: similar() },
        2 => ServiceAccountState::Forbidden,
        3 => ServiceAccountState::Unreadable("it took too long".to_owned()),
        4 => ServiceAccountState::Present,
        _ => ServiceAccountState::NotNeeded,
    }
}
