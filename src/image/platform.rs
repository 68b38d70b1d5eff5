//! Platforms as containerd reads and compares them (containerd/platforms v1.0.0-rc.5): what
//! `OS/ARCH[/VARIANT]` means, and which entries of an index a node would take.
//!
//! What is never here: finding out what platforms the nodes have.

mod choice;
mod parse;
#[cfg(test)]
mod tests;
mod windows;

pub use choice::{Choice, matches, rank, rank_without_features};
pub use parse::PlatformError;

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, LazyLock};

/// Where a node's platform does not name its system.
const DEFAULT_OS: &str = "linux";

/// What nearly all images are built for.
static COMMON: LazyLock<[Arc<Platform>; 6]> = LazyLock::new(|| {
    [
        ("linux", "amd64", ""),
        ("linux", "arm64", ""),
        ("linux", "arm64", "v8"),
        ("linux", "arm", "v7"),
        ("linux", "ppc64le", ""),
        ("linux", "s390x", ""),
    ]
    .map(|(os, architecture, variant)| Arc::new(Platform::new(os, architecture, variant)))
});

/// A node's platform, or that of an index's entry: the OCI image index's `platform`.
///
/// As written, until it is compared. In an entry it is foreign text of any length.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Platform {
    /// As Go names systems: `linux`, `windows`.
    pub os: String,
    /// As Go names processors: `amd64`, `arm64`, `386`.
    pub architecture: String,
    /// Which kind of processor: `v7` of `arm`, `v2` of `amd64`; mostly empty.
    pub variant: String,
    /// `os.version`; only Windows' counts: `10.0.20348.1`.
    pub os_version: String,
    /// `os.features`: what the system must offer for the image to run.
    pub os_features: Vec<String>,
}

impl Platform {
    /// A platform without version and features.
    pub fn new(os: &str, architecture: &str, variant: &str) -> Self {
        let (os, architecture, variant) = (os.into(), architecture.into(), variant.into());
        Self { os, architecture, variant, ..Self::default() }
    }

    /// For keeping: most are one of few, and all of a kind are one.
    pub fn shared(self) -> Arc<Self> {
        let common = COMMON.iter().find(|common| ***common == self);
        common.cloned().unwrap_or_else(|| Arc::new(self))
    }

    /// Whether it is one of those few.
    pub fn is_common(self: &Arc<Self>) -> bool {
        COMMON.iter().any(|common| Arc::ptr_eq(common, self))
    }

    /// The form in which platforms are compared (`Normalize`): lower case, one name for each
    /// system and processor. Features stay as they are: all that counts is which there are. No
    /// system means `default_os`.
    fn normalised<'a>(&'a self, default_os: &'a str) -> Normal<'a> {
        let (architecture, variant) = normalise_architecture(&self.architecture, &self.variant);
        let (os_version, os_features) = (&self.os_version, &self.os_features);
        let os = if self.os.is_empty() { default_os.into() } else { normalise_os(&self.os) };
        Normal { os, architecture, variant, os_version, os_features }
    }
}

/// A platform as it is compared. Nearly all are written so, and then nothing is copied: every
/// look at an index compares all its entries.
#[derive(Debug)]
struct Normal<'a> {
    os: Cow<'a, str>,
    architecture: Cow<'a, str>,
    variant: Cow<'a, str>,
    os_version: &'a str,
    os_features: &'a [String],
}

/// Go's `ToLower`, which makes one letter of one letter.
fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return text.into();
    }
    text.chars().filter_map(|c| c.to_lowercase().next()).collect::<String>().into()
}

fn normalise_os(os: &str) -> Cow<'_, str> {
    match lower(os) {
        os if os == "macos" => "darwin".into(),
        os => os,
    }
}

/// One name for each processor, and no variant where it is the plain one: `x86_64` and `amd64/v1`
/// are `amd64`, `aarch64/v8` is `arm64`, and `arm` is `arm/v7`.
fn normalise_architecture<'a>(
    architecture: &'a str,
    variant: &'a str,
) -> (Cow<'a, str>, Cow<'a, str>) {
    let (architecture, variant) = (lower(architecture), lower(variant));
    let (name, kind) = match (&*architecture, &*variant) {
        ("i386", _) => (Some("386"), Some("")),
        ("x86_64" | "x86-64" | "amd64", "v1") => (Some("amd64"), Some("")),
        ("x86_64" | "x86-64", _) => (Some("amd64"), None),
        ("aarch64" | "arm64", "8" | "v8" | "v8.0") => (Some("arm64"), Some("")),
        ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => (Some("arm64"), Some("v9")),
        ("aarch64", _) => (Some("arm64"), None),
        ("armhf", _) | ("arm", "" | "7") => (Some("arm"), Some("v7")),
        ("armel", _) | ("arm", "6") => (Some("arm"), Some("v6")),
        ("arm", "5") => (None, Some("v5")),
        ("arm", "8") => (None, Some("v8")),
        _ => (None, None),
    };
    (name.map_or(architecture, Cow::Borrowed), kind.map_or(variant, Cow::Borrowed))
}

/// As containerd writes it: `linux/arm/v7`, `windows(10.0.20348.1)/amd64`, `unknown`.
impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.os.is_empty() {
            return f.write_str("unknown");
        }
        f.write_str(&self.os)?;
        let mut features: Vec<&str> = self.os_features.iter().map(String::as_str).collect();
        features.retain(|feature| !feature.is_empty());
        features.sort_unstable();
        features.dedup();
        if !(self.os_version.is_empty() && features.is_empty()) {
            write!(f, "({}", parse::escape(&self.os_version))?;
            for feature in features {
                write!(f, "+{}", parse::escape(feature))?;
            }
            f.write_str(")")?;
        }
        for part in [&self.architecture, &self.variant] {
            if !part.is_empty() {
                write!(f, "/{part}")?;
            }
        }
        Ok(())
    }
}
