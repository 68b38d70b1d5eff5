//! The serving certificate is renewed without dropping a connection, half of a new pair is
//! refused, and SIGTERM lets what is in flight end.

use std::path::Path;

use crate::support::http::Connection;
use crate::support::images;
use crate::support::misbehaving::{Access, Registry, faults};
use crate::support::reviews::{Review, UNKNOWN, pod_spec};
use crate::support::server::Gate;
use crate::support::tls::{Ca, Kind, Leaf};
use crate::support::webhook::{Launch, Webhook};

/// A review that is answered at once.
fn review() -> String {
    let gadget = UNKNOWN.object("shop", "web", pod_spec("any"));
    Review::create(&UNKNOWN, &gadget).json().to_string()
}

async fn answers(connection: &mut Connection) {
    let answer = connection.post("/validate?timeout=10s", review()).await.unwrap();
    assert_eq!(answer.json()["response"]["allowed"], true);
}

/// Puts new bytes in place of a file in one step, as Kubernetes does with a mounted Secret.
fn exchange(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(&new, path).unwrap();
}

fn exchange_certificate(webhook: &Webhook, leaf: &Leaf) {
    exchange(&webhook.leaf().cert_file(), leaf.pem());
}

fn exchange_key(webhook: &Webhook, leaf: &Leaf) {
    exchange(&webhook.leaf().key_file(), &leaf.key_pem());
}

const TAKEN_UP: &str = "a new certificate is in use";
const REFUSED: &str = "a changed certificate is refused, the old one stays in use";

#[tokio::test]
async fn a_renewed_certificate_is_taken_up_and_open_connections_stay() {
    let webhook = Launch::alone().start().await;
    let mut open = Connection::open(webhook.ca(), webhook.address()).await.unwrap();
    answers(&mut open).await;

    let ca = Ca::mint();
    let renewed = ca.good();
    exchange_key(&webhook, &renewed);
    exchange_certificate(&webhook, &renewed);
    webhook.hang_up();
    webhook.logged(TAKEN_UP).await;

    answers(&mut open).await;
    answers(&mut Connection::open(&ca, webhook.address()).await.unwrap()).await;
    let old = Connection::open(webhook.ca(), webhook.address()).await;
    assert!(old.is_err(), "who trusts only the old authority is not served any more");
    assert_eq!(webhook.metric("pullcheck_tls_reloads_total{result=\"reloaded\"}").await, 1);
}

#[tokio::test]
async fn half_of_a_new_pair_is_refused_until_the_other_half_comes() {
    type Half = fn(&Webhook, &Leaf);
    let halves: [(Half, Half); 2] =
        [(exchange_key, exchange_certificate), (exchange_certificate, exchange_key)];
    for (first, second) in halves {
        let webhook = Launch::alone().start().await;
        let ca = Ca::mint();
        let renewed = ca.good();
        first(&webhook, &renewed);
        webhook.hang_up();
        let line = webhook.logged(REFUSED).await;
        assert!(line["error"].is_string(), "{line}");
        // The old pair still serves, new connections too.
        answers(&mut Connection::open(webhook.ca(), webhook.address()).await.unwrap()).await;
        assert_eq!(webhook.metric("pullcheck_tls_reloads_total{result=\"refused\"}").await, 1);

        second(&webhook, &renewed);
        webhook.hang_up();
        webhook.logged(TAKEN_UP).await;
        answers(&mut Connection::open(&ca, webhook.address()).await.unwrap()).await;
    }
}

#[tokio::test]
async fn what_is_no_certificate_is_refused_and_quoted_nowhere() {
    let webhook = Launch::alone().start().await;
    let secret = crate::support::secrets::fresh();
    exchange(&webhook.leaf().key_file(), &secret);
    webhook.hang_up();
    webhook.logged(REFUSED).await;
    answers(&mut Connection::open(webhook.ca(), webhook.address()).await.unwrap()).await;
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_keeps_it_from_starting() {
    let ca = Ca::mint();
    let (one, other) = (ca.good(), ca.good());
    let cert = one.cert_file();
    for (key, word) in [(other.key_file(), "key"), (ca.file().with_extension("absent"), "absent")] {
        let ran = crate::support::check::Run::of(&["serve", "--no-cluster"])
            .args(&["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"])
            .args(&["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()])
            .run()
            .await;
        assert_ne!(ran.code, Some(0), "{ran}");
        assert!(ran.stderr.contains(word), "{ran}");
    }
}

#[tokio::test]
async fn a_start_without_any_certificate_says_what_there_is_to_give() {
    let ran = crate::support::check::Run::of(&["serve", "--no-cluster"]).run().await;
    assert_ne!(ran.code, Some(0), "{ran}");
    for flag in ["--tls-cert", "--tls-key", "pullcheck certs", "--tls-secret"] {
        assert!(ran.stderr.contains(flag), "{ran}");
    }
}

#[tokio::test]
async fn the_end_of_the_certificate_is_a_metric_and_told_when_it_has_come() {
    const END: &str = "pullcheck_certificate_expiry_timestamp_seconds";
    let webhook = Launch::alone().start().await;
    let far = 4_000_000_000;
    webhook.until_metric(END, far).await;
    assert!(!webhook.log().contains("the serving certificate"), "{}", webhook.log());

    let ended = webhook.ca().leaf(Kind::Expired, &[]);
    exchange_key(&webhook, &ended);
    exchange_certificate(&webhook, &ended);
    webhook.hang_up();
    let told = "the serving certificate has ended and the API server refuses it; renew it";
    let line = webhook.logged(told).await;
    assert_eq!(line["not_after"], "2020-01-01T00:00:00Z");
    assert_eq!(webhook.metric(END).await, 1_577_836_800);
}

#[tokio::test]
async fn sigterm_lets_what_is_in_flight_end_and_takes_nothing_new() {
    let registry = Registry::start(Access::anonymous()).await;
    let image = registry.add("team/app", "1.0", &images::simple("drain"));
    let gate = Gate::closed();
    registry.misbehave("team/app", faults::gate(&gate));
    let mut webhook = Launch::alone().mode("enforce").start().await;
    assert_eq!(webhook.probe("/readyz").await.status, 200);
    assert_eq!(webhook.probe("/livez").await.status, 200);

    let mut open = Connection::open(webhook.ca(), webhook.address()).await.unwrap();
    let body = Review::of_pod(&image).json().to_string();
    let in_flight = tokio::spawn(async move { open.post("/validate?timeout=30s", body).await });
    gate.until_waiting(1).await;
    webhook.terminate();
    webhook
        .logged("stopping: answering what is in flight and what still comes, then no more")
        .await;
    // Until the last answer is out it is alive, and not ready.
    assert_eq!(webhook.probe("/readyz").await.status, 503);
    assert_eq!(webhook.probe("/livez").await.status, 200);

    gate.open();
    let answer = in_flight.await.unwrap().unwrap();
    assert_eq!(answer.json()["response"]["allowed"], true, "{}", answer.text());
    assert!(webhook.ended().await.success());
    assert!(webhook.log().contains("\"stopped\""), "{}", webhook.log());
    assert!(Connection::open(webhook.ca(), webhook.address()).await.is_err());
}
