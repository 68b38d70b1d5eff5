//! `cargo bench --bench parts`: the parts of a review one by one, each beside what would be done
//! without it.

#[path = "../tests/it"]
mod it {
    #[expect(unused_imports, unused_macros, reason = "a tool box: not every tool is in use here")]
    #[cfg(test)]
    pub mod support;
}
#[path = "parts/measure.rs"]
#[cfg(test)]
mod measure;
#[path = "shared/page.rs"]
#[cfg(test)]
mod page;
#[expect(dead_code, reason = "the load harness counts its requests")]
#[path = "load/images.rs"]
#[cfg(test)]
mod registry;
#[expect(dead_code, reason = "the load harness looks at the uid")]
#[path = "shared/review.rs"]
#[cfg(test)]
mod review;
#[path = "parts/table.rs"]
#[cfg(test)]
mod table;

#[cfg(test)]
use it::support;

fn main() {
    #[cfg(test)]
    table::main();
}
