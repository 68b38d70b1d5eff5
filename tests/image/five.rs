//! The five commands of `docs/install.md` where everything is real: the image, the registry, the
//! node, the probes that Helm waits for, and the denial.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::cluster::{Cluster, OPEN};
use super::parts::Parts;
use crate::cluster::kubectl::Kubectl;
use crate::parts::helm::Helm;
use crate::parts::image::docker;
use crate::parts::kubernetes::control_plane::User;
use crate::parts::netns::Network;
use crate::parts::reader::{self, commands, shell, told};
use crate::support::skip;

/// What the reader has of the repository.
const NEEDED: [&str; 7] =
    ["Dockerfile", ".dockerignore", "Cargo.toml", "Cargo.lock", "LICENSE", "src", "deploy"];

#[test]
fn the_five_commands_of_the_page_install_it_on_a_node() {
    let tools = TempDir::new().unwrap();
    let gathered = || {
        let (parts, helm) = (Parts::gather()?, Helm::built()?);
        docker(tools.path()).map(|_| (parts, helm))
    };
    let (parts, helm) = match gathered() {
        Ok(gathered) => gathered,
        Err(why) => skip!(&why),
    };
    let network = Network { hosts: "127.0.0.1 localhost\n", resolv_conf: "" };
    match network.enter("image::five::the_five_commands_of_the_page_install_it_on_a_node") {
        Err(why) => skip!(&why),
        Ok(side) if !side.is_inside() => return,
        Ok(_) => {}
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(five(&parts, &helm, tools));
}

async fn five(parts: &Parts, helm: &Helm, tools: TempDir) {
    let mut cluster = Cluster::start(parts).await;
    let reader = Reader::new(&cluster, parts, helm, tools);
    let commands = commands(OPEN);
    let [build, push, install, label, last] = commands.as_slice() else {
        panic!("not five commands: {commands:?}");
    };
    reader.runs(build).succeeds().await;
    reader.runs(push).succeeds().await;
    // The page tells of this below: the registry's certificate is of the company's own authority.
    cluster.kubectl("create namespace pullcheck").succeeds().await;
    cluster.trusts_the_registries().await;
    reader.runs(&format!("{install} --set caFile.configMap=pullcheck-ca")).succeeds().await;
    cluster.is_ready().await;
    reader.runs(label).succeeds().await;
    // The API server learns of the webhook a moment after it was told.
    cluster.until_called("default", &format!("{OPEN}/pullcheck:none")).await;
    let ran = reader.runs(last).run().await;
    assert_eq!((ran.code, &*ran.stderr), (Some(1), &*told(OPEN)), "{ran}");
}

/// Somebody at the repository's root with the usual tools.
struct Reader {
    root: TempDir,
    tools: TempDir,
    kubeconfig: PathBuf,
    authority: PathBuf,
}

impl Reader {
    /// `tools` has docker already.
    fn new(cluster: &Cluster, parts: &Parts, helm: &Helm, tools: TempDir) -> Self {
        let root = TempDir::with_prefix("reader-").unwrap();
        for name in NEEDED {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
            let status = Command::new("cp").arg("-r").arg(from).arg(root.path()).status().unwrap();
            assert!(status.success(), "{name}");
        }
        reader::tools(tools.path(), helm, &parts.kubernetes);
        let kubeconfig = cluster.kubeconfig(User::Admin);
        Self { root, tools, kubeconfig, authority: cluster.authority() }
    }

    /// One line at a shell.
    fn runs(&self, line: &str) -> Kubectl {
        let mut command = shell(line, self.root.path(), self.tools.path(), &self.kubeconfig);
        command.env("SSL_CERT_FILE", &self.authority);
        Kubectl::of(command)
    }
}
