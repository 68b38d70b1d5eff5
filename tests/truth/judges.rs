//! The judges: containerds that nobody here wrote, and what asks them.

use std::path::PathBuf;

use crate::parts::containerd::version;
use crate::parts::debian;
use crate::parts::go::Program;

/// containerd as its Go module has it. Static, and without the snapshotters that need C.
pub const CONTAINERD: Program = Program {
    tags: "no_btrfs no_zfs no_devmapper",
    ..Program::tool(
        "containerd",
        "tests/truth",
        "github.com/containerd/containerd/v2/cmd/containerd",
    )
};

/// A current distribution registry.
pub const REGISTRY: Program = Program::tool(
    "registry",
    "tests/truth",
    "github.com/distribution/distribution/v3/cmd/registry",
);

/// What speaks CRI.
pub const CLIENT: Program = Program::own("truth", "tests/truth");

/// The containerd that Debian 12 has, or why there is none.
pub fn debians_containerd() -> Result<PathBuf, String> {
    let binary = debian::unpacked("containerd")?.join("usr/bin/containerd");
    match version(&binary)? {
        old if old.starts_with("1.6.") => Ok(binary),
        other => Err(format!("the package containerd is {other} here, not Debian 12's 1.6")),
    }
}
