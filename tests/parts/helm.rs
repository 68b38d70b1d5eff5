//! Helm, and what charts and manifests need that others bring.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::go::Program;

const HELM: Program = Program::tool("helm", "tests/helm", "helm.sh/helm/v4/cmd/helm");

/// cert-manager is asked for its manifests only; nothing of it is built.
const CERT_MANAGER: Program = Program {
    modfile: "cert-manager.mod",
    ..Program::tool("cert-manager", "tests/helm", "github.com/cert-manager/cert-manager")
};

/// The built program.
#[derive(Debug, Clone)]
pub struct Helm(PathBuf);

impl Helm {
    /// Builds it unless it is there, or says why not. The first time takes minutes.
    pub fn built() -> Result<Self, String> {
        HELM.built().map(Self)
    }

    /// Helm in an environment of its own; it keeps files under `home`.
    pub fn command(&self, home: &Path) -> Command {
        let mut command = Command::new(&self.0);
        command
            .env_clear()
            .env("HOME", home)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    /// Where the program is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// The folder with cert-manager's CustomResourceDefinitions, or why there is none.
pub fn cert_manager_crds() -> Result<PathBuf, String> {
    Ok(CERT_MANAGER.module_folder(CERT_MANAGER.package)?.join("deploy/crds"))
}
