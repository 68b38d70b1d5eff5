//! What the world said: plain data that ends the I/O. Causes see only this.
//!
//! A registry's "no" is a value here, never an `Err`.

use std::time::Duration;

use crate::credentials::PullSecret;
use crate::image::{Digest, Reference, ReferenceError};

/// How asking the registry for one image with one credential (or none) ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The registry has it and would hand it out.
    Found(Found),
    /// The registry itself says that it is not there.
    Absent(Absent),
    /// The registry, or its token server, refused.
    Refused(Refusal),
    /// It is there, and what is there cannot be pulled.
    Invalid(ManifestFault),
    /// Our own view failed; says nothing about the image.
    Trouble(Trouble),
    /// Not asked, or not to the end, by our own decision.
    NotChecked(Unchecked),
}

/// An image the registry would hand out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Digest of the manifest, verified when `manifest` is `Verified`.
    pub digest: Digest,
    /// Whether the manifest itself was fetched and verified.
    pub manifest: ManifestView,
    /// The registry's pull quota where it told one (Docker Hub's `ratelimit-*` headers).
    pub quota: Option<Quota>,
}

/// How far the manifest was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManifestView {
    /// Fetched by digest, digest verified, readable.
    Verified,
    /// Only its headers, because fetching it would have spent the nodes' quota.
    QuotaLow,
}

/// Docker Hub's pull quota, from `ratelimit-limit` and `ratelimit-remaining`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Pulls per window.
    pub limit: u32,
    /// Pulls left in this window.
    pub remaining: u32,
}

/// What exactly is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The registry answered NAME_UNKNOWN.
    Repository,
    /// The repository exists or cannot be told apart, the tag does not.
    Tag,
    /// No manifest of this digest in the repository.
    Digest,
}

/// The registry's own "not found".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    /// Repository, tag or digest.
    pub what: Missing,
    /// Who said so.
    pub evidence: Evidence,
    /// The nearest existing tag, from the registry's own list.
    pub suggestion: Option<String>,
    /// The registry's tag list came back empty: the repository may not exist either.
    pub no_tags: bool,
}

/// An HTTP answer, reduced to what may be quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// HTTP status.
    pub status: u16,
    /// The distribution spec's error code, only if it is one the spec knows.
    pub code: Option<SpecCode>,
    /// `host[:port]` that answered.
    pub host: String,
}

/// Error codes of the distribution spec (and the two that token servers and Docker Hub add).
/// Foreign codes are dropped: only these are ever quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpecCode {
    BlobUnknown,
    Denied,
    InsufficientScope,
    InvalidToken,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    TooManyRequests,
    Unauthorized,
    Unsupported,
}

/// Where access was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedAt {
    /// The login itself: 401 at the token endpoint, or to Basic.
    Login,
    /// The token endpoint said 403: wrong credential or no right, it does not say which.
    Token,
    /// The login was accepted (or none was sent); this repository was refused.
    Repository,
}

/// A refusal by the registry or its token server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The stage that refused.
    pub at: RefusedAt,
    /// Who said so.
    pub evidence: Evidence,
    /// The answer says that the credential has expired.
    pub expired: bool,
    /// The registry asked for Basic and the credential has no user name or no password
    /// (containerd: "no basic auth credentials").
    pub no_basic: bool,
}

/// A manifest that is served and that no runtime can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManifestFault {
    /// The bytes do not have the digest that was asked for.
    DigestMismatch,
    /// Larger than containerd's bound of 4 x 1048 x 1048 bytes; the size where it was told.
    TooLarge(Option<u64>),
    /// `Content-Length: 0` or no bytes.
    Empty,
    /// Not JSON, or not an object of the stated type.
    Malformed,
    /// A media type that no runtime pulls (an HTML page of a captive portal, say), or none.
    MediaType,
    /// Docker schema 1, which containerd dropped in 2.1.
    SchemaOne,
    /// The `Docker-Content-Digest` header is not a digest.
    BadDigestHeader,
}

/// What kind of failure kept us from seeing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TroubleKind {
    Dns,
    Refused,
    Timeout,
    Tls,
    PlainHttp,
    Proxy,
    Error,
    RateLimited,
}

/// A failure of our own view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Which kind.
    pub kind: TroubleKind,
    /// `host[:port]` that was being asked (registry, token server or redirect target).
    pub host: String,
    /// Short evidence in our own words, never the registry's ("no such host", "502 behind a
    /// redirect", "certificate expired").
    pub detail: String,
    /// How long we waited, where waiting is what failed.
    pub waited: Option<Duration>,
    /// `Retry-After`, where the registry told one.
    pub retry_after: Option<Duration>,
}

/// Why we did not look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unchecked {
    /// The review's deadline came before the question was asked.
    Deadline,
    /// Declined for safety: an address, a port, an http realm, a body over a bound.
    /// `what` in our own words.
    Declined { host: String, what: String },
    /// A budget is used up ("3 refused logins for this user name in 15 minutes").
    Budget(String),
    /// `imagePullPolicy: Never`: the node does not ask either.
    PolicyNever,
}

/// One credential tried for one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Where the credential came from; `None` is an anonymous attempt because nothing matched.
    pub source: Option<CredentialSource>,
    /// The registry asked with an empty credential, which is an anonymous request.
    pub outcome: Outcome,
}

/// Where a credential came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CredentialSource {
    /// A pull secret, by name.
    Secret(String),
    /// The operator's `--docker-config`, standing for what nodes log in with.
    DockerConfig,
}

/// One image of the workload and what is known of it.
#[derive(Debug)]
pub struct ImageFact {
    /// Index into `Workload::images`.
    pub use_index: usize,
    /// The parsed reference, or why the kubelet would not take it.
    pub reference: Result<Reference, ReferenceError>,
    /// Attempts in the order in which the node would make them; empty when nothing was asked.
    pub attempts: Vec<Attempt>,
}

/// What is known of the ServiceAccount whose pull secrets the pods would get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceAccountState {
    /// The object names its own secrets, or admission has already copied them.
    NotNeeded,
    /// Read; its `imagePullSecrets` are among the facts.
    Present,
    /// Not there, with the nearest existing name.
    Absent { similar: Option<String> },
    /// No right to read it.
    Forbidden,
    /// The API server did not answer; why, in our own words.
    Unreadable(String),
    /// No cluster was asked.
    Undecided,
}

/// Everything a cause may look at.
#[derive(Debug)]
pub struct GatheredSecrets {
    /// The secrets the pod would use, in the kubelet's order.
    pub secrets: Vec<PullSecret>,
    /// Where they came from, if they came from a ServiceAccount.
    pub service_account: ServiceAccountState,
}
