//! What whoever may create a pod can make `serve` do: where it connects to, and what one namespace
//! costs the others.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::api_server::{
    ApiServer, ENDPOINTS, Entry, Mood, SERVICE_CIDRS, events_path, node, secret_path,
};
use crate::support::images::{self, Blob, Format, Image};
use crate::support::misbehaving::{Access, Logins, Registry, faults};
use crate::support::reviews::{POD, Review, owned, pod_spec, pod_spec_of, pod_spec_with_secrets};
use crate::support::server::{Greeting, Reply, Seen, Server};
use crate::support::webhook::{Call, Launch, Reviewed, Webhook};

/// Only turns a hang into a failure.
const NEVER: Duration = Duration::from_secs(60);
const SHORT: Call<'static> = Call { timeout: Some("1s"), http2: false };

fn pod_in(namespace: &str, image: &str) -> Review {
    Review::create(&POD, &POD.object(namespace, "web", pod_spec(image)))
}

async fn pod_at(webhook: &Webhook, host: &str) -> Reviewed {
    webhook.review_as(&pod_in("shop", &format!("{host}/team/app:1.0")), SHORT).await
}

#[track_caller]
fn assert_declined(answer: &Reviewed, host: &str, what: &str) {
    assert!(answer.allowed(), "{host}: {:#}", answer.json);
    assert_eq!(answer.warned_codes(), ["not-checked"], "{host}: {:#}", answer.json);
    let words = &answer.warnings()[0];
    assert!(words.contains(&format!("{host} is not contacted: it leads to {what}")), "{words}");
    assert!(words.contains("--allow-address"), "{words}");
}

/// A cluster that says which addresses are its own.
async fn cluster() -> ApiServer {
    let api = ApiServer::start(&["shop"]).await;
    let mut worker = node("worker", "linux/amd64", &[]);
    worker["spec"]["podCIDRs"] = json!(["10.244.3.0/24", "fd00:10:244:3::/64"]);
    api.put_node(worker);
    api.put_service_cidr("kubernetes", &["10.96.0.0/16", "fd00:10:96::/112"]);
    api.put_endpoints(&["10.0.0.5", "10.0.0.6"], 6443);
    api
}

const POD_OF: &str = "a pod of this cluster";
const SERVICE: &str = "a Service of this cluster";
const API_SERVER: &str = "the API server";

#[tokio::test]
async fn the_clusters_own_network_is_refused_as_far_as_it_is_known() {
    let api = cluster().await;
    let webhook = Launch::beside(&api)
        .env("KUBERNETES_SERVICE_HOST", "10.98.0.1")
        .args(&["--allow-address", "10.96.8.0/24"])
        .mode("enforce")
        .start()
        .await;
    for (host, what) in [
        ("10.244.3.9:5000", POD_OF),
        ("[fd00:10:244:3::9]:5000", POD_OF),
        ("[::ffff:af4:309]:5000", POD_OF),
        ("10.96.0.1", SERVICE),
        ("[fd00:10:96::1]:443", SERVICE),
        ("10.0.0.6:6443", API_SERVER),
        ("10.98.0.1:5000", API_SERVER),
    ] {
        assert_declined(&pod_at(&webhook, host).await, host, what);
    }
    // What is listed is asked, whatever becomes of it.
    let answer = pod_at(&webhook, "10.96.8.1").await;
    assert!(answer.warned_codes() != ["not-checked"], "{:#}", answer.json);

    api.put_service_cidr("more", &["10.97.0.0/24"]);
    let mut worker = node("worker-2", "linux/amd64", &[]);
    worker["spec"]["podCIDRs"] = json!(["10.244.4.0/24"]);
    api.put_node(worker);
    for (host, what) in [("10.97.0.1", SERVICE), ("10.244.4.9:5000", POD_OF)] {
        let begun = Instant::now();
        loop {
            let answer = pod_at(&webhook, host).await;
            if answer.warned_codes() == ["not-checked"] {
                assert_declined(&answer, host, what);
                break;
            }
            assert!(begun.elapsed() < NEVER, "{:#}", answer.json);
        }
    }
}

#[tokio::test]
async fn a_cluster_that_does_not_tell_its_ranges_is_served_all_the_same() {
    let own = "so addresses of Services are not refused to images";
    let [old, forbidden] = [
        format!("this cluster has no servicecidrs, {own}"),
        format!("pullcheck may not list and watch servicecidrs, {own}"),
    ];
    for (mood, said, metric) in [(404, old, false), (403, forbidden, true)] {
        let api = ApiServer::start(&["shop"]).await;
        for path in [SERVICE_CIDRS, ENDPOINTS] {
            api.mood(path, Mood::Status(mood));
        }
        let registry = Registry::start(Access::anonymous()).await;
        let image = registry.add("team/app", "1.0", &images::simple("untold"));
        let webhook = Launch::beside(&api).mode("enforce").start().await;
        webhook.logged(&said).await;
        let answer = webhook.review(&Review::of_pod(&image)).await;
        assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
        // An alert rests on this one, and nobody is to be woken for what an old cluster lacks.
        let metrics = webhook.probe("/metrics").await.text();
        assert_eq!(metrics.contains("resource=\"servicecidrs\""), metric, "{metrics}");
        // It is asked for again, but not told again.
        api.log().until(2, |seen| seen.path == SERVICE_CIDRS).await;
        assert_eq!(webhook.log().matches(&said).count(), 1, "{}", webhook.log());
    }
}

#[tokio::test]
async fn an_operator_may_refuse_private_addresses_and_ports() {
    let webhook = Launch::with(&["--no-cluster", "--deny-address", "private,192.0.2.0/24"])
        .args(&["--registry-ports", "443,5000-5001"])
        .mode("enforce")
        .start()
        .await;
    let denied = "an address that --deny-address names";
    for host in [
        "10.1.2.3",
        "172.31.0.1:5000",
        "192.168.1.1:5001",
        "100.64.0.1",
        "[fd12::1]:443",
        "192.0.2.7",
        "[::ffff:a01:203]:443",
    ] {
        assert_declined(&pod_at(&webhook, host).await, host, denied);
    }
    let left_out = "a port that --registry-ports leaves out";
    for host in ["registry.invalid:22", "10.1.2.3:5002", "localhost:8080"] {
        assert_declined(&pod_at(&webhook, host).await, host, left_out);
    }
    let answer = pod_at(&webhook, "no-such-host.invalid:5001").await;
    assert_eq!(answer.warned_codes(), ["registry-dns"], "{:#}", answer.json);
}

#[tokio::test]
async fn as_shipped_low_ports_are_not_asked() {
    let webhook = Launch::alone().mode("enforce").start().await;
    for host in ["127.0.0.1:22", "localhost:25"] {
        let what = "a port that --registry-ports leaves out";
        assert_declined(&pod_at(&webhook, host).await, host, what);
    }
}

/// A namespace that costs as much as it can, and another that has a good image.
struct Neighbours {
    api: ApiServer,
    registry: Registry,
    webhook: Webhook,
    good: Review,
}

impl Neighbours {
    async fn move_in() -> Self {
        let logins = Logins::default();
        let password = logins.add("alice", &["*"]);
        let registry = Registry::start(Access::basic(&logins)).await;
        let image = registry.add("team/app", "1.0", &images::simple("neighbours"));
        let api = ApiServer::with_namespaces(&["evil", "shop"]).await;
        for namespace in ["evil", "shop"] {
            let entry = Entry { host: &registry.host(), user: "alice", password: &password };
            api.put_pull_secret(namespace, "regcred", &[entry]);
        }
        let webhook = Launch::beside(&api).mode("enforce").start().await;
        let spec = pod_spec_with_secrets(&image, &["regcred"]);
        let good = Review::create(&POD, &POD.object("shop", "web", spec));
        Self { api, registry, webhook, good }
    }

    /// While all these are under way in one namespace, the other is answered, and knows its image.
    async fn bear(&self, attack: Vec<Review>) {
        let slow = Call { timeout: Some("25s"), http2: false };
        // On a busy machine the first may be over before the last is there.
        let many = attack.len().div_ceil(2) as u64;
        let all = join_all(
            attack.iter().map(|review| self.webhook.post(review.json().to_string(), slow)),
        );
        let other = async {
            self.webhook.until_metric("pullcheck_in_flight_reviews", many).await;
            let answer = self.webhook.review(&self.good).await;
            assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
        };
        tokio::select! {
            _ = all => panic!("nothing was under way any more"),
            () = other => {}
        }
    }
}

fn evil(spec: Value) -> Review {
    Review::create(&POD, &POD.object("evil", "web", spec)).dry_run()
}

/// As by a wildcard in DNS: every name is another host, and all of them hang.
#[tokio::test]
async fn hundreds_of_hanging_hosts_of_one_namespace_do_not_keep_another_waiting() {
    let all = "0.0.0.0:0".parse().unwrap();
    let silent = Server::start_at(all, None, Greeting::Silence, |_| async { Reply::Close }).await;
    let port = silent.address().port();
    let neighbours = Neighbours::move_in().await;
    let attack = (0..20).map(|review| {
        evil(pod_spec_of((0..60).map(|host| format!("127.1.{review}.{host}:{port}/app:1"))))
    });
    neighbours.bear(attack.collect()).await;
}

#[tokio::test]
async fn manifests_of_ten_thousand_layers_do_not_keep_another_namespace_waiting() {
    let neighbours = Neighbours::move_in().await;
    let mut image = images::image(Format::Oci, "linux/amd64", "endless");
    let mut manifest: Value = serde_json::from_slice(&image.top.bytes).unwrap();
    let layer = manifest["layers"][0].clone();
    let layers = (0..10_000).map(|number: u32| {
        let mut layer = layer.clone();
        layer["digest"] = images::digest(&number.to_be_bytes()).into();
        layer
    });
    manifest["layers"] = layers.collect();
    image.top = Blob::new(image.top.media_type, manifest.to_string());
    let attack = (0..40).map(|number| {
        let repository = format!("evil/app{number}");
        let name = neighbours.registry.add(&repository, "1.0", &image);
        neighbours.registry.misbehave(&repository, faults::hang().on_blobs());
        evil(pod_spec_with_secrets(&name, &["regcred"]))
    });
    neighbours.bear(attack.collect()).await;
}

/// An API server that answers late is asked a few questions at a time for each namespace, and so
/// has always some left for the others.
#[tokio::test]
async fn a_thousand_secrets_that_hang_do_not_keep_another_namespace_waiting() {
    let neighbours = Neighbours::move_in().await;
    let Neighbours { api, registry, webhook, good } = &neighbours;
    let attack: Vec<Review> = (0..3)
        .map(|review| {
            let names: Vec<String> = (0..1_000).map(|name| format!("s{review}-{name}")).collect();
            for name in &names {
                api.mood(&secret_path("evil", name), Mood::Hangs);
            }
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let image = format!("{}/evil/app:1.0", registry.host());
            evil(pod_spec_with_secrets(&image, &names))
        })
        .collect();
    let all = join_all(attack.iter().map(|review| webhook.review(review)));
    let of_evil = |seen: &Seen| seen.path.starts_with("/api/v1/namespaces/evil/secrets/");
    let other = async {
        api.log().until(16, of_evil).await;
        let answer = webhook.review(good).await;
        assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
    };
    tokio::join!(all, other);
    let own = secret_path("shop", "regcred");
    let log = api.log().all();
    let before = log.iter().take_while(|seen| seen.path != own).filter(|seen| of_evil(seen));
    // 96 are wanted, 64 are the most of all namespaces together.
    assert!(before.count() <= 48, "{log:#?}");
}

/// The port of the webhook asks nobody who they are.
#[tokio::test]
async fn namespaces_that_nobody_made_have_no_place_in_metrics_and_events() {
    let registry = Registry::start(Access::anonymous()).await;
    let absent = registry.add("team/app", "1.0", &images::simple("forged")).replace("1.0", "1.1");
    let api = ApiServer::with_namespaces(&["shop"]).await;
    let webhook = Launch::beside(&api).mode("enforce").args(&["--events"]).start().await;
    for number in 0..10 {
        let forged = format!("forged-{number}");
        assert!(!webhook.review(&pod_in(&forged, &absent)).await.allowed());
        let pod = owned(POD.object(&forged, "web", pod_spec(&absent)));
        webhook.review(&Review::create(&POD, &pod)).await;
    }
    assert!(!webhook.review(&pod_in("shop", &absent)).await.allowed());
    let of = |namespace: &str| {
        format!("pullcheck_would_deny_total{{namespace=\"{namespace}\",code=\"tag-not-found\"}}")
    };
    assert_eq!(webhook.metric(&of("shop")).await, 1);
    webhook.until_metric(&of("other"), 10).await;
    let metrics = webhook.probe("/metrics").await.text();
    assert!(!metrics.contains("forged"), "{metrics}");
    let pod = owned(POD.object("shop", "web", pod_spec(&absent)));
    webhook.review(&Review::create(&POD, &pod)).await;
    webhook.until_metric("pullcheck_events_total{outcome=\"created\"}", 1).await;
    let told = |seen: &Seen| seen.path.contains("events.k8s.io");
    assert_eq!(api.log().count(told), api.asked(&events_path("shop")));
}

/// Thousands of images cost memory for as long as one of them is waited for.
#[tokio::test]
async fn objects_of_many_thousand_images_leave_room_for_all_others() {
    let neighbours = Neighbours::move_in().await;
    let hangs = neighbours.registry.add("evil/hangs", "1.0", &images::simple("hangs"));
    neighbours.registry.misbehave("evil/hangs", faults::hang().before_login());
    let crowd = || {
        let invalid = (0..9_000).map(|number| format!("A{number}"));
        evil(pod_spec_of(std::iter::once(hangs.clone()).chain(invalid)))
    };
    let second = async {
        neighbours.webhook.until_metric("pullcheck_in_flight_reviews", 1).await;
        neighbours.registry.log().until(1, |seen| seen.path.contains("evil/hangs")).await;
        let answer = neighbours.webhook.post(crowd().json().to_string(), Call::default()).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
        assert!(answer.text().starts_with("too much is being reviewed"));
        let answer = neighbours.webhook.review(&neighbours.good).await;
        assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
    };
    let slow = Call { timeout: Some("25s"), http2: false };
    tokio::select! {
        _ = neighbours.webhook.post(crowd().json().to_string(), slow) => panic!("it ended"),
        () = second => {}
    }
}

/// The image as it is after `change` to its manifest or index.
fn with_top(mut image: Image, change: impl Fn(&mut Value)) -> Image {
    let mut top: Value = serde_json::from_slice(&image.top.bytes).unwrap();
    change(&mut top);
    image.top = Blob::new(image.top.media_type, serde_json::to_vec(&top).unwrap());
    image
}

#[tokio::test]
async fn addresses_that_a_manifest_names_get_no_connection() {
    let elsewhere = Registry::start(Access::anonymous()).await;
    let urls = json!([format!("{}/layer", elsewhere.url())]);
    let registry = Registry::start(Access::anonymous()).await;
    let webhook = Launch::alone().mode("enforce").start().await;
    let all = [
        (
            "layer",
            with_top(images::simple("u1"), |top| top["layers"][0]["urls"] = urls.clone()),
            "part of it is kept at addresses of its own (urls)",
        ),
        (
            "config",
            with_top(images::simple("u2"), |top| top["config"]["urls"] = urls.clone()),
            "part of it is kept at addresses of its own (urls)",
        ),
        (
            "entry",
            with_top(images::index(&[images::simple("u3")]), |top| {
                top["manifests"][0]["urls"] = urls.clone();
            }),
            "its entry for linux/amd64 is kept at addresses of its own (urls)",
        ),
    ];
    for (what, image, said) in all {
        let name = registry.add("team/app", what, &image);
        let answer = webhook.review(&Review::of_pod(&name)).await;
        assert!(answer.allowed(), "{what}: {:#}", answer.json);
        assert_eq!(answer.warned_codes(), ["not-checked"], "{what}: {:#}", answer.json);
        assert!(answer.warnings()[0].contains(said), "{what}: {:#}", answer.json);
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn an_index_whose_entry_leads_elsewhere_is_judged_by_all_else_that_it_says() {
    let registry = Registry::start(Access::anonymous()).await;
    let of = |platform| images::image(Format::Oci, platform, &format!("elsewhere {platform}"));
    let whole = images::index(&[of("linux/amd64"), of("linux/arm64"), of("linux/ppc64le")]);
    let image = with_top(whole, |top| {
        top["manifests"][1]["urls"] = json!(["https://elsewhere.invalid/manifest"]);
    });
    let name = registry.add("team/app", "1.0", &image);
    registry.lose("team/app", &image.children[2].digest);
    let webhook = Launch::alone().mode("enforce").start().await;
    for (processor, denied, warned, said) in [
        ("amd64", &[][..], &[][..], ""),
        ("arm64", &[], &["not-checked"], "its entry for linux/arm64 is kept at addresses of its"),
        ("ppc64le", &["manifest-missing"], &[], "is not in the registry (404"),
        ("s390x", &["platform-missing"], &[], "built for linux/amd64, linux/arm64 and linux/"),
    ] {
        let mut spec = pod_spec(&name);
        spec["nodeSelector"] =
            json!({ "kubernetes.io/os": "linux", "kubernetes.io/arch": processor });
        let pod = POD.object("shop", "web", spec);
        let answer = webhook.review(&Review::create(&POD, &pod)).await;
        assert_eq!(answer.allowed(), denied.is_empty(), "{processor}: {:#}", answer.json);
        if !denied.is_empty() {
            assert_eq!(answer.denied_codes(), denied, "{processor}");
        }
        assert_eq!(answer.warned_codes(), warned, "{processor}: {:#}", answer.json);
        assert!(answer.json.to_string().contains(said), "{processor}: {:#}", answer.json);
    }
    let left_alone = |seen: &Seen| seen.path.contains(&image.children[1].digest);
    assert_eq!(registry.log().count(left_alone), 0);
}
