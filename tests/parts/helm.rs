//! Helm.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::go::Program;

const HELM: Program = Program::tool("helm", "tests/helm", "helm.sh/helm/v4/cmd/helm");

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
