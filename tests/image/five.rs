//! The five commands of `docs/install.md` where everything is real: the image, the registry, the
//! node, the probes that Helm waits for, and the denial.

use std::os::unix::fs::{PermissionsExt as _, symlink};
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
use crate::support::skip;

/// What the page has in the place of the reader's registry.
const PLACEHOLDER: &str = "registry.example";

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
    let commands = part("five").replace("\\\n", "");
    let commands: Vec<&str> = commands.lines().collect();
    let [build, push, install, label, last] = commands[..] else {
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
    assert_eq!((ran.code, &*ran.stderr), (Some(1), &*part("told")), "{ran}");
}

/// The text of a fenced block between markers of the page, with the cluster's registry.
fn part(name: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/install.md");
    let page = std::fs::read_to_string(page).unwrap();
    let after = |text: &str| text.split_once('\n').map(|(_, rest)| rest.to_owned());
    let (_, rest) = page.split_once(&format!("<!-- {name} -->\n```")).unwrap();
    let (block, _) = rest.split_once("```\n<!-- /").unwrap();
    after(block).unwrap().replace(PLACEHOLDER, OPEN)
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
        symlink(helm.path(), tools.path().join("helm")).unwrap();
        let kubectl = parts.kubernetes.command("kubectl");
        let words = std::iter::once(kubectl.get_program()).chain(kubectl.get_args());
        let words: Vec<String> = words.map(|word| format!("'{}'", word.display())).collect();
        let script = format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" "));
        let kubectl = tools.path().join("kubectl");
        std::fs::write(&kubectl, script).unwrap();
        std::fs::set_permissions(kubectl, std::fs::Permissions::from_mode(0o755)).unwrap();
        let kubeconfig = cluster.kubeconfig(User::Admin);
        Self { root, tools, kubeconfig, authority: cluster.authority() }
    }

    /// One line at a shell.
    fn runs(&self, line: &str) -> Kubectl {
        let mut path = self.tools.path().as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let mut command = Command::new("sh");
        command
            .args(["-c", line])
            .current_dir(self.root.path())
            .env_clear()
            .env("HOME", self.root.path())
            .env("PATH", path)
            .env("SSL_CERT_FILE", &self.authority)
            .env("KUBECONFIG", &self.kubeconfig);
        Kubectl::of(command)
    }
}
