//! What stays behind a kubelet and a containerd that were killed: containers, their shims, mounts
//! and cgroups.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const CGROUPS: &str = "/sys/fs/cgroup";

/// How often and how many times the end of processes is looked for: ten seconds in all.
const POLL: Duration = Duration::from_millis(20);
const POLLS: usize = 500;

/// Kills what runs in the containers of a containerd, and removes their cgroups; `tasks` is where
/// it keeps a folder for each namespace, and in that one for each container.
pub fn end_containers(tasks: &Path) {
    let containers = folders(tasks).iter().flat_map(|it| folders(it)).collect::<Vec<_>>();
    // As the runtime names a cgroup without a parent: `/NAMESPACE/ID`, in every hierarchy.
    let names: Vec<&Path> = containers.iter().map(|it| it.strip_prefix(tasks).unwrap()).collect();
    let hierarchies = folders(Path::new(CGROUPS)).into_iter().chain([CGROUPS.into()]);
    let roots: Vec<PathBuf> = hierarchies
        .flat_map(|hierarchy| {
            names.iter().map(move |name| hierarchy.join(name)).collect::<Vec<_>>()
        })
        .filter(|it| it.is_dir())
        .collect();
    kill_until_gone(|| {
        let files = roots.iter().flat_map(|root| tree(root)).map(|it| it.join("cgroup.procs"));
        let texts = files.map(|file| std::fs::read_to_string(file).unwrap_or_default());
        texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    });
    for folder in roots.iter().flat_map(|root| tree(root)) {
        let _ = std::fs::remove_dir(folder);
    }
    // The namespace's, unless somebody else has containers in it.
    for parent in roots.iter().filter_map(|root| root.parent()) {
        let _ = std::fs::remove_dir(parent);
    }
}

/// Kills the shims that serve the containerd of a socket.
pub fn end_shims(socket: &Path) {
    let socket = socket.to_str().unwrap();
    kill_until_gone(|| {
        let processes = folders(Path::new("/proc")).into_iter().filter(|process| {
            let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
            let mut arguments = line.split(|byte| *byte == 0);
            let program = arguments.next().unwrap_or_default();
            program.windows(15).any(|it| it == b"containerd-shim")
                && arguments.any(|it| it == socket.as_bytes())
        });
        processes.map(|it| it.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    });
}

fn kill_until_gone(running: impl Fn() -> Vec<String>) {
    for _ in 0..POLLS {
        let ids = running();
        if ids.is_empty() {
            return;
        }
        // Some may be gone already, which is no error here.
        let _ = Command::new("kill").arg("-9").args(ids).stderr(Stdio::null()).status();
        std::thread::sleep(POLL);
    }
}

/// Unmounts everything under a folder.
pub fn unmount(folder: &Path) {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(Path::new);
    let mut points: Vec<&Path> = points.filter(|point| point.starts_with(folder)).collect();
    // What was mounted last lies on top.
    points.reverse();
    for point in points {
        let _ = Command::new("umount").arg("--lazy").arg(point).stderr(Stdio::null()).status();
    }
}

/// A folder and all below it, the deepest first.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = folders(folder).iter().flat_map(|it| tree(it)).collect();
    all.push(folder.to_owned());
    all
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let folders = entries.flatten().filter(|it| it.file_type().is_ok_and(|it| it.is_dir()));
    folders.map(|it| it.path()).collect()
}
