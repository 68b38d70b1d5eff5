//! What grows: images that are remembered, containers of a pod, its pull secrets, the review.
#![expect(clippy::cast_precision_loss, reason = "figures to be read")]

use std::sync::Arc;

use super::Plan;
use super::driver::{Lanes, Protocol, Target, Until, is_plain};
use super::figures::{Pair, mb_text, ms_text, us_text};
use super::images::AllImages;
use super::noop::Noop;
use super::page::Table;
use super::review::{Pod, Review};
use super::scene::Scene;
use crate::support::memory;
use crate::support::misbehaving::Access;
use crate::support::tls::Leaf;
use crate::support::webhook::{Launch, Webhook};

/// Images of one review while the memory is filled: the most that are looked at.
const IMAGES: usize = 64;
/// Reviews at a time while it is filled.
const AT_ONCE: usize = 4;
/// How many of those reviews are asked again.
const AGAIN: usize = 100;

/// One after the other, as an API server with little to do.
const ALONE: (Protocol, usize) = (Protocol::Http1, 1);

/// The four tables.
pub async fn measure(plan: &Plan, noop: impl AsyncFn(&Leaf) -> Noop) -> String {
    [
        ("Images that are remembered", images(plan).await),
        ("Containers of a pod", containers(plan, &noop).await),
        ("Pull secrets of a pod", secrets(plan, &noop).await),
        ("Size of a review", sizes(plan, &noop).await),
    ]
    .map(|(title, table)| format!("### {title}\n\n{table}"))
    .join("\n")
}

/// One server that is asked for more and more images.
async fn images(plan: &Plan) -> String {
    let mut table = Table::new([
        "images",
        "resident, MB",
        "beyond none, bytes each",
        "name, bytes",
        "requests to the registry each",
        "asked for again, of 1,000",
        "review of 64, p50, ms",
    ]);
    let registry = AllImages::start();
    let host = registry.host();
    let args = ["--insecure-registry", &host, "--timeout", "30s"];
    let webhook = Launch::alone().args(&args).mode("enforce").start().await;
    let target = Target::of(&webhook);
    let begin = memory::resident(webhook.id());
    let mut reviewed = 0;
    for images in plan.images.iter().copied() {
        let reviews = images.div_ceil(IMAGES);
        fill(target, &registry, reviewed..reviews).await;
        let (fetched, asked) = (registry.asked(), reviews * IMAGES);
        let every = (reviews / AGAIN).max(1);
        let known: Arc<[Review]> =
            (0..reviews).step_by(every).map(|number| review(&registry, number)).collect();
        let missed = again(&webhook, target, &known).await;
        let mut lanes = Lanes::open(target, ALONE.0, 1).await;
        let round = lanes.run(&known, plan.short_round).await;
        let resident = memory::resident(webhook.id());
        let name = (0..asked).map(|number| registry.image(number).len()).sum::<usize>() / asked;
        table.row([
            asked.to_string(),
            mb_text(resident),
            (resident.saturating_sub(begin) / asked as u64).to_string(),
            name.to_string(),
            format!("{:.1}", fetched as f64 / asked as f64),
            format!("{:.0}", missed * 1e3),
            ms_text(round.within(500)),
        ]);
        reviewed = reviews;
    }
    table.markdown()
}

/// A review of images that no other has.
fn review(registry: &AllImages, number: usize) -> Review {
    let images: Vec<String> =
        (0..IMAGES).map(|image| registry.image(number * IMAGES + image)).collect();
    // Each of its own namespace, as far as the budgets of one would end it.
    let namespace = format!("team-{}", number % 100);
    Pod { size: 0, images: &images, secrets: &[], namespace: &namespace }.review(number)
}

/// Has these reviews looked at, each once.
async fn fill(target: Target<'_>, registry: &AllImages, numbers: std::ops::Range<usize>) {
    let mut lanes = Lanes::open(target, ALONE.0, AT_ONCE).await;
    let (mut next, end) = (numbers.start, numbers.end);
    while next < end {
        let some: Arc<[Review]> =
            (next..end.min(next + AT_ONCE)).map(|number| review(registry, number)).collect();
        lanes.run(&some, Until::Asked(AT_ONCE)).await;
        next += some.len();
    }
}

/// Which share of the images is not remembered any more.
async fn again(webhook: &Webhook, target: Target<'_>, reviews: &Arc<[Review]>) -> f64 {
    let misses = "pullcheck_cache_total{result=\"miss\"}";
    let before = webhook.metric(misses).await;
    let mut lanes = Lanes::open(target, ALONE.0, 1).await;
    for review in reviews.iter() {
        let answer = lanes.ask(review).await;
        assert!(is_plain(&answer), "{answer:?}");
    }
    (webhook.metric(misses).await - before) as f64 / (reviews.len() * IMAGES) as f64
}

async fn containers(plan: &Plan, noop: &impl AsyncFn(&Leaf) -> Noop) -> String {
    let mut table = Table::new([
        "containers",
        "review, KiB",
        "p50 no-op, ms",
        "p50 pullcheck",
        "p99 pullcheck",
        "CPU no-op, µs",
        "CPU pullcheck, µs",
        "beyond, a container",
    ]);
    let scene = Scene::set(IMAGES, 1, Access::basic).await;
    let noop = noop(scene.webhook.leaf()).await;
    for containers in plan.containers.iter().copied() {
        let reviews = scene.reviews(0, containers, 1);
        let pair = compare(plan, &scene, &noop, &reviews).await;
        let beyond = pair.pullcheck.cpu.saturating_sub(pair.noop.cpu);
        table.row([
            containers.to_string(),
            (reviews[0].body.len() >> 10).to_string(),
            ms_text(pair.noop.p50),
            ms_text(pair.pullcheck.p50),
            ms_text(pair.pullcheck.p99),
            us_text(pair.noop.cpu),
            us_text(pair.pullcheck.cpu),
            us_text(beyond / u32::try_from(containers).unwrap()),
        ]);
    }
    table.markdown()
}

async fn secrets(plan: &Plan, noop: &impl AsyncFn(&Leaf) -> Noop) -> String {
    let mut table = Table::new([
        "pull secrets",
        "p50 no-op, ms",
        "p50 pullcheck",
        "p99 pullcheck",
        "CPU no-op, µs",
        "CPU pullcheck, µs",
    ]);
    let most = plan.secrets.iter().copied().max().unwrap_or_default();
    // A pod without any would be refused otherwise.
    let scene = Scene::set(6, most, |_| Access::anonymous()).await;
    let noop = noop(scene.webhook.leaf()).await;
    for secrets in plan.secrets.iter().copied() {
        let reviews = scene.reviews(20 << 10, 6, secrets);
        let pair = compare(plan, &scene, &noop, &reviews).await;
        table.row([
            secrets.to_string(),
            ms_text(pair.noop.p50),
            ms_text(pair.pullcheck.p50),
            ms_text(pair.pullcheck.p99),
            us_text(pair.noop.cpu),
            us_text(pair.pullcheck.cpu),
        ]);
    }
    table.markdown()
}

async fn sizes(plan: &Plan, noop: &impl AsyncFn(&Leaf) -> Noop) -> String {
    let mut table = Table::new([
        "review, KiB",
        "no-op, 1/s",
        "pullcheck, 1/s",
        "share",
        "p50 no-op, ms",
        "p50 pullcheck",
        "p99 pullcheck",
        "no-op, MB at most",
        "pullcheck, MB at most",
    ]);
    let scene = Scene::set(1, 1, Access::basic).await;
    let noop = noop(scene.webhook.leaf()).await;
    for size in plan.sizes.iter().copied() {
        let reviews = scene.reviews(size, 1, 1);
        let pair = compare(plan, &scene, &noop, &reviews).await;
        table.row([
            (reviews[0].body.len() >> 10).to_string(),
            format!("{:.0}", pair.noop.rate),
            format!("{:.0}", pair.pullcheck.rate),
            format!("{:.2}", pair.share),
            ms_text(pair.noop.p50),
            ms_text(pair.pullcheck.p50),
            ms_text(pair.pullcheck.p99),
            mb_text(memory::peak(noop.id())),
            mb_text(memory::peak(scene.webhook.id())),
        ]);
    }
    table.markdown()
}

async fn compare(plan: &Plan, scene: &Scene, noop: &Noop, reviews: &Arc<[Review]>) -> Pair {
    scene.beside(noop).compare(ALONE, reviews, plan.rounds.min(3), plan.short_round).await
}
