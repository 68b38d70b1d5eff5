//! The nodes that there are, seen by the webhook's watch: an image is held against those that the
//! pod may land on, and only those.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::api_server::{ApiServer, Mood, NAMESPACES, NODES, node, runtime_class_path};
use crate::support::check::check;
use crate::support::contract::Report;
use crate::support::images::{self, Format};
use crate::support::manifests::pod;
use crate::support::misbehaving::{Access, Registry};
use crate::support::reviews::{DAEMON_SET, DEPLOYMENT, Kind, POD, Review, pod_spec};
use crate::support::webhook::{Launch, Reviewed, Webhook};

/// Only turns a hang into a failure.
const NEVER: Duration = Duration::from_secs(60);

/// An image that is only for linux/amd64, and the cluster that is to run it.
struct Scene {
    registry: Registry,
    api: ApiServer,
    image: String,
}

fn pooled(mut node: Value, pool: &str) -> Value {
    node["metadata"]["labels"]["pool"] = pool.into();
    node
}

impl Scene {
    async fn set() -> Self {
        let registry = Registry::start(Access::anonymous()).await;
        let index = images::index(&[images::image(Format::Oci, "linux/amd64", "a")]);
        let image = registry.add("team/app", "1.0", &index);
        let api = ApiServer::start(&["shop"]).await;
        api.put_node(pooled(node("amd", "linux/amd64", &[]), "amd"));
        api.put_node(pooled(node("arm", "linux/arm64", &[]), "arm"));
        api.put_node(pooled(node("win", "windows/amd64", &["os=windows:NoSchedule"]), "win"));
        Self { registry, api, image }
    }

    async fn webhook(&self) -> Webhook {
        Launch::beside(&self.api).mode("enforce").start().await
    }

    /// One that knows the nodes.
    async fn watching(&self) -> Webhook {
        let webhook = self.webhook().await;
        webhook.logged("the cluster's nodes are known").await;
        self.api.watched(1).await;
        webhook
    }

    fn spec(&self, more: &Value) -> Value {
        let mut spec = pod_spec(&self.image);
        for (key, value) in more.as_object().unwrap() {
            spec[key] = value.clone();
        }
        spec
    }

    /// The codes of which pods of this specification are warned. Nothing is denied: an autoscaler
    /// may bring other nodes.
    async fn said(&self, webhook: &Webhook, kind: &Kind, more: &Value) -> Reviewed {
        let object = kind.object("shop", "web", self.spec(more));
        let answer = webhook.review(&Review::create(kind, &object)).await;
        assert!(answer.allowed(), "{more}: {:#}", answer.json);
        answer
    }

    /// Whether pods of this specification are warned about the image's platform. Nothing else is
    /// ever said.
    async fn warned(&self, webhook: &Webhook, kind: &Kind, more: &Value) -> bool {
        let answer = self.said(webhook, kind, more).await;
        let codes = answer.warned_codes();
        assert!(codes.is_empty() || codes == ["platform-missing"], "{more}: {:#}", answer.json);
        !codes.is_empty()
    }

    /// Waits until nodes are missed by their right.
    async fn until_missed(&self, webhook: &Webhook, more: &Value) {
        let begun = Instant::now();
        loop {
            let answer = self.said(webhook, &POD, more).await;
            if answer.warned_codes() == ["not-checked"] {
                let said = "pullcheck may not list and watch nodes; grant it list and watch";
                assert!(answer.warnings()[0].contains(said), "{:#}", answer.json);
                return;
            }
            assert!(begun.elapsed() < NEVER, "{more}: {:#}", answer.json);
            tokio::task::yield_now().await;
        }
    }

    /// Waits until the webhook's word has come to this.
    async fn until_warned(&self, webhook: &Webhook, more: &Value, expected: bool) {
        let begun = Instant::now();
        let codes: &[&str] = if expected { &["platform-missing"] } else { &[] };
        while self.said(webhook, &POD, more).await.warned_codes() != codes {
            assert!(begun.elapsed() < NEVER, "{more} was never {expected}:\n{}", webhook.log());
            tokio::task::yield_now().await;
        }
    }
}

fn pool(name: &str) -> Value {
    json!({ "nodeSelector": { "pool": name } })
}

#[tokio::test]
async fn an_image_is_held_against_the_nodes_that_the_pod_may_land_on() {
    let scene = Scene::set().await;
    let scheduling = json!({
        "nodeSelector": { "kubernetes.io/os": "windows" },
        "tolerations": [{ "key": "os", "operator": "Exists" }],
    });
    scene.api.put_runtime_class("windows", &scheduling);
    let webhook = scene.watching().await;
    let tolerations = json!([{ "key": "os", "value": "windows", "effect": "NoSchedule" }]);
    let affinity = |operator: &str| {
        let requirement = json!({ "key": "pool", "operator": operator, "values": ["arm"] });
        json!({ "affinity": { "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{ "matchExpressions": [requirement] }],
            },
        } } })
    };
    for (more, expected) in [
        (pool("amd"), false),
        (pool("arm"), true),
        // Nobody lives there: what is not known is not warned about.
        (pool("empty"), false),
        (affinity("In"), true),
        (affinity("NotIn"), false),
        (json!({ "nodeName": "arm" }), true),
        (json!({ "nodeName": "amd" }), false),
        (json!({ "nodeName": "nobody" }), false),
        // A tainted pool is for those who tolerate it.
        (pool("win"), false),
        (json!({ "nodeSelector": { "pool": "win" }, "tolerations": tolerations }), true),
        (json!({ "os": { "name": "windows" }, "tolerations": tolerations }), true),
        (json!({ "os": { "name": "windows" } }), false),
        (json!({ "runtimeClassName": "windows" }), true),
    ] {
        for kind in [POD, DEPLOYMENT] {
            let warned = scene.warned(&webhook, &kind, &more).await;
            assert_eq!(warned, expected, "{} {more}", kind.name);
        }
    }
    assert_eq!(scene.api.asked(&runtime_class_path("windows")), 1);
    assert!(scene.registry.manifest_requests("team/app") > 0);
}

#[tokio::test]
async fn a_cordoned_node_is_for_daemon_sets() {
    let scene = Scene::set().await;
    let mut cordoned = pooled(node("away", "linux/arm64", &[]), "away");
    cordoned["spec"]["unschedulable"] = true.into();
    scene.api.put_node(cordoned);
    let webhook = scene.watching().await;
    assert!(!scene.warned(&webhook, &DEPLOYMENT, &pool("away")).await);
    assert!(scene.warned(&webhook, &DAEMON_SET, &pool("away")).await);
}

#[tokio::test]
async fn nodes_that_come_change_and_go_are_followed() {
    let scene = Scene::set().await;
    let webhook = scene.watching().await;
    assert!(!scene.warned(&webhook, &POD, &pool("late")).await);
    scene.api.put_node(pooled(node("late", "linux/arm64", &[]), "late"));
    scene.until_warned(&webhook, &pool("late"), true).await;
    scene.api.put_node(pooled(node("late", "linux/arm64", &["a=b:NoExecute"]), "late"));
    scene.until_warned(&webhook, &pool("late"), false).await;
    scene.api.put_node(pooled(node("late", "linux/arm64", &["a=b:PreferNoSchedule"]), "late"));
    scene.until_warned(&webhook, &pool("late"), true).await;
    scene.api.delete_node("late");
    scene.until_warned(&webhook, &pool("late"), false).await;
    assert_eq!(scene.api.watches(), 1, "one watch told it all");
}

#[tokio::test]
async fn a_watch_that_is_too_old_or_breaks_begins_anew() {
    let scene = Scene::set().await;
    let webhook = scene.watching().await;
    scene.api.compact();
    scene.api.watched(2).await;
    scene.api.put_node(pooled(node("late", "linux/arm64", &[]), "late"));
    scene.until_warned(&webhook, &pool("late"), true).await;
    scene.api.cut_watches();
    scene.api.watched(3).await;
    scene.api.delete_node("late");
    scene.until_warned(&webhook, &pool("late"), false).await;
}

#[tokio::test]
async fn while_the_api_server_is_away_the_last_nodes_stand_in() {
    let scene = Scene::set().await;
    let webhook = scene.watching().await;
    scene.api.mood(NODES, Mood::Status(503));
    scene.api.cut_watches();
    let line = webhook.logged("the cluster's nodes cannot be read").await;
    assert!(line["why"].as_str().unwrap().starts_with("API server "), "{line}");
    assert!(scene.warned(&webhook, &POD, &pool("arm")).await);
    scene.api.put_node(pooled(node("late", "linux/arm64", &[]), "late"));
    scene.api.cheer_up(NODES);
    scene.until_warned(&webhook, &pool("late"), true).await;
}

#[tokio::test]
async fn without_the_right_to_list_nodes_they_make_no_verdict_until_it_is_granted() {
    let scene = Scene::set().await;
    scene.api.mood(NODES, Mood::Status(403));
    let webhook = scene.webhook().await;
    let words = "pullcheck may not list and watch nodes, so images are not held against the nodes \
                 there are";
    let line = webhook.logged(words).await;
    assert_eq!(line["level"], "WARN", "{line}");
    for more in [json!({}), pool("arm"), json!({ "nodeName": "arm" })] {
        scene.until_missed(&webhook, &more).await;
    }
    assert_eq!(webhook.probe("/readyz").await.status, 200);
    scene.api.cheer_up(NODES);
    scene.until_warned(&webhook, &pool("arm"), true).await;
    // And taken away again.
    scene.api.mood(NODES, Mood::Status(403));
    scene.api.cut_watches();
    scene.until_missed(&webhook, &pool("arm")).await;
}

#[tokio::test]
async fn a_tag_that_a_node_may_hold_is_not_denied_where_nodes_may_not_be_listed() {
    let scene = Scene::set().await;
    scene.api.mood(NODES, Mood::Status(403));
    let webhook = scene.webhook().await;
    let missing = scene.image.replace(":1.0", ":1.1");
    let pod = |policy: &str| {
        let mut spec = pod_spec(&missing);
        spec["containers"][0]["imagePullPolicy"] = policy.into();
        Review::create(&POD, &POD.object("shop", "web", spec))
    };
    let answer = webhook.review(&pod("IfNotPresent")).await;
    assert!(answer.allowed(), "{:#}", answer.json);
    assert_eq!(answer.warned_codes(), ["tag-not-found", "not-checked"], "{:#}", answer.json);
    let warnings = answer.warnings();
    assert!(warnings[0].contains("unless a node holds it, and pullcheck may not list nodes"));
    assert!(warnings[1].contains("pullcheck may not list and watch nodes"), "{warnings:?}");
    let answer = webhook.review(&pod("Always")).await;
    assert_eq!(answer.denied_codes(), ["tag-not-found"], "{:#}", answer.json);
    assert_eq!(answer.warnings(), [] as [&str; 0]);
}

#[tokio::test]
async fn a_runtime_class_that_may_not_be_read_narrows_nothing() {
    let scene = Scene::set().await;
    scene.api.put_runtime_class("arm", &json!({ "nodeSelector": { "pool": "arm" } }));
    scene.api.mood(&runtime_class_path("arm"), Mood::Status(403));
    let webhook = scene.watching().await;
    let mut more = pool("amd");
    more["runtimeClassName"] = "arm".into();
    assert!(!scene.warned(&webhook, &POD, &more).await);
    let words = "pullcheck may not get runtimeclasses, so they do not narrow a pod's nodes";
    webhook.logged(words).await;
    // What nodes tell against the image is told with that reserve.
    let mut more = pool("arm");
    more["runtimeClassName"] = "arm".into();
    let answer = scene.said(&webhook, &POD, &more).await;
    assert_eq!(answer.warned_codes(), ["platform-missing", "not-checked"], "{:#}", answer.json);
    assert!(answer.warnings()[1].contains("pullcheck may not get runtimeclasses"));
}

#[tokio::test]
async fn it_is_ready_once_the_nodes_were_read_or_could_not_be() {
    let scene = Scene::set().await;
    scene.api.mood(NODES, Mood::Hangs);
    let webhook = Launch::beside(&scene.api).early().start().await;
    let answer = webhook.probe("/readyz").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.text().contains("nodes: reading the cluster's nodes"), "{}", answer.text());
    let webhook = {
        scene.api.mood(NODES, Mood::Status(500));
        scene.webhook().await
    };
    webhook.logged("the cluster's nodes cannot be read").await;
}

#[tokio::test]
async fn it_is_ready_once_the_namespaces_were_read_or_could_not_be() {
    let api = ApiServer::start(&["shop"]).await;
    api.mood(NAMESPACES, Mood::Hangs);
    let webhook = Launch::beside(&api).early().start().await;
    webhook.logged("the cluster's nodes are known").await;
    let answer = webhook.probe("/readyz").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.text().contains("namespaces: reading the cluster's"), "{}", answer.text());
    api.mood(NAMESPACES, Mood::Status(403));
    let webhook = Launch::beside(&api).start().await;
    let words = "pullcheck may not list and watch namespaces, so a namespace's mode label may be \
                 half a minute old";
    assert_eq!(webhook.logged(words).await["level"], "WARN");
}

#[tokio::test]
async fn a_check_against_a_cluster_lists_its_nodes_once() {
    let scene = Scene::set().await;
    let kubeconfig = scene.api.kubeconfig();
    let objects = ["arm", "amd"].map(|name| pod(&scene.spec(&pool(name))).to_string());
    let manifests = objects.join("\n---\n");
    for (mood, expected) in
        [(None, &["platform-missing"][..]), (Some(Mood::Status(403)), &["not-checked"; 2])]
    {
        if let Some(mood) = mood {
            scene.api.mood(NODES, mood);
        }
        let ran = check(&["-", "--output", "json", "--cluster", "-n", "shop", "--kubeconfig"])
            .args(&[kubeconfig.to_str().unwrap()])
            .stdin(manifests.clone());
        let report = Report::of(&ran.run().await);
        let findings = report.objects.iter().flat_map(|object| &object.findings);
        let codes: Vec<&str> = findings.map(|finding| finding.code.as_str()).collect();
        assert_eq!(codes, expected, "{report:?}");
    }
    assert_eq!(scene.api.watches(), 0);
}
