//! The same answer as the node's own code: the Go program in `tests/oracle/` links what the
//! kubelet and containerd run, and is asked every case that the library is asked.
//!
//! The cases come from a generator with a fixed seed, so every run is the same run. The first
//! disagreement is made as small as it gets and printed with both answers. Without Go, or without
//! its modules, the tests are skipped and say so.

#[cfg(test)]
#[path = "oracle/docker_configs.rs"]
mod docker_configs;
#[cfg(test)]
#[path = "oracle/judge.rs"]
mod judge;
#[cfg(test)]
#[path = "oracle/keyrings.rs"]
mod keyrings;
#[cfg(test)]
#[path = "oracle/platforms.rs"]
mod platforms;
#[cfg(test)]
#[path = "oracle/program.rs"]
mod program;
#[cfg(test)]
#[path = "oracle/random.rs"]
mod random;
#[cfg(test)]
#[path = "oracle/references.rs"]
mod references;
#[cfg(test)]
#[path = "it/support/skip.rs"]
mod skip;

/// What builds and keeps Go programs.
#[path = "parts"]
#[cfg_attr(test, expect(dead_code, reason = "a tool box: not every tool is in use here"))]
mod parts {
    #[cfg(test)]
    pub mod cache;
    #[cfg(test)]
    pub mod command;
    #[cfg(test)]
    pub mod go;
}

/// Where `skip!` looks for its parts.
#[cfg(test)]
mod support {
    pub(crate) use crate::skip;
}
