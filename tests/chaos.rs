//! Trouble under load: the built `pullcheck serve` takes reviews from many clients while what it
//! depends on, its machine or a stranger makes trouble, and afterwards.
//!
//! Whatever happens, no answer comes later than its timeout, nothing is proven wrongly, nothing
//! panics, and all is well again once the trouble is over, without a restart. What was tried and
//! what came of it is in `docs/reliability.md`. `PULLCHECK_CHAOS=long` makes it last.

#[path = "it"]
mod it {
    #[expect(unused_imports, reason = "a tool box: not every tool is in use here")]
    #[cfg(test)]
    pub mod support;
}
#[cfg(test)]
#[path = "parts/kit.rs"]
mod parts;
#[path = "chaos"]
mod chaos {
    #[cfg(test)]
    mod api_server;
    #[cfg(test)]
    mod flood;
    #[cfg(test)]
    mod images;
    #[cfg(test)]
    mod judge;
    #[cfg(test)]
    mod line;
    #[cfg(test)]
    mod link;
    #[cfg(test)]
    mod load;
    #[cfg(test)]
    mod machine;
    #[cfg(test)]
    mod names;
    #[cfg(test)]
    mod network;
    #[cfg(test)]
    mod page;
    #[cfg(test)]
    mod process;
    #[cfg(test)]
    mod pulse;
    #[cfg(test)]
    mod registry;
    #[cfg(test)]
    mod table;
    #[cfg(test)]
    mod trial;
}

#[cfg(test)]
use it::support;
