//! The real API server takes every variant, to the letter, and the pods of it.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::rendered::by_kustomize;
use super::{variants, with_crds};
use crate::cluster::stage::{PULLCHECK, Stage, on_stage};
use crate::parts::crds;
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::support::skip;

/// A field that the server does not know is an error.
const STRICT: &str = "--validate=strict";

#[test]
fn every_variant_passes_strict_validation_and_pod_security() {
    let crds = match crds::files() {
        Ok(crds) => crds,
        Err(why) => skip!(&why),
    };
    on_stage!(
        "cluster::deploy::admitted::every_variant_passes_strict_validation_and_pod_security",
        Release::Current,
        |kubernetes| admitted(kubernetes, &crds)
    );
}

#[test]
fn an_older_kubernetes_takes_every_variant_too() {
    let crds = match crds::files() {
        Ok(crds) => crds,
        Err(why) => skip!(&why),
    };
    on_stage!(
        "cluster::deploy::admitted::an_older_kubernetes_takes_every_variant_too",
        Release::Old,
        |kubernetes| admitted(kubernetes, &crds)
    );
}

async fn admitted(kubernetes: &Kubernetes, crds: &[PathBuf]) {
    let stage = Stage::start(kubernetes).await;
    with_crds(&stage, crds).await;
    // A dry run creates no namespace for what is in it.
    stage.kubectl("create namespace").arg(PULLCHECK).succeeds().await;
    for variant in variants::all() {
        let yaml = by_kustomize(kubernetes, &variant);
        let ran = stage.kubectl("apply --dry-run=server -f -").args(STRICT).stdin(yaml).run().await;
        assert_eq!(ran.code, Some(0), "{}: {ran}", variant.name());
        // kubectl tells of the namespace that it did not create itself.
        let told =
            ran.stderr.lines().filter(|line| !line.contains("namespaces/pullcheck is missing"));
        assert_eq!(told.collect::<Vec<_>>(), [""; 0], "{}", variant.name());
    }

    apply(&stage, by_kustomize(kubernetes, &variants::overlay("warn"))).await;
    until_a_pod(&stage, |pod| pod["spec"]["securityContext"]["runAsNonRoot"] == true).await;
    // The same namespace refuses what asks for more than that.
    let ran = stage.kubectl("-n pullcheck run plain --image=x").run().await;
    assert!(ran.stderr.contains("violates PodSecurity \"restricted"), "{ran}");

    // A variant that needs more says so of the namespace itself.
    for (component, field) in
        [("node-certs-d", "/spec/volumes/2/hostPath"), ("host-network", "/spec/hostNetwork")]
    {
        apply(&stage, by_kustomize(kubernetes, &variants::with(component))).await;
        until_a_pod(&stage, |pod| pod.pointer(field).is_some()).await;
    }
}

async fn apply(stage: &Stage, yaml: String) {
    stage.kubectl("apply -f -").args(STRICT).stdin(yaml).succeeds().await;
}

/// Waits until the controllers have made such a pod of the Deployment; what kept them from it is
/// told otherwise.
async fn until_a_pod(stage: &Stage, is_it: impl Fn(&Value) -> bool) {
    let api = stage.api();
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..300 {
        pace.tick().await;
        let pods = api.get("/api/v1/namespaces/pullcheck/pods").await;
        if pods["items"].as_array().unwrap().iter().any(&is_it) {
            return;
        }
    }
    let sets = api.get("/apis/apps/v1/namespaces/pullcheck/replicasets").await;
    let why: Vec<&Value> =
        sets["items"].as_array().unwrap().iter().map(|set| &set["status"]).collect();
    panic!("no such pod was made: {why:?}");
}
