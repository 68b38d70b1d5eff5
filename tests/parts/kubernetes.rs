//! Kubernetes: a control plane, a node, and clients. Every part is upstream's own command
//! (`tests/kubernetes/main.go`).

pub mod api;
pub mod control_plane;
mod fixed;
pub mod kubelet;
mod leftovers;
pub mod program;
