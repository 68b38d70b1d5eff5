//! `cargo bench --bench load [-- warm | growth | idle | breaker]`: see `docs/performance.md`.

#[path = "load/harness.rs"]
#[cfg(test)]
mod harness;
#[path = "../tests/it"]
mod it {
    #[expect(unused_imports, unused_macros, reason = "a tool box: not every tool is in use here")]
    #[cfg(test)]
    pub mod support;
}

#[cfg(test)]
use it::support;

fn main() {
    #[cfg(test)]
    harness::main();
}
