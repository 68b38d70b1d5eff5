//! Image references: `registry/repository:tag@digest`, read as the kubelet and containerd do.
//!
//! The grammar is that of distribution/reference v0.6.0, `ParseNormalizedNamed`:
//!
//! ```text
//! reference  = [ domain "/" ] path [ ":" tag ] [ "@" digest ]
//! domain     = host [ ":" digits ]
//! host       = label *( "." label ) | "[" 1*( hex | ":" ) "]"
//! label      = alnum [ *( alnum | "-" ) alnum ]              (either case)
//! path       = component *( "/" component )                  (at most 255 characters)
//! component  = 1*lower *( separator 1*lower )                (lower = a-z 0-9)
//! separator  = "." | "_" | "__" | 1*"-"
//! tag        = ( alnum | "_" ) *127( alnum | "_" | "." | "-" )
//! digest     = "sha256:" 64hex | "sha384:" 96hex | "sha512:" 128hex      (lower case)
//! ```
//!
//! What is never here: asking whether anything exists.

mod error;
mod explain;
mod grammar;
#[cfg(test)]
mod tests;

use std::fmt;
use std::hash::{Hash, Hasher};

pub use error::{BrokenRule, DomainFault, ReferenceError};

use super::{Digest, hub};

/// The tag that the kubelet appends where a reference has neither tag nor digest.
const IMPLIED_TAG: &str = "latest";

/// A reference that the kubelet accepts, normalised.
///
/// Two references are equal if a node would pull the same thing: `nginx`, `nginx:latest` and
/// `docker.io/library/nginx` are.
#[derive(Clone)]
pub struct Reference {
    /// `registry/repository[:tag]`.
    text: Box<str>,
    /// Where the name ends in `text`.
    name_len: usize,
    digest: Option<Digest>,
    tag_given: bool,
}

impl Reference {
    /// Parses what stands in a pod's `image` field.
    pub fn parse(raw: &str) -> Result<Self, ReferenceError> {
        let parts = grammar::scan(raw).map_err(|rule| explain::explain(raw, rule))?;
        Ok(Self::from_parts(parts))
    }

    fn from_parts(parts: grammar::Parts<'_>) -> Self {
        let tag_given = parts.tag.is_some();
        let implied = parts.digest.is_none().then_some(IMPLIED_TAG);
        let tag = parts.tag.or(implied);

        let mut text = String::with_capacity(
            parts.domain.len() + parts.namespace.len() + parts.path.len() + 2 + 8,
        );
        for piece in [parts.domain, "/", parts.namespace, parts.path] {
            text.push_str(piece);
        }
        let name_len = text.len();
        if let Some(tag) = tag {
            text.push(':');
            text.push_str(tag);
        }
        Self { text: text.into_boxed_str(), name_len, digest: parts.digest, tag_given }
    }

    /// What this digest names in the same repository.
    #[must_use]
    pub fn by_digest(&self, digest: Digest) -> Self {
        Self {
            text: self.name().into(),
            name_len: self.name_len,
            digest: Some(digest),
            tag_given: false,
        }
    }

    /// The registry as the name says it: `docker.io`, `ghcr.io`, `localhost:5000`.
    ///
    /// A first segment like `a_b.c` is no host name, yet the kubelet accepts it as part of the
    /// path and containerd dials it; it counts as the registry here.
    pub fn registry(&self) -> &str {
        self.name().split_once('/').map_or("", |(registry, _)| registry)
    }

    /// The `host[:port]` that is dialled: the registry, but for Docker Hub.
    pub fn host(&self) -> &str {
        match self.registry() {
            hub::DOMAIN => hub::REGISTRY_HOST,
            registry => registry,
        }
    }

    /// The repository within the registry: `library/nginx`.
    pub fn repository(&self) -> &str {
        self.name().split_once('/').map_or("", |(_, repository)| repository)
    }

    /// Registry and repository: `docker.io/library/nginx`. What keyrings look up.
    pub fn name(&self) -> &str {
        self.text.get(..self.name_len).unwrap_or_default()
    }

    /// The tag, `latest` where the kubelet appends it; none if there is only a digest.
    pub fn tag(&self) -> Option<&str> {
        self.text.get(self.name_len + 1..)
    }

    /// Whether the tag was written, not implied.
    pub fn tag_given(&self) -> bool {
        self.tag_given
    }

    /// The digest, if one was written.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// What stands after `/manifests/` in the URL: the digest if there is one, else the tag.
    ///
    /// With both, containerd drops the tag and never notices a wrong one (`ParseDockerRef`).
    pub fn pull_by(&self) -> &str {
        match &self.digest {
            Some(digest) => digest.as_str(),
            None => self.tag().unwrap_or(IMPLIED_TAG),
        }
    }

    /// Whether this names whatever is newest: `latest`, written or implied, without a digest.
    pub fn is_floating(&self) -> bool {
        self.digest.is_none() && self.tag() == Some(IMPLIED_TAG)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Reference {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, &self.digest) == (&other.text, &other.digest)
    }
}

impl Eq for Reference {}

impl Hash for Reference {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.text, &self.digest).hash(state);
    }
}
