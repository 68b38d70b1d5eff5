//! A registry that fails, or hangs, harms nobody but its own images, and is asked by few; when it
//! is back, all is well again.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use http::Method;
use tokio::time::timeout;

use crate::support::images;
use crate::support::misbehaving::{Access, Registry, faults};
use crate::support::reviewers::Reviewers;
use crate::support::reviews::{POD, Review, pod_spec};
use crate::support::server::{Gate, Greeting, Reply, Server};
use crate::support::webhook::{Launch, Reviewed, Webhook};

const OPENED: &str = "a registry fails again and again, one lookup at a time asks it from now on";
const CLOSED: &str = "a registry answers again";

/// What those are given who are to be answered: long, because how fast the machine is does not
/// matter here. What waited for those that hang would wait for minutes.
const PATIENT: &str = "30s";
/// What those are given who have nothing to hope for.
const BRIEF: &str = "2s";
/// Longest that anything here waits for what must come, and most reviews that it sends for it.
const NEVER: Duration = Duration::from_secs(60);
const MOST_REVIEWS: usize = 10_000;

async fn webhook() -> Webhook {
    Launch::alone().mode("enforce").args(&["--timeout", PATIENT]).start().await
}

fn pod(namespace: &str, image: &str) -> Review {
    Review::create(&POD, &POD.object(namespace, "web", pod_spec(image)))
}

/// A good registry, and this many images in it.
async fn good(count: usize) -> (Registry, Vec<String>) {
    let registry = Registry::start(Access::anonymous()).await;
    let image = |number: usize| {
        let repository = format!("team/app{number}");
        registry.add(&repository, "1.0", &images::simple(&format!("good {number}")))
    };
    let images = (0..count).map(image).collect();
    (registry, images)
}

#[track_caller]
fn assert_all_good(answers: &[Reviewed]) {
    for answer in answers {
        assert!(answer.allowed(), "{:#}", answer.json);
        assert_eq!(answer.warnings(), Vec::<String>::new(), "{:#}", answer.json);
    }
}

/// Sends a review of each image, some at a time. The first that is not answered well ends it: all
/// others would wait as long. How many were.
async fn all_are_good(lane: &Reviewers, images: &[String]) -> usize {
    let mut good = 0;
    for images in images.chunks(4) {
        let answers = lane.all(images.iter().map(|image| pod("shop", image)), 4).await;
        assert_all_good(&answers);
        good += answers.len();
    }
    good
}

/// How many answers came with which warnings; all were allowed.
#[track_caller]
fn codes(answers: &[Reviewed]) -> BTreeMap<String, usize> {
    let mut codes = BTreeMap::new();
    for answer in answers {
        assert!(answer.allowed(), "{:#}", answer.json);
        *codes.entry(answer.warned_codes().join(" ")).or_default() += 1;
    }
    codes
}

async fn spared(webhook: &Webhook) -> u64 {
    let name = "pullcheck_registry_breaker_total{event=\"spared\",registry=\"other\"}";
    webhook.metric(name).await
}

fn lines(webhook: &Webhook, message: &str) -> usize {
    webhook.log_lines().iter().filter(|line| line["message"] == message).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_reviews_of_a_registry_that_hangs_harm_none_of_a_thousand_of_a_good_one() {
    let hanging = Registry::start(Access::anonymous()).await;
    hanging.misbehave("team/app", faults::hang());
    let (_registry, images) = good(1_000).await;
    let webhook = webhook().await;

    // Of five namespaces, and that of the good images is one of them.
    let namespaces = ["shop", "bank", "blog", "mail", "maps"];
    let reviews = |range: std::ops::Range<usize>| {
        let image = format!("{}/team/app", hanging.host());
        range.map(move |number| pod(namespaces[number % 5], &format!("{image}:{number}")))
    };
    let lanes = [Reviewers::of(&webhook, BRIEF).await, Reviewers::of(&webhook, BRIEF).await];
    let dead = async {
        let [one, two] = &lanes;
        let (mut answers, others) =
            tokio::join!(one.all(reviews(0..5_000), 32), two.all(reviews(5_000..10_000), 32));
        answers.extend(others);
        answers
    };
    let alive = async {
        // Not before the others have taken what they can.
        hanging.log().until(4, |seen| seen.method == Method::HEAD).await;
        let good = Reviewers::of(&webhook, PATIENT).await;
        all_are_good(&good, &images).await
    };
    let (dead, alive) = tokio::join!(dead, alive);

    assert_eq!(alive, 1_000);
    let codes = codes(&dead);
    assert_eq!(dead.len(), 10_000);
    let hopeless = ["registry-timeout", "not-checked"];
    assert!(codes.keys().all(|code| hopeless.contains(&code.as_str())), "{codes:?}");
    assert!(codes["registry-timeout"] > 5_000, "{codes:?}");
    // It was asked by as many as may ask one registry until that failed, and then one by one.
    let asked = hanging.manifest_requests("team/app");
    assert!((5..=100).contains(&asked), "{asked} requests");
    assert!(spared(&webhook).await > 1_000);
    let line = webhook.logged(OPENED).await;
    assert_eq!(line["registry"], hanging.host());
}

/// A server at every address of loopback that takes connections and never says a word: a wildcard
/// in the DNS leads many names to it, and here as many addresses do.
async fn silent_everywhere() -> Server {
    let anywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    Server::start_at(anywhere, None, Greeting::Silence, |_| std::future::pending::<Reply>()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_hosts_that_all_hang_harm_no_good_one() {
    let silent = silent_everywhere().await;
    let (_registry, images) = good(200).await;
    let webhook = webhook().await;
    let port = silent.address().port();
    let dead = async {
        let lane = Reviewers::of(&webhook, BRIEF).await;
        let reviews = (0..1_000).map(|number| {
            let host = format!("127.1.{}.{}:{port}", number / 250, number % 250 + 1);
            pod(&format!("evil{}", number % 10), &format!("{host}/team/app:1.0"))
        });
        lane.all(reviews, 200).await
    };
    let alive = async {
        let connected = async {
            while silent.connections() < 16 {
                tokio::task::yield_now().await;
            }
        };
        timeout(NEVER, connected).await.expect("lookups of the hosts that hang");
        let good = Reviewers::of(&webhook, PATIENT).await;
        all_are_good(&good, &images).await
    };
    let (dead, alive) = tokio::join!(dead, alive);
    assert_eq!(alive, 200);
    let codes = codes(&dead);
    let hopeless = ["registry-timeout", "registry-tls", "not-checked"];
    assert!(codes.keys().all(|code| hopeless.contains(&code.as_str())), "{codes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_drips_harms_no_good_one() {
    let dripping = Registry::start(Access::anonymous()).await;
    let mut slow = Vec::new();
    for number in 0..500 {
        let repository = format!("team/slow{number}");
        slow.push(dripping.add(&repository, "1.0", &images::simple(&format!("slow {number}"))));
        dripping.misbehave(&repository, faults::drip());
    }
    let (_registry, images) = good(200).await;
    let webhook = webhook().await;
    let dead = async {
        let lane = Reviewers::of(&webhook, BRIEF).await;
        let reviews = slow.iter().enumerate();
        lane.all(reviews.map(|(number, image)| pod(&format!("evil{}", number % 5), image)), 200)
            .await
    };
    let alive = async {
        dripping.log().until(4, |seen| seen.method == Method::GET).await;
        let good = Reviewers::of(&webhook, PATIENT).await;
        all_are_good(&good, &images).await
    };
    let (dead, alive) = tokio::join!(dead, alive);
    assert_eq!(alive, 200);
    let codes = codes(&dead);
    let hopeless = ["registry-timeout", "not-checked"];
    assert!(codes.keys().all(|code| hopeless.contains(&code.as_str())), "{codes:?}");
}

/// Sends reviews of images that nobody asked for before, until the log says this, or for as many as
/// nothing should take.
async fn until_logged(webhook: &Webhook, message: &str, mut review: impl FnMut(usize) -> Review) {
    let lane = Reviewers::of(webhook, BRIEF).await;
    let told = webhook.logged(message);
    tokio::pin!(told);
    for number in 0..MOST_REVIEWS {
        let review = review(number);
        tokio::select! {
            biased;
            _ = &mut told => return,
            answer = lane.review(&review) => assert!(answer.allowed(), "{:#}", answer.json),
        }
    }
    panic!("not said after {MOST_REVIEWS} reviews: {message}");
}

#[tokio::test]
async fn a_registry_that_comes_back_is_found_by_one_and_then_by_all() {
    let registry = Registry::start(Access::anonymous()).await;
    let gate = Gate::closed();
    let repository = |number: usize| format!("team/app{number}");
    let mut images = Vec::new();
    for number in 0..200 {
        let repository = repository(number);
        images.push(registry.add(&repository, "1.0", &images::simple(&repository)));
        registry.misbehave(&repository, faults::gate(&gate));
    }
    let webhook = webhook().await;

    // Many reviews that all wait, of two namespaces.
    let lane = Reviewers::of(&webhook, BRIEF).await;
    let many = images.iter().take(100).enumerate();
    lane.all(many.map(|(number, image)| pod(["shop", "bank"][number % 2], image)), 100).await;
    until_logged(&webhook, OPENED, |number| pod("shop", &images[number % 100])).await;
    gate.until_nobody_waits().await;
    let asked = registry.connections();

    // Nobody else is asked for while one waits at the gate.
    let lane = Reviewers::of(&webhook, BRIEF).await;
    let probe = async {
        let mut number = 100;
        while gate.waiting() == 0 {
            lane.review(&pod("shop", &images[number])).await;
            number = 100 + (number + 1) % 100;
        }
    };
    let asks = async {
        tokio::select! {
            () = probe => {}
            () = gate.until_waiting(1) => {}
        }
    };
    timeout(NEVER, asks).await.expect("somebody who looks whether it is back");
    let answers = lane.all(images.iter().skip(100).map(|image| pod("shop", image)), 50).await;
    let codes = codes(&answers);
    assert_eq!(codes.keys().collect::<Vec<_>>(), ["registry-timeout"], "{codes:?}");
    assert_eq!(gate.waiting(), 1, "one looks whether it is back");
    assert!(registry.connections() <= asked + 4, "{} connections", registry.connections());

    gate.open();
    webhook.logged(CLOSED).await;
    assert_eq!((lines(&webhook, OPENED), lines(&webhook, CLOSED)), (1, 1), "{}", webhook.log());
    // What was said of an image holds for some seconds more; nobody has asked for these.
    let fresh: Vec<_> = (200..300)
        .map(|number| registry.add(&repository(number), "1.0", &images::simple("fresh")))
        .collect();
    let lane = Reviewers::of(&webhook, PATIENT).await;
    assert_all_good(&lane.all(fresh.iter().map(|image| pod("shop", image)), 8).await);
    for number in 200..300 {
        assert_eq!(registry.manifest_requests_by(&Method::HEAD, &repository(number)), 1);
    }
}

#[tokio::test]
async fn what_fails_for_one_namespace_alone_is_not_believed_for_another() {
    let (registry, images) = good(1).await;
    for number in 0..10 {
        registry.misbehave(&format!("evil/app{number}"), faults::server_error(500));
    }
    let webhook = webhook().await;
    let host = registry.host();
    until_logged(&webhook, OPENED, |number| {
        pod("evil", &format!("{host}/evil/app{}:{number}", number % 10))
    })
    .await;
    let lane = Reviewers::of(&webhook, PATIENT).await;
    let refused = lane.review(&pod("evil", &format!("{host}/evil/app0:again"))).await;
    assert_eq!(refused.warned_codes(), ["registry-error"], "{:#}", refused.json);
    assert_all_good(&[lane.review(&pod("shop", &images[0])).await]);
}

#[tokio::test]
async fn a_registry_that_wants_to_be_left_alone_is_by_everybody() {
    let (registry, images) = good(3).await;
    registry.misbehave("team/app0", faults::too_many_requests(Some("3600")));
    let webhook = webhook().await;
    let lane = Reviewers::of(&webhook, PATIENT).await;
    for (namespace, image) in [("shop", 0), ("shop", 1), ("bank", 1), ("bank", 2)] {
        let answer = lane.review(&pod(namespace, &images[image])).await;
        assert_eq!(answer.warned_codes(), ["registry-rate-limited"], "{:#}", answer.json);
        assert!(answer.warnings()[0].contains("asks to wait"), "{:?}", answer.warnings());
    }
    assert_eq!(registry.log().all().len(), 1);
    assert_eq!(spared(&webhook).await, 3);
}
