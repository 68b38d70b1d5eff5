//! The folders where containerd's shims, runc, network plugins and the kubelet write, whatever they
//! are told.
//!
//! Each node of the tests sees folders in memory there. Those that the machine does not have are
//! made, and removed again, but by the last node that there is: to remove a folder takes away what
//! is mounted on it elsewhere.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::process::Command;

use crate::parts::cache;

/// All of them.
pub const FOLDERS: [&str; 5] =
    ["/run/containerd", "/run/netns", "/var/lib/cni", "/var/lib/kubelet", "/var/log/containers"];

/// Held by a node. The file lists what was made, and every node has a lock on it.
pub struct Fixed(File);

impl Fixed {
    /// Puts folders in memory in front of them, for whoever is in this mount namespace.
    pub fn keep() -> Self {
        let path = cache::folder().unwrap().join("nodes.lock");
        let file = OpenOptions::new().read(true).append(true).create(true).open(path);
        let mut file = file.unwrap();
        file.lock_shared().unwrap();
        for folder in FOLDERS {
            if !Path::new(folder).is_dir() {
                std::fs::create_dir_all(folder).unwrap();
                writeln!(file, "{folder}").unwrap();
            }
            let status = Command::new("mount").args(["-t", "tmpfs", "tmpfs", folder]).status();
            assert!(status.unwrap().success(), "{folder}");
        }
        Self(file)
    }

    /// To be called when nothing of ours is mounted there any more.
    fn forget(&mut self) -> std::io::Result<()> {
        self.0.unlock()?;
        if self.0.try_lock().is_err() {
            return Ok(());
        }
        let mut made = String::new();
        self.0.rewind()?;
        self.0.read_to_string(&mut made)?;
        for folder in made.lines() {
            // What somebody has filled meanwhile stays.
            let _ = std::fs::remove_dir(folder);
        }
        self.0.set_len(0)
    }
}

impl Drop for Fixed {
    fn drop(&mut self) {
        let _ = self.forget();
    }
}
