//! A real registry and the damage to its disk.
//!
//! Images are pushed to one process, and pulled from another on a copy of its storage: the first
//! remembers what it was given, damaged or not.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::support::images::Image;
use crate::support::real_registry::{Flavour, RealRegistry};
use crate::support::tls::{Ca, Kind};

use super::front::pass_on;

/// What happens to a blob: a layer, a config or a manifest.
pub enum Damage {
    Delete,
    /// The last byte is gone.
    Truncate,
    /// A bit in the middle is not what it was.
    Flip,
    Empty,
    Replace(Vec<u8>),
}

pub struct Store {
    host: &'static str,
    writer: RealRegistry,
    reader: RealRegistry,
    damages: Mutex<Vec<(String, Damage)>>,
}

impl Store {
    /// The name `host` leads to the first address; the second, `warm.` before it, is that of the
    /// process that was pushed to.
    pub async fn start(binary: &Path, ca: &Ca, host: &'static str, addresses: [&str; 2]) -> Self {
        let leaf = ca.leaf(Kind::Good, &[host, &format!("warm.{host}")]);
        let writer = RealRegistry::start_tls(binary, Flavour::Anonymous, ca, &leaf).await;
        let reader = RealRegistry::start_tls(binary, Flavour::Anonymous, ca, &leaf).await;
        pass_on(addresses[0], reader.host()).await;
        pass_on(addresses[1], writer.host()).await;
        Self { host, writer, reader, damages: Mutex::default() }
    }

    /// Pushes an image, and gives the name by which it is pulled.
    pub async fn push(&self, repository: &str, tag: &str, image: &Image) -> String {
        self.writer.push(repository, tag, image).await;
        format!("{}/{repository}:{tag}", self.host)
    }

    pub fn host(&self) -> &'static str {
        self.host
    }

    /// Later, when all is pushed.
    pub fn damage(&self, digest: &str, damage: Damage) {
        self.damages.lock().unwrap().push((digest.to_owned(), damage));
    }

    /// Copies and damages the storage: from now on images can be pulled.
    pub fn settle(&self) {
        copy(&self.writer.storage(), &self.reader.storage());
        for (digest, damage) in self.damages.lock().unwrap().iter() {
            for storage in [self.writer.storage(), self.reader.storage()] {
                damage.apply(&blob(&storage, digest));
            }
        }
    }
}

/// The image from the process that it was pushed to.
pub fn warm(image: &str) -> String {
    format!("warm.{image}")
}

impl Damage {
    fn apply(&self, path: &Path) {
        let mut bytes = std::fs::read(path).unwrap();
        match self {
            Self::Delete => return std::fs::remove_file(path).unwrap(),
            Self::Truncate => {
                bytes.pop();
            }
            Self::Flip => {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            }
            Self::Empty => bytes.clear(),
            Self::Replace(other) => bytes.clone_from(other),
        }
        std::fs::write(path, bytes).unwrap();
    }
}

fn blob(storage: &Path, digest: &str) -> PathBuf {
    let hex = digest.strip_prefix("sha256:").unwrap();
    storage.join("docker/registry/v2/blobs/sha256").join(&hex[..2]).join(hex).join("data")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
