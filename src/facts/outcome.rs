//! How asking a registry ended: everything that it, or our own view, can come to.

use std::time::Duration;

use super::{Content, Damage, Entry};
use crate::image::{Digest, Platform};

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
    /// Its manifest is there, and something that it leads to is not.
    Broken(Damage),
    /// Our own view failed; says nothing about the image.
    Trouble(Trouble),
    /// Not asked, or not to the end, by our own decision.
    NotChecked(Unchecked),
}

impl Outcome {
    /// The outcome in one word, as metrics name it.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Found(_) => "found",
            Self::Absent(_) => "absent",
            Self::Refused(_) => "refused",
            Self::Invalid(_) => "invalid",
            Self::Broken(_) => "broken",
            Self::Trouble(_) => "trouble",
            Self::NotChecked(_) => "not-checked",
        }
    }

    /// The entries of an index.
    pub fn index(&self) -> Option<&[Entry]> {
        match self {
            Self::Found(Found { content: Content::Index(entries), .. }) => Some(entries),
            _ => None,
        }
    }

    /// Whether it says nothing about the image, because our own view failed or we did not look.
    pub fn is_unseen(&self) -> bool {
        matches!(self, Self::Trouble(_) | Self::NotChecked(_))
    }
}

/// An image the registry would hand out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Digest of the manifest, verified unless the content is `Unread`.
    pub digest: Digest,
    /// The registry's pull quota where it told one (Docker Hub's `ratelimit-*` headers).
    pub quota: Option<Quota>,
    /// What the manifest leads to.
    pub content: Content,
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
    /// The registry showed its tag list: access is proven, only the tag is missing.
    pub listed: bool,
    /// That list came back empty: the repository may not exist either.
    pub no_tags: bool,
    /// HEAD says that it is not there and GET serves it: containerd goes by the one and CRI-O by
    /// the other, so that nothing is proven.
    pub served_by_get: bool,
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
    /// What the other hosts answered that a node would ask: none of them has it either.
    pub others: Vec<Heard>,
}

impl Evidence {
    /// What one host answered.
    pub fn new(status: u16, code: Option<SpecCode>, host: impl Into<String>) -> Self {
        Self { status, code, host: host.into(), others: Vec::new() }
    }
}

/// What another host answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// `host[:port]` that answered.
    pub host: String,
    /// HTTP status.
    pub status: u16,
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

impl SpecCode {
    /// Every code that is ever quoted.
    pub const ALL: [SpecCode; 11] = [
        SpecCode::BlobUnknown,
        SpecCode::Denied,
        SpecCode::InsufficientScope,
        SpecCode::InvalidToken,
        SpecCode::ManifestInvalid,
        SpecCode::ManifestUnknown,
        SpecCode::NameInvalid,
        SpecCode::NameUnknown,
        SpecCode::TooManyRequests,
        SpecCode::Unauthorized,
        SpecCode::Unsupported,
    ];

    /// The code as it is spelled on the wire (distribution spec, "Error Codes"; RFC 6750 3.1 for
    /// the two in lower case).
    pub fn as_str(self) -> &'static str {
        match self {
            SpecCode::BlobUnknown => "BLOB_UNKNOWN",
            SpecCode::Denied => "DENIED",
            SpecCode::InsufficientScope => "insufficient_scope",
            SpecCode::InvalidToken => "invalid_token",
            SpecCode::ManifestInvalid => "MANIFEST_INVALID",
            SpecCode::ManifestUnknown => "MANIFEST_UNKNOWN",
            SpecCode::NameInvalid => "NAME_INVALID",
            SpecCode::NameUnknown => "NAME_UNKNOWN",
            SpecCode::TooManyRequests => "TOOMANYREQUESTS",
            SpecCode::Unauthorized => "UNAUTHORIZED",
            SpecCode::Unsupported => "UNSUPPORTED",
        }
    }

    /// The code of that spelling, in any case, if it is one that may be quoted.
    pub fn find(text: &str) -> Option<SpecCode> {
        Self::ALL.into_iter().find(|code| code.as_str().eq_ignore_ascii_case(text))
    }
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
    /// The credential has a user name and no password, as some identity tokens are written:
    /// runtimes send none of it, so that only an anonymous request was refused.
    pub incomplete_login: bool,
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
    /// `Retry-After`, where the registry told one; where it was not asked, when it is again.
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
    /// This credential provider of the nodes was not back before the review's time was over.
    Provider(String),
    /// The nodes' own registry configuration cannot be followed here; why, in our own words.
    NodeFiles(String),
    /// The index's entry for this platform (none where it names none) leads to addresses of its
    /// own, which are never asked.
    Elsewhere(Option<Box<Platform>>),
    /// `imagePullPolicy: Never`: the node does not ask either.
    PolicyNever,
    /// A defect of our own; the log has it.
    Failed,
}
