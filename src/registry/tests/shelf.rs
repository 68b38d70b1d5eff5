//! A good registry of a test's own images, to be spoilt by what stands before it.

use std::collections::HashMap;

use super::fake::{Fake, Reply, Seen, answer, status};
use super::world::{CONFIG, OCI, certificate, client};
use crate::facts::{Damage, Descriptor, Evidence, Outcome, Part, PartFault, SpecCode};
use crate::image::{Algorithm, Digest};
use crate::registry::RegistryClient;

/// A layer's media type.
pub(super) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// An index's.
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// An image as it is pushed.
#[derive(Debug, Clone)]
pub(super) struct Pushed {
    pub(super) manifest: String,
    pub(super) config: Vec<u8>,
    pub(super) layers: Vec<Vec<u8>>,
}

pub(super) fn digest_of(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

/// A descriptor as JSON.
pub(super) fn descriptor(media_type: &str, bytes: &[u8]) -> String {
    let (digest, size) = (digest_of(bytes), bytes.len());
    format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}}}"#)
}

/// What an index says of a manifest.
pub(super) fn entry(media_type: &str, bytes: &[u8]) -> Descriptor {
    let size = Some(bytes.len() as u64);
    Descriptor { digest: digest_of(bytes), size, media_type: media_type.to_owned() }
}

/// An image's config that unpacks to so many layers.
pub(super) fn config_of(layers: usize) -> Vec<u8> {
    let ids = vec![r#""sha256:x""#; layers].join(",");
    format!(r#"{{"os":"linux","architecture":"arm64","rootfs":{{"diff_ids":[{ids}]}}}}"#)
        .into_bytes()
}

/// An image of these layers.
pub(super) fn image(layers: &[&str]) -> Pushed {
    image_with(CONFIG, &config_of(layers.len()), layers)
}

/// An image with this config.
pub(super) fn image_with(config_type: &str, config: &[u8], layers: &[&str]) -> Pushed {
    let layers: Vec<Vec<u8>> = layers.iter().map(|layer| layer.as_bytes().to_vec()).collect();
    let listed: Vec<String> = layers.iter().map(|layer| descriptor(LAYER, layer)).collect();
    let manifest = format!(
        r#"{{"schemaVersion":2,"config":{},"layers":[{}]}}"#,
        descriptor(config_type, config),
        listed.join(",")
    );
    Pushed { manifest, config: config.to_vec(), layers }
}

impl Pushed {
    /// The same, its manifest changed.
    pub(super) fn written(mut self, from: &str, to: &str) -> Self {
        assert!(self.manifest.contains(from), "{from} in {}", self.manifest);
        self.manifest = self.manifest.replace(from, to);
        self
    }

    pub(super) fn digest(&self) -> Digest {
        digest_of(self.manifest.as_bytes())
    }

    /// The path of a layer, counted from 1.
    pub(super) fn layer(&self, number: usize) -> String {
        blob(&self.layers[number - 1])
    }

    /// The damage to a layer, counted from 1.
    pub(super) fn damage(&self, number: usize, fault: PartFault) -> Outcome {
        let part = Part::Layer { number, of: self.layers.len() };
        Outcome::Broken(Damage { part, digest: digest_of(&self.layers[number - 1]), fault })
    }

    /// The damage to its config.
    pub(super) fn config_damage(&self, fault: PartFault) -> Outcome {
        Outcome::Broken(Damage { part: Part::Config, digest: digest_of(&self.config), fault })
    }

    /// A registry that has it as `app:1`, its manifest and blobs each in any repository.
    pub(super) fn shelf(&self) -> impl Fn(&Seen) -> Reply + Clone + Send + Sync + use<> {
        let blobs = self.layers.iter().chain([&self.config]).cloned().collect();
        shelf(OCI, &self.manifest, &[], blobs)
    }
}

/// The path of a blob of `app`.
pub(super) fn blob(bytes: &[u8]) -> String {
    format!("/v2/app/blobs/{}", digest_of(bytes))
}

/// What the registry says of a blob that it does not have.
pub(super) fn missing() -> PartFault {
    let (code, host) = (Some(SpecCode::BlobUnknown), "reg.test".to_owned());
    PartFault::Missing(Evidence::new(404, code, host))
}

/// A registry that has one manifest under every tag of every repository, others by digest, and
/// blobs.
pub(super) fn shelf(
    media_type: &'static str,
    tagged: &str,
    others: &[(&'static str, &str)],
    blobs: Vec<Vec<u8>>,
) -> impl Fn(&Seen) -> Reply + Clone + Send + Sync + use<> {
    let tagged = (media_type, tagged.to_owned());
    let by_digest: HashMap<Digest, (&str, String)> = others
        .iter()
        .map(|(media_type, text)| (*media_type, (*text).to_owned()))
        .chain([tagged.clone()])
        .map(|(media_type, text)| (digest_of(text.as_bytes()), (media_type, text)))
        .collect();
    let blobs: HashMap<Digest, Vec<u8>> =
        blobs.into_iter().map(|blob| (digest_of(&blob), blob)).collect();
    move |seen| {
        let (folder, name) = seen.path.rsplit_once('/').unwrap();
        let digest = Digest::parse(name);
        let found = if folder.ends_with("/manifests") {
            let found = match digest {
                Ok(digest) => by_digest.get(&digest),
                Err(_) => Some(&tagged),
            };
            found.map(|(media_type, text)| (*media_type, text.as_bytes()))
        } else {
            let blob = digest.ok().and_then(|digest| blobs.get(&digest));
            blob.map(|blob| ("application/octet-stream", blob.as_slice()))
        };
        let Some((media_type, bytes)) = found else {
            return answer(404, &[], r#"{"errors":[{"code":"BLOB_UNKNOWN"}]}"#);
        };
        let (digest, length) = (digest_of(bytes), bytes.len().to_string());
        let headers = [
            ("content-type", media_type),
            ("docker-content-digest", digest.as_str()),
            ("content-length", &length),
        ];
        answer(200, &headers, if seen.method == "HEAD" { Vec::new() } else { bytes.to_vec() })
    }
}

/// The same under `reg.test`, and a client that knows it.
pub(super) async fn serve(
    behave: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> (Fake, RegistryClient) {
    let fake = Fake::tls(certificate("reg.test"), behave).await;
    let client = client(&[("reg.test", &fake)]);
    (fake, client)
}

/// What was asked of blobs, in order.
pub(super) fn blob_lines(fake: &Fake) -> Vec<String> {
    fake.lines().into_iter().filter(|line| line.contains("/blobs/")).collect()
}

/// No such thing.
pub(super) fn gone() -> Reply {
    status(404)
}
