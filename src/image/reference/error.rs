//! What is wrong with a reference, in words for a person, and what would be right.

use crate::image::DigestError;

/// A reference that the kubelet refuses: the pod waits with `InvalidImageName`.
///
/// Everything it says is printable ASCII and short, whatever the input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct ReferenceError {
    rule: BrokenRule,
    /// A valid reference that was probably meant.
    pub(in crate::image::reference) meant: Option<Box<str>>,
}

/// The rule a reference breaks; where several are broken, the one that explains most.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenRule {
    /// Nothing but white space, or nothing.
    #[error("the image is empty")]
    Empty,
    /// A variable or placeholder that nothing filled in; holds it, printable and bounded.
    #[error("{0} was never filled in")]
    Template(Box<str>),
    /// White space before or after. The API server refuses it in pods, not in templates.
    #[error("there is white space around the name")]
    OuterSpace,
    /// White space inside.
    #[error("there is white space inside the name")]
    InnerSpace,
    /// Quotation marks that became part of the value.
    #[error("there are quotation marks inside the value")]
    Quoted,
    /// `https://` and the like in front.
    #[error("an image name has no scheme such as https://")]
    Scheme,
    /// A character outside ASCII.
    #[error("names are plain ASCII, this one holds {}", shown(*.0))]
    NonAscii(char),
    /// 64 hex digits alone.
    #[error("64 hex digits alone are an image ID, not a name")]
    ImageId,
    /// An upper-case letter in the repository.
    #[error("repository names must be lowercase")]
    Uppercase,
    /// The first segment is meant as a registry and cannot be one.
    #[error(transparent)]
    Domain(DomainFault),
    /// A registry and nothing after it.
    #[error("the registry is named, the repository is not")]
    RepositoryMissing,
    /// A slash at the start.
    #[error("a name cannot start with a slash")]
    LeadingSlash,
    /// A slash at the end.
    #[error("a name cannot end with a slash")]
    TrailingSlash,
    /// Two slashes in a row.
    #[error("a name cannot hold two slashes in a row")]
    DoubleSlash,
    /// A character that no repository name may hold.
    #[error("a repository name cannot hold {}", shown(*.0))]
    NameCharacter(char),
    /// A part between slashes starts or ends with a separator.
    #[error("each part of a name starts and ends with a letter or digit")]
    NameEdge,
    /// Two separators in a row that may not be.
    #[error("a name holds one . or _ at a time, two _ or some - in a row, nothing mixed")]
    NameSeparator,
    /// The repository is longer than 255 characters; holds the length.
    #[error("repository names have at most 255 characters, this one {0}")]
    NameTooLong(usize),
    /// A colon, and no tag.
    #[error("the tag after the colon is missing")]
    TagMissing,
    /// `+`, as in a semantic version with build metadata.
    #[error("a tag cannot hold +")]
    TagPlus,
    /// A tag starts with `.` or `-`; holds it.
    #[error("a tag cannot start with {}", shown(*.0))]
    TagStart(char),
    /// A character that no tag may hold.
    #[error("a tag cannot hold {}", shown(*.0))]
    TagCharacter(char),
    /// The tag is longer than 128 characters; holds the length.
    #[error("tags have at most 128 characters, this one {0}")]
    TagTooLong(usize),
    /// A second colon after the name.
    #[error("there are two tags after the name")]
    SecondTag,
    /// A slash after the tag.
    #[error("the tag stands before a slash, it belongs at the end")]
    SlashAfterTag,
    /// An `@`, and no digest.
    #[error("the digest after the @ is missing")]
    DigestMissing,
    /// Hex digits alone after the `@`.
    #[error("the digest does not say its algorithm")]
    DigestWithoutAlgorithm,
    /// Two `@`.
    #[error("there are two @, a name has one digest")]
    SecondDigest,
    /// `name@digest:tag`.
    #[error("the tag stands after the digest, it belongs before the @")]
    TagAfterDigest,
    /// The digest itself is wrong.
    #[error(transparent)]
    Digest(DigestError),
}

/// Why something cannot be a registry's `host[:port]`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DomainFault {
    /// An underscore, which host names in references may not have.
    #[error("a registry's host name cannot hold _")]
    Underscore,
    /// Another character that no host name may hold.
    #[error("a registry's host name cannot hold {}", shown(*.0))]
    Character(char),
    /// An empty label, or one with a dash at its edge.
    #[error("the registry's host name has an empty part or one that starts or ends with -")]
    Label,
    /// The port is empty or not a number.
    #[error("the registry's port is not a number")]
    Port,
    /// A tag stands where a port would: `nginx:1.27/app`.
    #[error("the tag stands before a slash, it belongs at the end")]
    TagInside,
    /// An IPv6 address without brackets.
    #[error("an IPv6 address needs brackets")]
    Ipv6Brackets,
    /// Brackets around something else than an IPv6 address without a zone.
    #[error("the brackets hold no plain IPv6 address")]
    Ipv6,
}

impl ReferenceError {
    pub(super) fn new(rule: BrokenRule, meant: Option<String>) -> Self {
        Self { rule, meant: meant.map(String::into_boxed_str) }
    }

    /// The rule that is broken.
    pub fn rule(&self) -> &BrokenRule {
        &self.rule
    }

    /// A short imperative fix, where one is known: at most 145 characters of printable ASCII.
    pub fn fix(&self) -> Option<String> {
        match (&self.rule, &self.meant) {
            (BrokenRule::TagPlus, Some(meant)) => {
                Some(format!("write - or _ in place of +, as in {meant}"))
            }
            (_, Some(meant)) => Some(format!("write {meant}")),
            (rule, None) => rule.advice().map(Into::into),
        }
    }
}

impl BrokenRule {
    /// What to do where no whole reference can be suggested.
    fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::Empty => "name an image",
            Self::Template(_) => "fill it in before applying, it reached the cluster as it stands",
            Self::OuterSpace | Self::InnerSpace => "remove the white space",
            Self::Quoted => "remove the quotation marks",
            Self::Scheme => "start with the registry's host name",
            Self::NonAscii(_) => "type the name again in plain ASCII",
            Self::ImageId => "name the repository, as in app@sha256:<the 64 digits>",
            Self::Uppercase => "write it in lower case",
            Self::Domain(fault) => return fault.advice(),
            Self::RepositoryMissing => "add the repository after the registry",
            Self::LeadingSlash | Self::TrailingSlash | Self::DoubleSlash => "remove the slash",
            Self::TagMissing => "write a tag after the colon or remove the colon",
            Self::TagPlus => "write - or _ in place of +",
            Self::SecondTag => "keep one tag",
            Self::SlashAfterTag => "move the tag to the end",
            Self::DigestMissing => "write a digest after the @ or remove the @",
            Self::DigestWithoutAlgorithm => "write @sha256: before the 64 digits",
            Self::SecondDigest => "keep one digest",
            Self::TagAfterDigest => "write name:tag@digest",
            Self::Digest(fault) => match fault {
                DigestError::AlgorithmMissing | DigestError::AlgorithmUnknown => {
                    "use the sha256 digest"
                }
                DigestError::Length { .. } | DigestError::NotHex => "copy the digest again",
                DigestError::Uppercase => "write the digest in lower case",
            },
            Self::TagTooLong(_) | Self::NameTooLong(_) => "shorten it",
            Self::NameCharacter(_)
            | Self::NameEdge
            | Self::NameSeparator
            | Self::TagStart(_)
            | Self::TagCharacter(_) => return None,
        })
    }
}

impl DomainFault {
    fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::Underscore => "give the registry a host name without _",
            Self::Port => "write the port in digits",
            Self::TagInside => "move the tag to the end",
            Self::Ipv6Brackets => "write it as in [fc00::1]:5000/app",
            Self::Ipv6 => "write the address alone in brackets, without a zone",
            Self::Character(_) | Self::Label => return None,
        })
    }
}

/// A character as a person can tell it apart, in printable ASCII.
fn shown(c: char) -> String {
    if c.is_ascii_graphic() { c.to_string() } else { format!("U+{:04X}", u32::from(c)) }
}
