//! The nodes a pod may land on, as far as a pull depends on them. Pure.
//!
//! Never here: asking the API server for them (`cluster`), and what a difference between them
//! means for an image (`causes`).

pub mod quirks;
mod runtime;

use std::collections::BTreeMap;

use crate::image::Platform;

pub use runtime::{Runtime, RuntimeName};

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its platform, as its runtime sees itself: of Windows with the version of the kernel.
    pub platform: Platform,
    /// Its container runtime (`status.nodeInfo.containerRuntimeVersion`), where it could be read.
    pub runtime: Option<Runtime>,
    /// Major and minor of its kubelet (`status.nodeInfo.kubeletVersion`), where they could be read.
    pub kubelet: Option<(u32, u32)>,
    /// `status.allocatable["ephemeral-storage"]` in bytes, where it is told.
    pub ephemeral_storage: Option<u64>,
    /// The condition `DiskPressure` holds.
    pub disk_pressure: bool,
    /// Names of images that it holds (`status.images`), as it tells them: with tag or digest.
    pub images: Vec<String>,
}
