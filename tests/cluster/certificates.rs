//! pullcheck keeps its own certificates, before a real API server that calls under failurePolicy
//! Fail: whatever it cannot call is an error that the load sees.
//!
//! Time is moved by what is in the Secret: a certificate that was issued 70 days ago is as near to
//! its end as one for which 70 days were waited.

mod scene;

use std::time::{Duration, SystemTime};

use pullcheck::certificates::{Kept, Step, Why};

use self::scene::{CONFIGURATION, SECRET, Scene, encoded};
use super::load::{Figures, Load};
use super::stage::{on_stage, until};
use crate::parts::kubernetes::program::{Kubernetes, Release};

#[test]
fn replicas_share_a_certificate_and_renewing_it_or_its_authority_loses_no_review() {
    on_stage!(
        "cluster::certificates::\
         replicas_share_a_certificate_and_renewing_it_or_its_authority_loses_no_review",
        Release::Current,
        life
    );
}

#[test]
fn an_older_kubernetes_accepts_them_too() {
    on_stage!("cluster::certificates::an_older_kubernetes_accepts_them_too", Release::Old, life);
}

#[test]
fn a_missing_right_and_a_missing_api_server_are_told_and_take_nothing_away() {
    on_stage!(
        "cluster::certificates::\
         a_missing_right_and_a_missing_api_server_are_told_and_take_nothing_away",
        Release::Current,
        trouble
    );
}

const DAY: Duration = Duration::from_secs(24 * 3_600);

async fn life(kubernetes: &Kubernetes) {
    let scene = Scene::set(kubernetes).await;

    // From nothing, three at the same moment.
    let replicas = scene.three().await;
    let kept = scene.kept().await;
    assert_eq!(kept.authorities().len(), 1, "{:?}", kept.authorities());
    scene.until_all_show(&replicas, "what the first one made").await;
    assert_eq!(scene.bundle().await, kept.bundle().as_bytes());
    scene.stage.until_called(&scene.bad).await;
    for webhook in &replicas {
        let end = webhook.metric("pullcheck_certificate_expiry_timestamp_seconds").await;
        let not_after = kept.chain()[0].not_after.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(end, not_after.as_secs());
    }

    let load = Load::start(&scene.stage.api(), 4, &scene.bad);
    load.until_judged().await;

    // Another certificate of the same authority.
    let begin = std::time::Instant::now();
    let near_its_end = kept
        .renewed(Step::Renew(Why::Expiring), &Scene::hosts(), &[], SystemTime::now() - 70 * DAY)
        .unwrap();
    scene.put(near_its_end.values()).await;
    for webhook in &replicas {
        webhook.hang_up();
    }
    scene.until_other_leaf(&kept).await;
    scene.until_all_show(&replicas, "a renewed certificate").await;
    scene.connect_anew().await;
    load.go_on(5).await;
    judged("another certificate", &load.since(begin));

    // Another authority, of which the API server hears only later: nobody may tell it.
    let begin = std::time::Instant::now();
    let grant = scene.take_away("clusterrolebinding").await;
    let kept = scene.kept().await;
    scene.age_authority(250).await;
    replicas[0].hang_up();
    scene.until_other_leaf(&kept).await;
    for webhook in &replicas[1..] {
        webhook.hang_up();
    }
    scene.until_all_show(&replicas, "a certificate of the next authority").await;
    let next = scene.kept().await;
    assert_eq!(next.authorities().len(), 2);
    assert_eq!(next.chain().len(), 2, "the old one vouches for the next one");
    scene.connect_anew().await;
    load.go_on(5).await;
    let old = scene.bundle().await;
    assert_eq!(old.trim_ascii(), kept.bundle().trim().as_bytes(), "it was told");
    scene.give_back(&grant).await;
    until("both authorities in the configuration", async || {
        replicas[0].hang_up();
        scene.bundle().await == next.bundle().as_bytes()
    })
    .await;
    load.go_on(5).await;
    judged("another authority", &load.since(begin));

    // Everything anew, with nothing to vouch for it.
    let begin = std::time::Instant::now();
    scene.stage.kubectl("delete secret pullcheck-certificates -n pullcheck").succeeds().await;
    replicas[1].hang_up();
    until("a Secret", async || scene.secret().await.is_some()).await;
    for webhook in &replicas {
        webhook.hang_up();
    }
    scene.until_all_show(&replicas, "a certificate of a new authority").await;
    assert_eq!(scene.kept().await.authorities().len(), 3);
    scene.connect_anew().await;
    load.go_on(5).await;
    judged("a deleted Secret", &load.since(begin));
    drop(load);

    // Wiped, nobody can be called; then it is put right.
    let whole = scene.kept().await.bundle();
    scene.patch(CONFIGURATION, "/webhooks/0/clientConfig/caBundle", &encoded(b"")).await;
    replicas[2].hang_up();
    until("the list", async || scene.bundle().await == whole.as_bytes()).await;
    scene.stage.until_called(&scene.bad).await;
}

#[track_caller]
fn judged(what: &str, figures: &Figures) {
    println!("{what}: {figures}");
    figures.assert_judged();
}

async fn trouble(kubernetes: &Kubernetes) {
    let mut scene = Scene::set(kubernetes).await;

    // Each right, at a first start.
    for (kind, right) in [
        ("rolebinding", "pullcheck may not create secrets pullcheck/pullcheck-certificates"),
        ("clusterrolebinding", "pullcheck may not get validatingwebhookconfigurations pullcheck"),
    ] {
        let grant = scene.take_away(kind).await;
        let webhook = scene.early(0).await;
        scene.until_not_ready(&webhook, right).await;
        assert!(webhook.log().contains(right), "{}", webhook.log());
        scene.give_back(&grant).await;
        scene.until_ready(&webhook).await;
        drop(webhook);
        scene.stage.kubectl("delete secret pullcheck-certificates -n pullcheck").succeeds().await;
        scene.patch(CONFIGURATION, "/webhooks/0/clientConfig/caBundle", &encoded(b"")).await;
    }

    // The patch alone.
    let path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/pullcheck-certificates";
    scene.patch(path, "/rules/0/verbs", &serde_json::json!(["get"])).await;
    let webhook = scene.early(0).await;
    let right = "pullcheck may not patch validatingwebhookconfigurations pullcheck";
    scene.until_not_ready(&webhook, right).await;
    scene.patch(path, "/rules/0/verbs", &serde_json::json!(["get", "patch"])).await;
    scene.until_ready(&webhook).await;
    scene.stage.until_called(&scene.bad).await;

    // A right that is lost later is told, and keeps nobody from being judged.
    let grant = scene.take_away("clusterrolebinding").await;
    until("the missing right in the log", async || {
        webhook.hang_up();
        webhook.log().contains("may not get validatingwebhookconfigurations")
    })
    .await;
    assert_eq!(webhook.probe("/readyz").await.status, 200);
    scene.give_back(&grant).await;

    // Without an API server: who serves goes on, who starts waits.
    scene.stage.plane.stop_api_server();
    let late = scene.process_early(1).await;
    scene.until_not_ready(&late, "API server refused the connection").await;
    webhook.hang_up();
    webhook.logged("the certificates cannot be kept in order").await;
    assert_eq!(webhook.probe("/readyz").await.status, 200);
    assert_eq!(late.probe("/livez").await.status, 200);
    scene.stage.plane.start_api_server().await;
    scene.until_ready(&late).await;
    scene.until_all_show(&[webhook, late], "the same certificate").await;
    assert_eq!(Kept::authorities(&scene.kept().await).len(), 1);
    assert!(scene.stage.api().get(SECRET).await["data"]["ca.key"].is_string());
}
