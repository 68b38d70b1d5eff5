//! A review of new images beside the very same requests made bare.

use std::time::{Duration, Instant};

use super::bare::{Bare, Wanted};
use super::page::Table;
use super::{LATENCIES, median, ratio, registry, shown};
use crate::support::http::Connection2;
use crate::support::images;
use crate::support::misbehaving::{Registry, faults};
use crate::support::reviews::{POD, Review, pod_spec_of};
use crate::support::tls::Ca;
use crate::support::webhook::{Launch, Webhook};

/// Layers of each image; with its config it has eight parts.
const LAYERS: usize = 7;
/// Images of the large pod.
const MANY: usize = 30;

/// The table.
pub async fn measure() -> String {
    let mut table =
        Table::new(["", "registry answers after", "bare requests", "review", "review / bare"]);
    for latency in LATENCIES {
        let mut scene = Scene::set(latency).await;
        let far = !latency.is_zero();
        for (what, images, rounds) in [
            ("an image, no connection yet", Images::First, 9),
            ("an image", Images::Known(1), if far { 25 } else { 151 }),
            ("a pod of 30", Images::Known(MANY), if far { 9 } else { 25 }),
        ] {
            let (bare, review) = scene.by_turns(images, rounds).await;
            let row = [what.to_owned(), shown(latency), shown(bare), shown(review)];
            table.row(row.into_iter().chain([ratio(review, bare)]));
        }
    }
    table.markdown()
}

/// What is asked for.
#[derive(Clone, Copy)]
enum Images {
    /// One, by a process that has not been at this registry.
    First,
    /// So many, over a connection that is open.
    Known(usize),
}

struct Scene {
    ca: Ca,
    registry: Registry,
    latency: Duration,
    made: usize,
}

impl Scene {
    async fn set(latency: Duration) -> Self {
        let ca = Ca::mint();
        let registry = registry(&ca).await;
        Self { ca, registry, latency, made: 0 }
    }

    /// So many that nobody has seen.
    fn fresh(&mut self, count: usize) -> Vec<Wanted> {
        let numbers = self.made..self.made + count;
        self.made += count;
        let fresh = |number| {
            let repository = format!("team/app-{number}");
            let image = images::of_layers(LAYERS, &format!("{:?} {number}", self.latency));
            self.registry.add(&repository, "1.0", &image);
            if !self.latency.is_zero() {
                self.registry.misbehave(&repository, faults::late(self.latency));
            }
            Wanted { repository, image }
        };
        numbers.map(fresh).collect()
    }

    async fn webhook(&self) -> (Webhook, Connection2) {
        let ca = self.ca.file();
        let launch = Launch::alone().mode("enforce").args(&["--timeout", "30s", "--ca-file"]);
        let webhook = launch.args(&[ca.to_str().unwrap()]).start().await;
        let connection = Connection2::open(webhook.ca(), webhook.address()).await.unwrap();
        (webhook, connection)
    }

    /// The medians of both.
    async fn by_turns(&mut self, images: Images, rounds: usize) -> (Duration, Duration) {
        let address = self.registry.host().parse().unwrap();
        let mut known = (Bare::open(&self.ca, address).await, self.webhook().await);
        let count = if let Images::Known(count) = images { count } else { 1 };
        let (mut bare, mut reviews) = (Vec::new(), Vec::new());
        // The first round is not counted: it opens connections.
        for round in 0..=rounds {
            let first = matches!(images, Images::First);
            let wanted = self.fresh(count);
            let asked = self.registry.log().count(|_| true);
            let begun = Instant::now();
            if first {
                known.0 = Bare::open(&self.ca, address).await;
            }
            known.0.pod(&wanted).await;
            let bare_took = begun.elapsed();
            let by_bare = self.registry.log().count(|_| true) - asked;

            if first {
                known.1 = self.webhook().await;
            }
            let wanted = self.fresh(count);
            let review = self.review(&wanted);
            let begun = Instant::now();
            let answer = known.1.1.post("/validate?timeout=30s", review).await.unwrap();
            let review_took = begun.elapsed();
            let text = answer.text();
            assert!(text.contains("\"allowed\":true") && !text.contains("warnings"), "{text}");
            let by_review = self.registry.log().count(|_| true) - asked - by_bare;
            assert_eq!(by_review, by_bare, "not the same requests");
            if round > 0 {
                bare.push(bare_took);
                reviews.push(review_took);
            }
        }
        (median(bare), median(reviews))
    }

    fn review(&self, wanted: &[Wanted]) -> String {
        let image = |one: &Wanted| format!("{}/{}:1.0", self.registry.host(), one.repository);
        let pod = POD.object("shop", "web", pod_spec_of(wanted.iter().map(image)));
        Review::create(&POD, &pod).json().to_string()
    }
}
