//! The overlay for cert-manager, with a test in cert-manager's place: it reads what is asked for
//! and writes what cert-manager would.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{repository, with_crds};
use crate::cluster::stage::{Stage, on_stage};
use crate::parts::crds;
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::support::skip;
use crate::support::tls::{Ca, Kind};
use crate::support::webhook::Launch;

#[test]
fn what_cert_manager_is_asked_for_is_what_the_pods_and_the_api_server_need() {
    let crds = match crds::files() {
        Ok(crds) => crds,
        Err(why) => skip!(&why),
    };
    on_stage!(
        "cluster::deploy::cert_manager::\
         what_cert_manager_is_asked_for_is_what_the_pods_and_the_api_server_need",
        Release::Current,
        |kubernetes| asked(kubernetes, &crds)
    );
}

async fn asked(kubernetes: &Kubernetes, crds: &[PathBuf]) {
    let stage = Stage::start(kubernetes).await;
    let good = stage.image("team/app", "1.0");
    let bad = good.replace(":1.0", ":1.1");
    with_crds(&stage, crds).await;
    let overlay = repository("deploy/overlays/cert-manager");
    stage.kubectl("apply -k").arg(overlay.to_str().unwrap()).succeeds().await;

    let api = stage.api();
    let at = |path: &str| format!("/apis/cert-manager.io/v1/namespaces/pullcheck/{path}");
    // The chain: a certificate by an issuer by a certificate that signs itself.
    let leaf = api.get(&at("certificates/pullcheck")).await["spec"].clone();
    assert_eq!(leaf["dnsNames"], json!(["pullcheck.pullcheck.svc"]));
    let issuer = leaf["issuerRef"]["name"].as_str().unwrap();
    let issuer = api.get(&at(&format!("issuers/{issuer}"))).await["spec"].clone();
    let authority = api.get(&at("certificates/pullcheck-ca")).await["spec"].clone();
    assert_eq!(issuer["ca"]["secretName"], authority["secretName"]);
    assert_eq!(authority["isCA"], true);
    let root = authority["issuerRef"]["name"].as_str().unwrap();
    let root = api.get(&at(&format!("issuers/{root}"))).await["spec"].clone();
    assert_eq!(root, json!({ "selfSigned": {} }));

    // What comes of it: the Secret, and the bundle where the annotation asks for it.
    let ca = Ca::mint();
    let made = ca.leaf(Kind::Good, &[leaf["dnsNames"][0].as_str().unwrap()]);
    let encoded = |text: &str| STANDARD.encode(text);
    api.create(&json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": { "name": leaf["secretName"], "namespace": "pullcheck" },
        "data": {
            "ca.crt": encoded(ca.pem()),
            "tls.crt": encoded(made.pem()),
            "tls.key": encoded(&made.key_pem()),
        },
    }))
    .await;
    let launch = Launch::default().mode("enforce").pair(made.cert_file(), made.key_file());
    let _webhook = stage.replica(0, launch).await;
    assert_eq!(mounted(&stage).await, leaf["secretName"], "the pods mount another Secret");
    let from = annotation(&stage).await;
    assert_eq!(from, "pullcheck/pullcheck", "another certificate's authority is injected");
    stage.trust(&[&ca]).await;
    stage.until_called(&bad).await;
    let ran = stage.kubectl("run web --image").arg(&bad).run().await;
    assert!(ran.stderr.contains("has no tag 1.1"), "{ran}");

    // A later apply leaves what was injected.
    stage.kubectl("apply -k").arg(overlay.to_str().unwrap()).succeeds().await;
    let ran = stage.kubectl("run web --image").arg(&bad).run().await;
    assert!(ran.stderr.contains("has no tag 1.1"), "{ran}");
}

/// The Secret that the pods have as their certificate.
async fn mounted(stage: &Stage) -> Value {
    let path = "/apis/apps/v1/namespaces/pullcheck/deployments/pullcheck";
    let deployment = stage.api().get(path).await;
    let volumes = deployment["spec"]["template"]["spec"]["volumes"].as_array().unwrap().clone();
    let secret = volumes.iter().find(|volume| volume["name"] == "tls").unwrap();
    secret["secret"]["secretName"].clone()
}

/// Whose authority the webhook configuration asks for.
async fn annotation(stage: &Stage) -> Value {
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/pullcheck";
    let configuration = stage.api().get(path).await;
    configuration["metadata"]["annotations"]["cert-manager.io/inject-ca-from"].clone()
}
