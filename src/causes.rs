//! The catalogue: what can be true of an image or a pull secret, one file per cause.
//!
//! A cause says what is true and how sure that is; what to do about it is `policy`'s to say.
//! Causes see only [`Facts`], never a registry or a cluster.

mod absence;
mod access_denied;
mod blob_mismatch;
mod blob_missing;
mod catalogue;
mod certainty;
mod credential_expired;
mod credential_rejected;
mod credential_short_lived;
mod digest_not_found;
mod digest_required;
mod finding;
mod image_too_large;
mod landing;
mod manifest_invalid;
mod manifest_missing;
mod not_checked;
mod platform_missing;
mod presence;
mod pull_secret_malformed;
mod pull_secret_misplaced;
mod pull_secret_no_match;
mod pull_secret_not_found;
mod pull_secret_wrong_type;
mod reference_invalid;
mod registry_dns;
mod registry_error;
mod registry_not_allowed;
mod registry_plain_http;
mod registry_proxy;
mod registry_quota_low;
mod registry_rate_limited;
mod registry_refused;
mod registry_timeout;
mod registry_tls;
mod repository_not_found;
mod service_account_not_found;
mod short_name;
mod tag_mutable;
mod tag_not_found;
#[cfg(test)]
pub(crate) mod testing;
mod trouble;
mod view;
mod words;

pub use catalogue::{Cause, Code, markdown};
pub use finding::Finding;
pub use view::View;

use crate::facts::{Facts, ImageFact};

/// Whether a finding means that the pull fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The node would not manage to pull.
    WontPull,
    /// The pull works, or this alone does not stop it.
    Advice,
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Certainty {
    /// The registry itself said so to the node's credentials, or no network is needed to know.
    Proven,
    /// True unless something that may be cures it.
    Likely,
    /// Our own view failed.
    Unknown,
}

/// What a cause does where nothing is configured for its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// As the mode's column says.
    ByMode,
    /// Audited only, in every mode but `off`.
    AuditOnly,
    /// Nothing until an operator sets an action.
    Off,
}

/// What a cause needs to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// About the pull itself; softened for objects with a controller owner.
    Pull,
    /// About what is written, decided without network before everything else; where an operator
    /// set it to deny, nothing softens it.
    Rule,
}

/// Every cause, in the order of the catalogue, which is the order in which findings are shown.
pub const ALL: &[&Cause] = &[
    &reference_invalid::CAUSE,
    &registry_not_allowed::CAUSE,
    &digest_required::CAUSE,
    &pull_secret_malformed::CAUSE,
    &repository_not_found::CAUSE,
    &tag_not_found::CAUSE,
    &digest_not_found::CAUSE,
    &access_denied::CAUSE,
    &credential_rejected::CAUSE,
    &credential_expired::CAUSE,
    &manifest_invalid::CAUSE,
    &manifest_missing::CAUSE,
    &blob_missing::CAUSE,
    &blob_mismatch::CAUSE,
    &platform_missing::CAUSE,
    &image_too_large::CAUSE,
    &short_name::CAUSE,
    &pull_secret_not_found::CAUSE,
    &pull_secret_wrong_type::CAUSE,
    &pull_secret_misplaced::CAUSE,
    &service_account_not_found::CAUSE,
    &credential_short_lived::CAUSE,
    &registry_dns::CAUSE,
    &registry_refused::CAUSE,
    &registry_timeout::CAUSE,
    &registry_tls::CAUSE,
    &registry_plain_http::CAUSE,
    &registry_proxy::CAUSE,
    &registry_error::CAUSE,
    &registry_rate_limited::CAUSE,
    &registry_quota_low::CAUSE,
    &not_checked::CAUSE,
    &pull_secret_no_match::CAUSE,
    &tag_mutable::CAUSE,
];

/// Of each image, whether it is one of `these` and it is proven that no node pulls what the registry
/// hands out for it, but for what else may cure that.
pub fn unfit(facts: &Facts<'_>, these: impl Fn(&ImageFact<'_>) -> bool) -> Vec<bool> {
    let view = View::new(facts);
    let proven = |image| landing::faults(&view, image).iter().any(|met| met.proven);
    facts.images.iter().map(|image| these(image) && proven(image)).collect()
}

/// Everything that is true of `facts`.
pub fn findings(facts: &Facts<'_>) -> Vec<Finding> {
    find(facts, |_| true)
}

/// Everything of one basis that is true of `facts`.
pub fn findings_on(basis: Basis, facts: &Facts<'_>) -> Vec<Finding> {
    find(facts, |cause| cause.basis == basis)
}

fn find(facts: &Facts<'_>, wanted: impl Fn(&Cause) -> bool) -> Vec<Finding> {
    let facts = View::new(facts);
    let mut findings = Vec::new();
    for cause in ALL.iter().filter(|cause| wanted(cause)) {
        (cause.detect)(&facts, &mut findings);
    }
    findings
}
