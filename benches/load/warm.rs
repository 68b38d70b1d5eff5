//! The warm path: a review whose answers are all known, beside a webhook that does nothing.

use super::Plan;
use super::driver::{Lanes, Protocol, is_plain};
use super::figures::{Pair, mb_text, ms_text, us_text};
use super::noop::Noop;
use super::page::Table;
use super::scene::Scene;
use crate::support::misbehaving::Access;
use crate::support::tls::Leaf;

/// Bytes of the review, and how many images it has.
const SIZE: usize = 20 << 10;
const IMAGES: usize = 6;

/// What others come to, likewise as a share of a webhook that does nothing, with images that were
/// looked up before: 16 at a time, 2 cores, a local registry. The two rows are pods of so many
/// images.
const OTHERS: [(usize, [f64; 2]); 2] = [(1, [0.022, 0.005]), (30, [0.0036, 0.007])];

/// The tables of throughput and of times, and the one beside others.
pub async fn measure(plan: &Plan, noop: impl AsyncFn(&Leaf) -> Noop) -> String {
    let scene = Scene::set(IMAGES, 1, Access::basic).await;
    let still = noop(scene.webhook.leaf()).await;
    let servers = scene.beside(&still);
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
        assert!(is_plain(&answer), "{answer:?}");
        for at_once in plan.at_once {
            let load = (protocol, *at_once);
            let pair = servers.compare(load, &reviews, plan.rounds, plan.round).await;
            rows(&mut throughput, &mut times, name, *at_once, &pair);
        }
    }
    let others = beside_others(plan, &noop).await;
    format!("{}\n{}\n{others}", throughput.markdown(), times.markdown())
}

/// Pods of no more than their images, as others were measured with.
async fn beside_others(plan: &Plan, noop: &impl AsyncFn(&Leaf) -> Noop) -> String {
    let mut table = Table::new([
        "images of the pod",
        "review, KiB",
        "no-op, 1/s",
        "pullcheck, 1/s",
        "share",
        "Kyverno 1.19: share",
        "pullcheck is faster by",
        "policy-controller 0.13: share",
        "pullcheck is faster by",
    ]);
    let most = OTHERS.map(|(images, _)| images).into_iter().max().unwrap_or_default();
    let scene = Scene::set(most, 1, Access::basic).await;
    let noop = noop(scene.webhook.leaf()).await;
    let servers = scene.beside(&noop);
    for (images, [kyverno, policy_controller]) in OTHERS {
        let reviews = scene.reviews(0, images, 1);
        let load = (Protocol::Http1, 16);
        let Pair { noop, pullcheck, share, .. } =
            servers.compare(load, &reviews, plan.rounds, plan.round).await;
        table.row([
            images.to_string(),
            (reviews[0].body.len() >> 10).to_string(),
            format!("{:.0}", noop.rate),
            format!("{:.0}", pullcheck.rate),
            format!("{share:.2}"),
            kyverno.to_string(),
            format!("{:.0} times", share / kyverno),
            policy_controller.to_string(),
            format!("{:.0} times", share / policy_controller),
        ]);
    }
    table.markdown()
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
