//! Other admission beside ours: a webhook that changes pods, another that judges them, and a
//! ValidatingAdmissionPolicy.

use std::net::{Ipv4Addr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Response;
use serde_json::{Value, json};

use super::stage::{Stage, on_stage, until};
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::support::server::{Greeting, Reply, Seen, Server, body};
use crate::support::tls::Kind;
use crate::support::webhook::Launch;

#[test]
fn other_webhooks_and_policies_have_their_say_beside_ours() {
    on_stage!(
        "cluster::neighbours::other_webhooks_and_policies_have_their_say_beside_ours",
        Release::Current,
        beside
    );
}

const NEIGHBOUR: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(10, 77, 1, 9)), 443);

async fn beside(kubernetes: &Kubernetes) {
    let stage = Stage::start_still(kubernetes).await;
    stage.image("shop/web", "1.0");
    stage.install().await;
    stage.namespace("shop", Some("enforce")).await;
    let webhook = stage.serve(Launch::default()).await;
    stage.until_called("registry.acme.test/none:1").await;
    let leaf = stage.ca.leaf(Kind::Good, &["10.77.1.9"]);
    let neighbour =
        Server::start_at(NEIGHBOUR, Some(leaf.server()), Greeting::Serve, async |seen| {
            answer(&seen)
        });
    let neighbour = neighbour.await;
    for object in [mutating(&stage), validating(&stage), policy(), binding()] {
        stage.kubectl("create -f -").stdin(object.to_string()).succeeds().await;
    }
    let run = |name: &str, image: &str| {
        stage.kubectl("run -n shop").arg(name).arg(&format!("--image={image}")).run()
    };
    until("all of them", async || {
        let ran = stage.kubectl("run dry -n shop --dry-run=server --image=short/web:1.0");
        let said = ran.run().await.stderr;
        said.contains("the neighbour has seen") && said.contains("should carry the label team")
    })
    .await;

    // What the one webhook has made of the image is what is judged, and every voice is heard.
    let ran = run("one", "short/web:1.0").await;
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stderr.contains("the neighbour has seen registry.acme.test/shop/web:1.0"), "{ran}");
    assert!(ran.stderr.contains("should carry the label team"), "{ran}");
    assert!(!ran.stderr.contains("[repository-not-found]"), "{ran}");
    let ran = run("two", "short/web:2.0").await;
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("\"images.pullcheck.dev\" denied the request: "), "{ran}");
    assert!(ran.stderr.contains("\"registry.acme.test/shop/web:2.0\""), "{ran}");
    assert!(ran.stderr.contains("[tag-not-found]"), "{ran}");

    // Theirs is theirs: what they refuse is refused, and what they fail at is not our affair.
    let ran = run("refused", "short/web:1.0").await;
    assert!(ran.stderr.contains("\"neighbour.acme.test\" denied the request"), "{ran}");
    drop(neighbour);
    let ran = run("three", "registry.acme.test/shop/web:3.0").await;
    assert!(ran.stderr.contains("[tag-not-found]"), "{ran}");
    let ran = run("four", "registry.acme.test/shop/web:1.0").await;
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(!webhook.log().contains("short/web"), "{}", webhook.log());
}

/// Writes out short names, warns of everything, and refuses what is called `refused`.
fn answer(seen: &Seen) -> Reply {
    let review: Value = serde_json::from_slice(&seen.body).unwrap();
    let request = &review["request"];
    let image = request["object"]["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
    let mut response = json!({ "uid": request["uid"], "allowed": true });
    if seen.path == "/mutate" {
        if let Some(rest) = image.strip_prefix("short/") {
            let patch = json!([{
                "op": "replace",
                "path": "/spec/containers/0/image",
                "value": format!("registry.acme.test/shop/{rest}"),
            }]);
            response["patchType"] = json!("JSONPatch");
            response["patch"] = json!(STANDARD.encode(patch.to_string()));
        }
    } else {
        response["warnings"] = json!([format!("the neighbour has seen {image}")]);
        response["allowed"] = json!(request["name"] != "refused");
    }
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response,
    });
    let answer = Response::builder().header("content-type", "application/json");
    Reply::Http(answer.body(body::whole(review.to_string())).unwrap())
}

fn mutating(stage: &Stage) -> Value {
    configuration(stage, "MutatingWebhookConfiguration", "mutate")
}

fn validating(stage: &Stage) -> Value {
    configuration(stage, "ValidatingWebhookConfiguration", "validate")
}

fn configuration(stage: &Stage, kind: &str, path: &str) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": { "name": "neighbour" },
        "webhooks": [{
            "name": "neighbour.acme.test",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Ignore",
            "timeoutSeconds": 5,
            "clientConfig": {
                "url": format!("https://{NEIGHBOUR}/{path}"),
                "caBundle": STANDARD.encode(stage.ca.pem()),
            },
            "rules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                "resources": ["pods"],
            }],
        }],
    })
}

fn policy() -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": { "name": "team" },
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": { "resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                "resources": ["pods"],
            }] },
            "validations": [{
                "expression": "has(object.metadata.labels) && 'team' in object.metadata.labels",
                "message": "a pod should carry the label team",
            }],
        },
    })
}

fn binding() -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": { "name": "team" },
        "spec": { "policyName": "team", "validationActions": ["Warn"] },
    })
}
