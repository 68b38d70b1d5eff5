//! Kubernetes Events tell of a controller's pods that will not run, and of nothing else.

use serde_json::{Value, json};

use crate::support::api_server::{ApiServer, Mood, events_path};
use crate::support::images;
use crate::support::misbehaving::{Access, Registry, faults};
use crate::support::reviews::{POD, REPLICA_SET, Review, owned, pod_spec};
use crate::support::webhook::{Launch, Webhook};

const REPOSITORY: &str = "team/app";

/// A registry with `team/app:1.0`, and the name of an image that it does not have.
async fn registry() -> (Registry, String) {
    let registry = Registry::start(Access::anonymous()).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("events"));
    let absent = image.replace("1.0", "1.1");
    (registry, absent)
}

/// A pod of the ReplicaSet with this `uid`, as its controller sends it.
fn pod_of(uid: &str, namespace: &str, image: &str) -> Review {
    let mut pod = owned(POD.object(namespace, "web-5d-", pod_spec(image)));
    pod["metadata"]["ownerReferences"][0]["uid"] = uid.into();
    Review::create(&POD, &pod).by("system:serviceaccount:kube-system:replicaset-controller")
}

async fn with_events(api: &ApiServer, mode: &str) -> Webhook {
    Launch::beside(api).mode(mode).args(&["--events"]).start().await
}

fn counter(outcome: &str) -> String {
    format!("pullcheck_events_total{{outcome=\"{outcome}\"}}")
}

/// Sends a review of what is only audited, and waits until its finding is counted.
async fn audited(webhook: &Webhook, review: &Review, code: &str) {
    let name = format!("pullcheck_findings_total{{code=\"{code}\",action=\"audit\"}}");
    let before = webhook.metric(&name).await;
    let answer = webhook.review(review).await;
    assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
    webhook.until_metric(&name, before + 1).await;
}

fn uids(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["regarding"]["uid"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_controllers_pod_that_will_not_run_is_told_of_once_on_its_owner() {
    let (_registry, absent) = registry().await;
    let api = ApiServer::with_namespaces(&["shop"]).await;
    let webhook = with_events(&api, "warn").await;
    for _ in 0..3 {
        audited(&webhook, &pod_of("u-1", "shop", &absent), "tag-not-found").await;
    }
    webhook.until_metric(&counter("repeated"), 2).await;

    let events = api.events();
    assert_eq!(events.len(), 1, "{events:#?}");
    let event = &events[0];
    assert_eq!(
        event["regarding"],
        json!({
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "namespace": "shop",
            "name": "owner",
            "uid": "u-1",
        })
    );
    assert_eq!((&event["reason"], &event["type"]), (&json!("TagNotFound"), &json!("Warning")));
    assert_eq!(event["reportingController"], "pullcheck.dev");
    let note = event["note"].as_str().unwrap();
    assert!(note.starts_with("spec.containers[0].image") && note.contains("[tag-not-found]"));
    assert_eq!(api.asked(&events_path("shop")), 1);
    assert_eq!(webhook.metric(&counter("created")).await, 1);
}

#[tokio::test]
async fn nothing_is_told_of_unless_it_is_asked_for() {
    let (_registry, absent) = registry().await;
    let api = ApiServer::with_namespaces(&["shop"]).await;
    let webhook = Launch::beside(&api).mode("warn").start().await;
    audited(&webhook, &pod_of("u-1", "shop", &absent), "tag-not-found").await;
    assert_eq!(api.log().count(|seen| seen.method != http::Method::GET), 0);
}

#[tokio::test]
async fn what_the_user_sees_or_shall_not_see_is_told_of_by_no_event() {
    let (registry, absent) = registry().await;
    let api = ApiServer::with_namespaces(&["shop", "quiet"]).await;
    api.put_mode("quiet", "audit");
    let webhook = with_events(&api, "enforce").await;

    // A dry run writes nothing anywhere.
    let dry = pod_of("dry", "shop", &absent).dry_run();
    audited(&webhook, &dry, "tag-not-found").await;
    // In the mode audit nobody is told anything.
    audited(&webhook, &pod_of("quiet", "quiet", &absent), "tag-not-found").await;
    // A template is its author's business, and the pods that come of it are told of.
    let template = owned(REPLICA_SET.object("shop", "web-5d", pod_spec(&absent)));
    audited(&webhook, &Review::create(&REPLICA_SET, &template), "tag-not-found").await;
    // What a person sends is answered to that person.
    assert!(!webhook.review(&Review::of_pod(&absent)).await.allowed());
    // What only our own view could explain is no news of the pod.
    registry.misbehave("team/away", faults::server_error(500));
    let away = absent.replace(REPOSITORY, "team/away");
    audited(&webhook, &pod_of("away", "shop", &away), "registry-error").await;

    // Events are made in order, so this one is the last.
    audited(&webhook, &pod_of("told", "shop", &absent), "tag-not-found").await;
    webhook.until_metric(&counter("created"), 1).await;
    assert_eq!(uids(&api.events()), ["told"]);
}

#[tokio::test]
async fn a_missing_right_is_said_once_and_holds_nobody_up() {
    let (_registry, absent) = registry().await;
    let api = ApiServer::with_namespaces(&["shop"]).await;
    api.mood(&events_path("shop"), Mood::Status(403));
    let webhook = with_events(&api, "warn").await;
    for uid in ["u-1", "u-2", "u-3"] {
        audited(&webhook, &pod_of(uid, "shop", &absent), "tag-not-found").await;
    }
    webhook.until_metric(&counter("forbidden"), 3).await;
    let told = webhook.log().matches("may not create Events").count();
    assert_eq!(told, 1, "{}", webhook.log());

    // What could not be told is tried again, and the right needs no restart.
    api.cheer_up(&events_path("shop"));
    audited(&webhook, &pod_of("u-1", "shop", &absent), "tag-not-found").await;
    webhook.until_metric(&counter("created"), 1).await;
    assert_eq!(uids(&api.events()), ["u-1"]);
}

#[tokio::test]
async fn one_namespace_gets_a_few_events_and_leaves_the_rest_to_the_others() {
    let (_registry, absent) = registry().await;
    let api = ApiServer::with_namespaces(&["loud", "shop"]).await;
    let webhook = with_events(&api, "warn").await;
    for n in 0..40 {
        audited(&webhook, &pod_of(&format!("u-{n}"), "loud", &absent), "tag-not-found").await;
    }
    webhook.until_metric(&counter("dropped"), 20).await;
    audited(&webhook, &pod_of("other", "shop", &absent), "tag-not-found").await;
    let shop = || async { api.events().iter().any(|event| event["regarding"]["uid"] == "other") };
    while !shop().await {
        tokio::task::yield_now().await;
    }
    assert!(api.events().len() <= 21, "{}", api.events().len());
}

#[tokio::test]
async fn an_api_server_that_hangs_keeps_no_review_waiting() {
    let (_registry, absent) = registry().await;
    let api = ApiServer::with_namespaces(&["shop"]).await;
    api.mood(&events_path("shop"), Mood::Hangs);
    let webhook = with_events(&api, "warn").await;
    for n in 0..20 {
        audited(&webhook, &pod_of(&format!("u-{n}"), "shop", &absent), "tag-not-found").await;
    }
    webhook.until_metric(&counter("failed"), 1).await;
    assert!(api.events().is_empty());
}
