//! A registry that answers, beside one that takes connections and never says a word.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::time::sleep;

use super::Plan;
use super::driver::{Lanes, Protocol, Target, is_plain, place};
use super::figures::ms_text;
use super::images::AllImages;
use super::page::Table;
use super::review::{Pod, Review};
use crate::support::webhook::{Launch, Webhook};

/// Reviews at a time whose registry answers.
const GOOD: usize = 4;
/// Reviews at a time whose registry hangs, and how long each waits for the next: once they are
/// answered at once, as many as come would measure the processor.
const HANGING: usize = 32;
const PAUSE: Duration = Duration::from_millis(20);
/// Namespaces whose images are at the registry that hangs.
const NAMESPACES: usize = 4;
/// Longest that lookups take to fail there, more than once.
const LONGEST: Duration = Duration::from_secs(60);
const OPENED: &str = "pullcheck_registry_breaker_total{event=\"opened\",registry=\"other\"}";

/// The table.
pub async fn measure(plan: &Plan) -> String {
    let (registry, silent) = (AllImages::start(), silent());
    let args = ["--insecure-registry", &registry.host()];
    let webhook = Launch::alone().args(&args).mode("enforce").start().await;
    let target = Target::of(&webhook);
    let mut table = Table::new(["", "reviews", "p50, ms", "p99, ms", "longest, ms", "warned"]);
    let mut good = Good { target, registry, begun: 0, each: plan.new_images };
    // The registry is one that has answered before, as most are.
    good.ask(&mut Table::default(), "").await;
    good.ask(&mut table, "alone").await;
    let beside = async {
        good.ask(&mut table, "beside one that hangs, at first").await;
        if plan.waits_for_breakers {
            until_opened(&webhook).await;
            good.ask(&mut table, "beside one that has hung for long").await;
        }
    };
    tokio::select! {
        () = beside => {}
        _ = hanging(target, &silent) => {}
    }
    table.markdown()
}

/// Reviews of one new image each.
struct Good<'a> {
    target: Target<'a>,
    registry: AllImages,
    begun: usize,
    each: usize,
}

impl Good<'_> {
    async fn ask(&mut self, table: &mut Table, name: &str) {
        let first = self.begun;
        self.begun += self.each;
        let this = &*self;
        let lanes = (0..GOOD).map(async |lane| {
            let mut lanes = Lanes::open(this.target, Protocol::Http1, 1).await;
            let mut took = Vec::new();
            for number in (first + lane..first + this.each).step_by(GOOD) {
                let review = review(&this.registry.image(number), "shop", number);
                let begun = Instant::now();
                let answer = lanes.ask(&review).await;
                took.push((begun.elapsed(), is_plain(&answer)));
            }
            took
        });
        let mut took = join_all(lanes).await.concat();
        took.sort_unstable();
        let within = |of_a_thousand| ms_text(took[place(took.len(), of_a_thousand)].0);
        table.row([
            name.to_owned(),
            took.len().to_string(),
            within(500),
            within(990),
            within(1_000),
            took.iter().filter(|(_, plain)| !plain).count().to_string(),
        ]);
    }
}

/// Asks for images of the registry that hangs, none of them twice, and never ends.
async fn hanging(target: Target<'_>, host: &str) -> Vec<()> {
    let lanes = (0..HANGING).map(async |lane| {
        let mut lanes = Lanes::open(target, Protocol::Http1, 1).await;
        let namespace = format!("team-{}", lane % NAMESPACES);
        for number in (lane..).step_by(HANGING) {
            let image = format!("{host}/team/app-{number}:1.0");
            lanes.ask(&review(&image, &namespace, number)).await;
            sleep(PAUSE).await;
        }
    });
    join_all(lanes).await
}

async fn until_opened(webhook: &Webhook) {
    let begun = Instant::now();
    while webhook.metric(OPENED).await == 0 {
        assert!(begun.elapsed() < LONGEST, "the breaker does not open");
        sleep(PAUSE).await;
    }
}

fn review(image: &str, namespace: &str, number: usize) -> Review {
    Pod { size: 0, images: &[image.to_owned()], secrets: &[], namespace }.review(number)
}

/// A listener that says nothing for as long as the process lives: `127.0.0.1:PORT`.
fn silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let _held: Vec<_> = listener.incoming().collect();
    });
    address.to_string()
}
