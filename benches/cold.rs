//! `cargo bench --bench cold [-- cold | crane | stampede]`: see `docs/performance.md`.

#[path = "cold/harness.rs"]
#[cfg(test)]
mod harness;
#[path = "../tests/it"]
mod it {
    #[expect(unused_imports, unused_macros, reason = "a tool box: not every tool is in use here")]
    #[cfg(test)]
    pub mod support;
}
#[path = "../tests/parts"]
mod parts {
    #![cfg_attr(test, expect(dead_code, reason = "a tool box: not every tool is in use here"))]
    #[cfg(test)]
    pub mod cache;
    #[cfg(test)]
    pub mod command;
    #[cfg(test)]
    pub mod go;
}

#[cfg(test)]
use it::support;

fn main() {
    #[cfg(test)]
    harness::main();
}
