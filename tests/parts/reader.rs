//! Somebody who follows `docs/install.md`: what the page says, and a shell with the usual tools.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use super::helm::Helm;
use super::kubernetes::program::Kubernetes;
use super::page;

const PAGE: &str = "docs/install.md";

/// What the page has in the place of the reader's registry.
const PLACEHOLDER: &str = "registry.example";

/// The five commands for a registry of the reader's own, one a line.
pub fn commands(registry: &str) -> Vec<String> {
    block("five", registry).replace("\\\n", "").lines().map(str::to_owned).collect()
}

/// What the last of them is answered with.
pub fn told(registry: &str) -> String {
    block("told", registry)
}

fn block(name: &str, registry: &str) -> String {
    page::block(PAGE, name).replace(PLACEHOLDER, registry)
}

/// Puts helm and kubectl into a folder, under these names.
pub fn tools(folder: &Path, helm: &Helm, kubernetes: &Kubernetes) {
    symlink(helm.path(), folder.join("helm")).unwrap();
    let kubectl = kubernetes.command("kubectl");
    let words = std::iter::once(kubectl.get_program()).chain(kubectl.get_args());
    let words: Vec<String> = words.map(|word| format!("'{}'", word.display())).collect();
    script(&folder.join("kubectl"), &format!("exec {} \"$@\"\n", words.join(" ")));
}

/// Writes a script that can be run.
pub fn script(path: &Path, text: &str) {
    std::fs::write(path, format!("#!/bin/sh\nset -eu\n{text}")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// One line at a shell in a folder, with tools from another and nothing of this machine's settings.
pub fn shell(line: &str, folder: &Path, tools: &Path, kubeconfig: &Path) -> Command {
    let mut path = tools.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let mut command = Command::new("sh");
    command
        .args(["-c", line])
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("PATH", path)
        .env("KUBECONFIG", kubeconfig);
    command
}
