//! The label by which a namespace chooses its mode, watched: it holds as soon as it changes, and
//! where it cannot be read nothing is denied that it could have softened.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::api_server::{ApiServer, Mood, NAMESPACES, namespace_path};
use crate::support::images;
use crate::support::misbehaving::{Access, Registry};
use crate::support::reviews::{POD, Review, pod_spec};
use crate::support::webhook::{Launch, Reviewed, Webhook};

/// Only turns a hang into a failure.
const NEVER: Duration = Duration::from_secs(60);

/// A registry that lacks an image, and an API server that knows the namespace `shop` or not.
struct Scene {
    registry: Registry,
    api: ApiServer,
    absent: String,
}

impl Scene {
    async fn set() -> Self {
        let registry = Registry::start(Access::anonymous()).await;
        let image = registry.add("team/app", "1.0", &images::simple("labels"));
        let api = ApiServer::start(&["shop"]).await;
        Self { registry, api, absent: image.replace(":1.0", ":1.1") }
    }

    /// Neither watching nor asking tells of namespaces.
    fn forbid(&self) {
        self.api.mood(NAMESPACES, Mood::Status(403));
        self.api.mood(&namespace_path("shop"), Mood::Status(403));
    }

    async fn webhook(&self, mode: &str) -> Webhook {
        Launch::beside(&self.api).mode(mode).start().await
    }

    async fn pod(&self, webhook: &Webhook) -> Reviewed {
        webhook
            .review(&Review::create(&POD, &POD.object("shop", "web", pod_spec(&self.absent))))
            .await
    }

    /// Whether the pod is denied.
    async fn denied(&self, webhook: &Webhook) -> bool {
        let answer = self.pod(webhook).await;
        let (denied, warned) = (answer.denied_codes(), answer.warned_codes());
        assert_eq!([denied.clone(), warned].concat(), ["tag-not-found"], "{:#}", answer.json);
        !denied.is_empty()
    }

    async fn until_denied(&self, webhook: &Webhook, expected: bool) {
        let begun = Instant::now();
        while self.denied(webhook).await != expected {
            assert!(begun.elapsed() < NEVER, "it was never {expected}:\n{}", webhook.log());
            tokio::task::yield_now().await;
        }
    }

    fn asked(&self) -> usize {
        self.api.asked(&namespace_path("shop"))
    }
}

fn label(mode: &str) -> Value {
    json!({ "pullcheck.dev/mode": mode })
}

#[tokio::test]
async fn a_label_that_changes_holds_as_soon_as_the_watch_tells_of_it() {
    let scene = Scene::set().await;
    scene.api.put_namespace("shop", &json!({ "team": "a" }));
    let webhook = scene.webhook("warn").await;
    assert!(!scene.denied(&webhook).await);
    assert_eq!(scene.asked(), 0, "only what would deny asks");
    for (labels, denied) in [
        (label("enforce"), true),
        (label("warn"), false),
        (label("enforce"), true),
        (json!({ "team": "a" }), false),
    ] {
        scene.api.put_namespace("shop", &labels);
        scene.until_denied(&webhook, denied).await;
    }
}

/// The watch goes on, and says nothing.
#[tokio::test]
async fn a_denial_does_not_rest_on_a_label_that_a_silent_watch_still_has() {
    let scene = Scene::set().await;
    scene.api.put_mode("shop", "enforce");
    let webhook = scene.webhook("warn").await;
    assert!(scene.denied(&webhook).await);
    scene.api.put_mode_unseen("shop", "warn");
    assert!(!scene.denied(&webhook).await);
    // Where it cannot be read, what the watch says counts.
    scene.api.mood(&namespace_path("shop"), Mood::Status(403));
    assert!(scene.denied(&webhook).await);
    // Where no label could soften it, nobody asks.
    let asked = scene.asked();
    let webhook = Launch::beside(&scene.api)
        .args(&["--mode", "enforce", "--minimum-mode", "enforce"])
        .start()
        .await;
    assert!(scene.denied(&webhook).await);
    assert_eq!(scene.asked(), asked);
}

#[tokio::test]
async fn a_namespace_that_the_watch_does_not_know_yet_is_asked_for_its_label() {
    let scene = Scene::set().await;
    scene.api.put_namespace("other", &json!({}));
    scene.api.put_mode_unseen("shop", "warn");
    let webhook = scene.webhook("enforce").await;
    for _ in 0..2 {
        assert!(!scene.denied(&webhook).await);
    }
    assert_eq!(scene.asked(), 1);
    // And from when the watch does, that counts.
    scene.api.put_mode("shop", "enforce");
    scene.until_denied(&webhook, true).await;
}

#[tokio::test]
async fn where_namespaces_may_not_be_watched_each_is_asked_for_its_label() {
    let scene = Scene::set().await;
    scene.api.put_mode("shop", "warn");
    scene.api.mood(NAMESPACES, Mood::Status(403));
    let webhook = scene.webhook("enforce").await;
    for _ in 0..2 {
        assert!(!scene.denied(&webhook).await);
    }
    assert_eq!(scene.asked(), 1);
}

#[tokio::test]
async fn a_label_that_is_watched_holds_without_the_right_to_ask() {
    let scene = Scene::set().await;
    scene.api.put_mode("shop", "warn");
    scene.api.mood(&namespace_path("shop"), Mood::Status(403));
    let webhook = scene.webhook("enforce").await;
    assert!(!scene.denied(&webhook).await);
    assert_eq!(scene.asked(), 0);
}

#[tokio::test]
async fn a_label_that_was_seen_outlives_the_api_servers_trouble() {
    let scene = Scene::set().await;
    scene.api.put_mode("shop", "warn");
    let webhook = scene.webhook("enforce").await;
    assert!(!scene.denied(&webhook).await);
    scene.api.mood(NAMESPACES, Mood::Status(500));
    scene.api.mood(&namespace_path("shop"), Mood::Status(500));
    scene.api.cut_watches();
    webhook.logged("the cluster's namespaces cannot be read").await;
    assert!(!scene.denied(&webhook).await);
    assert!(scene.asked() > 0);
}

#[tokio::test]
async fn without_the_right_to_namespaces_nothing_is_denied_that_a_label_could_have_softened() {
    let scene = Scene::set().await;
    scene.forbid();
    for (args, denied) in [
        (&["--mode", "enforce"][..], false),
        (&["--mode", "enforce", "--minimum-mode", "warn"], false),
        (&["--mode", "enforce", "--minimum-mode", "enforce"], true),
        (&["--mode", "warn", "--enforced", "tag-not-found"], true),
    ] {
        let webhook = Launch::beside(&scene.api).args(args).start().await;
        let answer = scene.pod(&webhook).await;
        assert_eq!(answer.allowed(), !denied, "{args:?} {:#}", answer.json);
        let warned =
            if denied { vec!["not-checked"] } else { vec!["tag-not-found", "not-checked"] };
        assert_eq!(answer.warned_codes(), warned, "{args:?} {:#}", answer.json);
        let said = "its label pullcheck.dev/mode was not read, pullcheck may not get namespaces; \
                    grant it get, list and watch on namespaces";
        assert!(answer.warnings().iter().any(|line| line.contains(said)), "{:#}", answer.json);
    }
    let webhook = Launch::beside(&scene.api)
        .config("mode: warn\nactions: { tag-not-found: deny }\n")
        .start()
        .await;
    let answer = scene.pod(&webhook).await;
    assert!(answer.allowed(), "the label may be off: {:#}", answer.json);
}

#[tokio::test]
async fn a_right_to_namespaces_is_not_missed_where_nothing_hangs_on_it() {
    let scene = Scene::set().await;
    scene.forbid();
    let webhook = scene.webhook("enforce").await;
    let good = scene.absent.replace(":1.1", ":1.0");
    let review = Review::create(&POD, &POD.object("shop", "web", pod_spec(&good)));
    let answer = webhook.review(&review).await;
    assert_eq!(answer.warnings(), [] as [&str; 0], "{:#}", answer.json);
    // Who looks at nothing unless a label says so has it in the audit log.
    let connections = scene.registry.connections();
    let webhook = scene.webhook("off").await;
    let answer = scene.pod(&webhook).await;
    assert_eq!(answer.warnings(), [] as [&str; 0], "{:#}", answer.json);
    assert!(answer.annotations().iter().any(|(key, _)| key == "mode-label"), "{:#}", answer.json);
    assert_eq!(scene.registry.connections(), connections);
}

#[tokio::test]
async fn a_right_to_namespaces_that_is_granted_holds_within_seconds() {
    let scene = Scene::set().await;
    scene.forbid();
    let webhook = scene.webhook("enforce").await;
    assert!(scene.pod(&webhook).await.allowed());
    scene.api.put_mode("shop", "enforce");
    scene.api.cheer_up(&namespace_path("shop"));
    let begun = Instant::now();
    while scene.pod(&webhook).await.allowed() {
        assert!(begun.elapsed() < NEVER, "{}", webhook.log());
        tokio::task::yield_now().await;
    }
}
