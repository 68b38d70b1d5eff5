//! An answer comes before the request's `timeout`, whatever hangs, and what was begun ends in the
//! cache.

use std::time::Duration;

use futures_util::future::join_all;
use http::Method;

use crate::support::api_server::{
    ApiServer, Mood, namespace_path, secret_path, service_account_path,
};
use crate::support::images;
use crate::support::misbehaving::{Access, Logins, Registry, faults};
use crate::support::reviews::{DEPLOYMENT, Review, pod_spec, pod_spec_of};
use crate::support::server::{Gate, Greeting};
use crate::support::token_server::{Mood as TokenMood, TokenServer};
use crate::support::webhook::{Call, Launch, Reviewed, Webhook};

const REPOSITORY: &str = "team/app";

/// The timeout of the reviews here: the answer must come before it, which is the promise, and not
/// a matter of speed. The way to the webhook and back has a tenth of it.
const TIMEOUT: Duration = Duration::from_secs(2);
const SHORT: Call<'static> = Call { timeout: Some("2s"), http2: false };

/// Time for a question to the API server to come to its own limit of two seconds, and for more.
const LONGER_TIMEOUT: Duration = Duration::from_secs(4);
const LONGER: Call<'static> = Call { timeout: Some("4s"), http2: false };

/// Allowed with one warning of this code, in time.
async fn unseen(webhook: &Webhook, review: &Review, code: &str) -> Reviewed {
    let answer = webhook.review_as(review, SHORT).await;
    assert!(answer.elapsed < TIMEOUT, "after {:?}", answer.elapsed);
    assert!(answer.allowed(), "{:#}", answer.json);
    assert_eq!(answer.warned_codes(), [code], "{:#}", answer.json);
    answer
}

#[tokio::test]
async fn a_registry_that_hangs_delays_nobody_and_is_asked_once() {
    let registry = Registry::start(Access::anonymous()).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("hangs"));
    let gate = Gate::closed();
    registry.misbehave(REPOSITORY, faults::gate(&gate));
    let webhook = Launch::alone().mode("enforce").start().await;

    // One joins the other's question, and both are answered in time.
    let review = Review::of_pod(&image);
    join_all((0..2).map(async |_| {
        let answer = unseen(&webhook, &review, "registry-timeout").await;
        let words = &answer.warnings()[0];
        assert!(words.contains(&format!("no answer from {}", registry.host())), "{words}");
    }))
    .await;
    assert_eq!(webhook.metric("pullcheck_deadline_missed_total").await, 2);
    gate.open();
    webhook.until_metric("pullcheck_lookups_total{outcome=\"found\",registry=\"other\"}", 1).await;
    let answer = webhook.review_as(&Review::of_pod(&image), SHORT).await;
    assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
    assert_eq!(registry.manifest_requests_by(&Method::HEAD, REPOSITORY), 1);
    assert_eq!(registry.manifest_requests_by(&Method::GET, REPOSITORY), 1);
}

#[tokio::test]
async fn many_images_of_a_hanging_registry_are_one_warning_in_time() {
    let registry = Registry::start(Access::anonymous()).await;
    let webhook = Launch::alone().mode("enforce").start().await;
    let spec = pod_spec_of((0..30).map(|number| {
        let repository = format!("team/app{number}");
        registry.misbehave(&repository, faults::hang());
        format!("{}/{repository}:1.0", registry.host())
    }));
    let review = Review::create(&DEPLOYMENT, &DEPLOYMENT.object("shop", "web", spec));
    let answer = unseen(&webhook, &review, "registry-timeout").await;
    assert!(answer.warnings()[0].contains("and 29 more images"), "{:?}", answer.warnings());
}

#[tokio::test]
async fn a_body_that_never_ends_and_one_that_drips_delay_nobody() {
    let faults = [faults::hang_in_body as fn() -> _, faults::drip];
    join_all(faults.iter().map(async |fault| {
        let registry = Registry::start(Access::anonymous()).await;
        let image = registry.add(REPOSITORY, "1.0", &images::simple("slow body"));
        registry.misbehave(REPOSITORY, fault());
        let webhook = Launch::alone().mode("enforce").start().await;
        unseen(&webhook, &Review::of_pod(&image), "registry-timeout").await;
    }))
    .await;
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_the_fault_of_tls() {
    let registry = Registry::start_mute(Greeting::Silence).await;
    let webhook = Launch::alone().mode("enforce").start().await;
    let image = format!("{}/{REPOSITORY}:1.0", registry.host());
    unseen(&webhook, &Review::of_pod(&image), "registry-tls").await;
}

#[tokio::test]
async fn a_token_server_that_hangs_is_named() {
    let tokens = TokenServer::start().await;
    let registry = Registry::start(Access::bearer(&tokens)).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("hanging tokens"));
    tokens.publish(REPOSITORY);
    let gate = Gate::closed();
    tokens.mood(TokenMood::Gated(gate.clone()));
    let webhook = Launch::alone().mode("enforce").start().await;
    let answer = unseen(&webhook, &Review::of_pod(&image), "registry-timeout").await;
    assert!(answer.warnings()[0].contains(&tokens.host()), "{:?}", answer.warnings());
    gate.open();
    webhook.until_metric("pullcheck_lookups_total{outcome=\"found\",registry=\"other\"}", 1).await;
    assert_eq!(tokens.requests().len(), 1);
}

#[tokio::test]
async fn an_absence_that_is_known_at_the_deadline_is_told_without_its_suggestion() {
    let registry = Registry::start(Access::anonymous()).await;
    registry.add(REPOSITORY, "1.0", &images::simple("slow list"));
    registry.misbehave(REPOSITORY, faults::hang().on_tags());
    let webhook = Launch::alone().mode("enforce").start().await;
    let image = format!("{}/{REPOSITORY}:1.1", registry.host());
    let answer = webhook.review_as(&Review::of_pod(&image), SHORT).await;
    assert!(answer.elapsed < TIMEOUT, "after {:?}", answer.elapsed);
    assert_eq!(answer.denied_codes(), ["tag-not-found"], "{:#}", answer.json);
}

/// The objects are there, and nobody says so: that must neither delay nor decide.
#[tokio::test]
async fn an_api_server_that_hangs_delays_nobody() {
    let registry = Registry::start(Access::basic(&Logins::default())).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("slow API"));
    let paths = [
        (secret_path("shop", "regcred"), "Secret shop/regcred could not be read"),
        (service_account_path("shop", "builder"), "ServiceAccount shop/builder could not be read"),
    ];
    join_all(paths.iter().map(async |(path, words)| {
        let api = ApiServer::start(&["shop"]).await;
        api.put_service_account("shop", "builder", &["regcred"]);
        api.mood(path, Mood::Hangs);
        let webhook = Launch::beside(&api).mode("enforce").start().await;
        let mut spec = pod_spec(&image);
        spec["serviceAccountName"] = "builder".into();
        let review = Review::create(&DEPLOYMENT, &DEPLOYMENT.object("shop", "web", spec));
        let answer = webhook.review_as(&review, LONGER).await;
        assert!(answer.elapsed < LONGER_TIMEOUT, "{path}: {:?}", answer.elapsed);
        assert!(answer.allowed(), "{path}: {:#}", answer.json);
        assert_eq!(answer.warned_codes(), ["access-denied", "not-checked"], "{:#}", answer.json);
        assert!(answer.warnings()[0].contains(words), "{:?}", answer.warnings());
    }))
    .await;
}

#[tokio::test]
async fn a_namespace_whose_label_cannot_be_read_is_judged_in_time_and_nothing_denied() {
    let registry = Registry::start(Access::anonymous()).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("slow label"));
    let api = ApiServer::start(&["shop"]).await;
    api.mood(&namespace_path("shop"), Mood::Hangs);
    let webhook = Launch::beside(&api).mode("enforce").start().await;
    let review = Review::of_pod(&image.replace("1.0", "1.1"));
    let answer = webhook.review_as(&review, LONGER).await;
    assert!(answer.elapsed < LONGER_TIMEOUT, "{:?}", answer.elapsed);
    assert!(answer.allowed(), "{:#}", answer.json);
    assert_eq!(answer.warned_codes(), ["tag-not-found", "not-checked"], "{:#}", answer.json);
}
