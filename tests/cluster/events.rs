//! Events about a controller's pods, by real controllers and as kubectl shows them; and what the
//! API server itself counts of the webhook, which the alerts ask for. That a dry run makes none is
//! in `dry_run`.

use serde_json::Value;

use super::stage::{Stage, on_stage, until};
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::support::webhook::{Launch, Webhook};

const AUDITED: &str = "pullcheck_findings_total{code=\"tag-not-found\",action=\"audit\"}";
const CREATED: &str = "pullcheck_events_total{outcome=\"created\"}";
const REPEATED: &str = "pullcheck_events_total{outcome=\"repeated\"}";
const FORBIDDEN: &str = "pullcheck_events_total{outcome=\"forbidden\"}";

const ACCOUNT: &str = "system:serviceaccount:pullcheck:pullcheck";

#[test]
fn a_rollout_of_an_image_that_is_gone_makes_one_event_where_it_is_asked_for() {
    on_stage!(
        "cluster::events::a_rollout_of_an_image_that_is_gone_makes_one_event_where_it_is_asked_for",
        Release::Current,
        told
    );
}

async fn told(kubernetes: &Kubernetes) {
    let stage = Stage::start(kubernetes).await;
    let gone = stage.image("team/app", "1.0").replace(":1.0", ":1.1");
    stage.install().await;
    stage.namespace("shop", None).await;

    // By default nothing is written.
    let webhook = stage.serve(Launch::default()).await;
    stage.until_called(&gone).await;
    roll_out(&stage, "quiet", &gone).await;
    webhook.until_metric(AUDITED, 2).await;
    drop(webhook);

    // Asked for, and without the right.
    let webhook = stage.serve(Launch::with(&["--events"])).await;
    stage.until_called(&gone).await;
    roll_out(&stage, "forbidden", &gone).await;
    webhook.until_metric(FORBIDDEN, 1).await;
    assert!(webhook.log().contains("may not create Events (ClusterRole pullcheck-events)"));
    assert_eq!(events(&stage).await, Vec::<Value>::new());

    // The right needs no restart.
    let with_events = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster/events");
    stage.kubectl("apply -k").arg(with_events).succeeds().await;
    until("the right to create Events", async || {
        let asked = stage.kubectl("auth can-i create events.events.k8s.io -n shop");
        asked.arg(&format!("--as={ACCOUNT}")).run().await.code == Some(0)
    })
    .await;
    roll_out(&stage, "web", &gone).await;
    webhook.until_metric(CREATED, 1).await;
    webhook.until_metric(REPEATED, 1).await;
    let told = events(&stage).await;
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0]["involvedObject"]["kind"], "ReplicaSet");
    assert_eq!(told[0]["reason"], "TagNotFound");
    let shown = stage.kubectl("describe replicaset -n shop -l app=web").succeeds().await;
    let line = shown.lines().find(|line| line.contains("TagNotFound"));
    let line = line.unwrap_or_else(|| panic!("{shown}"));
    assert!(line.contains("Warning") && line.contains("pullcheck.dev"), "{line}");
    assert!(line.contains("has no tag 1.1"), "{line}");

    the_api_server_counts_what_the_alerts_ask_for(&stage, webhook, &gone).await;
}

/// Two pods of one template.
async fn roll_out(stage: &Stage, name: &str, image: &str) {
    let line = format!("create deployment {name} -n shop --replicas=2 --image={image}");
    stage.kubectl(&line).succeeds().await;
}

/// The Events of pullcheck's, in every namespace.
async fn events(stage: &Stage) -> Vec<Value> {
    let all = stage.api().get("/api/v1/events").await;
    let ours = |event: &&Value| event["reportingComponent"] == "pullcheck.dev";
    all["items"].as_array().unwrap().iter().filter(ours).cloned().collect()
}

async fn the_api_server_counts_what_the_alerts_ask_for(
    stage: &Stage,
    webhook: Webhook,
    gone: &str,
) {
    stage.kubectl("label namespace shop pullcheck.dev/mode=enforce").succeeds().await;
    until("a denial", async || {
        let run = stage.kubectl("run denied -n shop --dry-run=server --image").arg(gone);
        run.run().await.code == Some(1)
    })
    .await;
    drop(webhook);
    stage.kubectl("run open -n shop --image").arg(gone).succeeds().await;
    let metrics = stage.kubectl("get --raw /metrics").succeeds().await;
    for (name, labels) in [
        ("apiserver_admission_webhook_fail_open_count", &["name", "type"][..]),
        (
            "apiserver_admission_webhook_rejection_count",
            &["error_type", "name", "operation", "rejection_code", "type"],
        ),
        (
            "apiserver_admission_webhook_admission_duration_seconds_bucket",
            &["le", "name", "operation", "rejected", "type"],
        ),
    ] {
        let ours = |line: &&str| {
            line.starts_with(&format!("{name}{{")) && line.contains("name=\"images.pullcheck.dev\"")
        };
        let line = metrics.lines().find(ours).unwrap_or_else(|| panic!("no {name}"));
        for label in labels {
            assert!(line.contains(&format!("{label}=\"")), "{line} has no {label}");
        }
    }
}
