//! What a look at a new image costs on the wire, counted at the registry: requests, connections,
//! TLS sessions and tokens. One more than is needed fails.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::api_server::{ApiServer, Entry};
use crate::support::images::{self, Image, media};
use crate::support::misbehaving::{Access, Logins, Registry, faults};
use crate::support::reviews::{POD, Review, pod_spec, pod_spec_of};
use crate::support::server::Gate;
use crate::support::tls::Ca;
use crate::support::token_server::TokenServer;
use crate::support::webhook::{Call, Launch, Webhook};

/// Containers of the largest pod here.
const MANY: usize = 30;
/// Lookups at one time on behalf of one namespace at one registry: a quarter of `jobs`, which is
/// 32, and half of that.
const AT_ONCE: usize = 4;

/// Every request so far, and how often it was made.
type Requests = BTreeMap<String, usize>;

fn requests(registry: &Registry) -> Requests {
    let mut requests = Requests::new();
    for seen in registry.log().all() {
        *requests.entry(format!("{} {}", seen.method, seen.path)).or_default() += 1;
    }
    requests
}

/// What containerd would ask for of an image by its tag, and a HEAD for each layer: of an index, the
/// entry for linux/amd64, which is its first.
fn needed(repository: &str, image: &Image) -> Requests {
    let path = |kind: &str, what: &str| format!("/v2/{repository}/{kind}/{what}");
    let parts = if image.children.is_empty() { image.blobs.len() } else { 2 };
    let blobs = image.blobs.iter().take(parts).map(|blob| {
        let method = if blob.media_type == media::OCI_CONFIG { "GET" } else { "HEAD" };
        format!("{method} {}", path("blobs", &blob.digest))
    });
    let entry = image.children.first();
    let manifests = [Some(&image.top), entry].into_iter().flatten();
    let manifests = manifests.map(|it| format!("GET {}", path("manifests", &it.digest)));
    let tag = format!("HEAD {}", path("manifests", "1.0"));
    std::iter::once(tag).chain(manifests).chain(blobs).map(|line| (line, 1)).collect()
}

fn and(mut some: Requests, others: Requests) -> Requests {
    for (line, times) in others {
        *some.entry(line).or_default() += times;
    }
    some
}

/// A HEAD by tag that is answered with 401.
fn unasked(repository: &str) -> Requests {
    Requests::from([(format!("HEAD /v2/{repository}/manifests/1.0"), 1)])
}

async fn admitted(webhook: &Webhook, spec: Value) {
    let review = Review::create(&POD, &POD.object("shop", "web", spec));
    let call = Call { timeout: Some("30s"), http2: true };
    let answer = webhook.review_as(&review, call).await;
    assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
}

fn with_secret(mut spec: Value) -> Value {
    spec["imagePullSecrets"] = json!([{ "name": "regcred" }]);
    spec
}

/// A pod of many images, each of a repository of its own, and what it is needed to ask for.
fn many(registry: &Registry) -> (Value, Requests) {
    let mut all = Requests::new();
    let spec = pod_spec_of((0..MANY).map(|number| {
        let repository = format!("team/app{number}");
        let image = images::simple(&format!("one of many {number}"));
        all.extend(needed(&repository, &image));
        registry.add(&repository, "1.0", &image)
    }));
    (spec, all)
}

fn alone() -> Launch {
    Launch::alone().mode("enforce").args(&["--timeout", "30s"])
}

/// A token registry whose credential is in the Secret `regcred` of the namespace `shop`.
struct Guarded {
    registry: Registry,
    api: ApiServer,
}

impl Guarded {
    async fn new(registry: Registry, password: &str) -> Self {
        let api = ApiServer::start(&["shop"]).await;
        let entry = Entry { host: &registry.host(), user: "alice", password };
        api.put_pull_secret("shop", "regcred", &[entry]);
        Self { registry, api }
    }

    /// By tokens, of this server.
    async fn by_tokens() -> (Self, TokenServer) {
        let leaf = Ca::mint().good();
        let tokens = TokenServer::start_tls(&leaf).await;
        let password = tokens.add_user("alice", &["*"]);
        let registry = Registry::start_tls(Access::bearer(&tokens), &leaf).await;
        (Self::new(registry, &password).await, tokens)
    }

    async fn webhook(&self) -> Webhook {
        Launch::beside(&self.api).mode("enforce").args(&["--timeout", "30s"]).start().await
    }

    async fn look(&self, webhook: &Webhook, repository: &str) -> Requests {
        let image = images::simple(repository);
        let name = self.registry.add(repository, "1.0", &image);
        admitted(webhook, with_secret(pod_spec(&name))).await;
        needed(repository, &image)
    }
}

#[tokio::test]
async fn an_anonymous_image_costs_head_get_and_one_request_for_each_part() {
    let registry = Registry::start_tls(Access::anonymous(), &Ca::mint().good()).await;
    let webhook = alone().args(&["--platform", "linux/amd64"]).start().await;
    let arm = images::image(images::Format::Oci, "linux/arm64", "an entry that no node takes");
    let both = images::index(&[images::simple("the entry of the nodes"), arm]);
    let mut all = Requests::new();
    for (repository, image) in [
        ("team/app", both),
        ("team/other", images::simple("one platform")),
        ("team/third", images::of_layers(9, "nine layers")),
    ] {
        admitted(&webhook, pod_spec(&registry.add(repository, "1.0", &image))).await;
        all = and(all, needed(repository, &image));
        assert_eq!(requests(&registry), all, "{repository}");
    }
    assert_eq!(registry.connections(), 1, "one of HTTP/2 does for all");
}

#[tokio::test]
async fn a_token_registry_refuses_its_first_repository_only() {
    let (guarded, tokens) = Guarded::by_tokens().await;
    let webhook = guarded.webhook().await;
    let mut all = unasked("team/app");
    for (times, repository) in [(1, "team/app"), (2, "team/second"), (3, "team/third")] {
        all = and(all, guarded.look(&webhook, repository).await);
        assert_eq!(requests(&guarded.registry), all, "{repository}");
        assert_eq!(tokens.requests().len(), times, "a token is for one repository");
    }
    assert_eq!(guarded.registry.connections(), 1);
    assert_eq!(tokens.connections(), 1);

    // Another tag of a repository whose token is at hand.
    let image = images::simple("another tag");
    let name = guarded.registry.add("team/app", "2.0", &image);
    admitted(&webhook, with_secret(pod_spec(&name))).await;
    let more = needed("team/app", &image).into_iter();
    all.extend(more.map(|(line, times)| (line.replace("1.0", "2.0"), times)));
    assert_eq!(requests(&guarded.registry), all);
    assert_eq!(tokens.requests().len(), 3);
}

#[tokio::test]
async fn a_basic_registry_refuses_its_first_repository_only() {
    let logins = Logins::default();
    let password = logins.add("alice", &["*"]);
    let registry = Registry::start_tls(Access::basic(&logins), &Ca::mint().good()).await;
    let guarded = Guarded::new(registry, &password).await;
    let webhook = guarded.webhook().await;
    let mut all = unasked("team/app");
    for repository in ["team/app", "team/second", "team/third"] {
        all = and(all, guarded.look(&webhook, repository).await);
        assert_eq!(requests(&guarded.registry), all, "{repository}");
    }
    assert_eq!(guarded.registry.connections(), 1);
}

#[tokio::test]
async fn a_pod_of_thirty_images_costs_thirty_times_one_and_one_connection() {
    let registry = Registry::start_tls(Access::anonymous(), &Ca::mint().good()).await;
    let webhook = alone().start().await;
    let (spec, all) = many(&registry);
    admitted(&webhook, spec.clone()).await;
    assert_eq!(requests(&registry), all);
    admitted(&webhook, spec).await;
    assert_eq!(requests(&registry), all, "and nothing once they are known");
    assert_eq!(registry.connections(), 1);
}

#[tokio::test]
async fn a_pod_of_thirty_images_of_a_token_registry_needs_thirty_tokens() {
    let (guarded, tokens) = Guarded::by_tokens().await;
    let webhook = guarded.webhook().await;
    let (spec, all) = many(&guarded.registry);
    admitted(&webhook, with_secret(spec)).await;
    let refused = guarded.registry.log().count(|seen| !seen.is_authorized());
    assert!(refused <= AT_ONCE, "{refused} had begun before anybody was let in");
    let made: usize = requests(&guarded.registry).values().sum();
    assert_eq!(made, all.values().sum::<usize>() + refused);
    assert_eq!(tokens.requests().len(), MANY);
    assert_eq!((guarded.registry.connections(), tokens.connections()), (1, 1));
}

#[tokio::test]
async fn over_http1_connections_are_kept_as_many_as_were_in_use_at_once() {
    let registry = Registry::start_http1(Access::anonymous(), &Ca::mint().good()).await;
    let webhook = alone().start().await;
    let (spec, all) = many(&registry);
    admitted(&webhook, spec).await;
    assert_eq!(requests(&registry), all);
    // Config and layer side by side; the client may open one more for whom it then finds one.
    let most = 2 * 2 * AT_ONCE;
    assert!(registry.connections() <= most, "{} connections", registry.connections());
}

#[tokio::test]
async fn a_connection_that_the_registry_ends_is_followed_by_one_that_takes_up_its_session() {
    let registry = Registry::start_http1(Access::anonymous(), &Ca::mint().good()).await;
    let webhook = alone().start().await;
    for repository in ["team/app", "team/other"] {
        let name = registry.add(repository, "1.0", &images::simple(repository));
        registry.misbehave(repository, faults::no_keep_alive());
        admitted(&webhook, pod_spec(&name)).await;
    }
    assert_eq!(registry.connections(), 8, "one for each request");
    assert_eq!(registry.resumed(), 7);
}

#[tokio::test]
async fn the_parts_of_an_image_are_asked_for_four_at_a_time() {
    let registry = Registry::start_tls(Access::anonymous(), &Ca::mint().good()).await;
    let webhook = alone().start().await;
    let image = images::of_layers(11, "held back");
    let name = registry.add("team/app", "1.0", &image);
    let gate = Gate::closed();
    registry.misbehave("team/app", faults::gate(&gate).on_blobs());
    let held = async {
        gate.until_waiting(4).await;
        assert_eq!(registry.log().count(|seen| seen.path.contains("/blobs/")), 4);
        gate.open();
    };
    tokio::join!(admitted(&webhook, pod_spec(&name)), held);
    assert_eq!(requests(&registry), needed("team/app", &image));
}
