//! What an operator says of the nodes, and of registries, makes a refusal or an absence likely
//! instead of proven, and spares the nodes' quota.

use http::Method;

use crate::support::images;
use crate::support::misbehaving::{Access, Logins, Registry, faults};
use crate::support::reviews::{DEPLOYMENT, Kind, POD, Review, pod_spec};
use crate::support::webhook::{Launch, Reviewed, Webhook};

const REPOSITORY: &str = "team/app";

async fn ask(webhook: &Webhook, kind: &Kind, image: &str) -> Reviewed {
    webhook.review(&Review::create(kind, &kind.object("shop", "web", pod_spec(image)))).await
}

#[track_caller]
fn likely(answer: &Reviewed, code: &str, words: &str) {
    assert!(answer.allowed(), "{:#}", answer.json);
    assert_eq!(answer.warned_codes(), [code], "{:#}", answer.json);
    assert!(answer.warnings()[0].contains(words), "no {words:?} in {:?}", answer.warnings());
}

#[tokio::test]
async fn where_nodes_log_in_by_themselves_or_use_mirrors_a_refusal_is_only_likely() {
    let logins = Logins::default();
    let registry = Registry::start(Access::basic(&logins)).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("nodes"));
    for (key, words) in [
        ("nodeCredentials", "unless nodes log in there by themselves"),
        ("nodeMirrors", "unless the nodes' mirrors have it"),
    ] {
        let config = format!("{key}: [\"{}\"]", registry.host());
        let webhook = Launch::alone().mode("enforce").config(&config).start().await;
        likely(&ask(&webhook, &POD, &image).await, "access-denied", words);
        // Without its port it is another host.
        let config = format!("{key}: [\"127.0.0.1\"]");
        let webhook = Launch::alone().mode("enforce").config(&config).start().await;
        assert_eq!(ask(&webhook, &POD, &image).await.denied_codes(), ["access-denied"]);
    }
}

#[tokio::test]
async fn where_nodes_use_mirrors_or_a_cache_an_absence_is_only_likely() {
    let registry = Registry::start(Access::anonymous()).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("nodes")).replace("1.0", "1.1");
    for (key, words) in [
        ("nodeMirrors", "unless the nodes' mirrors have it"),
        ("pullThrough", "unless this pull-through cache can still fetch it"),
    ] {
        let config = format!("{key}: [\"{}\"]", registry.host());
        let webhook = Launch::alone().mode("enforce").config(&config).start().await;
        likely(&ask(&webhook, &POD, &image).await, "tag-not-found", words);
    }
    // A login of the nodes' own brings no image that is not there.
    let config = format!("nodeCredentials: [\"{}\"]", registry.host());
    let webhook = Launch::alone().mode("enforce").config(&config).start().await;
    assert_eq!(ask(&webhook, &POD, &image).await.denied_codes(), ["tag-not-found"]);
}

#[tokio::test]
async fn a_pull_through_cache_is_not_asked_for_its_tags() {
    let registry = Registry::start(Access::anonymous()).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("cache")).replace("1.0", "1.1");
    let config = format!("pullThrough: [\"{}\"]", registry.host());
    let webhook = Launch::alone().mode("enforce").config(&config).start().await;
    ask(&webhook, &POD, &image).await;
    assert_eq!(registry.log().count(|seen| seen.path.ends_with("/tags/list")), 0);
    assert!(registry.manifest_requests(REPOSITORY) > 0);
}

#[tokio::test]
async fn where_pods_are_changed_on_admission_a_template_is_only_likely_and_the_pod_is_judged() {
    let registry = Registry::start(Access::anonymous()).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("mutated")).replace("1.0", "1.1");
    let webhook = Launch::alone().mode("enforce").config("podMutation: images").start().await;
    let words = "unless pods are changed on admission";
    likely(&ask(&webhook, &DEPLOYMENT, &image).await, "tag-not-found", words);
    assert_eq!(ask(&webhook, &POD, &image).await.denied_codes(), ["tag-not-found"]);
    let webhook = Launch::alone().mode("enforce").config("podMutation: secrets").start().await;
    assert_eq!(ask(&webhook, &DEPLOYMENT, &image).await.denied_codes(), ["tag-not-found"]);
}

#[tokio::test]
async fn below_the_quota_floor_only_headers_are_looked_at() {
    for (floor, remaining, gets) in [("0.5", 49, 0), ("0.5", 51, 1), ("0", 1, 1), ("1", 99, 0)] {
        let registry = Registry::start(Access::anonymous()).await;
        let image = registry.add(REPOSITORY, "1.0", &images::simple("quota"));
        registry.misbehave(REPOSITORY, faults::rate_limit(100, remaining));
        let webhook = Launch::alone().mode("enforce").args(&["--quota-floor", floor]).start().await;
        let answer = ask(&webhook, &POD, &image).await;
        assert!(answer.allowed(), "{:#}", answer.json);
        let sent = registry.manifest_requests_by(&Method::GET, REPOSITORY);
        assert_eq!(sent, gets, "{remaining} of 100 left, floor {floor}");
    }
}

#[tokio::test]
async fn the_login_of_the_nodes_stands_behind_those_of_the_pod() {
    let logins = Logins::default();
    let password = logins.add("alice", &["*"]);
    let registry = Registry::start(Access::basic(&logins)).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("docker config"));
    let dir = tempfile::TempDir::new().unwrap();
    let file = dir.path().join("config.json");
    let auth = crate::support::secrets::basic("alice", &password);
    let config = format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, registry.host());
    std::fs::write(&file, config).unwrap();
    let args = ["--docker-config", file.to_str().unwrap()];
    let webhook = Launch::alone().mode("enforce").args(&args).start().await;
    let answer = ask(&webhook, &POD, &image).await;
    assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
    assert_eq!(logins.accepted().first().map(String::as_str), Some("alice"));
}
