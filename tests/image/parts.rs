//! What must be there before the network is left behind.

use std::path::PathBuf;

use crate::parts::debian;
use crate::parts::go::Program;
use crate::parts::image::{Built, built};
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::parts::netns;
use crate::support::real_registry;
use crate::truth::judges::CONTAINERD;

/// What containerd runs beside each pod.
const SHIM: Program = Program {
    name: "containerd-shim-runc-v2",
    package: "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
    ..CONTAINERD
};

/// All of it.
pub struct Parts {
    pub kubernetes: Kubernetes,
    pub containerd: PathBuf,
    pub shim: PathBuf,
    pub runc: PathBuf,
    /// The folder of the network plugins.
    pub plugins: PathBuf,
    pub busybox: PathBuf,
    pub registry: PathBuf,
    pub image: Built,
}

impl Parts {
    pub fn gather() -> Result<Self, String> {
        // First, because the rest takes minutes to build.
        netns::is_allowed()?;
        Ok(Self {
            runc: debian::unpacked("runc")?.join("usr/sbin/runc"),
            plugins: debian::unpacked("containernetworking-plugins")?.join("usr/lib/cni"),
            busybox: debian::unpacked("busybox-static")?.join("bin/busybox"),
            registry: registry()?,
            containerd: CONTAINERD.built()?,
            shim: SHIM.built()?,
            kubernetes: Kubernetes::built(Release::Current)?,
            image: built()?,
        })
    }
}

/// Debian's registry.
pub fn registry() -> Result<PathBuf, String> {
    match real_registry::binary() {
        Some(installed) => Ok(installed),
        None => Ok(debian::unpacked("docker-registry")?.join("usr/bin/docker-registry")),
    }
}
