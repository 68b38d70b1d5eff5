//! Whether bytes are a manifest that runtimes take. Pure.
//!
//! As containerd reads it and no stricter (`core/images/image.go`, `validateMediaType` and
//! `Children`); how Go reads JSON is in `document`. Where CRI-O takes what containerd refuses (a
//! member that is there and `null`), it is taken.

mod bounds;
mod document;
mod others;
mod outline;
mod packed;
mod strict;

use oci_distribution::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_CONFIG_MEDIA_TYPE, IMAGE_MANIFEST_LIST_MEDIA_TYPE,
    IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
};

use crate::facts::ManifestFault;
use crate::image::Digest;
pub(super) use bounds::is_modest;
pub use bounds::shared_platform_size;
use document::Document;
pub(super) use others::Others;
pub(super) use outline::{Outline, Parts, Source};
pub use outline::{descriptor_size, digest_size, entries_size};
pub(super) use packed::Packed;

/// containerd's own bound: a larger manifest is rejected before it is fetched.
pub(super) const LARGEST: usize = 4 * 1048 * 1048;

/// The media types of a config that an image is unpacked by.
pub(super) const CONFIGS: [&str; 2] = [IMAGE_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_CONFIG_MEDIA_TYPE];

/// What a manifest is, by its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// One image: a config and layers.
    Image,
    /// A list of images, one for each platform.
    Index,
}

/// The media type in a `Content-Type`, without its parameters; empty where there is none.
pub(super) fn media_type(content_type: Option<&str>) -> &str {
    content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim()
}

/// The kind a `Content-Type` names.
pub(super) fn kind(content_type: Option<&str>) -> Result<Kind, ManifestFault> {
    let media_type = media_type(content_type);
    kind_of(media_type).ok_or(match media_type {
        // Old registries serve schema 1 as plain text, and containerd takes it for that.
        "application/vnd.docker.distribution.manifest.v1+json"
        | "application/vnd.docker.distribution.manifest.v1+prettyjws"
        | "text/plain" => ManifestFault::SchemaOne,
        _ => ManifestFault::MediaType,
    })
}

/// The kind that exactly this media type names.
pub(super) fn kind_of(media_type: &str) -> Option<Kind> {
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

/// What a manifest leads to that was checked.
pub(super) fn outline(bytes: &[u8], kind: Kind) -> Outline {
    Outline::read(bytes, kind)
}

fn parse(bytes: &[u8], kind: Kind) -> Result<(), ManifestFault> {
    let document = Document::read(bytes).ok_or(ManifestFault::Malformed)?;
    if document.fs_layers {
        return Err(ManifestFault::SchemaOne);
    }
    // A file that could be read as either is refused.
    let stated = document.media_type.as_deref().and_then(kind_of);
    let other = stated.is_some_and(|stated| stated != kind);
    let usable = match kind {
        Kind::Image => {
            let fetchable = document.config.is_fetchable() && document.layers.is_fetchable();
            !document.manifests.present && fetchable
        }
        Kind::Index => {
            let image = document.config.present || document.layers.present;
            !image && document.manifests.filled
        }
    };
    if other || !usable {
        return Err(ManifestFault::Malformed);
    }
    Ok(())
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
        let many = |count: usize, last: &str| {
            format!(r#","layers":[{}{last}]"#, format!("{layer},").repeat(count))
        };
        for (text, kind) in [
            (image(&format!(r#","layers":[{layer}]"#)), Kind::Image),
            (image(r#","layers":[]"#), Kind::Image),
            (image(r#","layers":null,"future":{"a":[1]}"#), Kind::Image),
            (image(""), Kind::Image),
            (image("").replace("config", "Config"), Kind::Image),
            (image("").replace("digest", "dige\u{17f}t"), Kind::Image),
            // What is repeated adds up.
            (image(r#","config":{}"#), Kind::Image),
            (image(r#","config":null"#), Kind::Image),
            (image(r#","config":{"digest":null}"#), Kind::Image),
            (image(&format!(r#","layers":[{layer}],"layers":[{{}}]"#)), Kind::Image),
            (
                image(r#","mediaType":"application/vnd.oci.image.index.v1+json","mediaType":"x""#),
                Kind::Image,
            ),
            // Nesting and escapes that only a stricter reader minds.
            (image(&format!(r#","x":{}{}"#, "[".repeat(900), "]".repeat(900))), Kind::Image),
            (image(r#","x":"\ud800","\ud800":1,"mediaType":"\udc00""#), Kind::Image),
            (format!(r#"{{"manifests":[{layer}]}}"#), Kind::Index),
            (r#"{"manifests":[null]}"#.to_owned(), Kind::Index),
            (r#"{"manifests":[{"digest":"odd","platform":{"os":"x"}}]}"#.to_owned(), Kind::Index),
            // containerd 2.4 refuses so many, and those before it do not.
            (image(&many(10_000, r#"{"digest":"odd"}"#)), Kind::Image),
        ] {
            assert_eq!(parse(text.as_bytes(), kind), Ok(()), "{text:.300}");
        }
    }

    #[test]
    fn what_is_null_is_taken_because_not_every_runtime_minds_it() {
        for (text, kind) in [
            (image(r#","manifests":null,"fsLayers":null"#), Kind::Image),
            (format!(r#"{{"manifests":[{}],"config":null,"layers":null}}"#, layer()), Kind::Index),
        ] {
            assert_eq!(parse(text.as_bytes(), kind), Ok(()), "{text}");
        }
    }

    #[test]
    fn text_need_not_be_utf_8() {
        let layer = layer();
        for (text, kind) in [
            (image(r#","annotations":{"a":"~"},"mediaType":"~","~":1"#), Kind::Image),
            (image(&format!(r#","layers":[{}]"#, layer.replace('x', "~"))), Kind::Image),
            (r#"{"manifests":[{"digest":"~"}],"x":["~"]}"#.to_owned(), Kind::Index),
        ] {
            let bytes: Vec<u8> =
                text.bytes().map(|byte| if byte == b'~' { 0xff } else { byte }).collect();
            assert_eq!(parse(&bytes, kind), Ok(()), "{text}");
        }
        assert_eq!(parse(b"{\"a\":\xff}", Kind::Image), Err(ManifestFault::Malformed));
    }

    #[test]
    fn what_containerd_refuses_is_refused() {
        let layer = layer();
        for (text, kind) in [
            (String::new(), Kind::Image),
            ("<html>".to_owned(), Kind::Image),
            ("null".to_owned(), Kind::Image),
            ("[]".to_owned(), Kind::Index),
            ("{}".to_owned(), Kind::Image),
            ("{}".to_owned(), Kind::Index),
            (image("") + "x", Kind::Image),
            (r#"{"config":{"digest":"sha256:short"}}"#.to_owned(), Kind::Image),
            (r#"{"config":{}}"#.to_owned(), Kind::Image),
            (r#"{"config":5}"#.to_owned(), Kind::Image),
            (image(r#","layers":[{"digest":5}]"#), Kind::Image),
            (image(&format!(r#","layers":[{layer},{{"digest":"x"}},{layer}]"#)), Kind::Image),
            (image(r#","layers":[null]"#), Kind::Image),
            (image(r#","layers":{}"#), Kind::Image),
            (image(r#","layers":5,"layers":[]"#), Kind::Image),
            (image(r#","mediaType":5"#), Kind::Image),
            (image(r#","config":{"size":"2"}"#), Kind::Image),
            (image(r#","config":{"digest":"odd"}"#), Kind::Image),
            (image(&format!(r#","manifests":[{layer}]"#)), Kind::Image),
            (image(r#","manifests":[]"#), Kind::Image),
            (image(r#","Manifests":[]"#), Kind::Image),
            (image(r#","mediaType":"application/vnd.oci.image.index.v1+json""#), Kind::Image),
            (format!(r#"{{"manifests":[{layer}],"layers":[{layer}]}}"#), Kind::Index),
            (format!(r#"{{"manifests":[{layer}],"layers":[]}}"#), Kind::Index),
            (format!(r#"{{"manifests":[{layer}],"config":{{}}}}"#), Kind::Index),
            (r#"{"manifests":[5]}"#.to_owned(), Kind::Index),
            (r#"{"manifests":[]}"#.to_owned(), Kind::Index),
            (r#"{"manifests":null}"#.to_owned(), Kind::Index),
        ] {
            let found = parse(text.as_bytes(), kind);
            assert_eq!(found, Err(ManifestFault::Malformed), "{text}");
        }
        for text in [r#"{"fsLayers":[{"blobSum":"x"}]}"#.to_owned(), image(r#","fsLayers":[]"#)] {
            let found = parse(text.as_bytes(), Kind::Image);
            assert_eq!(found, Err(ManifestFault::SchemaOne), "{text}");
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
