//! A node: containerd and a kubelet.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::control_plane::{ControlPlane, User};
use super::fixed::{FOLDERS, Fixed};
use super::leftovers;
use super::program::Kubernetes;
use crate::parts::containerd::{Containerd, Setup};
use crate::parts::process::{Process, last_lines};

/// The node's name, which pods bear.
pub const NODE: &str = "judge";

/// What the kubelet sets in the machine's kernel, under `/proc/sys`.
const TUNABLES: [&str; 6] = [
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
];

/// The running node; it ends when dropped.
pub struct Node {
    kubelet: Process,
    containerd: Containerd,
    folder: TempDir,
    _fixed: Fixed,
}

impl Node {
    /// Starts it, with a docker `config.json` of its own. To be called only in namespaces of the
    /// test's own, for mounts and processes.
    pub fn start(
        kubernetes: &Kubernetes,
        plane: &ControlPlane,
        setup: &Setup,
        logins: &str,
    ) -> Self {
        let folder = TempDir::with_prefix("kubelet-").unwrap();
        keep_tunables(folder.path());
        let fixed = Fixed::keep();
        let containerd = Containerd::start(setup);
        let root = folder.path().join("root");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(root.join("config.json"), logins).unwrap();
        let config = folder.path().join("kubelet.json");
        std::fs::write(&config, configuration(&root, &containerd).to_string()).unwrap();
        let kubelet = Process::start(
            "kubelet",
            folder.path(),
            kubernetes
                .command("kubelet")
                .arg(format!("--config={}", config.display()))
                .arg(format!("--kubeconfig={}", plane.kubeconfig(User::Kubelet).display()))
                .arg(format!("--root-dir={}", root.display()))
                .arg(format!("--cert-dir={}", root.join("pki").display()))
                .arg(format!("--hostname-override={NODE}"))
                // Of the tests' network, whose interface has no other but loopback.
                .arg("--node-ip=10.77.0.1")
                // Where it could find credentials that nobody meant.
                .current_dir(folder.path())
                .env("HOME", folder.path()),
        );
        Self { kubelet, containerd, folder, _fixed: fixed }
    }

    /// What the node itself logs in with.
    pub fn logins(&self) -> PathBuf {
        self.folder.path().join("root/config.json")
    }

    /// Where containerd's CRI answers.
    pub fn socket(&self) -> PathBuf {
        self.containerd.socket()
    }

    /// What the containers of a namespace's pods have printed, those that have ended too.
    pub fn logs(&self, namespace: &str) -> String {
        let pods = self.folder.path().join("root/logs");
        let begin = format!("{namespace}_");
        let children = |folder: &Path| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).collect()
        };
        let mut pods = children(&pods);
        pods.retain(|pod| pod.file_name().unwrap().to_string_lossy().starts_with(&begin));
        let containers = pods.iter().flat_map(|pod| children(pod));
        let files = containers.flat_map(|container| children(&container));
        files.map(|file| std::fs::read_to_string(file).unwrap_or_default()).collect()
    }

    /// Panics with its last words if a part of it has ended.
    pub fn assert_running(&mut self) {
        self.kubelet.assert_running();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the last of containerd:\n{}", last_lines(&self.containerd.log()));
        }
        // First the kubelet, which would start again what ends under it.
        self.kubelet.end();
        let socket = self.containerd.socket();
        let folder = socket.parent().unwrap();
        leftovers::end_containers(&folder.join("state/io.containerd.runtime.v2.task"));
        leftovers::end_shims(&socket);
        for folder in [self.folder.path(), folder].into_iter().chain(FOLDERS.map(Path::new)) {
            leftovers::unmount(folder);
        }
    }
}

/// The kubelet's configuration: the defaults wherever the tests' surroundings allow.
fn configuration(root: &Path, containerd: &Containerd) -> serde_json::Value {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": format!("unix://{}", containerd.socket().display()),
        "podLogsDir": root.join("logs"),
        "volumePluginDir": root.join("plugins"),
        // No systemd, perhaps the first version of cgroups, no swap to be had or to be rid of.
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": false,
        "enforceNodeAllocatable": [],
        "failCgroupV1": false,
        "failSwapOn": false,
        "makeIPTablesUtilChains": false,
        "oomScoreAdj": 0,
        "resolvConf": "",
        // Nobody attaches volumes here, and nobody asks the kubelet anything.
        "enableControllerAttachDetach": false,
        "readOnlyPort": 0,
        "healthzPort": 0,
        "authentication": { "anonymous": { "enabled": false }, "webhook": { "enabled": false } },
        "authorization": { "mode": "AlwaysAllow" },
        // A full disk is the machine's business.
        "evictionHard": { "memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%" },
        "imageGCHighThresholdPercent": 100,
        // Many pods at once, and the word about images soon.
        "registryPullQPS": 0,
        "serializeImagePulls": false,
        "nodeStatusUpdateFrequency": "1s",
        "nodeStatusMaxImages": -1,
    })
}

/// Puts files with the same content in front of the tunables, for whoever is in this namespace:
/// what the kubelet writes there changes nothing for the machine.
fn keep_tunables(folder: &Path) {
    for name in TUNABLES {
        let real = Path::new("/proc/sys").join(name);
        // Absent in some containers.
        let Ok(value) = std::fs::read(&real) else { continue };
        let copy = folder.join(name.replace('/', "."));
        std::fs::write(&copy, value).unwrap();
        mount(&["--bind".as_ref(), copy.as_os_str(), real.as_os_str()]);
    }
}

fn mount(arguments: &[&OsStr]) {
    let status = Command::new("mount").args(arguments).status().unwrap();
    assert!(status.success(), "mount {arguments:?}: {status}");
}
