//! pullcheck installed from its image on a real node, where it judges from inside the cluster.

use super::cluster::{Cluster, PRIVATE};
use super::confined::assert_confined;
use super::parts::Parts;
use crate::parts::netns::Network;
use crate::support::real_registry::{PASSWORD, USER};
use crate::support::skip;

#[test]
fn it_is_installed_on_a_node_and_judges_from_inside_the_cluster() {
    let parts = match Parts::gather() {
        Ok(parts) => parts,
        Err(why) => skip!(&why),
    };
    let network = Network { hosts: "127.0.0.1 localhost\n", resolv_conf: "" };
    let test = "image::node::it_is_installed_on_a_node_and_judges_from_inside_the_cluster";
    match network.enter(test) {
        Err(why) => skip!(&why),
        Ok(side) if !side.is_inside() => return,
        Ok(_) => {}
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(judges(&parts));
}

async fn judges(parts: &Parts) {
    let mut cluster = Cluster::start(parts).await;
    cluster.install().await;
    cluster.is_ready().await;
    assert_confined();

    // A developer's namespace, whose images need a login.
    cluster.kubectl("create namespace shop").succeeds().await;
    let login = format!("--docker-username={USER} --docker-password={PASSWORD}");
    let create = "-n shop create secret docker-registry regcred --docker-server=";
    cluster.kubectl(&format!("{create}{PRIVATE} {login}")).succeeds().await;
    cluster.has_account("shop").await;
    let secrets = r#"{"imagePullSecrets":[{"name":"regcred"}]}"#;
    cluster.kubectl("-n shop patch serviceaccount default -p").arg(secrets).succeeds().await;

    let run = "-n shop run web --image";
    let (good, bad) = (format!("{PRIVATE}/shop/web:1.0"), format!("{PRIVATE}/shop/web:1.1"));
    cluster.until_called("shop", &bad).await;
    let denied = format!(
        "Error from server (Forbidden): admission webhook \"images.pullcheck.dev\" denied the \
         request: spec.containers[0].image \"{bad}\": the repository has no tag 1.1 (404 \
         MANIFEST_UNKNOWN); did you mean 1.0? [tag-not-found]\n"
    );
    let ran = cluster.kubectl(run).arg(&bad).run().await;
    assert_eq!((ran.code, &*ran.stderr), (Some(1), &*denied), "{ran}");
    let ran = cluster.kubectl(run).arg(&good).run().await;
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{ran}");
    cluster.kubectl("-n shop wait --for=condition=Ready pod/web --timeout=60s").succeeds().await;

    // Its own pods are replaced while it is the cluster's webhook, and it goes on judging.
    for change in ["rollout restart deployment/pullcheck", "delete pod --all"] {
        let before = cluster.pods().await;
        cluster.kubectl(&format!("-n pullcheck {change}")).succeeds().await;
        cluster.is_ready().await;
        let after = cluster.pods().await;
        assert!(after.iter().all(|pod| !before.contains(pod)), "{change}: {before:?} {after:?}");
        cluster.until_called("shop", &bad).await;
        let ran = cluster.kubectl(run).arg(&bad).run().await;
        assert_eq!((ran.code, &*ran.stderr), (Some(1), &*denied), "{change}: {ran}");
    }
    cluster.assert_quiet();
}
