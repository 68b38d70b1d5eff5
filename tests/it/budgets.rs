//! What one object, or one namespace, can cost has a bound, and beyond it nothing is denied.

use crate::support::api_server::{ApiServer, Entry};
use crate::support::images;
use crate::support::misbehaving::{Access, Logins, Registry};
use crate::support::reviews::{POD, Review, pod_spec_of, pod_spec_with_secrets};
use crate::support::secrets;
use crate::support::webhook::{Call, Launch};

#[tokio::test]
async fn sixty_four_images_of_one_object_are_looked_at_and_no_more() {
    let registry = Registry::start(Access::anonymous()).await;
    let names = (0..70).map(|number| {
        registry.add(&format!("team/app{number}"), "1.0", &images::simple(&format!("{number}")))
    });
    let spec = pod_spec_of(names);
    let webhook = Launch::alone().mode("enforce").args(&["--timeout", "30s"]).start().await;
    let review = Review::create(&POD, &POD.object("shop", "web", spec));
    let call = Call { timeout: Some("30s"), http2: false };
    let answer = webhook.review_as(&review, call).await;
    assert!(answer.allowed(), "{:#}", answer.json);
    assert_eq!(answer.warned_codes(), ["not-checked"], "one line for all: {:#}", answer.json);
    assert!(answer.warnings()[0].contains("64 distinct images"), "{:?}", answer.warnings());
    let asked =
        (0..70).filter(|number| registry.manifest_requests(&format!("team/app{number}")) > 0);
    assert_eq!(asked.count(), 64);
}

#[tokio::test]
async fn thirty_two_pull_secrets_of_one_object_are_read_and_no_more() {
    let logins = Logins::default();
    let password = logins.add("alice", &["*"]);
    let registry = Registry::start(Access::basic(&logins)).await;
    let image = registry.add("team/app", "1.0", &images::simple("secrets"));
    let api = ApiServer::start(&["shop"]).await;
    let names: Vec<String> = (0..40).map(|number| format!("s{number}")).collect();
    for name in &names {
        let entry = Entry { host: "ghcr.io", user: "bob", password: &secrets::fresh() };
        api.put_pull_secret("shop", name, &[entry]);
    }
    // The one that would do is beyond the bound, so nobody can say that access is denied.
    let entry = Entry { host: &registry.host(), user: "alice", password: &password };
    api.put_pull_secret("shop", "s39", &[entry]);
    let webhook = Launch::beside(&api).mode("enforce").start().await;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let spec = pod_spec_with_secrets(&image, &names);
    let answer = webhook.review(&Review::create(&POD, &POD.object("shop", "web", spec))).await;
    assert!(answer.allowed(), "{:#}", answer.json);
    assert_eq!(answer.warned_codes(), ["access-denied", "not-checked"], "{:#}", answer.json);
    assert!(answer.warnings()[1].contains("first 32 pull secrets"), "{:?}", answer.warnings());
    let read = (0..40).filter(|number| {
        api.asked(&crate::support::api_server::secret_path("shop", &format!("s{number}"))) > 0
    });
    assert_eq!(read.count(), 32);
}

#[tokio::test]
async fn ten_refused_logins_of_one_namespace_at_one_host_are_the_most() {
    let logins = Logins::default();
    let registry = Registry::start(Access::basic(&logins)).await;
    let api = ApiServer::start(&["shop", "other"]).await;
    let image = registry.add("team/app", "1.0", &images::simple("logins"));
    let webhook = Launch::beside(&api).mode("enforce").start().await;
    let mut codes = Vec::new();
    for number in 0..15 {
        let (name, user) = (format!("s{number}"), format!("user{number}"));
        let entry = Entry { host: &registry.host(), user: &user, password: &secrets::fresh() };
        api.put_pull_secret("shop", &name, &[entry]);
        let spec = pod_spec_with_secrets(&image, &[&name]);
        let answer = webhook.review(&Review::create(&POD, &POD.object("shop", "web", spec))).await;
        codes.extend(answer.denied_codes());
        codes.extend(answer.warned_codes());
    }
    let expected = [["credential-rejected"; 10].as_slice(), &["not-checked"; 5]].concat();
    assert_eq!(codes, expected);
    assert_eq!(logins.refused().len(), 10);
    // Another namespace has its own.
    let entry = Entry { host: &registry.host(), user: "zoe", password: &secrets::fresh() };
    api.put_pull_secret("other", "s", &[entry]);
    let spec = pod_spec_with_secrets(&image, &["s"]);
    let answer = webhook.review(&Review::create(&POD, &POD.object("other", "web", spec))).await;
    assert_eq!(answer.denied_codes(), ["credential-rejected"], "{:#}", answer.json);
}
