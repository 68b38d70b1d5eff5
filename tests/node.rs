//! The node is the judge: pods on a real kubelet with a real containerd, under a real API server,
//! and what `pullcheck check` said of each of them before it was created.
//!
//! Everything runs in a network of the tests' own. It needs root, Go and Debian's packages;
//! without one of them the test is skipped and says so.

#[cfg(test)]
mod it {
    #[expect(unused_imports, reason = "a tool box: not every tool is in use here")]
    pub mod support;
}
#[cfg(test)]
#[expect(dead_code, reason = "a tool box: not every tool is in use here")]
mod parts {
    pub mod cache;
    pub mod command;
    pub mod containerd;
    pub mod debian;
    pub mod go;
    pub mod netns;
    pub mod page;
}
#[cfg(test)]
#[expect(dead_code, reason = "its other judges are not in use here")]
mod truth {
    pub mod judges;
}
#[cfg(test)]
mod node {
    mod api;
    mod case;
    mod cases;
    mod control_plane;
    mod judge;
    mod kubelet;
    mod leftovers;
    mod outcome;
    mod process;
    mod program;
    mod run;
    mod secret;
    mod table;
    mod word;
    mod world;
}

#[cfg(test)]
use it::support;
