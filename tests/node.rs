//! The node is the judge: pods on a real kubelet with a real containerd, under a real API server,
//! and what `pullcheck check` said of each of them before it was created.
//!
//! Everything runs in a network of the tests' own. It needs root, Go and Debian's packages;
//! without one of them the test is skipped and says so.

#[path = "it"]
mod it {
    #[expect(unused_imports, reason = "a tool box: not every tool is in use here")]
    #[cfg(test)]
    pub mod support;
}
#[path = "parts"]
#[cfg_attr(test, expect(dead_code, reason = "a tool box: not every tool is in use here"))]
mod parts {
    #[cfg(test)]
    pub mod cache;
    #[cfg(test)]
    pub mod command;
    #[cfg(test)]
    pub mod containerd;
    #[cfg(test)]
    pub mod debian;
    #[cfg(test)]
    pub mod go;
    #[cfg(test)]
    pub mod netns;
    #[cfg(test)]
    pub mod page;
}
#[path = "truth"]
#[cfg_attr(test, expect(dead_code, reason = "the other judges are not in use here"))]
mod truth {
    #[cfg(test)]
    pub mod judges;
}
#[path = "node"]
mod node {
    #[cfg(test)]
    mod api;
    #[cfg(test)]
    mod case;
    #[cfg(test)]
    mod cases;
    #[cfg(test)]
    mod control_plane;
    #[cfg(test)]
    mod judge;
    #[cfg(test)]
    mod kubelet;
    #[cfg(test)]
    mod leftovers;
    #[cfg(test)]
    mod outcome;
    #[cfg(test)]
    mod preload;
    #[cfg(test)]
    mod process;
    #[cfg(test)]
    mod program;
    #[cfg(test)]
    mod run;
    #[cfg(test)]
    mod secret;
    #[cfg(test)]
    mod table;
    #[cfg(test)]
    mod word;
    #[cfg(test)]
    mod world;
}

#[cfg(test)]
use it::support;
