//! Whether bytes are a manifest that runtimes take. Pure.
//!
//! As containerd reads it and no stricter: unknown members are ignored, member names match in any
//! case, of a repeated member the last counts, `null` is nothing.

use std::collections::HashMap;

use oci_distribution::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE,
    OCI_IMAGE_MEDIA_TYPE,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::facts::ManifestFault;
use crate::image::Digest;

/// containerd's own bound: a larger manifest is rejected before it is fetched.
pub(super) const LARGEST: usize = 4 * 1048 * 1048;

/// What a manifest is, by its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One image: a config and layers.
    Image,
    /// A list of images, one for each platform.
    Index,
}

/// The kind a `Content-Type` names.
pub(super) fn kind(content_type: Option<&str>) -> Result<Kind, ManifestFault> {
    let media_type = content_type.unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    kind_of(media_type).ok_or(match media_type {
        // Old registries serve schema 1 as plain text, and containerd takes it for that.
        "application/vnd.docker.distribution.manifest.v1+json"
        | "application/vnd.docker.distribution.manifest.v1+prettyjws"
        | "text/plain" => ManifestFault::SchemaOne,
        _ => ManifestFault::MediaType,
    })
}

fn kind_of(media_type: &str) -> Option<Kind> {
    match media_type {
        IMAGE_MANIFEST_MEDIA_TYPE | OCI_IMAGE_MEDIA_TYPE => Some(Kind::Image),
        IMAGE_MANIFEST_LIST_MEDIA_TYPE | OCI_IMAGE_INDEX_MEDIA_TYPE => Some(Kind::Index),
        _ => None,
    }
}

/// Checks that `bytes` are what `digest` names, and a usable manifest of this kind.
pub(super) fn check(bytes: &[u8], digest: &Digest, kind: Kind) -> Result<(), ManifestFault> {
    if bytes.is_empty() {
        return Err(ManifestFault::Empty);
    }
    if !digest.verify(bytes) {
        return Err(ManifestFault::DigestMismatch);
    }
    parse(bytes, kind)
}

type Object<'a> = HashMap<String, &'a RawValue>;

fn parse(bytes: &[u8], kind: Kind) -> Result<(), ManifestFault> {
    let text = std::str::from_utf8(bytes).map_err(|_| ManifestFault::Malformed)?;
    let manifest = object(text)?;
    if !list(&manifest, "fslayers")?.is_empty() {
        return Err(ManifestFault::SchemaOne);
    }
    let stated = string(&manifest, "mediatype")?;
    let (manifests, layers) = (list(&manifest, "manifests")?, list(&manifest, "layers")?);
    let config = present(&manifest, "config");
    // A file that could be read as either is refused by containerd.
    let other = stated.and_then(|stated| kind_of(&stated)).is_some_and(|stated| stated != kind);
    let ambiguous = match kind {
        Kind::Image => !manifests.is_empty(),
        Kind::Index => config.is_some() || !layers.is_empty(),
    };
    if other || ambiguous {
        return Err(ManifestFault::Malformed);
    }
    match (kind, config) {
        (Kind::Image, Some(config)) => {
            [config].iter().chain(&layers).try_for_each(|one| descriptor(one, true))
        }
        (Kind::Index, None) if !manifests.is_empty() => {
            manifests.iter().try_for_each(|one| descriptor(one, false))
        }
        _ => Err(ManifestFault::Malformed),
    }
}

/// A descriptor; `fetched` are those that every node fetches, whose digest must be one.
fn descriptor(raw: &RawValue, fetched: bool) -> Result<(), ManifestFault> {
    let descriptor = object(raw.get())?;
    string(&descriptor, "mediatype")?;
    value::<i64>(&descriptor, "size")?;
    let digest = string(&descriptor, "digest")?;
    if fetched && digest.is_none_or(|digest| Digest::parse(&digest).is_err()) {
        return Err(ManifestFault::Malformed);
    }
    Ok(())
}

fn object(text: &str) -> Result<Object<'_>, ManifestFault> {
    let members: HashMap<String, &RawValue> =
        serde_json::from_str(text).map_err(|_| ManifestFault::Malformed)?;
    Ok(members.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect())
}

fn present<'a>(object: &Object<'a>, name: &str) -> Option<&'a RawValue> {
    object.get(name).copied().filter(|value| value.get() != "null")
}

fn value<'a, T: Deserialize<'a>>(
    object: &Object<'a>,
    name: &str,
) -> Result<Option<T>, ManifestFault> {
    present(object, name)
        .map(|raw| serde_json::from_str(raw.get()).map_err(|_| ManifestFault::Malformed))
        .transpose()
}

fn string(object: &Object<'_>, name: &str) -> Result<Option<String>, ManifestFault> {
    value(object, name)
}

fn list<'a>(object: &Object<'a>, name: &str) -> Result<Vec<&'a RawValue>, ManifestFault> {
    Ok(value(object, name)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Algorithm;

    const HEX: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn image(extra: &str) -> String {
        format!(r#"{{"schemaVersion":2,"config":{{"digest":"{HEX}","size":2}}{extra}}}"#)
    }

    fn layer() -> String {
        format!(r#"{{"mediaType":"x","digest":"{HEX}","size":7}}"#)
    }

    #[test]
    fn the_four_media_types_are_taken_and_no_others() {
        for (content_type, expected) in [
            (Some("application/vnd.docker.distribution.manifest.v2+json"), Ok(Kind::Image)),
            (Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8"), Ok(Kind::Image)),
            (Some("application/vnd.oci.image.index.v1+json"), Ok(Kind::Index)),
            (Some("application/vnd.docker.distribution.manifest.list.v2+json"), Ok(Kind::Index)),
            (
                Some("application/vnd.docker.distribution.manifest.v1+prettyjws"),
                Err(ManifestFault::SchemaOne),
            ),
            (Some("text/plain; charset=utf-8"), Err(ManifestFault::SchemaOne)),
            (Some("text/html"), Err(ManifestFault::MediaType)),
            (Some("application/json"), Err(ManifestFault::MediaType)),
            (Some(""), Err(ManifestFault::MediaType)),
            (None, Err(ManifestFault::MediaType)),
        ] {
            assert_eq!(kind(content_type), expected, "{content_type:?}");
        }
    }

    #[test]
    fn what_containerd_takes_is_taken() {
        let layer = layer();
        for (text, kind) in [
            (image(&format!(r#","layers":[{layer}]"#)), Kind::Image),
            (image(r#","layers":[]"#), Kind::Image),
            (image(r#","layers":null,"manifests":[],"future":{"a":[1]}"#), Kind::Image),
            (image(""), Kind::Image),
            (image(r#","layers":5,"layers":[]"#), Kind::Image),
            (image("").replace("config", "Config"), Kind::Image),
            (format!(r#"{{"manifests":[{layer}]}}"#), Kind::Index),
            (
                r#"{"manifests":[{"digest":"odd","platform":{"os":"x"}}],"config":null}"#
                    .to_owned(),
                Kind::Index,
            ),
        ] {
            assert_eq!(parse(text.as_bytes(), kind), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_containerd_refuses_is_refused() {
        let layer = layer();
        for (text, kind, fault) in [
            (String::new(), Kind::Image, ManifestFault::Malformed),
            ("<html>".to_owned(), Kind::Image, ManifestFault::Malformed),
            ("[]".to_owned(), Kind::Index, ManifestFault::Malformed),
            ("{}".to_owned(), Kind::Image, ManifestFault::Malformed),
            ("{}".to_owned(), Kind::Index, ManifestFault::Malformed),
            (
                r#"{"config":{"digest":"sha256:short"}}"#.to_owned(),
                Kind::Image,
                ManifestFault::Malformed,
            ),
            (r#"{"config":{}}"#.to_owned(), Kind::Image, ManifestFault::Malformed),
            (image(r#","layers":[{"digest":5}]"#), Kind::Image, ManifestFault::Malformed),
            (image(r#","layers":{}"#), Kind::Image, ManifestFault::Malformed),
            (image(&format!(r#","manifests":[{layer}]"#)), Kind::Image, ManifestFault::Malformed),
            (
                image(r#","mediaType":"application/vnd.oci.image.index.v1+json""#),
                Kind::Image,
                ManifestFault::Malformed,
            ),
            (
                format!(r#"{{"manifests":[{layer}],"layers":[{layer}]}}"#),
                Kind::Index,
                ManifestFault::Malformed,
            ),
            (r#"{"manifests":[5]}"#.to_owned(), Kind::Index, ManifestFault::Malformed),
            (r#"{"fsLayers":[{"blobSum":"x"}]}"#.to_owned(), Kind::Image, ManifestFault::SchemaOne),
        ] {
            assert_eq!(parse(text.as_bytes(), kind), Err(fault), "{text}");
        }
    }

    #[test]
    fn the_digest_comes_before_the_content() {
        let bytes = image("");
        let digest = Digest::of(Algorithm::Sha256, bytes.as_bytes());
        assert_eq!(check(bytes.as_bytes(), &digest, Kind::Image), Ok(()));
        assert_eq!(check(b"{}", &digest, Kind::Image), Err(ManifestFault::DigestMismatch));
        assert_eq!(check(b"", &digest, Kind::Image), Err(ManifestFault::Empty));
    }
}
