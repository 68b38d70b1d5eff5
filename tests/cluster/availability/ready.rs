//! When a replica says that it is ready, with an API server that hangs, is away, or forbids.

use std::time::{Duration, Instant};

use crate::cluster::stage::{Stage, on_stage};
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::support::webhook::{Launch, Webhook};

#[test]
fn a_replica_is_ready_when_what_it_watches_was_read_or_cannot_be() {
    on_stage!(
        "cluster::availability::ready::a_replica_is_ready_when_what_it_watches_was_read_or_cannot_be",
        Release::Current,
        readiness
    );
}

async fn readiness(kubernetes: &Kubernetes) {
    let mut stage = Stage::start(kubernetes).await;
    stage.install().await;
    let account = stage.account().await;
    let launch = || Launch::default().args(&["--kubeconfig", account.to_str().unwrap()]).early();

    // Forbidden at once.
    stage.kubectl("delete clusterrolebinding pullcheck-cluster").succeeds().await;
    let webhook = launch().start().await;
    webhook.logged("pullcheck may not list and watch nodes, so images are not held against the nodes there are").await;
    until_ready(&webhook, Duration::from_secs(5)).await;
    drop(webhook);

    // Neither an answer nor a refusal: bounded.
    stage.plane.freeze_api_server();
    let webhook = launch().start().await;
    let answer = webhook.probe("/readyz").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(webhook.probe("/livez").await.status, 200);
    until_ready(&webhook, Duration::from_secs(20)).await;
    stage.plane.thaw_api_server();
    drop(webhook);

    // Nobody is there.
    stage.plane.stop_api_server();
    let webhook = launch().start().await;
    until_ready(&webhook, Duration::from_secs(5)).await;
    // It stays so while the API server comes, and takes up the nodes then.
    stage.plane.start_api_server().await;
    stage.install().await;
    webhook.logged("the cluster's nodes are known").await;
    assert_eq!(webhook.probe("/readyz").await.status, 200);
}

async fn until_ready(webhook: &Webhook, limit: Duration) {
    let begun = Instant::now();
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    loop {
        pace.tick().await;
        let answer = webhook.probe("/readyz").await;
        if answer.status == 200 {
            return;
        }
        assert!(begun.elapsed() < limit, "{}\n{}", answer.text(), webhook.log());
    }
}
