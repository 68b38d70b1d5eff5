//! Facts for the causes' own tests.

use super::{Cause, Certainty, Finding, Severity};
use crate::credentials::{ConfigFormat, DecodedSecret, DockerConfig, PullSecret, SecretState};
use crate::facts::{
    Absent, Attempt, CredentialSource, Evidence, Facts, Front, ImageFact, Missing, Outcome,
    ProviderAnswer, ProviderFact, Refusal, RefusedAt, SecretFact, ServiceAccountFact,
    ServiceAccountState, Settings, SpecCode, Trouble, TroubleKind,
};
use crate::image::Reference;
use crate::workload::Pins;

/// The facts of a pod in namespace `shop` with these images and nothing else.
pub(super) fn facts<'a>(images: Vec<ImageFact<'a>>, settings: &'a Settings) -> Facts<'a> {
    Facts {
        namespace: "shop",
        is_template: false,
        pins: Pins::default(),
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
pub(super) fn image(image: &str, attempts: Vec<Attempt>) -> ImageFact<'_> {
    ImageFact {
        field: "spec.containers[0].image",
        image,
        reference: Reference::parse(image),
        registry_allowed: true,
        asked: true,
        attempts,
        providers: Vec::new(),
    }
}

/// An attempt without a credential.
pub(super) fn anonymous(outcome: Outcome) -> Attempt {
    Attempt { source: None, anonymous: true, outcome }
}

/// An attempt with what a credential provider gave.
pub(super) fn provided(provider: &str, outcome: Outcome) -> Attempt {
    let source = Some(CredentialSource::Provider(provider.to_owned()));
    Attempt { source, anonymous: false, outcome }
}

/// A credential provider that is for the image, and what came of it.
pub(super) fn provider(name: &str, answer: ProviderAnswer) -> ProviderFact {
    ProviderFact { name: name.to_owned(), answer, remembered: false }
}

/// An attempt with the credential of a secret.
pub(super) fn with(secret: &str, outcome: Outcome) -> Attempt {
    let source = Some(CredentialSource::Secret(secret.to_owned()));
    Attempt { source, anonymous: false, outcome }
}

pub(super) fn evidence(status: u16, code: Option<SpecCode>, host: &str) -> Evidence {
    Evidence { status, code, host: host.to_owned() }
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
    (cause.detect)(facts, &mut findings);
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
