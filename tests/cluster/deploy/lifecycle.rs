//! The chart in use: installed, judged by, configured anew, rolled back and taken away.

use tempfile::TempDir;

use super::{CHART, configuration, helm, run_helm};
use crate::cluster::stage::{Stage, on_stage, soon};
use crate::parts::helm::Helm;
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::support::skip;
use crate::support::webhook::{Launch, Webhook};

#[test]
fn a_release_is_installed_upgraded_rolled_back_and_uninstalled() {
    let helm = match helm() {
        Ok(helm) => helm,
        Err(why) => skip!(&why),
    };
    on_stage!(
        "cluster::deploy::lifecycle::\
         a_release_is_installed_upgraded_rolled_back_and_uninstalled",
        Release::Current,
        |kubernetes| lifecycle(kubernetes, &helm)
    );
}

async fn lifecycle(kubernetes: &Kubernetes, helm: &Helm) {
    let home = TempDir::new().unwrap();
    let stage = Stage::start(kubernetes).await;
    let good = stage.image("team/app", "1.0");
    let bad = good.replace(":1.0", ":1.1");
    let run = |line: &str| run_helm(helm, &stage, home.path(), line);

    // Nothing waits for the pods: there is no node here.
    let told = run("install pullcheck --create-namespace").arg(CHART).succeeds().await;
    assert!(told.contains("in mode warn"), "{told}");
    assert!(told.contains("The pods wait for the Secret pullcheck-tls"), "{told}");
    let first = replica(&stage).await;
    let upgrade = |more: &str| run("upgrade pullcheck --reuse-values").arg(CHART).args(more);
    upgrade(&authority(&first)).succeeds().await;
    stage.until_called(&bad).await;
    let ran = stage.kubectl("run told --image").arg(&bad).run().await;
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stderr.contains("Warning: ") && ran.stderr.contains("has no tag 1.1"), "{ran}");

    // Another configuration is another ConfigMap, by which the pods are rolled.
    let before = configuration(&stage).await;
    upgrade("--set config.mode=enforce").succeeds().await;
    let after = configuration(&stage).await;
    assert_ne!(before.name, after.name);
    drop(first);
    let second = replica(&stage).await;
    upgrade(&authority(&second)).succeeds().await;
    denied(&stage, &bad).await;

    // Who patches the bundle instead keeps it through an upgrade.
    run("rollback pullcheck 1").succeeds().await;
    assert_eq!(configuration(&stage).await.name, before.name);
    stage.trust(&[second.ca()]).await;
    run("upgrade pullcheck").arg(CHART).args("--set replicas=3").succeeds().await;
    denied(&stage, &bad).await;

    run("uninstall pullcheck").succeeds().await;
    let kinds = "clusterroles,clusterrolebindings,validatingwebhookconfigurations,\
        deployments,services,configmaps,serviceaccounts,networkpolicies,poddisruptionbudgets";
    let left = stage
        .kubectl("get -A -o name -l app.kubernetes.io/name=pullcheck")
        .arg(kinds)
        .succeeds()
        .await;
    assert_eq!(left, "");
    stage.kubectl("run untold --image").arg(&bad).succeeds().await;
}

/// A process in the pods' place, with their configuration.
async fn replica(stage: &Stage) -> Webhook {
    let text = configuration(stage).await.text;
    stage.replica(0, Launch::default().config(&text)).await
}

/// The value that makes the API server trust it.
fn authority(webhook: &Webhook) -> String {
    format!("--set-file certificates.caBundle={}", webhook.ca().file().display())
}

async fn denied(stage: &Stage, image: &str) {
    soon(image, async || {
        let ran = stage.kubectl("run denied --dry-run=server --image").arg(image).run().await;
        ran.code == Some(1) && ran.stderr.contains("has no tag 1.1")
    })
    .await;
}
