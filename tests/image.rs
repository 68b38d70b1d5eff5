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
#[path = "truth"]
#[cfg_attr(test, expect(dead_code, reason = "the other judges are not in use here"))]
mod truth {
    #[cfg(test)]
    pub mod judges;
}
#[path = "cluster"]
#[cfg_attr(test, expect(dead_code, reason = "the other tests of kubectl are not here"))]
mod cluster {
    #[cfg(test)]
    pub mod kubectl;
}
#[path = "image"]
mod image {
    #[cfg(test)]
    mod alone;
    #[cfg(test)]
    mod cluster;
    #[cfg(test)]
    mod confined;
    #[cfg(test)]
    mod contents;
    #[cfg(test)]
    mod docker;
    #[cfg(test)]
    mod five;
    #[cfg(test)]
    mod node;
    #[cfg(test)]
    mod parts;
    #[cfg(test)]
    mod root;
}

#[cfg(test)]
use it::support;
