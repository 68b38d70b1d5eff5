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
#[cfg(test)]
#[path = "parts/kit.rs"]
mod parts;
#[path = "truth"]
#[cfg_attr(test, expect(dead_code, reason = "the other judges are not in use here"))]
mod truth {
    #[cfg(test)]
    pub mod judges;
}
#[path = "node"]
mod node {
    #[cfg(test)]
    mod case;
    #[cfg(test)]
    mod cases;
    #[cfg(test)]
    mod judge;
    #[cfg(test)]
    mod outcome;
    #[cfg(test)]
    mod preload;
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
