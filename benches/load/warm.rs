//! The warm path: a review whose answers are all known, beside a webhook that does nothing.

use super::Plan;
use super::driver::{Lanes, Protocol, Target};
use super::figures::{Pair, Servers, mb_text, ms_text, us_text};
use super::noop::Noop;
use super::page::Table;
use super::scene::Scene;
use crate::support::misbehaving::Access;
use crate::support::tls::Leaf;

/// Bytes of the review, and how many images it has.
const SIZE: usize = 20 << 10;
const IMAGES: usize = 6;

/// The tables of throughput and of times.
pub async fn measure(plan: &Plan, noop: impl AsyncFn(&Leaf) -> Noop) -> String {
    let scene = Scene::set(IMAGES, 1, Access::basic).await;
    let noop = noop(scene.webhook.leaf()).await;
    let servers = Servers {
        noop: Target { id: noop.id(), address: noop.address(), ca: scene.webhook.ca() },
        pullcheck: scene.target(),
    };
    let reviews = scene.reviews(SIZE, IMAGES, 1);
    let mut throughput = Table::new([
        "protocol",
        "at once",
        "no-op, 1/s",
        "pullcheck, 1/s",
        "share",
        "CPU no-op, µs",
        "CPU pullcheck, µs",
        "no-op, MB",
        "pullcheck, MB",
    ]);
    let mut times = Table::new([
        "protocol",
        "at once",
        "p50 no-op, ms",
        "p50 pullcheck",
        "p99 no-op",
        "p99 pullcheck",
        "p99 later by",
        "p99.9 no-op",
        "p99.9 pullcheck",
    ]);
    for (protocol, name) in [(Protocol::Http1, "HTTP/1.1"), (Protocol::Http2, "HTTP/2")] {
        // From here on all is known.
        let mut first = Lanes::open(servers.pullcheck, protocol, 1).await;
        let answer = first.ask(&reviews[0]).await;
        assert!(answer.ends_with(br#""allowed":true}}"#), "{answer:?}");
        for at_once in plan.at_once {
            let load = (protocol, *at_once);
            let pair = servers.compare(load, &reviews, plan.rounds, plan.round).await;
            rows(&mut throughput, &mut times, name, *at_once, &pair);
        }
    }
    format!("{}\n{}", throughput.markdown(), times.markdown())
}

fn rows(throughput: &mut Table, times: &mut Table, protocol: &str, at_once: usize, pair: &Pair) {
    let Pair { noop, pullcheck, share, later } = pair;
    let at_once = at_once.to_string();
    throughput.row([
        protocol.to_owned(),
        at_once.clone(),
        format!("{:.0}", noop.rate),
        format!("{:.0}", pullcheck.rate),
        format!("{share:.2}"),
        us_text(noop.cpu),
        us_text(pullcheck.cpu),
        mb_text(noop.resident),
        mb_text(pullcheck.resident),
    ]);
    times.row([
        protocol.to_owned(),
        at_once,
        ms_text(noop.p50),
        ms_text(pullcheck.p50),
        ms_text(noop.p99),
        ms_text(pullcheck.p99),
        format!("{later:+.2}"),
        ms_text(noop.p999),
        ms_text(pullcheck.p999),
    ]);
}
