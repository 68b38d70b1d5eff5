//! Kubernetes as one program of ours: every part is upstream's own command, chosen by the first
//! argument (`main.go`).

use std::path::PathBuf;

use crate::parts::go::Program;

/// The release, as `go.mod` requires it.
pub const VERSION: &str = "v1.36.3";

const PROGRAM: Program = Program {
    // kubectl complains about a server without a version.
    ldflags: "-X k8s.io/component-base/version.gitVersion=v1.36.3 \
        -X k8s.io/component-base/version.gitMajor=1 \
        -X k8s.io/component-base/version.gitMinor=36",
    ..Program::own("kubernetes", "tests/node")
};

/// The built program, or why there is none. The first time takes minutes.
pub fn built() -> Result<PathBuf, String> {
    PROGRAM.built()
}

#[test]
fn the_version_that_is_stamped_is_the_one_that_is_required() {
    let module = include_str!("go.mod");
    assert!(module.contains(&format!("k8s.io/kubernetes {VERSION}\n")));
    assert!(PROGRAM.ldflags.contains(&format!("gitVersion={VERSION} ")));
}
