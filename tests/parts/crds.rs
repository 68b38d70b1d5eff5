//! The CustomResourceDefinitions of others, out of the sources of their Go modules.

use std::path::PathBuf;

use super::go::Program;

/// Nothing of these modules is built.
const MODULES: Program =
    Program { modfile: "crds.mod", ..Program::tool("crds", "tests/helm", ".") };

/// Files and folders for `kubectl create -f`, or why they cannot be had.
pub fn files() -> Result<Vec<PathBuf>, String> {
    let cert_manager = MODULES.module_folder("github.com/cert-manager/cert-manager")?;
    let operator = MODULES.module_folder("github.com/prometheus-operator/prometheus-operator")?;
    let operator = operator.join("example/prometheus-operator-crd");
    Ok(vec![
        cert_manager.join("deploy/crds"),
        operator.join("monitoring.coreos.com_podmonitors.yaml"),
        operator.join("monitoring.coreos.com_prometheusrules.yaml"),
    ])
}
