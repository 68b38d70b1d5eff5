//! The image: the Dockerfile really built, the result run from its own root file system and, on a
//! real node under a real API server, installed as it is shipped.
//!
//! It needs root and a Debian system, the node Go too; without one of them the tests are skipped
//! and say so. The first build is a release build with all dependencies.

#[path = "it"]
mod it {
    #[expect(unused_imports, reason = "a tool box: not every tool is in use here")]
    #[cfg(test)]
    pub mod support;
}
#[cfg(test)]
#[path = "parts/kit.rs"]
mod parts;
#[path = "image"]
mod image {
    #[cfg(test)]
    mod alone;
    #[cfg(test)]
    mod contents;
    #[cfg(test)]
    mod root;
}

#[cfg(test)]
use it::support;
