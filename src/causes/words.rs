//! Turns of phrase that several causes share.

use crate::facts::{Evidence, Facts, Front, ImageFact};
use crate::image::Reference;
use crate::message::{ADMITTED, printable};

/// The repository as the subject of a sentence. What the user wrote is quoted before it, so the
/// name is repeated only where normalising changed it (`nginx` is `docker.io/library/nginx`).
pub(super) fn repository(image: &ImageFact<'_>, reference: &Reference) -> String {
    if image.image.starts_with(reference.name()) {
        "the repository".to_owned()
    } else {
        printable(reference.name(), 100)
    }
}

/// `Secret shop/regcred`; each part shows at most `most` characters.
pub(super) fn object(kind: &str, facts: &Facts<'_>, name: &str, most: usize) -> String {
    format!("{kind} {}/{}", printable(facts.namespace, most), printable(name, most))
}

/// `, did you mean reg-cred?`, or nothing where no name is near.
pub(super) fn did_you_mean(similar: Option<&String>) -> String {
    similar.map(|name| format!(", did you mean {}?", printable(name, 60))).unwrap_or_default()
}

/// How the fix of something that we could not see begins.
pub(super) fn unverified(facts: &Facts<'_>) -> &'static str {
    match facts.front {
        Front::Serve => ADMITTED,
        Front::Check => "unverified, ",
    }
}

/// Status and code, and who said so where it was not the registry that the image names.
pub(super) fn said(evidence: &Evidence, reference: &Reference) -> String {
    let mut text = evidence.status.to_string();
    if let Some(code) = evidence.code {
        text.push(' ');
        text.push_str(code.as_str());
    }
    if evidence.host != reference.host() && evidence.host != reference.registry() {
        text.push_str(" from ");
        text.push_str(&printable(&evidence.host, 60));
    }
    text
}
