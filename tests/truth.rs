//! The node is the judge: real containerds, a current one and Debian's 1.6, are asked over their
//! CRI sockets to pull what `pullcheck check` judged, in a network of the tests' own.
//!
//! It needs root, Go and Debian's packages. Without one of them the tests are skipped and say so.

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
mod truth {
    #[cfg(test)]
    mod agreement;
    #[cfg(test)]
    mod case;
    #[cfg(test)]
    mod families;
    #[cfg(test)]
    mod front;
    #[cfg(test)]
    mod judge;
    #[cfg(test)]
    mod judges;
    #[cfg(test)]
    mod parts_work;
    #[cfg(test)]
    mod shapes;
    #[cfg(test)]
    mod store;
    #[cfg(test)]
    mod table;
    #[cfg(test)]
    mod verdict;
    #[cfg(test)]
    mod world;
}

#[cfg(test)]
use it::support;
