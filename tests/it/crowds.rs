//! Many at once: one question to the registry for all of them, and nobody's account is locked.

use std::sync::Arc;

use futures_util::future::join_all;
use http::Method;

use crate::support::api_server::{ApiServer, Entry};
use crate::support::images;
use crate::support::misbehaving::{Access, Logins, Registry, faults};
use crate::support::reviews::{POD, Review, pod_spec_with_secrets};
use crate::support::secrets;
use crate::support::server::Gate;
use crate::support::token_server::{Outcome, Post, TokenServer};
use crate::support::webhook::{Call, Launch, Webhook};

const REPOSITORY: &str = "team/app";
const CROWD: usize = 100;

/// Long enough for a crowd on a slow machine.
const PATIENT: [&str; 2] = ["--timeout", "30s"];
const PATIENTLY: Call<'static> = Call { timeout: Some("30s"), http2: false };

#[tokio::test]
async fn a_hundred_reviews_of_one_cold_image_make_one_resolution() {
    for http2 in [false, true] {
        let registry = Registry::start(Access::anonymous()).await;
        let image = registry.add(REPOSITORY, "1.0", &images::simple("crowd"));
        let gate = Gate::closed();
        registry.misbehave(REPOSITORY, faults::gate(&gate));
        let webhook = Launch::alone().mode("enforce").args(&PATIENT).start().await;

        let reviews = join_all((0..CROWD).map(async |_| {
            let review = Review::of_pod(&image);
            let answer = webhook.review_as(&review, Call { http2, ..PATIENTLY }).await;
            assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
        }));
        let all_wait = async {
            webhook.until_metric("pullcheck_cache_total{result=\"miss\"}", CROWD as u64).await;
            gate.until_waiting(1).await;
            gate.open();
        };
        tokio::join!(reviews, all_wait);
        assert_eq!(registry.manifest_requests_by(&Method::HEAD, REPOSITORY), 1);
        assert_eq!(registry.manifest_requests_by(&Method::GET, REPOSITORY), 1);
        assert_eq!(
            webhook.metric("pullcheck_lookups_total{outcome=\"found\",registry=\"other\"}").await,
            1
        );
    }
}

/// A hundred pods of namespace `shop`, each with a secret of its own for user `alice`, all wrong;
/// and what they are answered: code by code.
async fn a_hundred_wrong_passwords(api: &ApiServer, webhook: &Webhook, host: &str, image: &str) {
    for number in 0..CROWD {
        let entry = Entry { host, user: "alice", password: &secrets::fresh() };
        api.put_pull_secret("shop", &format!("regcred-{number}"), &[entry]);
    }
    let answers = join_all((0..CROWD).map(async |number| {
        let spec = pod_spec_with_secrets(image, &[&format!("regcred-{number}")]);
        let review = Review::create(&POD, &POD.object("shop", &format!("web-{number}"), spec));
        webhook.review_as(&review, PATIENTLY).await
    }))
    .await;
    let mut denied = 0;
    for answer in &answers {
        if answer.allowed() {
            assert_eq!(answer.warned_codes(), ["not-checked"], "{:#}", answer.json);
            assert!(answer.warnings()[0].contains("refused logins for this user name"));
        } else {
            assert_eq!(answer.denied_codes(), ["credential-rejected"], "{:#}", answer.json);
            denied += 1;
        }
    }
    assert!((1..=3).contains(&denied), "{denied} were denied, and no more were looked at");
}

/// The same user with the right password, in a namespace of its own, is not affected.
async fn another_namespace_pulls(
    api: &ApiServer,
    webhook: &Webhook,
    entry: Entry<'_>,
    image: &str,
) {
    api.put_pull_secret("other", "regcred", &[entry]);
    let spec = pod_spec_with_secrets(image, &["regcred"]);
    let answer = webhook.review(&Review::create(&POD, &POD.object("other", "web", spec))).await;
    assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
}

#[tokio::test]
async fn a_hundred_wrong_passwords_for_one_user_are_three_logins_by_basic() {
    let logins = Logins::default();
    let password = logins.add("alice", &["*"]);
    let registry = Registry::start(Access::basic(&logins)).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("basic crowd"));
    let api = ApiServer::start(&["shop", "other"]).await;
    let webhook = Launch::beside(&api).mode("enforce").args(&PATIENT).start().await;

    let host = registry.host();
    a_hundred_wrong_passwords(&api, &webhook, &host, &image).await;
    assert!(logins.refused().len() <= 3, "{:?}", logins.refused());
    assert!(!logins.refused().is_empty());
    // Asking again, later, asks no more often.
    a_hundred_wrong_passwords_again(&webhook, &image).await;
    assert!(logins.refused().len() <= 3, "{:?}", logins.refused());
    another_namespace_pulls(
        &api,
        &webhook,
        Entry { host: &host, user: "alice", password: &password },
        &image,
    )
    .await;
}

async fn a_hundred_wrong_passwords_again(webhook: &Webhook, image: &str) {
    let again = join_all((0..CROWD).map(async |number| {
        let spec = pod_spec_with_secrets(image, &[&format!("regcred-{number}")]);
        webhook.review_as(&Review::create(&POD, &POD.object("shop", "web", spec)), PATIENTLY).await
    }));
    for answer in again.await {
        assert!(!answer.json["response"]["allowed"].is_null());
    }
}

#[tokio::test]
async fn a_hundred_wrong_passwords_for_one_user_are_three_logins_at_a_token_server() {
    for post in [Post::Works, Post::Unsupported(404), Post::Unsupported(401)] {
        let server = Arc::new(TokenServer::start().await);
        server.post(post);
        let password = server.add_user("alice", &["*"]);
        let registry = Registry::start(Access::bearer(&server)).await;
        let image = registry.add(REPOSITORY, "1.0", &images::simple("bearer crowd"));
        let api = ApiServer::start(&["shop", "other"]).await;
        let webhook = Launch::beside(&api).mode("enforce").args(&PATIENT).start().await;

        let host = registry.host();
        a_hundred_wrong_passwords(&api, &webhook, &host, &image).await;
        let refused = server.count(Outcome::LoginRefused);
        assert!((1..=3).contains(&refused), "{refused} refused logins with {post:?}");
        let entry = Entry { host: &host, user: "alice", password: &password };
        another_namespace_pulls(&api, &webhook, entry, &image).await;
    }
}

#[tokio::test]
async fn a_refused_login_is_not_sent_again_for_another_image() {
    let logins = Logins::default();
    logins.add("alice", &["*"]);
    let registry = Registry::start(Access::basic(&logins)).await;
    let api = ApiServer::start(&["shop"]).await;
    let entry = Entry { host: &registry.host(), user: "alice", password: &secrets::fresh() };
    api.put_pull_secret("shop", "regcred", &[entry]);
    let webhook = Launch::beside(&api).mode("enforce").start().await;
    for number in 0..5 {
        let image = registry.add(&format!("team/app{number}"), "1.0", &images::simple("many"));
        let spec = pod_spec_with_secrets(&image, &["regcred"]);
        let answer = webhook.review(&Review::create(&POD, &POD.object("shop", "web", spec))).await;
        assert_eq!(answer.denied_codes(), ["credential-rejected"], "{:#}", answer.json);
    }
    assert_eq!(logins.refused().len(), 1);
}
