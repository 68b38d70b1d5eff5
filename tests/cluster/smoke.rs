//! The stage stands.

use super::stage::{Stage, on_stage};
use crate::parts::kubernetes::control_plane::User;
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::support::webhook::Launch;

#[test]
fn a_tag_that_is_not_there_is_denied_by_a_real_api_server() {
    on_stage!(
        "cluster::smoke::a_tag_that_is_not_there_is_denied_by_a_real_api_server",
        Release::Current,
        denied
    );
}

#[test]
fn an_older_kubernetes_denies_it_too() {
    on_stage!("cluster::smoke::an_older_kubernetes_denies_it_too", Release::Old, denied);
}

async fn denied(kubernetes: &Kubernetes) {
    let stage = Stage::start(kubernetes).await;
    let good = stage.image("team/app", "1.0");
    let bad = good.replace(":1.0", ":1.1");
    stage.install().await;
    let _webhook = stage.serve(Launch::default().mode("enforce")).await;
    stage.until_called(&bad).await;

    let ran = stage.kubectl("run web --image").arg(&bad).run().await;
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("has no tag 1.1"), "{ran}");
    stage.kubectl("run web --image").arg(&good).succeeds().await;
    // Who may do nothing is refused by Kubernetes, before anybody asks us.
    let ran = stage.kubectl_as(User::Developer, "run web --image").arg(&bad).run().await;
    assert!(ran.stderr.contains("User \"developer\" cannot create"), "{ran}");
}
