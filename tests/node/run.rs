//! The run: pullcheck is asked about every pod, then the pod is created, then the node is watched.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::case::Case;
use super::outcome::Outcome;
use super::word::Findings;
use super::world::World;
use crate::parts::kubernetes::control_plane::{ControlPlane, User};
use crate::parts::kubernetes::kubelet::{NODE, Node};
use crate::support::check::check;
use crate::support::contract::Report;
use crate::support::manifests::stream;

/// Pods are looked at so often, and for so long in all; a pod that says nothing by then has failed
/// the test.
const POLL: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(120);

/// What is not as expected counts when it has lasted so long. A kubelet in a hurry begins without a
/// Secret that it could not read within a second, and tries again with it ten seconds later.
const SETTLED: Duration = Duration::from_secs(30);

/// A case with what was said and what came of it.
pub struct Judged {
    pub case: Case,
    pub findings: Findings,
    pub outcome: Outcome,
}

/// A cluster with one node, and what asks pullcheck.
pub struct Cluster<'a> {
    pub plane: &'a ControlPlane,
    pub node: Node,
    pub world: &'a World,
}

impl Cluster<'_> {
    /// Judges these pods, first by pullcheck and then by the node, all of them side by side.
    pub async fn judge(&mut self, cases: Vec<Case>) -> Vec<Judged> {
        let api = self.plane.api();
        for case in &cases {
            api.namespace(&case.namespace()).await;
            for object in &case.objects {
                api.apply(object).await;
            }
        }
        self.wait_for_accounts(&cases).await;
        let mut findings = self.ask(&cases).await;
        for case in &cases {
            api.create(&case.pod()).await;
        }
        let mut outcomes = self.watch(&cases).await;
        cases
            .into_iter()
            .map(|case| Judged {
                findings: findings.remove(&case.namespace()).unwrap(),
                outcome: outcomes.remove(&case.namespace()).unwrap(),
                case,
            })
            .collect()
    }

    /// Waits for what every namespace is given: before, it is open which pull secrets a pod has.
    async fn wait_for_accounts(&self, cases: &[Case]) {
        let api = self.plane.api();
        let begin = Instant::now();
        let mut pace = tokio::time::interval(POLL);
        loop {
            pace.tick().await;
            let accounts =
                api.get("/api/v1/serviceaccounts?fieldSelector=metadata.name%3Ddefault").await;
            let accounts = accounts["items"].as_array().unwrap();
            let has = |case: &Case| {
                accounts.iter().any(|it| it["metadata"]["namespace"] == case.namespace())
            };
            if cases.iter().all(has) {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "namespaces without a ServiceAccount");
        }
    }

    /// Waits until the node's status tells that it has these images: half a minute or so, because
    /// the kubelet asks the runtime no more often.
    pub async fn wait_until_known(&mut self, images: &[String]) {
        let api = self.plane.api();
        let begin = Instant::now();
        let mut pace = tokio::time::interval(POLL);
        loop {
            pace.tick().await;
            self.node.assert_running();
            let node = api.get(&format!("/api/v1/nodes/{NODE}")).await;
            let known = node["status"]["images"].as_array().map_or(&[][..], Vec::as_slice);
            let names: Vec<&Value> =
                known.iter().filter_map(|image| image["names"].as_array()).flatten().collect();
            if images.iter().all(|image| names.iter().any(|name| *name == image)) {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "{images:?} are not among {names:?}");
        }
    }

    /// pullcheck's word on pods that are not there yet, by namespace.
    async fn ask(&self, cases: &[Case]) -> HashMap<String, Findings> {
        let kubeconfig: PathBuf = self.plane.kubeconfig(User::Admin);
        let (ca, logins) = (self.world.ca.file(), self.node.logins());
        let pods: Vec<Value> = cases.iter().map(Case::pod).collect();
        let ran = check(&["--cluster", "--output", "json", "--mode", "enforce", "-"])
            .args(&["--kubeconfig", kubeconfig.to_str().unwrap()])
            .args(&["--ca-file", ca.to_str().unwrap()])
            .args(&["--docker-config", logins.to_str().unwrap()])
            .stdin(stream(&pods))
            .run()
            .await;
        assert!(matches!(ran.code, Some(0 | 1)), "{ran}");
        let objects = Report::of(&ran).objects.into_iter();
        objects.map(|object| (object.namespace.clone(), Findings::of(object))).collect()
    }

    /// What becomes of the pods, by namespace.
    async fn watch(&mut self, cases: &[Case]) -> HashMap<String, Outcome> {
        let api = self.plane.api();
        let mut seen: HashMap<String, (Outcome, Instant)> = HashMap::new();
        let begin = Instant::now();
        let mut pace = tokio::time::interval(POLL);
        loop {
            pace.tick().await;
            self.node.assert_running();
            let pods = api.get("/api/v1/pods").await;
            for pod in pods["items"].as_array().unwrap() {
                let namespace = pod["metadata"]["namespace"].as_str().unwrap().to_owned();
                let Some(outcome) = Outcome::of(pod) else { continue };
                let last = seen.get(&namespace);
                if last.is_none_or(|(last, _)| *last != outcome) {
                    seen.insert(namespace, (outcome, Instant::now()));
                }
            }
            let is_open = |case: &&Case| match seen.get(&case.namespace()) {
                None => true,
                Some((outcome, since)) => !outcome.is(case.node) && since.elapsed() < SETTLED,
            };
            let open: Vec<&str> = cases.iter().filter(is_open).map(|case| case.name).collect();
            if open.is_empty() {
                return seen.into_iter().map(|(namespace, (it, _))| (namespace, it)).collect();
            }
            assert!(begin.elapsed() < PATIENCE, "undecided after {PATIENCE:?}: {open:?}");
        }
    }
}
