//! What must never be denied: a Deployment whose Secret is on its way, and what a controller makes
//! of a template that a person has applied.

use crate::support::api_server::{ApiServer, Entry, Mood, secret_path};
use crate::support::images;
use crate::support::misbehaving::{Access, Logins, Registry, faults};
use crate::support::reviews::{
    DEPLOYMENT, KINDS, POD, REPLICA_SET, Review, owned, pod_spec, pod_spec_with_secrets,
};
use crate::support::webhook::Launch;

const REPOSITORY: &str = "team/app";

async fn private() -> (Registry, String, String) {
    let logins = Logins::default();
    let password = logins.add("alice", &["*"]);
    let registry = Registry::start(Access::basic(&logins)).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("gitops"));
    (registry, image, password)
}

#[tokio::test]
async fn a_deployment_and_its_secret_dry_run_together_are_warned_about_and_not_denied() {
    let (registry, image, password) = private().await;
    let api = ApiServer::start(&[]).await;
    let webhook = Launch::beside(&api).mode("enforce").start().await;
    let spec = pod_spec_with_secrets(&image, &["regcred"]);
    for dry_run in [true, false] {
        for kind in &KINDS {
            let review = Review::create(kind, &kind.object("shop", "web", spec.clone()));
            let answer = webhook.review(&if dry_run { review.dry_run() } else { review }).await;
            assert!(answer.allowed(), "{}: {:#}", kind.name, answer.json);
            assert_eq!(answer.warned_codes(), ["access-denied", "pull-secret-not-found"]);
            let words = answer.warnings();
            assert!(words[0].contains("Secret shop/regcred does not exist yet"), "{words:#?}");
            assert!(words[1].contains(".imagePullSecrets[0] \"regcred\""), "{words:#?}");
        }
    }
    // Absence is never remembered: the moment it is there, it is used.
    api.put_pull_secret(
        "shop",
        "regcred",
        &[Entry { host: &registry.host(), user: "alice", password: &password }],
    );
    let review = Review::create(&DEPLOYMENT, &DEPLOYMENT.object("shop", "web", spec));
    let answer = webhook.review(&review).await;
    assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
}

#[tokio::test]
async fn a_service_account_that_may_bring_the_secret_is_waited_for_too() {
    let (registry, image, password) = private().await;
    let api = ApiServer::start(&[]).await;
    let webhook = Launch::beside(&api).mode("enforce").start().await;
    let deployment = |account: Option<&str>| {
        let mut spec = pod_spec(&image);
        if let Some(account) = account {
            spec["serviceAccountName"] = account.into();
        }
        Review::create(&DEPLOYMENT, &DEPLOYMENT.object("shop", "web", spec)).dry_run()
    };

    // A missing `default` is never a finding: it comes a moment after its namespace.
    let answer = webhook.review(&deployment(None)).await;
    assert!(answer.allowed(), "{:#}", answer.json);
    assert_eq!(answer.warned_codes(), ["access-denied"]);
    let answer = webhook.review(&deployment(Some("builder"))).await;
    assert!(answer.allowed(), "{:#}", answer.json);
    assert_eq!(answer.warned_codes(), ["access-denied", "service-account-not-found"]);

    // Once it is there without a secret, nothing is left that could cure it.
    api.put_service_account("shop", "builder", &[]);
    let answer = webhook.review(&deployment(Some("builder"))).await;
    assert_eq!(answer.denied_codes(), ["access-denied"], "{:#}", answer.json);

    let entry = Entry { host: &registry.host(), user: "alice", password: &password };
    api.put_pull_secret("shop", "regcred", &[entry]);
    api.put_service_account("shop", "builder", &["regcred"]);
    let answer = webhook.review(&deployment(Some("builder"))).await;
    assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
}

/// An owned object of each kind that controllers make, and its template's.
fn owned_reviews(spec: &serde_json::Value) -> [Review; 2] {
    [POD, REPLICA_SET].map(|kind| {
        let object = owned(kind.object("shop", "web-5d4f", spec.clone()));
        Review::create(&kind, &object).by("system:serviceaccount:kube-system:replicaset-controller")
    })
}

#[tokio::test]
async fn what_a_controller_owns_is_never_denied_for_a_pull_cause() {
    let registry = Registry::start(Access::anonymous()).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("owned"));
    let absent = image.replace("1.0", "1.1");
    let webhook = Launch::alone().mode("enforce").start().await;
    // Not owned, so that the answer is in the cache, and again until it has been looked at.
    let answer = webhook.review(&Review::of_pod(&absent)).await;
    assert_eq!(answer.denied_codes(), ["tag-not-found"]);
    for spec in [pod_spec(&absent), pod_spec("not a reference")] {
        for review in owned_reviews(&spec) {
            let answer = webhook.review(&review).await;
            assert!(answer.allowed(), "{:#}", answer.json);
            assert_eq!(answer.warnings(), Vec::<String>::new());
            assert_eq!(answer.annotations()[0].0, "findings");
        }
    }
    // The log says what nobody was shown.
    let log = webhook.log();
    assert!(log.contains("audit: spec.containers[0].image"), "{log}");
}

#[tokio::test]
async fn what_a_controller_owns_is_denied_for_a_registry_that_is_not_allowed() {
    let registry = Registry::start(Access::anonymous()).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("owned"));
    let webhook = Launch::alone()
        .mode("enforce")
        .config("allowedRegistries: [registry.example.test]\nactions: {registry-not-allowed: deny}")
        .start()
        .await;
    for review in owned_reviews(&pod_spec(&image)) {
        let answer = webhook.review(&review).await;
        assert_eq!(answer.denied_codes(), ["registry-not-allowed"], "{:#}", answer.json);
    }
    assert_eq!(registry.connections(), 0);
}

/// What needs no network is decided before everything that does.
#[tokio::test]
async fn a_registry_that_is_not_allowed_is_denied_however_slow_everything_else_is() {
    let registry = Registry::start(Access::anonymous()).await;
    let slow = registry.add(REPOSITORY, "1.0", &images::simple("slow"));
    registry.misbehave(REPOSITORY, faults::hang());
    let api = ApiServer::start(&["shop"]).await;
    api.mood(&secret_path("shop", "regcred"), Mood::Hangs);
    let config = format!(
        "allowedRegistries: [\"{}\"]\nactions: {{registry-not-allowed: deny}}",
        registry.host()
    );
    for mode in ["audit", "enforce"] {
        let webhook = Launch::beside(&api).mode(mode).config(&config).start().await;
        let mut spec = pod_spec_with_secrets(&slow, &["regcred"]);
        let forbidden = serde_json::json!({ "name": "b", "image": "elsewhere.example.test/a:1" });
        spec["containers"].as_array_mut().unwrap().push(forbidden);
        for review in owned_reviews(&spec) {
            let answer = webhook.review(&review).await;
            assert_eq!(answer.denied_codes(), ["registry-not-allowed"], "{:#}", answer.json);
            assert_eq!(
                answer.causes()[0].field.rsplit_once('.').unwrap().0.len(),
                answer.causes()[0].field.len() - ".image".len()
            );
            assert!(answer.causes()[0].field.contains("containers[1]"));
        }
    }
}

#[tokio::test]
async fn what_can_only_be_audited_is_answered_while_the_registry_hangs() {
    let registry = Registry::start(Access::anonymous()).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("owned"));
    let gate = crate::support::server::Gate::closed();
    registry.misbehave(REPOSITORY, faults::gate(&gate));
    let webhook = Launch::alone().mode("enforce").start().await;
    for review in owned_reviews(&pod_spec(&image)) {
        // The gate is closed: whoever waited for the registry would wait for the whole timeout,
        // and be told so.
        let answer = webhook.review(&review).await;
        assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
    }
    assert_eq!(webhook.metric("pullcheck_deadline_missed_total").await, 0);
    gate.until_waiting(1).await;
    gate.open();
    // What was begun ended in the cache.
    webhook.until_metric("pullcheck_lookups_total{outcome=\"found\",registry=\"other\"}", 1).await;
    let answer = webhook.review(&Review::of_pod(&image)).await;
    assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
    assert_eq!(registry.manifest_requests_by(&http::Method::HEAD, REPOSITORY), 1);
}
