//! failurePolicy Fail with every replica dead: what the user reads, what goes on all the same, and
//! the way out.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use super::scene::{Replica, Scene};
use crate::cluster::haproxy::Program;
use crate::cluster::kubectl::Ran;
use crate::cluster::stage::{PULLCHECK, on_stage};
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::parts::page;
use crate::support::skip;

#[test]
fn without_any_replica_failure_policy_fail_stops_neither_pullcheck_nor_kube_system_and_has_a_way_out()
 {
    let program = match Program::fetched() {
        Ok(program) => program,
        Err(why) => skip!(&why),
    };
    on_stage!(
        "cluster::availability::closed::without_any_replica_failure_policy_fail_stops_neither_pullcheck_nor_kube_system_and_has_a_way_out",
        Release::Current,
        async |kubernetes: &Kubernetes| {
            let scene = Box::pin(Scene::set(kubernetes, &program)).await;
            Box::pin(closed(scene)).await;
        }
    );
}

async fn closed(mut scene: Scene) {
    // There before anything goes wrong: an application, and an addon.
    scene.stage.kubectl("create deployment web --image").arg(&scene.good).succeeds().await;
    let addon = "create deployment addon -n kube-system --image";
    scene.stage.kubectl(addon).arg(&scene.good).succeeds().await;
    scene.stage.kubectl("scale deployment/web --replicas=2").succeeds().await;
    until_pods(&scene, "default", "app=web", 2).await;
    until_pods(&scene, "kube-system", "app=addon", 1).await;

    scene.stage.kubectl(PATCH).arg(&failure_policy("Fail")).succeeds().await;
    let mut transcript = String::new();

    // Hanging, gone, and known to be gone.
    for replica in Replica::BOTH {
        scene.replica(replica).freeze();
    }
    let hanging = until_refused(&scene, "context deadline exceeded").await;
    write!(transcript, "{}", shown("Replicas that hang:", &hanging)).unwrap();
    for replica in Replica::BOTH {
        scene.take(replica).kill();
    }
    let front = SocketAddr::from(([10, 77, 0, 100], 443));
    scene.stage.endpoint("pullcheck", front, false).await;
    let gone = until_refused(&scene, "no endpoints available").await;
    write!(transcript, "{}", shown("No replica is ready:", &gone)).unwrap();

    // Its own namespace, and the control plane's, are never called for.
    let restart = "rollout restart deployment/pullcheck -n pullcheck";
    until_pods(&scene, PULLCHECK, OWN, 2).await;
    scene.stage.kubectl(restart).succeeds().await;
    until_pods(&scene, PULLCHECK, OWN, 3).await;
    scene.stage.kubectl("rollout restart deployment/addon -n kube-system").succeeds().await;
    until_pods(&scene, "kube-system", "app=addon", 2).await;

    // What is taken away needs no review.
    scene.stage.kubectl("scale deployment/web --replicas=1").succeeds().await;
    until_pods(&scene, "default", "app=web", 1).await;

    // Elsewhere a pod that goes is not replaced, until there is a way out.
    scene.stage.kubectl("delete pod -l app=web --wait=false --grace-period=0").succeeds().await;
    until_event(&scene, "failed calling webhook \"images.pullcheck.dev\"").await;
    until_pods(&scene, "default", "app=web", 0).await;

    // One namespace.
    let out = scene.stage.kubectl("label namespace default pullcheck.dev/mode=off");
    out.succeeds().await;
    until_applied(&scene).await;
    until_pods(&scene, "default", "app=web", 1).await;
    scene.stage.kubectl("label namespace default pullcheck.dev/mode-").succeeds().await;
    until_refused(&scene, "no endpoints available").await;

    // All of them, without losing the configuration.
    scene.stage.kubectl(PATCH).arg(&failure_policy("Ignore")).succeeds().await;
    until_applied(&scene).await;
    scene.stage.kubectl(PATCH).arg(&failure_policy("Fail")).succeeds().await;
    until_refused(&scene, "no endpoints available").await;

    // And the whole configuration, which comes back by installing again.
    let delete = "delete validatingwebhookconfiguration pullcheck";
    scene.stage.kubectl(delete).succeeds().await;
    until_applied(&scene).await;
    for replica in Replica::BOTH {
        scene.start(replica).await;
    }
    scene.stage.endpoint("pullcheck", front, true).await;
    scene.stage.install().await;
    scene.stage.trust(&[&scene.ca]).await;
    scene.stage.until_called(&scene.bad).await;

    page::hold_part("docs/availability.md", "transcript", &transcript, "cluster");
}

/// Pods of pullcheck's own Deployment.
const OWN: &str = "app.kubernetes.io/name=pullcheck";

/// As the page has it.
const PATCH: &str = "patch validatingwebhookconfiguration pullcheck --type=json -p";

fn failure_policy(policy: &str) -> String {
    format!(r#"[{{"op":"replace","path":"/webhooks/0/failurePolicy","value":"{policy}"}}]"#)
}

/// Waits until a pod that is good is refused with these words.
async fn until_refused(scene: &Scene, words: &str) -> Ran {
    until(scene, words, |ran| ran.code == Some(1) && ran.stderr.contains(words)).await
}

/// Waits until a pod goes through, without a word.
async fn until_applied(scene: &Scene) {
    until(scene, "a pod that goes through", |ran| ran.code == Some(0)).await;
}

async fn until(scene: &Scene, what: &str, reached: impl Fn(&Ran) -> bool) -> Ran {
    let mut pace = tokio::time::interval(Duration::from_millis(200));
    let mut last = None;
    for _ in 0..100 {
        pace.tick().await;
        let ran = scene.apply("probe", &scene.good).await;
        if ran.code == Some(0) {
            let delete = "delete pod probe --grace-period=0 --force";
            scene.stage.kubectl(delete).succeeds().await;
        }
        if reached(&ran) {
            return ran;
        }
        last = Some(ran);
    }
    panic!("waited in vain for {what}; the last:\n{}", last.unwrap());
}

/// Waits until there are so many pods that are not being deleted.
async fn until_pods(scene: &Scene, namespace: &str, selector: &str, wanted: usize) {
    let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector={selector}");
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    let mut found = Value::Null;
    for _ in 0..300 {
        pace.tick().await;
        found = scene.stage.api().get(&path).await;
        let pods = found["items"].as_array().unwrap();
        let alive = pods.iter().filter(|it| it["metadata"]["deletionTimestamp"].is_null());
        if alive.count() == wanted {
            return;
        }
    }
    panic!("not {wanted} pods of {selector} in {namespace}: {found:#}");
}

/// Waits until the ReplicaSet of the application says why it has no pod.
async fn until_event(scene: &Scene, words: &str) {
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..300 {
        pace.tick().await;
        let events = scene.stage.api().get("/api/v1/namespaces/default/events").await;
        let events = events["items"].as_array().unwrap();
        let says = |it: &Value| {
            it["reason"] == "FailedCreate" && it["message"].as_str().unwrap().contains(words)
        };
        if events.iter().any(says) {
            return;
        }
    }
    panic!("no event says {words:?}");
}

fn shown(what: &str, ran: &Ran) -> String {
    format!("{what}\n\n```console\n$ kubectl apply -f - <pod.yaml\n{}```\n\n", ran.stderr)
}
