//! Container runtimes and their versions, as nodes and operators name them.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Which container runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuntimeName {
    /// containerd.
    Containerd,
    /// CRI-O.
    CriO,
}

impl RuntimeName {
    /// As it names itself to the kubelet (`RuntimeName` of the CRI's `Version`).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
        }
    }

    fn find(text: &str) -> Option<Self> {
        [Self::Containerd, Self::CriO].into_iter().find(|name| name.as_str() == text)
    }
}

/// A container runtime of some version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Runtime {
    /// Which.
    pub name: RuntimeName,
    /// Major and minor version.
    pub version: (u32, u32),
}

/// Why a text names no runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RuntimeError {
    /// No name and version.
    #[error("a runtime is written NAME/VERSION, as in containerd/2.1")]
    Form,
    /// A runtime that nothing is known of.
    #[error("the runtime is containerd or cri-o, as in cri-o/1.34")]
    Name,
    /// A version without two numbers.
    #[error("the version is its first two numbers, as in containerd/2.1")]
    Version,
}

impl Runtime {
    /// `containerd://1.6.20~ds1`: `status.nodeInfo.containerRuntimeVersion`, which the kubelet
    /// makes of the runtime's name and version (K pkg/kubelet/nodestatus/setters.go). `None` for
    /// a runtime that nothing is known of, and for a version that is none.
    pub fn of_node(text: &str) -> Option<Self> {
        let (name, version) = text.split_once("://")?;
        Some(Self { name: RuntimeName::find(name)?, version: major_minor(version)? })
    }
}

/// `containerd/2.1`, as operators write it; what `kubectl get nodes -o wide` prints is taken too,
/// and numbers after the second are not looked at.
impl FromStr for Runtime {
    type Err = RuntimeError;

    fn from_str(text: &str) -> Result<Self, RuntimeError> {
        let parts = text.split_once("://").or_else(|| text.split_once('/'));
        let (name, version) = parts.ok_or(RuntimeError::Form)?;
        let name = RuntimeName::find(name).ok_or(RuntimeError::Name)?;
        Ok(Self { name, version: major_minor(version).ok_or(RuntimeError::Version)? })
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = self.version;
        write!(f, "{} {major}.{minor}", self.name.as_str())
    }
}

/// The first two numbers of a version: `v1.30.4-gke.1`, `1.6.20~ds1`, `1.27+`.
pub(super) fn major_minor(text: &str) -> Option<(u32, u32)> {
    let (major, rest) = text.strip_prefix('v').unwrap_or(text).split_once('.')?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((number(major)?, number(rest.get(..end)?)?))
}

/// Digits only: Rust takes a sign, too.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::{Runtime, RuntimeError, RuntimeName, major_minor};

    const fn containerd(major: u32, minor: u32) -> Runtime {
        Runtime { name: RuntimeName::Containerd, version: (major, minor) }
    }

    const fn crio(major: u32, minor: u32) -> Runtime {
        Runtime { name: RuntimeName::CriO, version: (major, minor) }
    }

    #[test]
    fn what_nodes_say_is_read_as_far_as_it_is_known() {
        for (text, expected) in [
            ("containerd://2.4.2", Some(containerd(2, 4))),
            ("containerd://1.6.20~ds1", Some(containerd(1, 6))),
            ("containerd://1.7.27-k3s1", Some(containerd(1, 7))),
            ("containerd://v2.1.0-rc.1", Some(containerd(2, 1))),
            ("containerd://2.0", Some(containerd(2, 0))),
            ("cri-o://1.31.1", Some(crio(1, 31))),
            ("cri-o://1.34.0-4.rhaos4.21.gitabc", Some(crio(1, 34))),
            ("docker://24.0.7", None),
            ("containerd://Unknown", None),
            ("containerd://2", None),
            ("containerd://2.", None),
            ("containerd://.4", None),
            ("containerd://+2.4", None),
            ("containerd://2.-4", None),
            ("containerd://99999999999.1", None),
            ("containerd:/2.4", None),
            ("Containerd://2.4", None),
            ("://", None),
            ("", None),
        ] {
            assert_eq!(Runtime::of_node(text), expected, "{text}");
        }
    }

    #[test]
    fn what_operators_write_is_read_or_refused_with_the_right_form() {
        for (text, expected) in [
            ("containerd/2.4", Ok(containerd(2, 4))),
            ("containerd/1.6.20", Ok(containerd(1, 6))),
            ("containerd://1.7.27", Ok(containerd(1, 7))),
            ("cri-o/1.31", Ok(crio(1, 31))),
            ("cri-o/v1.31", Ok(crio(1, 31))),
            ("containerd", Err(RuntimeError::Form)),
            ("containerd 2.4", Err(RuntimeError::Form)),
            ("containerd:2.4", Err(RuntimeError::Form)),
            ("docker/24.0", Err(RuntimeError::Name)),
            ("crio/1.31", Err(RuntimeError::Name)),
            ("/2.4", Err(RuntimeError::Name)),
            ("containerd/", Err(RuntimeError::Version)),
            ("containerd/2", Err(RuntimeError::Version)),
            ("containerd/2.x", Err(RuntimeError::Version)),
            ("containerd//2.4", Err(RuntimeError::Version)),
        ] {
            assert_eq!(text.parse::<Runtime>(), expected, "{text}");
        }
    }

    #[test]
    fn a_runtime_is_shown_by_name_and_two_numbers() {
        assert_eq!(containerd(2, 4).to_string(), "containerd 2.4");
        assert_eq!(crio(1, 31).to_string(), "cri-o 1.31");
    }

    #[test]
    fn a_kubelets_version_is_its_first_two_numbers() {
        for (text, expected) in [
            ("v1.36.3", Some((1, 36))),
            ("v1.30.4-gke.1", Some((1, 30))),
            ("v1.29.1-eks-508b6b3", Some((1, 29))),
            ("v1.35.0-alpha.1.23+4e8d", Some((1, 35))),
            ("1.27+", Some((1, 27))),
            ("v1", None),
            ("vv1.2", None),
            ("v1.", None),
            ("Fargate", None),
            ("", None),
        ] {
            assert_eq!(major_minor(text), expected, "{text}");
        }
    }
}
