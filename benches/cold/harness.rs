//! Images that nobody has looked at yet: the built `pullcheck` beside what does the same without it.
//!
//! Figures are printed and written into `docs/performance.md`; nothing is asserted of them. That
//! every image is found, and that the registry was asked for as much by either, is.

mod bare;
mod crane;
#[path = "../shared/page.rs"]
mod page;
mod reviews;
#[path = "../../tests/it/stampede/run.rs"]
mod run;
mod stampede;

use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::support::misbehaving::{Access, Registry};
use crate::support::tls::Ca;

/// What a registry waits before each answer: nothing, and about as long as one that is not next
/// door.
const LATENCIES: [Duration; 2] = [Duration::ZERO, Duration::from_millis(20)];

/// What the arguments name, everything where they name nothing.
pub fn main() {
    // `cargo bench` adds a flag of its own.
    let named: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let wanted = |name| named.is_empty() || named.iter().any(|named| named == name);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let aside = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let aside = aside.unwrap();
    ASIDE.set(aside.handle().clone()).unwrap();
    runtime.block_on(async {
        if wanted("cold") {
            put("cold", &reviews::measure().await);
        }
        if wanted("crane") {
            put("crane", &crane::measure().await);
        }
        if wanted("stampede") {
            put("stampede", &stampede::measure().await);
        }
    });
}

/// Where registries run: what asks them, bare or not, has to wake another thread as it would for
/// any other server.
static ASIDE: OnceLock<Handle> = OnceLock::new();

/// A registry that anybody may pull from.
async fn registry(ca: &Ca) -> Registry {
    let leaf = ca.good();
    let start = async move { Registry::start_tls(Access::anonymous(), &leaf).await };
    ASIDE.get().unwrap().spawn(start).await.unwrap()
}

fn put(name: &str, markdown: &str) {
    page::put(name, "cargo bench --bench cold", markdown);
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// A time in the unit that suits it.
fn shown(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1.0 { format!("{:.2} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}

fn ratio(of: Duration, to: Duration) -> String {
    format!("{:.2}", of.as_secs_f64() / to.as_secs_f64())
}
