//! Container runtimes and their versions, as nodes and operators name them.

/// Which container runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuntimeName {
    /// containerd.
    Containerd,
    /// CRI-O.
    CriO,
}

/// A container runtime of some version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Runtime {
    /// Which.
    pub name: RuntimeName,
    /// Major and minor version.
    pub version: (u32, u32),
}
