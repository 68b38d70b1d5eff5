//! Turns of phrase that several causes share.

use std::fmt::Write as _;

use super::landing::{Fault, Met};
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

/// Other hosts whose answers are told.
const MOST_OTHERS: usize = 2;

/// Status and code, and who said so where it was not the registry that the image names; then what
/// the other hosts said that a node would ask.
pub(super) fn said(evidence: &Evidence, reference: &Reference) -> String {
    let mut text = evidence.status.to_string();
    if let Some(code) = evidence.code {
        text.push(' ');
        text.push_str(code.as_str());
    }
    let itself = [reference.host(), reference.registry()].contains(&evidence.host.as_str());
    if !itself {
        text.push_str(" from ");
        text.push_str(&printable(&evidence.host, 60));
    }
    for other in evidence.others.iter().take(MOST_OTHERS) {
        let _ = write!(text, ", {} from {}", other.status, printable(&other.host, 40));
    }
    match evidence.others.len().saturating_sub(MOST_OTHERS) {
        0 => {}
        more => {
            let _ = write!(text, ", and no from {more} more");
        }
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

/// What else is to be said of a part that the manifest itself holds.
pub(super) fn behind_inline(met: &Met<'_>) -> &'static str {
    match met.fault {
        Fault::BehindInline(_) => ", and containerd 1.6 ignores its inline copy",
        _ => "",
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Heard, SpecCode};

    #[test]
    fn who_said_so_is_told_where_it_is_another_than_the_registry() {
        let hub = Reference::parse("nginx:1").unwrap();
        let said = |host: &str, others: &[(&str, u16)]| {
            let mut evidence = Evidence::new(404, Some(SpecCode::ManifestUnknown), host);
            let heard =
                |(host, status): &(&str, u16)| Heard { host: (*host).to_owned(), status: *status };
            evidence.others = others.iter().map(heard).collect();
            said(&evidence, &hub)
        };
        assert_eq!(said("registry-1.docker.io", &[]), "404 MANIFEST_UNKNOWN");
        assert_eq!(said("m.test", &[]), "404 MANIFEST_UNKNOWN from m.test");
        assert_eq!(
            said("registry-1.docker.io", &[("m.test", 401)]),
            "404 MANIFEST_UNKNOWN, 401 from m.test"
        );
        assert_eq!(
            said("m.test", &[("a.test", 404), ("b.test", 403), ("c.test", 404), ("d.test", 404)]),
            "404 MANIFEST_UNKNOWN from m.test, 404 from a.test, 403 from b.test, and no from 2 more"
        );
    }
}
