//! Proven or Likely: what that may yet be, or that we do not see, could cure a refusal or an
//! absence. A reason found here is also said in the message.

use super::{Certainty, presence, short_name, words};
use crate::credentials::SecretState;
use crate::facts::{
    Absent, Evidence, Facts, ImageFact, PodMutation, ProviderAnswer, ProviderFact,
    ServiceAccountState,
};
use crate::glob::any_matches;
use crate::image::Reference;
use crate::message::printable;

/// Why a finding may not hold on the node; none means that it is proven.
pub(super) struct Doubt(Option<String>);

impl Doubt {
    pub(super) fn certainty(&self) -> Certainty {
        if self.0.is_some() { Certainty::Likely } else { Certainty::Proven }
    }

    /// `; <reason>` or nothing, to follow what happened.
    pub(super) fn clause(&self) -> String {
        self.0.as_ref().map(|reason| format!("; {reason}")).unwrap_or_default()
    }
}

/// What could cure a refusal of this image.
pub(super) fn of_refusal(facts: &Facts<'_>, image: &ImageFact<'_>) -> Doubt {
    Doubt(
        login(facts, image)
            .or_else(|| mirrored_or_mutated(facts, image, PodMutation::Secrets))
            .or_else(|| short_name::elsewhere(facts, image))
            .or_else(|| presence::despite_refusal(facts, image)),
    )
}

/// What could cure the absence of this image. Where the registry showed us what else is there, no
/// credential would show more, unless another host that a node asks wants one.
pub(super) fn of_absence(facts: &Facts<'_>, image: &ImageFact<'_>, absent: &Absent) -> Doubt {
    let hidden = || {
        if absent.listed && !wants_a_login(&absent.evidence) { None } else { login(facts, image) }
    };
    // containerd decides by HEAD, CRI-O by GET.
    let served = || {
        absent
            .served_by_get
            .then(|| "though GET serves it, and some runtimes ask by GET".to_owned())
    };
    let cached = || pull_through(facts, image);
    Doubt(hidden().or_else(served).or_else(cached).or_else(|| elsewhere(facts, image)))
}

/// What could cure that a part of the image is not there, of which the hosts said this.
pub(super) fn of_missing_part(facts: &Facts<'_>, image: &ImageFact<'_>, said: &Evidence) -> Doubt {
    let hidden = || if wants_a_login(said) { login(facts, image) } else { None };
    Doubt(hidden().or_else(|| pull_through(facts, image)).or_else(|| elsewhere(facts, image)))
}

/// What could cure anything else that is wrong with the image itself.
pub(super) fn of_image(facts: &Facts<'_>, image: &ImageFact<'_>) -> Doubt {
    Doubt(elsewhere(facts, image))
}

/// Whether another host that a node asks refused us.
fn wants_a_login(said: &Evidence) -> bool {
    said.others.iter().any(|heard| matches!(heard.status, 401 | 403))
}

/// A login that may yet be and is not among those that were tried.
fn login(facts: &Facts<'_>, image: &ImageFact<'_>) -> Option<String> {
    missing_secret(facts)
        .or_else(|| missing_service_account(facts))
        .or_else(|| nodes_log_in(facts, image))
}

/// A pull-through cache fetches what it does not have yet.
fn pull_through(facts: &Facts<'_>, image: &ImageFact<'_>) -> Option<String> {
    any_matches(&facts.settings.pull_through, registry(image))
        .then(|| "unless this pull-through cache can still fetch it".to_owned())
}

/// Where a node may have the image from but its registry.
fn elsewhere(facts: &Facts<'_>, image: &ImageFact<'_>) -> Option<String> {
    mirrored_or_mutated(facts, image, PodMutation::Images)
        .or_else(|| short_name::elsewhere(facts, image))
        .or_else(|| presence::of_image(facts, image))
}

fn registry<'a>(image: &'a ImageFact<'_>) -> &'a str {
    image.reference.as_ref().map(Reference::registry).unwrap_or_default()
}

/// What nodes may log in with beyond what was tried: what a credential provider would give there
/// and did not give here, or what we know nothing of.
///
/// On hosts of `nodeCredentials` only a login that a provider gave, and that was refused too, says
/// that nodes fare no better. That no configured provider is for such a host proves nothing: the
/// operator says that nodes log in there, so they do it by other means (the runtime's own
/// configuration, or the providers of another pool of nodes).
fn nodes_log_in(facts: &Facts<'_>, image: &ImageFact<'_>) -> Option<String> {
    if let Some(doubt) = image.providers.iter().find_map(may_yet_log_in) {
        return Some(doubt);
    }
    let gave = |fact: &ProviderFact| fact.answer == ProviderAnswer::Login;
    let unknown = any_matches(&facts.settings.node_credentials, registry(image))
        && !image.providers.iter().any(gave);
    unknown.then(|| "unless nodes log in there by themselves".to_owned())
}

/// A provider may do on a node what it did not do here, where it runs beside other files and with
/// another identity.
fn may_yet_log_in(fact: &ProviderFact) -> Option<String> {
    let name = printable(&fact.name, 40);
    match fact.answer {
        ProviderAnswer::Login => None,
        ProviderAnswer::NoLogin => Some(format!("credential provider {name} gave no login")),
        ProviderAnswer::Failed => Some(format!("credential provider {name} failed")),
        ProviderAnswer::NeedsToken => {
            Some(format!("credential provider {name} was not run, it needs the pod's token"))
        }
    }
}

fn mirrored_or_mutated(
    facts: &Facts<'_>,
    image: &ImageFact<'_>,
    mutated: PodMutation,
) -> Option<String> {
    let mutation = facts.settings.pod_mutation;
    let untold = !image.mirrors_told && any_matches(&facts.settings.node_mirrors, registry(image));
    if untold {
        Some("unless the nodes' mirrors have it".to_owned())
    } else if facts.is_template && (mutation == mutated || mutation == PodMutation::Images) {
        Some("unless pods are changed on admission".to_owned())
    } else {
        None
    }
}

/// The first pull secret that is not known, and how that is to be said.
fn missing_secret(facts: &Facts<'_>) -> Option<String> {
    facts.secrets.iter().find_map(|fact| {
        let name = words::object("Secret", facts, &fact.secret.name, 40);
        match &fact.secret.state {
            SecretState::Read(_) => None,
            SecretState::Absent { .. } => Some(format!("{name} does not exist yet")),
            SecretState::Forbidden => Some(format!("{name} may not be read by pullcheck")),
            SecretState::Unreadable(_) => Some(format!("{name} could not be read")),
            SecretState::Undecided { .. } => Some(format!("{name} was not given to pullcheck")),
        }
    })
}

/// How an unknown ServiceAccount is to be said.
fn missing_service_account(facts: &Facts<'_>) -> Option<String> {
    let account = &facts.service_account;
    let name = words::object("ServiceAccount", facts, &account.name, 40);
    match &account.state {
        ServiceAccountState::NotNeeded | ServiceAccountState::Present => None,
        ServiceAccountState::Absent { .. } => {
            Some(format!("{name} does not exist yet, it may bring a pull secret"))
        }
        ServiceAccountState::Forbidden => Some(format!("{name} may not be read by pullcheck")),
        ServiceAccountState::Unreadable(_) => Some(format!("{name} could not be read")),
        ServiceAccountState::Undecided { .. } => {
            Some(format!("the pull secrets of {name} were not given to pullcheck"))
        }
    }
}
