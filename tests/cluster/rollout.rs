//! What controllers make of a template that was judged when a person applied it: their pods are
//! never denied, whatever became of the registry; and the end of a namespace.

use serde_json::{Value, json};

use super::audit;
use super::stage::{Stage, on_stage, until};
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::support::misbehaving::Registry;
use crate::support::server::Greeting;
use crate::support::webhook::{Launch, Webhook};

#[test]
fn pods_of_controllers_are_never_denied() {
    on_stage!("cluster::rollout::pods_of_controllers_are_never_denied", Release::Current, rollout);
}

#[test]
fn nor_are_they_by_an_older_kubernetes() {
    on_stage!("cluster::rollout::nor_are_they_by_an_older_kubernetes", Release::Old, rollout);
}

const REPLICA_SETS: &str = "system:serviceaccount:kube-system:replicaset-controller";
const ABSENT: &str = "registry.acme.test/none:1";

async fn rollout(kubernetes: &Kubernetes) {
    let mut stage = Stage::start(kubernetes).await;
    let image = stage.image("shop/web", "1.0");
    stage.install().await;
    stage.namespace("shop", Some("enforce")).await;
    let webhook = serve(&stage).await;
    for object in ["deployment web --replicas=3", "job once"] {
        let run = stage.kubectl("create -n shop").args(object).arg("--image").arg(&image);
        run.succeeds().await;
    }
    stage.kubectl("apply -f -").stdin(stateful_set(&image).to_string()).succeeds().await;
    until_pods(&stage, 5).await;

    // What has been found is believed for a while; a new pullcheck remembers nothing.
    drop(webhook);
    stage.registry.untag("shop/web", "1.0");
    nobody_answers(&stage, &image).await;
    let webhook = serve(&stage).await;
    the_tag_is_gone(&stage, &webhook, &image).await;
    drop(webhook);
    // Nobody listens there any more.
    drop(std::mem::replace(&mut stage.registry, Registry::start_mute(Greeting::HangUp).await));
    let webhook = serve(&stage).await;
    the_registry_is_away(&stage, &webhook, &image).await;
    assert_nothing_went_by_us(&stage);
    the_namespace_ends(&stage).await;
}

async fn serve(stage: &Stage) -> Webhook {
    let webhook = stage.serve(Launch::default()).await;
    stage.until_called(ABSENT).await;
    webhook
}

/// Without pullcheck everything passes, and the API server notes it.
async fn nobody_answers(stage: &Stage, image: &str) {
    assert_eq!(audit::requests(stage, audit::failed_open), [] as [Value; 0]);
    let run = stage.kubectl("run alone -n shop --dry-run=server --image").arg(image);
    run.succeeds().await;
    assert_eq!(audit::requests(stage, audit::failed_open).len(), 1);
}

/// The registry says that there is no such image, which denies a person's pod and no controller's.
async fn the_tag_is_gone(stage: &Stage, webhook: &Webhook, image: &str) {
    let ran = stage.kubectl("run mine -n shop --image").arg(image).run().await;
    assert!(ran.stderr.contains("denied the request"), "{ran}");

    let before = pods_made(stage).len();
    stage.kubectl("delete pods --all -n shop --now").succeeds().await;
    until_pods(stage, 5).await;
    let audited = "pullcheck_findings_total{code=\"tag-not-found\",action=\"audit\"}";
    webhook.until_metric(audited, 1).await;
    let made = pods_made(stage);
    assert!(made.len() >= before + 3, "{made:#?}");
    assert!(made.iter().all(|event| event["responseStatus"]["code"] == 201), "{made:#?}");
}

/// No registry answers, and rollouts go on; a person is told.
async fn the_registry_is_away(stage: &Stage, webhook: &Webhook, image: &str) {
    let before = pods_made(stage).len();
    stage.kubectl("delete pods --all -n shop --now").succeeds().await;
    until_pods(stage, 5).await;
    stage.kubectl("scale deployment/web -n shop --replicas=6").succeeds().await;
    until_pods(stage, 8).await;
    let newer = image.replace(":1.0", ":1.1");
    let set = stage.kubectl("set image deployment/web -n shop").arg(&format!("web={newer}"));
    let ran = set.run().await;
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stderr.contains("[registry-refused]"), "{ran}");
    until("pods of the new template", async || {
        pods(stage).await.iter().any(|pod| pod["spec"]["containers"][0]["image"] == *newer)
    })
    .await;
    let made = pods_made(stage);
    assert!(made.len() >= before + 7, "{made:#?}");
    let unseen = "pullcheck_findings_total{code=\"registry-refused\",action=\"audit\"}";
    webhook.until_metric(unseen, 1).await;
}

/// Nobody but a person was refused, and no request passed because pullcheck did not answer.
fn assert_nothing_went_by_us(stage: &Stage) {
    let refused = audit::requests(stage, |event| {
        let user = event["user"]["username"].as_str().unwrap_or_default();
        user.starts_with("system:") && audit::is_denied_by_us(event)
    });
    assert!(refused.is_empty(), "{refused:#?}");
    let pods = audit::requests(stage, |event| {
        audit::is(event, "create", "pods") && audit::is_by(event, REPLICA_SETS)
    });
    let open: Vec<_> = pods.iter().filter(|event| audit::failed_open(event)).collect();
    assert!(open.is_empty(), "{open:#?}");
}

/// A namespace that is being deleted takes nothing new and holds what has a finalizer; that this
/// can be taken off is what pullcheck must not stand in the way of.
async fn the_namespace_ends(stage: &Stage) {
    let hold = "{\"metadata\":{\"finalizers\":[\"acme.test/hold\"]}}";
    let statefulset = "patch statefulset/db -n shop --type=merge -p";
    stage.kubectl(statefulset).arg(hold).succeeds().await;
    stage.kubectl("delete namespace shop --wait=false").succeeds().await;
    let set = "/apis/apps/v1/namespaces/shop/statefulsets/db";
    until("the deletion of all that is in it", async || {
        let going = !stage.api().get(set).await["metadata"]["deletionTimestamp"].is_null();
        going && pods(stage).await.is_empty()
    })
    .await;
    let ran = stage.kubectl("run late -n shop --image").arg(ABSENT).run().await;
    assert!(ran.stderr.contains("is being terminated"), "{ran}");
    assert!(!ran.stderr.contains("pullcheck"), "{ran}");

    // An image that nobody has, in an object that is going.
    let image = json!([{
        "op": "replace", "path": "/spec/template/spec/containers/0/image", "value": ABSENT,
    }]);
    let patch = stage.kubectl("patch statefulset/db -n shop --type=json -p");
    let ran = patch.arg(&image.to_string()).run().await;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran}");
    let free = "{\"metadata\":{\"finalizers\":null}}";
    stage.kubectl(statefulset).arg(free).succeeds().await;
    until("the end of the namespace", async || {
        stage.kubectl("get namespace shop").run().await.code == Some(1)
    })
    .await;
}

async fn pods(stage: &Stage) -> Vec<Value> {
    let list = stage.api().get("/api/v1/namespaces/shop/pods").await;
    list["items"].as_array().unwrap().clone()
}

async fn until_pods(stage: &Stage, count: usize) {
    until(&format!("{count} pods"), async || pods(stage).await.len() == count).await;
}

/// The requests by which the Deployment's pods were made.
fn pods_made(stage: &Stage) -> Vec<Value> {
    audit::requests(stage, |event| {
        audit::is_by(event, REPLICA_SETS)
            && audit::is(event, "create", "pods")
            && event["objectRef"]["namespace"] == "shop"
    })
}

fn stateful_set(image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": { "name": "db", "namespace": "shop" },
        "spec": {
            "serviceName": "db",
            "selector": { "matchLabels": { "app": "db" } },
            "template": {
                "metadata": { "labels": { "app": "db" } },
                "spec": { "containers": [{ "name": "db", "image": image }] },
            },
        },
    })
}
