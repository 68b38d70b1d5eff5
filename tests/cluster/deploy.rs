//! The ways to install: overlays, components and the chart, held against each other and against
//! the real API server.

mod admitted;
mod cert_manager;
mod five;
mod lifecycle;
mod refused;
mod rendered;
mod same;
mod variants;

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::kubectl::Kubectl;
use super::stage::{PULLCHECK, Stage};
use crate::parts::helm::Helm;
use crate::parts::kubernetes::control_plane::User;
use crate::parts::netns;

/// The chart's folder.
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/chart");

/// A file or folder of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Helm, or why there is none; asked before a test enters its network, from where nothing can be
/// fetched.
fn helm() -> Result<Helm, String> {
    netns::is_allowed()?;
    Helm::built()
}

/// Helm as the administrator of a stage, in pullcheck's namespace.
fn run_helm(helm: &Helm, stage: &Stage, home: &Path, line: &str) -> Kubectl {
    let mut command = helm.command(home);
    command.env("KUBECONFIG", stage.plane.kubeconfig(User::Admin));
    Kubectl::of(command).args(line).args("--namespace").args(PULLCHECK)
}

/// Makes the API server know the kinds of others.
async fn with_crds(stage: &Stage, files: &[PathBuf]) {
    for file in files {
        stage.kubectl("create -f").arg(file.to_str().unwrap()).succeeds().await;
    }
    stage.kubectl("wait --for=condition=Established crd --all").succeeds().await;
}

/// The configuration of the installed pods.
struct Configuration {
    name: String,
    text: String,
}

async fn configuration(stage: &Stage) -> Configuration {
    let api = stage.api();
    let deployment = api.get("/apis/apps/v1/namespaces/pullcheck/deployments/pullcheck").await;
    let volumes = &deployment["spec"]["template"]["spec"]["volumes"];
    let named = |volume: &Value| volume["configMap"]["name"].as_str().map(str::to_owned);
    let name = volumes.as_array().unwrap().iter().find_map(named).unwrap();
    let map = api.get(&format!("/api/v1/namespaces/pullcheck/configmaps/{name}")).await;
    Configuration { name, text: map["data"]["config.yaml"].as_str().unwrap().to_owned() }
}
