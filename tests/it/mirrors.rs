//! The nodes' own registry configuration (`--certs-d`), reused unchanged: who is asked, and what
//! is said of several hosts.

use http::Method;
use tempfile::TempDir;

use crate::support::check::check;
use crate::support::contract::Certainty::{Likely, Proven, Unknown};
use crate::support::contract::{Action, Report};
use crate::support::images;
use crate::support::manifests::{docker_config, pod, pull_secret, stream};
use crate::support::misbehaving::{Access, Logins, Registry, faults};
use crate::support::reviews::{POD, Review, pod_spec, pod_spec_with_secrets};
use crate::support::secrets;
use crate::support::tls::Ca;
use crate::support::tree::tree;
use crate::support::webhook::Launch;

/// A tree in which Docker Hub is these two hosts: a mirror, and what stands in for the Hub.
fn hub(mirror: &Registry, upstream: &Registry) -> TempDir {
    let (mirror, upstream) = (mirror.url(), upstream.url());
    let text = format!("server = \"{upstream}\"\n[host.\"{mirror}\"]\n");
    tree(&[("docker.io/hosts.toml", &text)])
}

async fn pair() -> [Registry; 2] {
    [Registry::start(Access::anonymous()).await, Registry::start(Access::anonymous()).await]
}

/// The same with a mirror that has nginx, and only for ada; her password there.
async fn private_pair(logins: &Logins) -> ([Registry; 2], String) {
    let password = logins.add("ada", &["library/nginx"]);
    let mirror = Registry::start(Access::basic(logins)).await;
    mirror.add("library/nginx", "1.27", &images::simple("a"));
    ([mirror, Registry::start(Access::anonymous()).await], password)
}

async fn judge(manifest: &str, certs_d: &TempDir, flags: &[&str]) -> Report {
    let args = ["-", "-o", "json", "--certs-d", certs_d.path().to_str().unwrap()];
    let ran = check(&args).args(flags).stdin(manifest).run().await;
    Report::of(&ran)
}

fn nginx() -> String {
    pod(&pod_spec("nginx:1.27")).to_string()
}

#[tokio::test]
async fn the_mirror_is_asked_first_and_the_registry_for_what_it_lacks() {
    let [mirror, upstream] = pair().await;
    let tree = hub(&mirror, &upstream);
    upstream.add("library/nginx", "1.27", &images::simple("a"));
    assert_eq!(judge(&nginx(), &tree, &[]).await.shown(), []);
    assert!(mirror.manifest_requests("library/nginx") > 0);
    assert!(mirror.log().all().iter().all(|seen| seen.query.contains("ns=docker.io")));

    mirror.add("library/nginx", "1.27", &images::simple("a"));
    let asked = upstream.log().all().len();
    assert_eq!(judge(&nginx(), &tree, &[]).await.shown(), []);
    assert_eq!(upstream.log().all().len(), asked);
}

#[tokio::test]
async fn what_no_host_has_is_denied_and_says_who_was_asked() {
    let [mirror, upstream] = pair().await;
    let tree = hub(&mirror, &upstream);
    upstream.add("library/nginx", "1.28", &images::simple("a"));
    let report = judge(&nginx(), &tree, &[]).await;
    assert_eq!(report.shown(), [("tag-not-found", Proven, Action::Deny)], "{report:?}");
    let message = report.message("tag-not-found");
    let expected = format!(
        "(404 MANIFEST_UNKNOWN from {}, 404 from {}); did you mean 1.28?",
        upstream.host(),
        mirror.host()
    );
    assert!(message.contains(&expected), "{message}");
}

#[tokio::test]
async fn nothing_is_denied_while_one_of_the_hosts_cannot_be_seen() {
    for hung in [true, false] {
        let [mirror, upstream] = pair().await;
        let tree = hub(&mirror, &upstream);
        let fault = |registry: &Registry| {
            let fault = if hung { faults::hang() } else { faults::server_error(502) };
            registry.misbehave("library/nginx", fault);
        };
        for unseen in [&mirror, &upstream] {
            fault(unseen);
            let report = judge(&nginx(), &tree, &["--timeout", "2s"]).await;
            let code = if hung { "registry-timeout" } else { "registry-error" };
            assert_eq!(report.shown(), [(code, Unknown, Action::Warn)], "{report:?}");
            assert!(report.message(code).contains(&unseen.host()), "{report:?}");
            unseen.heal("library/nginx");
        }
    }
}

#[tokio::test]
async fn mirrors_that_pullcheck_is_told_of_leave_no_doubt_about_others() {
    let [mirror, upstream] = pair().await;
    let tree = hub(&mirror, &upstream);
    upstream.add("library/nginx", "1.28", &images::simple("a"));
    upstream.add("app", "v2", &images::simple("a"));
    let told = judge(&nginx(), &tree, &["--node-mirrors", "*"]).await;
    assert_eq!(told.shown(), [("tag-not-found", Proven, Action::Deny)]);
    let image = pod(&pod_spec(&format!("{}/app:v1", upstream.host()))).to_string();
    let untold = judge(&image, &tree, &["--node-mirrors", "*"]).await;
    assert_eq!(untold.shown(), [("tag-not-found", Likely, Action::Warn)]);
}

#[tokio::test]
async fn a_layer_is_missing_only_if_no_host_has_it() {
    let [mirror, upstream] = pair().await;
    let tree = hub(&mirror, &upstream);
    let image = images::simple("a");
    let layer = image.blobs.last().unwrap().digest.clone();
    for registry in [&mirror, &upstream] {
        registry.add("library/nginx", "1.27", &image);
    }
    mirror.lose("library/nginx", &layer);
    assert_eq!(judge(&nginx(), &tree, &[]).await.shown(), []);
    upstream.lose("library/nginx", &layer);
    let report = judge(&nginx(), &tree, &[]).await;
    assert_eq!(report.shown(), [("blob-missing", Proven, Action::Deny)], "{report:?}");
}

#[tokio::test]
async fn a_pull_secret_for_the_registry_logs_in_at_its_mirror() {
    let logins = Logins::default();
    let ([mirror, upstream], password) = private_pair(&logins).await;
    let tree = hub(&mirror, &upstream);
    let with = |password: &str| {
        let config = docker_config("docker.io", "ada", password);
        let pod = pod(&pod_spec_with_secrets("nginx:1.27", &["regcred"]));
        stream(&[pod, pull_secret("regcred", &config)])
    };
    assert_eq!(judge(&with(&password), &tree, &[]).await.shown(), []);
    assert!(logins.accepted().contains(&"ada".to_owned()));
    // Refused by one and absent at the other: nobody has it for this credential.
    let report = judge(&with(&secrets::fresh()), &tree, &[]).await;
    assert!(report.shown().iter().all(|(_, certainty, _)| *certainty == Proven), "{report:?}");
    assert_eq!(report.shown().len(), 1, "{report:?}");
}

#[tokio::test]
async fn certificates_of_the_tree_are_trusted_where_they_are_named() {
    let ca = Ca::mint();
    let registry = Registry::start_tls(Access::anonymous(), &ca.good()).await;
    registry.add("app", "v1", &images::simple("a"));
    let manifest = pod(&pod_spec("reg.invalid/app:v1")).to_string();
    let server = format!("server = \"{}\"\n", registry.url());
    let with = format!("{server}ca = \"own/ca.pem\"\n");
    let good = tree(&[("reg.invalid/hosts.toml", &with), ("reg.invalid/own/ca.pem", ca.pem())]);
    assert_eq!(judge(&manifest, &good, &[]).await.shown(), []);
    let lacking = tree(&[("reg.invalid/hosts.toml", &server)]);
    let report = judge(&manifest, &lacking, &[]).await;
    assert_eq!(report.shown(), [("registry-tls", Unknown, Action::Warn)], "{report:?}");
    // A file that the tree names and that is not here says nothing of the nodes.
    let elsewhere = tree(&[("reg.invalid/hosts.toml", &with)]);
    let report = judge(&manifest, &elsewhere, &[]).await;
    assert_eq!(report.shown(), [("not-checked", Unknown, Action::Warn)], "{report:?}");
    assert!(report.message("not-checked").contains("own/ca.pem cannot be read"), "{report:?}");
}

#[tokio::test]
async fn the_webhook_goes_by_the_tree_and_tells_what_it_leaves_aside() {
    let [mirror, upstream] = pair().await;
    let key = secrets::fresh();
    secrets::register(&key);
    let text = format!(
        "server = \"{}\"\n[host.\"{}\"]\n[host.\"{}\".header]\nx-key = \"{key}\"\n",
        upstream.url(),
        mirror.url(),
        mirror.url()
    );
    let dropped = format!("capabilities = [\"mirror\"]\n[header]\nx-key = \"{key}\"\n");
    let broken = format!("[header]\nx-key = \"{key}\"\nx-key = \"{key}\"\n");
    let tree = tree(&[
        ("docker.io/hosts.toml", &text),
        ("dropped.test/hosts.toml", &dropped),
        ("broken.test/hosts.toml", &broken),
    ]);
    let path = tree.path().to_str().unwrap();
    mirror.add("library/nginx", "1.27", &images::simple("a"));
    let webhook = Launch::alone().mode("enforce").args(&["--certs-d", path]).start().await;
    for (image, allowed) in [("nginx:1.27", true), ("nginx:1.28", false)] {
        let review = Review::create(&POD, &POD.object("shop", "web", pod_spec(image)));
        let answer = webhook.review(&review).await;
        assert_eq!(answer.allowed(), allowed, "{answer:?}");
    }
    assert!(mirror.log().all().iter().all(|seen| seen.header("x-key") == key));
    assert!(upstream.log().all().iter().all(|seen| seen.header("x-key").is_empty()));
    let lines = webhook.log_lines();
    let told = |part: &str| {
        let said =
            |line: &&serde_json::Value| line["why"].as_str().is_some_and(|w| w.contains(part));
        lines.iter().filter(said).count()
    };
    assert_eq!(told("dropped.test/hosts.toml: the capability \"mirror\" is not known"), 1);
    assert_eq!(told("broken.test/hosts.toml: line 3"), 1);
    assert_eq!(told("docker.io"), 0);
}

#[tokio::test]
async fn the_webhook_goes_to_no_mirror_where_it_would_go_to_no_registry() {
    let [mirror, upstream] = pair().await;
    let tree = hub(&mirror, &upstream);
    mirror.add("library/nginx", "1.27", &images::simple("a"));
    let args = ["--no-cluster", "--certs-d", tree.path().to_str().unwrap()];
    let webhook = Launch::with(&args).mode("enforce").start().await;
    let review = Review::create(&POD, &POD.object("shop", "web", pod_spec("nginx:1.27")));
    let answer = webhook.review(&review).await;
    assert!(answer.allowed());
    assert_eq!(answer.warned_codes(), ["not-checked"]);
    assert_eq!(mirror.connections() + upstream.connections(), 0);
}

#[tokio::test]
async fn one_tenants_refusal_at_a_mirror_is_not_anothers() {
    let logins = Logins::default();
    let ([mirror, upstream], password) = private_pair(&logins).await;
    let tree = hub(&mirror, &upstream);
    let wrong = pull_secret("wrong", &docker_config("docker.io", "ada", &secrets::fresh()));
    let right = pull_secret("right", &docker_config("docker.io", "ada", &password));
    let using = |secret: &str| pod(&pod_spec_with_secrets("nginx:1.27", &[secret]));
    let manifest = stream(&[using("wrong"), using("right"), wrong, right]);
    let report = judge(&manifest, &tree, &["--jobs", "1"]).await;
    assert_eq!(report.objects[0].findings.len(), 1, "{report:?}");
    assert_eq!(report.objects[1].findings, [], "{report:?}");
    assert!(mirror.manifest_requests_by(&Method::GET, "library/nginx") > 0);
}
