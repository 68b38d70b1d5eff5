//! The load harness: the built `pullcheck serve` beside a webhook that does nothing, each a process
//! of its own, driven by turns over TLS.
//!
//! Figures are printed and written into `docs/performance.md`; nothing is asserted of them. That
//! every review is answered, and with its own uid, is.
#![expect(dead_code, reason = "the bench needs one half of it, its test the other")]

mod beside;
mod driver;
mod figures;
mod growth;
mod idle;
mod images;
mod noop;
#[path = "../shared/page.rs"]
mod page;
mod process;
#[path = "../shared/review.rs"]
mod review;
mod scene;
mod warm;

use std::time::Duration;

use driver::Until;

/// How much is measured.
#[derive(Debug)]
pub struct Plan {
    rounds: usize,
    round: Until,
    /// Of the sweeps over sizes, which have many rows.
    short_round: Until,
    at_once: &'static [usize],
    images: &'static [usize],
    containers: &'static [usize],
    secrets: &'static [usize],
    sizes: &'static [usize],
    starts: usize,
    new_images: usize,
    waits_for_breakers: bool,
}

impl Plan {
    /// All that the page tells.
    pub const FULL: Self = Self {
        rounds: 5,
        round: Until::Passed(Duration::from_millis(1_200)),
        short_round: Until::Passed(Duration::from_millis(400)),
        at_once: &[1, 16, 64],
        images: &[1_000, 10_000, 100_000],
        containers: &[1, 6, 20, 64, 200, 500],
        secrets: &[0, 1, 8, 32, 200],
        sizes: &[2 << 10, 20 << 10, 200 << 10, 1 << 20, 3 << 20],
        starts: 20,
        new_images: 2_000,
        waits_for_breakers: true,
    };

    /// Enough to see that the harness works.
    pub const SMOKE: Self = Self {
        rounds: 1,
        round: Until::Asked(8),
        short_round: Until::Asked(2),
        at_once: &[1, 4],
        images: &[100],
        containers: &[1, 70],
        secrets: &[0, 33],
        sizes: &[2 << 10, 1 << 20],
        starts: 1,
        new_images: 8,
        waits_for_breakers: false,
    };
}

/// What the arguments name, everything where they name nothing; or the server that does nothing.
pub fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if_eq(noop::ARGUMENT).is_some() {
        noop::run(arguments);
    }
    // `cargo bench` adds a flag of its own.
    let named: Vec<String> = arguments.filter(|argument| argument != "--bench").collect();
    let plan = if named.iter().any(|name| name == "--smoke") { Plan::SMOKE } else { Plan::FULL };
    let wanted = |name| named.iter().all(|named| named.starts_with("--") || named == name);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        if wanted("idle") {
            put("idle", &idle::measure(&plan).await);
        }
        if wanted("warm") {
            put("warm", &warm::measure(&plan, noop::Noop::start).await);
        }
        if wanted("breaker") {
            put("breaker", &beside::measure(&plan).await);
        }
        if wanted("growth") {
            put("growth", &growth::measure(&plan, noop::Noop::start).await);
        }
    });
}

/// Everything once, in short; the server that does nothing lives in this process.
pub async fn smoke() {
    for text in [
        idle::measure(&Plan::SMOKE).await,
        warm::measure(&Plan::SMOKE, noop::Noop::here).await,
        beside::measure(&Plan::SMOKE).await,
        growth::measure(&Plan::SMOKE, noop::Noop::here).await,
    ] {
        assert!(page::with(EMPTY, "x", &text).contains("|---|"), "{text}");
    }
}

const EMPTY: &str = "<!-- table: x -->\n<!-- /table: x -->";

fn put(name: &str, markdown: &str) {
    page::put(name, "cargo bench --bench load", markdown);
}
