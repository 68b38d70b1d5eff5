//! The node is the judge: real containerds, a current one and Debian's 1.6, are asked over their
//! CRI sockets to pull what `pullcheck check` judged, in a network of the tests' own.
//!
//! It needs root, Go and Debian's packages. Without one of them the tests are skipped and say so.

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
mod truth {
    mod judges;
    mod parts_work;
}

#[cfg(test)]
use it::support;
