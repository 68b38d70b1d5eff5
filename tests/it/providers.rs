//! `--credential-provider-config` and `--credential-provider-bin-dir`: nodes' own logins.

mod orphans;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use pullcheck::credentials::provider::{Document, read};
use pullcheck::credentials::{ConfigFormat, DockerConfig};
use pullcheck::facts::{Front, ProviderAnswer, Settings};
use pullcheck::gather::{Ask, Gatherer};
use pullcheck::objects::{Manifests, Objects};
use pullcheck::policy::Policy;
use pullcheck::providers::{Limits, Providers};
use pullcheck::registry::{ClientConfig, RegistryClient};
use pullcheck::resolve::Resolver;
use pullcheck::telemetry::Metrics;
use pullcheck::workload::{KINDS, extract};
use serde_json::json;
use tempfile::TempDir;

use crate::support::api_server::{ApiServer, Entry};
use crate::support::check::{Ran, Run, check};
use crate::support::contract::Certainty::{Likely, Proven};
use crate::support::contract::{Action, Report};
use crate::support::images;
use crate::support::manifests::{docker_config, pod, pull_secret, service_account, stream};
use crate::support::misbehaving::{Access, Logins, Registry};
use crate::support::plugins::{Plugins, answer, login};
use crate::support::reviews::{POD, Review, pod_spec, pod_spec_with_secrets};
use crate::support::secrets;
use crate::support::webhook::{Call, Launch, Webhook};

const REPOSITORY: &str = "team/app";

/// A registry that wants a login, and an image in it.
struct Scene {
    logins: Logins,
    registry: Registry,
    host: String,
    image: String,
    plugins: Plugins,
}

impl Scene {
    async fn new() -> Self {
        let logins = Logins::default();
        let registry = Registry::start(Access::basic(&logins)).await;
        let image = registry.add(REPOSITORY, "1.0", &images::simple("providers"));
        Self { logins, host: registry.host(), registry, image, plugins: Plugins::new() }
    }

    /// `check` of a pod with this image, whose ServiceAccount brings nothing.
    async fn check(&self, args: &[&str]) -> Ran {
        let manifest = stream(&[service_account("default", &[]), pod(&pod_spec(&self.image))]);
        let check: Run = check(&["-", "-o", "json"]).args(&self.plugins.flags()).args(args);
        check.stdin(manifest).run().await
    }

    async fn report(&self, args: &[&str]) -> Report {
        Report::of(&self.check(args).await)
    }
}

#[tokio::test]
async fn a_providers_login_pulls_what_nobody_else_may() {
    let mut scene = Scene::new().await;
    let password = scene.logins.add("node", &[REPOSITORY]);
    let script = login(&scene.host, "node", &password);
    scene.plugins.add("ours", &scene.host, &script);
    let report = scene.report(&[]).await;
    assert_eq!(report.shown(), []);
    assert!(report.objects[0].images[0].digest.is_some());
    assert_eq!(scene.plugins.runs("ours"), 1);
    assert_eq!(scene.logins.refused(), Vec::<String>::new());

    let manifest = stream(&[service_account("default", &[]), pod(&pod_spec(&scene.image))]);
    let without = check(&["-", "-o", "json"]).stdin(manifest).run().await;
    assert_eq!(Report::of(&without).shown(), [("access-denied", Proven, Action::Deny)]);
}

#[tokio::test]
async fn the_pods_secret_comes_first_then_the_docker_config_then_the_providers() {
    let scene = Scene::new().await;
    let password = scene.logins.add("provider", &[REPOSITORY]);
    let config = |user: &str| docker_config(&scene.host, user, &secrets::fresh());
    let home = TempDir::new().unwrap();
    let node = home.path().join("config.json");
    std::fs::write(&node, config("node")).unwrap();
    let script = login(&scene.host, "provider", &password);
    let mut plugins = Plugins::new();
    plugins.add("ours", &scene.host, &script);
    let manifest = stream(&[
        pull_secret("regcred", &config("pod")),
        pod(&pod_spec_with_secrets(&scene.image, &["regcred"])),
    ]);
    let run = check(&["-", "-o", "json", "--docker-config", node.to_str().unwrap()]);
    let report = Report::of(&run.args(&plugins.flags()).stdin(manifest).run().await);
    assert_eq!(report.shown(), []);
    assert_eq!(scene.logins.refused(), ["pod", "node"]);
    assert_eq!(plugins.runs("ours"), 1);
}

#[tokio::test]
async fn where_the_pods_own_secret_does_no_provider_is_run() {
    let mut scene = Scene::new().await;
    let password = scene.logins.add("pod", &[REPOSITORY]);
    scene.plugins.add("ours", &scene.host, "exit 1");
    let config = docker_config(&scene.host, "pod", &password);
    let manifest = stream(&[
        pull_secret("regcred", &config),
        pod(&pod_spec_with_secrets(&scene.image, &["regcred"])),
    ]);
    let run = check(&["-", "-o", "json"]).args(&scene.plugins.flags()).stdin(manifest);
    assert_eq!(Report::of(&run.run().await).shown(), []);
    assert_eq!(scene.plugins.runs("ours"), 0);
}

#[tokio::test]
async fn images_that_are_not_asked_for_are_none_of_a_providers() {
    let mut scene = Scene::new().await;
    scene.plugins.add("ours", &scene.host, "exit 1");
    let report = scene.report(&["--allowed-registries", "other.example"]).await;
    assert_eq!(report.objects[0].images.len(), 1);
    assert_eq!(scene.plugins.runs("ours"), 0);
    assert_eq!(scene.registry.log().count(|_| true), 0);
}

/// A provider's own login that is refused is what nodes meet, also where they log in by
/// themselves; whatever else came of it might be cured on a node.
#[tokio::test]
async fn what_a_provider_came_to_decides_how_certain_a_refusal_is() {
    let host_is_listed = ["--node-credentials", "127.0.0.1:*"];
    let nothing = answer(&json!({ "cacheKeyType": "Image", "auth": null }));
    let token = json!({ "tokenAttributes": {
        "serviceAccountTokenAudience": "registry",
        "cacheType": "ServiceAccount",
        "requireServiceAccount": false,
    }});
    let password = secrets::fresh();
    for (script, more, code, certainty, words) in [
        (
            None,
            json!({}),
            "credential-rejected",
            Proven,
            "the login from credential provider ours was refused (401",
        ),
        (
            Some(nothing.as_str()),
            json!({}),
            "access-denied",
            Likely,
            "credential provider ours gave no login",
        ),
        (Some("exit 3"), json!({}), "access-denied", Likely, "credential provider ours failed"),
        (Some("echo '{}'"), json!({}), "access-denied", Likely, "credential provider ours failed"),
        (Some("exit 0"), token, "access-denied", Likely, "credential provider ours was not run"),
    ] {
        for args in [&[][..], &host_is_listed] {
            let mut scene = Scene::new().await;
            scene.logins.add("node", &[REPOSITORY]);
            let wrong = login(&scene.host, "node", &password);
            let host = scene.host.clone();
            scene.plugins.add_with("ours", &host, script.unwrap_or(&wrong), &more);
            let report = scene.report(args).await;
            let action = if certainty == Proven { Action::Deny } else { Action::Warn };
            assert_eq!(report.shown(), [(code, certainty, action)], "{script:?} {report:#?}");
            assert!(report.message(code).contains(words), "{}", report.message(code));
        }
    }
}

#[tokio::test]
async fn a_provider_for_other_images_changes_nothing() {
    for (args, certainty) in
        [(&[][..], Proven), (&["--node-credentials", "127.0.0.1:*"][..], Likely)]
    {
        let mut scene = Scene::new().await;
        scene.plugins.add("other", "r.example", "exit 1");
        let report = scene.report(args).await;
        let action = if certainty == Proven { Action::Deny } else { Action::Warn };
        assert_eq!(report.shown(), [("access-denied", certainty, action)]);
        assert_eq!(scene.plugins.runs("other"), 0);
    }
}

#[tokio::test]
async fn a_right_that_the_providers_account_lacks_is_named() {
    let mut scene = Scene::new().await;
    let password = scene.logins.add("node", &["team/other"]);
    let script = login(&scene.host, "node", &password);
    scene.plugins.add("ours", &scene.host, &script);
    let report = scene.report(&[]).await;
    assert_eq!(report.shown(), [("access-denied", Proven, Action::Deny)]);
    let words = "credential provider ours may log in but not pull the repository";
    assert!(report.message("access-denied").contains(words), "{report:#?}");
}

#[tokio::test]
async fn an_absence_that_a_failed_provider_may_explain_is_likely() {
    let registry = Registry::start(Access::anonymous()).await;
    registry.add("other", "1.0", &images::simple("other"));
    let image = format!("{}/{REPOSITORY}:1.0", registry.host());
    for script in ["exit 1", &login("r.io", "a", "b")] {
        let mut plugins = Plugins::new();
        plugins.add("ours", &registry.host(), script);
        let manifest = stream(&[service_account("default", &[]), pod(&pod_spec(&image))]);
        let run = check(&["-", "-o", "json"]).args(&plugins.flags()).stdin(manifest);
        let report = Report::of(&run.run().await);
        let [(code, found, _)] = report.shown()[..] else { panic!("{report:#?}") };
        assert_eq!((code, found), ("repository-not-found", Likely), "{report:#?}");
    }
}

#[tokio::test]
async fn the_webhook_runs_one_provider_once_for_a_registry() {
    let mut scene = Scene::new().await;
    let password = scene.logins.add("node", &["*"]);
    let script = login(&scene.host, "node", &password);
    scene.plugins.add("ours", &scene.host, &script);
    let webhook = Launch::alone().mode("enforce").args(&scene.plugins.flags()).start().await;
    for n in 0..3 {
        let name = format!("team/app{n}");
        let image = scene.registry.add(&name, "1.0", &images::simple(&name));
        let answer = webhook.review(&Review::of_pod(&image)).await;
        assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
    }
    assert_eq!(scene.plugins.runs("ours"), 1);
}

async fn review_in(webhook: &Webhook, image: &str, timeout: &str) -> (bool, Vec<String>) {
    let call = Call { timeout: Some(timeout), http2: false };
    let answer = webhook.review_as(&Review::of_pod(image), call).await;
    (answer.allowed(), answer.warnings())
}

#[tokio::test]
async fn a_provider_that_is_late_leaves_the_image_unverified_and_goes_on() {
    let mut scene = Scene::new().await;
    let password = scene.logins.add("node", &["*"]);
    let gate = scene.plugins.path("gate");
    assert!(std::process::Command::new("mkfifo").arg(&gate).status().unwrap().success());
    let script = format!("read go < {}\n{}", gate.display(), login(&scene.host, "node", &password));
    scene.plugins.add("slow", &scene.host, &script);
    let webhook = Launch::alone().mode("enforce").args(&scene.plugins.flags()).start().await;
    let (allowed, warnings) = review_in(&webhook, &scene.image, "1s").await;
    assert!(allowed);
    let [warning] = warnings.as_slice() else { panic!("{warnings:#?}") };
    let words = "not checked, credential provider slow was not back before the review's time";
    assert!(warning.contains(words) && warning.ends_with("[not-checked]"), "{warning}");
    // Whether a node would ask without a login is not known, so nobody did.
    assert_eq!(scene.registry.log().count(|_| true), 0);

    let opened = tokio::task::spawn_blocking(move || std::fs::write(gate, "go\n"));
    let (allowed, warnings) = review_in(&webhook, &scene.image, "10s").await;
    opened.await.unwrap().unwrap();
    assert!(allowed && warnings.is_empty(), "{warnings:#?}");
    assert_eq!(scene.plugins.runs("slow"), 1, "the run of the first review went on");
}

#[tokio::test]
async fn a_late_provider_does_not_hide_that_the_pods_own_secret_does() {
    let mut scene = Scene::new().await;
    let password = scene.logins.add("pod", &["*"]);
    scene.plugins.add("slow", &scene.host, "exec sleep 1000");
    let api = ApiServer::start(&["shop"]).await;
    let entry = Entry { host: &scene.host, user: "pod", password: &password };
    api.put_pull_secret("shop", "regcred", &[entry]);
    let launch = Launch::beside(&api).mode("enforce").args(&scene.plugins.flags());
    let webhook = launch.start().await;
    let spec = pod_spec_with_secrets(&scene.image, &["regcred"]);
    let review = Review::create(&POD, &POD.object("shop", "web", spec));
    let answer = webhook.review(&review).await;
    assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
}

/// What a front is made of, without a cluster.
fn gatherer(plugins: &Plugins, limits: Limits, node: Option<DockerConfig>) -> Gatherer {
    let text = std::fs::read_to_string(plugins.config()).unwrap();
    let (providers, _, problems) = read(&[Document { file: String::new(), text }]);
    assert_eq!(problems, []);
    let environment = vec![("PATH".into(), "/usr/bin:/bin".into())];
    let mut config = ClientConfig::default();
    config.address_rule.loopback_allowed = true;
    let client = RegistryClient::new(config).unwrap();
    let metrics = Arc::new(Metrics::new());
    Gatherer {
        objects: Objects { manifests: Manifests::default(), cluster: None },
        resolver: Resolver::new(client, pullcheck::resolve::Limits::default(), metrics),
        docker_config: node,
        providers: Some(Providers::new(providers, &plugins.path(""), environment, limits)),
        policy: Arc::new(Policy::default()),
        settings: Settings::default(),
    }
}

/// How the attempts for a pod's image ended, and what came of the providers.
async fn gathered(gatherer: &Gatherer, image: &str) -> (Vec<&'static str>, Vec<ProviderAnswer>) {
    let kind = KINDS.iter().find(|kind| kind.kind == "Pod").unwrap();
    let json = POD.object("shop", "web", pod_spec(image)).to_string();
    let workload = extract(kind, &json).unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    let ask = Ask { workload: &workload, namespace: "shop", front: Front::Serve, deadline };
    let facts = gatherer.gather(ask).await;
    let [image] = facts.images.as_slice() else { panic!("{facts:?}") };
    let outcomes = image.attempts.iter().map(|attempt| attempt.outcome.label()).collect();
    (outcomes, image.providers.iter().map(|provider| provider.answer).collect())
}

/// A node that has any login for the image never asks without one.
#[tokio::test]
async fn no_attempt_without_a_login_follows_one_with() {
    let mut scene = Scene::new().await;
    let nothing = answer(&json!({ "cacheKeyType": "Image", "auth": null }));
    scene.plugins.add("ours", &scene.host, &nothing);
    let node = docker_config(&scene.host, "node", &secrets::fresh());
    let node = DockerConfig::decode(ConfigFormat::DockerConfigJson, node.as_bytes()).unwrap();
    for node in [Some(node), None] {
        let gatherer = gatherer(&scene.plugins, Limits::default(), node);
        let (outcomes, providers) = gathered(&gatherer, &scene.image).await;
        assert_eq!(outcomes, ["refused"]);
        assert_eq!(providers, [ProviderAnswer::NoLogin]);
    }
}

/// A node goes on to the next login where a part is not there for this one.
#[tokio::test]
async fn an_image_that_is_not_whole_for_the_pods_own_login_is_asked_for_with_a_providers() {
    let mut scene = Scene::new().await;
    let own = docker_config(&scene.host, "own", &scene.logins.add("own", &["*"]));
    let own = DockerConfig::decode(ConfigFormat::DockerConfigJson, own.as_bytes()).unwrap();
    let password = scene.logins.add("node", &["*"]);
    let script = login(&scene.host, "node", &password);
    scene.plugins.add("ours", &scene.host, &script);
    let gatherer = gatherer(&scene.plugins, Limits::default(), Some(own));
    let part = images::simple("part");
    let image =
        scene.registry.add("team/multi", "1.0", &images::index(std::slice::from_ref(&part)));
    assert_eq!(gathered(&gatherer, &image).await, (vec!["found"], vec![]));
    scene.registry.add("team/broken", "1.0", &images::index(std::slice::from_ref(&part)));
    scene.registry.lose("team/broken", part.digest());
    let image = image.replace("multi", "broken");
    let both = (vec!["found", "found"], vec![ProviderAnswer::Login]);
    assert_eq!(gathered(&gatherer, &image).await, both);
}

/// A login is kept for as long as its provider says, and may have been replaced long before: then
/// nodes have the new one.
#[tokio::test]
async fn no_refusal_rests_on_a_login_of_a_while_ago() {
    let scene = Scene::new().await;
    let password = scene.logins.add("node", &["*"]);
    let current = scene.plugins.path("current");
    let answer_with = |password: &str| {
        std::fs::write(&current, login(&scene.host, "node", password)).unwrap();
    };
    let mut plugins = Plugins::new();
    plugins.add("ours", &scene.host, &format!(". {}", current.display()));
    // Every answer counts as one of a while ago.
    let limits = Limits { fresh_for: Duration::ZERO, ..Limits::default() };
    let gatherer = gatherer(&plugins, limits, None);
    let attempt = async |image: &str| {
        let (outcomes, providers) = gathered(&gatherer, image).await;
        assert_eq!(providers, [ProviderAnswer::Login]);
        outcomes
    };
    let name = |n: usize| {
        let name = format!("team/app{n}");
        scene.registry.add(&name, "1.0", &images::simple(&name))
    };
    answer_with(&secrets::fresh());
    assert_eq!(attempt(&name(0)).await, ["refused"]);
    assert_eq!(plugins.runs("ours"), 1, "what has just been said is not asked for again");
    answer_with(&password);
    assert_eq!(attempt(&name(1)).await, ["found"], "the old login was refused, the new one works");
    assert_eq!(plugins.runs("ours"), 2);
    assert_eq!(attempt(&name(2)).await, ["found"]);
    assert_eq!(plugins.runs("ours"), 2, "what works may be as old as its provider lets it");
    secrets::assert_no_secret("the memory of all this", &format!("{gatherer:#?}"));
}

#[tokio::test]
async fn nothing_that_a_provider_writes_is_ever_shown() {
    let mut scene = Scene::new().await;
    let (user, password) = (secrets::fresh(), secrets::fresh());
    let argument = secrets::fresh();
    let more =
        json!({ "args": [argument], "env": [{ "name": "TOKEN", "value": secrets::fresh() }] });
    let good = login(&scene.host, &user, &password);
    let host = scene.host.clone();
    for (index, script) in [
        good.clone(),
        format!("echo {password} >&2\n{good}"),
        format!("echo {password} >&2\necho {password}\nexit 1"),
        format!("echo {password}"),
        good.replace("Registry", &password),
        good.replace("\"kind\"", &format!("\"{password}\":1,\"kind\"")),
        good.replace("CredentialProviderResponse", &password),
        good.replace("kubelet.k8s.io/v1", &format!("kubelet.k8s.io/{password}")),
        format!("echo {password}; kill -9 $$"),
    ]
    .iter()
    .enumerate()
    {
        scene.plugins.add_with(&format!("provider{index}"), &host, script, &more);
    }
    let flags = scene.plugins.flags();
    let launch = Launch::alone().mode("enforce").args(&flags).env("PULLCHECK_LOG", "trace");
    let webhook = launch.start().await;
    // The answer is searched as it comes, and what was logged at the end.
    let answer = webhook.review(&Review::of_pod(&scene.image)).await;
    let codes = answer.warned_codes();
    assert_eq!(codes, ["credential-rejected"], "{:#}", answer.json);
    webhook.probe("/metrics").await;
    let line = webhook.logged("a credential provider failed").await;
    assert!(line["error"].is_string() && line["provider"].is_string(), "{line}");
    for (log, said) in [
        ("provider2", "exit code 1"),
        ("provider3", "not one JSON object"),
        ("provider4", "cacheKeyType"),
        ("provider5", "unknown field"),
        ("provider6", "kind"),
        ("provider7", "apiVersion"),
        ("provider8", "signal"),
    ] {
        let lines = webhook.log_lines();
        let line = lines.iter().find(|line| line["provider"] == log).unwrap();
        assert!(line["error"].as_str().unwrap().contains(said), "{line}");
    }
    scene.check(&["--log-format", "text"]).await;
}
