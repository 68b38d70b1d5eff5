//! The catalogue: what can be true of an image or a pull secret, one file per cause.
//!
//! A cause says what is true and how sure that is; what to do about it is `policy`'s to say.
//! Causes see only [`Facts`](crate::facts::Facts), never a registry or a cluster.

use std::fmt;

/// Whether a finding means that the pull fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The node would not manage to pull.
    WontPull,
    /// The pull works, or this alone does not stop it.
    Advice,
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Certainty {
    /// The registry itself said so to the node's credentials, or no network is needed to know.
    Proven,
    /// True unless something that may be cures it.
    Likely,
    /// Our own view failed.
    Unknown,
}

/// What a cause does where nothing is configured for its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// As the mode's column says.
    ByMode,
    /// Audited only, in every mode but `off`.
    AuditOnly,
    /// Nothing until an operator sets an action.
    Off,
}

/// What a cause needs to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// About the pull itself; softened for objects with a controller owner.
    Pull,
    /// About what is written, decided without network before everything else; where an operator
    /// set it to deny, nothing softens it.
    Rule,
}

/// A stable, kebab-case cause code. Made only by the catalogue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(&'static str);

impl Code {
    /// The code as written in messages, metrics and configuration.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// The catalogue's code of that name.
    pub fn find(name: &str) -> Option<Code> {
        ALL.iter().map(|cause| cause.code).find(|code| code.0 == name)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// One cause's entry in the catalogue.
#[derive(Debug)]
pub struct Meta {
    /// Its code.
    pub code: Code,
    /// What it does where nothing is configured.
    pub standing: Standing,
    /// Whether it is about the pull or about what is written.
    pub basis: Basis,
}

/// Every cause, in the order of the catalogue.
pub const ALL: &[&Meta] = &[
    &Meta { code: Code("reference-invalid"), standing: Standing::ByMode, basis: Basis::Pull },
    &Meta { code: Code("tag-not-found"), standing: Standing::ByMode, basis: Basis::Pull },
    &Meta { code: Code("access-denied"), standing: Standing::ByMode, basis: Basis::Pull },
    &Meta { code: Code("pull-secret-no-match"), standing: Standing::AuditOnly, basis: Basis::Pull },
    &Meta { code: Code("registry-timeout"), standing: Standing::ByMode, basis: Basis::Pull },
    &Meta { code: Code("not-checked"), standing: Standing::ByMode, basis: Basis::Pull },
    &Meta { code: Code("tag-mutable"), standing: Standing::AuditOnly, basis: Basis::Rule },
    &Meta { code: Code("digest-required"), standing: Standing::Off, basis: Basis::Rule },
    &Meta { code: Code("registry-not-allowed"), standing: Standing::Off, basis: Basis::Rule },
];

/// Something that is true of one image, pull secret or ServiceAccount of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which cause.
    pub code: Code,
    /// Whether the pull fails of it.
    pub severity: Severity,
    /// How sure it is.
    pub certainty: Certainty,
    /// Its catalogue entry's standing.
    pub standing: Standing,
    /// Its catalogue entry's basis.
    pub basis: Basis,
    /// Field path as Kubernetes prints it.
    pub field: String,
    /// The image as written, where the finding is about one.
    pub image: Option<String>,
    /// The registry host an `Unknown` finding is about, for grouping; empty otherwise.
    pub host: Option<String>,
    /// One line in the house's form, at most 256 printable ASCII characters.
    pub message: String,
}
