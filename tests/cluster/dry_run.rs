//! A server-side dry run writes nothing anywhere: neither an object nor an Event, neither by the
//! API server nor by pullcheck.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::audit;
use super::objects::KINDS;
use super::stage::{PRIVATE, REGISTRY, Stage, on_stage, until};
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::support::webhook::{Launch, Webhook};

#[test]
fn a_dry_run_of_any_kind_writes_nothing_anywhere() {
    on_stage!(
        "cluster::dry_run::a_dry_run_of_any_kind_writes_nothing_anywhere",
        Release::Current,
        nothing
    );
}

/// Whom pullcheck is to the API server.
const ACCOUNT: &str = "system:serviceaccount:pullcheck:pullcheck";

async fn nothing(kubernetes: &Kubernetes) {
    let stage = Stage::start_still(kubernetes).await;
    stage.image("shop/web", "1.0");
    stage.private_image("team/api", "1.0");
    stage.install().await;
    let modes = [("enforced", "enforce"), ("warned", "warn"), ("audited", "audit")];
    for (namespace, mode) in modes {
        stage.namespace(namespace, Some(mode)).await;
        let run = stage.kubectl("run here --image=registry.acme.test/shop/web:1.0 -n");
        run.arg(namespace).succeeds().await;
    }
    for line in [
        "create clusterrole pullcheck-events --verb=create --resource=events.events.k8s.io",
        "create clusterrolebinding pullcheck-events --clusterrole=pullcheck-events \
            --serviceaccount=pullcheck:pullcheck",
    ] {
        stage.kubectl(line).succeeds().await;
    }
    let webhook = stage.serve(Launch::default().args(&["--events"])).await;
    stage.until_called(&format!("{REGISTRY}/none:1")).await;

    // Good, absent, private, of a Secret that is missing, and no reference at all.
    let images = [
        format!("{REGISTRY}/shop/web:1.0"),
        format!("{REGISTRY}/shop/web:9"),
        format!("{REGISTRY}/none:1"),
        format!("{PRIVATE}/team/api:1.0"),
        format!("{REGISTRY}/Upper:1"),
    ];
    let before = everything(&stage).await;
    let reviewed = reviews(&webhook).await;
    let mut sent = 0;
    for (namespace, _) in modes {
        let all = KINDS.iter().flat_map(|kind| {
            images.iter().enumerate().map(|(number, image)| {
                kind.object(&format!("{}-{number}", kind.resource), image, Some("none"))
            })
        });
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": all.collect::<Vec<_>>() });
        let create = stage.kubectl("create --dry-run=server -f - -n").arg(namespace);
        create.stdin(list.to_string()).run().await;
        // The other ways to a dry run.
        let apply = stage.kubectl("apply --server-side --dry-run=server -f - -n").arg(namespace);
        apply.stdin(list.to_string()).run().await;
        stage.kubectl("diff -f - -n").arg(namespace).stdin(list.to_string()).run().await;
        sent += 3 * KINDS.len() * images.len();
        let container = json!({ "name": "debug", "image": format!("{REGISTRY}/none:1") });
        let patch = json!({ "spec": { "ephemeralContainers": [container] } });
        let debug = "patch pod/here --subresource=ephemeralcontainers --dry-run=server -n";
        stage.kubectl(debug).arg(namespace).arg("-p").arg(&patch.to_string()).run().await;
        let owned = stage.kubectl("create --dry-run=server -f - -n").arg(namespace);
        owned.stdin(owned_by("dry").to_string()).succeeds().await;
        sent += 2;
    }
    // Every one of them was judged.
    let reviewed = reviews(&webhook).await - reviewed;
    assert_eq!(reviewed, u64::try_from(sent).unwrap());
    assert_eq!(everything(&stage).await, before);
    assert_eq!(writes(&stage), [] as [Value; 0]);

    // In earnest there is an Event. They are sent one after the other, so that one of a dry run
    // would have come before.
    let owned = stage.kubectl("create -n enforced -f -").stdin(owned_by("real").to_string());
    owned.succeeds().await;
    until("the Event of pullcheck's", async || !writes(&stage).is_empty()).await;
    let events = stage.api().get("/apis/events.k8s.io/v1/events").await;
    let events = events["items"].as_array().unwrap().iter();
    let about: Vec<&Value> = events
        .filter(|event| event["reportingController"] == "pullcheck.dev")
        .map(|event| &event["regarding"]["name"])
        .collect();
    assert_eq!(about, ["real"], "{:#?}", writes(&stage));
    assert_eq!(writes(&stage).len(), 1);
}

/// What pullcheck asked of the API server that is no reading.
fn writes(stage: &Stage) -> Vec<Value> {
    audit::requests(stage, |event| {
        let verb = event["verb"].as_str().unwrap_or_default();
        audit::is_by(event, ACCOUNT) && !["get", "list", "watch"].contains(&verb)
    })
}

/// A pod as a ReplicaSet makes one, of an image that is not there.
fn owned_by(replica_set: &str) -> Value {
    let name = format!("{replica_set}-1");
    let mut pod = KINDS[0].object(&name, &format!("{REGISTRY}/none:1"), None);
    pod["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": replica_set, "controller": true,
        "uid": "5f8e3c1a-0d6b-4a52-9f4e-2b7c1d9e8a60",
    }]);
    pod
}

async fn reviews(webhook: &Webhook) -> u64 {
    let mut all = 0;
    for verdict in ["allow", "warn", "deny"] {
        let name = format!("pullcheck_reviews_total{{verdict=\"{verdict}\"}}");
        all += webhook.metric(&name).await;
    }
    all
}

/// Every object that the API server can list, in the version that is stored.
async fn everything(stage: &Stage) -> BTreeSet<String> {
    let api = stage.api();
    let mut groups = vec!["/api/v1".to_owned()];
    for group in api.get("/apis").await["groups"].as_array().unwrap() {
        let version = group["preferredVersion"]["groupVersion"].as_str().unwrap();
        groups.push(format!("/apis/{version}"));
    }
    let mut all = BTreeSet::new();
    for group in groups {
        for resource in api.get(&group).await["resources"].as_array().unwrap() {
            let name = resource["name"].as_str().unwrap();
            let verbs = resource["verbs"].as_array().unwrap();
            // Leases are renewed by whoever runs, and by nobody's request.
            if !verbs.iter().any(|verb| verb == "list") || name == "leases" {
                continue;
            }
            for object in api.get(&format!("{group}/{name}")).await["items"].as_array().unwrap() {
                let metadata = &object["metadata"];
                all.insert(format!(
                    "{group}/{name} {} {} {}",
                    metadata["namespace"], metadata["name"], metadata["resourceVersion"]
                ));
            }
        }
    }
    all
}
