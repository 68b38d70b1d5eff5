//! Turns of phrase that several causes share.

use super::landing::Met;
use crate::facts::{Evidence, Facts, Front, ImageFact, Part, Whose};
use crate::image::{Digest, Platform, Reference};
use crate::message::{ADMITTED, list, printable};

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

/// `linux/amd64 and linux/arm64`, three of them at most.
pub(super) fn platforms<'a>(platforms: impl IntoIterator<Item = &'a Platform>) -> String {
    let names: Vec<String> =
        platforms.into_iter().map(|platform| printable(&platform.to_string(), 40)).collect();
    list(names.iter().map(String::as_str), 3)
}

/// `for linux/arm64, ` where it is an image of an index; which platform the pod runs on is said by
/// whoever knows.
pub(super) fn concerning(met: &Met<'_>) -> String {
    if met.platforms.is_empty() {
        return String::new();
    }
    let who = match met.whose {
        Whose::Present => " as nodes here are",
        _ => "",
    };
    format!("for {}{who}, ", platforms(&met.platforms))
}

/// `layer 2 of 5 (sha256:0123456789ab)`.
pub(super) fn part(part: Part, digest: &Digest) -> String {
    let digest = digest.short();
    match part {
        Part::Manifest => format!("the manifest {digest}"),
        Part::Config => format!("the config {digest}"),
        Part::Layer { number, of } => format!("layer {number} of {of} ({digest})"),
    }
}

/// `2.5 GiB`, `640 MiB`.
pub(super) fn bytes(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;
    match bytes {
        0..MIB => format!("{bytes} bytes"),
        MIB..GIB => format!("{} MiB", bytes / MIB),
        _ => format!("{}.{} GiB", bytes / GIB, bytes % GIB * 10 / GIB),
    }
}
