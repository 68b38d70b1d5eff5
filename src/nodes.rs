//! The nodes a pod may land on, as far as a pull depends on them. Pure.
//!
//! Here: what is read of a Node and of a RuntimeClass, container runtimes and their versions, and
//! which nodes the scheduler and the kubelet would let a pod onto. Never here: asking the API
//! server for them (`cluster`), and what a difference between them means for an image (`causes`).

mod affinity;
mod labels;
mod landing;
mod names;
pub mod quantity;
pub mod quirks;
mod range;
mod read;
mod runtime;
mod runtime_class;
mod taints;

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;

use crate::image::Platform;

pub use landing::{Demands, eligible};
pub use names::Names;
pub use range::own_range;
pub use runtime::{Runtime, RuntimeError, RuntimeName};
pub use runtime_class::Scheduling;
pub use taints::{Effect, Taint, Toleration};

/// One node. Text that many nodes have in common is kept once ([`Names`]).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// Its platform, as its runtime sees itself: of Windows with the version of the kernel. A
    /// variant is never among it, because nodes do not tell theirs.
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
    pub images: Vec<Arc<str>>,
    /// Its taints, but for those that keep nothing away (`PreferNoSchedule`).
    pub taints: Vec<Taint>,
    /// It is cordoned (`spec.unschedulable`).
    pub unschedulable: bool,
    /// The ranges that its pods' addresses are from (`spec.podCIDRs`), where it has any.
    pub pod_ranges: Vec<IpNet>,
}
