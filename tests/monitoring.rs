//! What watches pullcheck is right: alerts, dashboard and their page, held by Prometheus' own code
//! against what a running pullcheck serves.
//!
//! promtool and the parsers are built with Go; without it those tests are skipped and say so.

#[path = "it"]
mod it {
    #[expect(unused_imports, reason = "a tool box: not every tool is in use here")]
    #[cfg(test)]
    pub mod support;
}
#[cfg(test)]
#[path = "parts/kit.rs"]
mod parts;
#[path = "monitoring"]
mod monitoring {
    #[cfg(test)]
    mod files;
    #[cfg(test)]
    mod prometheus;
    #[cfg(test)]
    mod queries;
    #[cfg(test)]
    mod rules;
}

#[cfg(test)]
use it::support;
