//! What can be installed: each overlay, alone and with components, and the values by which the
//! chart gives the same.

use std::collections::BTreeSet;

use super::repository;

/// A folder of `deploy/`, and the chart's values that stand for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub folder: &'static str,
    /// YAML.
    pub values: &'static str,
}

/// One installation.
#[derive(Debug, Clone)]
pub struct Variant {
    pub overlay: Part,
    pub components: Vec<Part>,
}

const OVERLAYS: &[Part] = &[
    Part { folder: "warn", values: "{}" },
    Part { folder: "enforce", values: "config: {mode: enforce}" },
    Part { folder: "cert-manager", values: "certificates: {source: certManager}" },
    Part { folder: "self-managed", values: "certificates: {source: selfManaged}" },
];

/// Those that any overlay takes, together too, in the order in which the chart adds arguments.
const COMPONENTS: &[Part] = &[
    Part { folder: "autoscaling", values: "autoscaling: {enabled: true}" },
    Part { folder: "priority-class", values: "priorityClass: {create: true}" },
    Part { folder: "failure-policy-fail", values: "webhook: {failurePolicy: Fail}" },
    Part { folder: "namespaced", values: "rbac: {secrets: namespaces}" },
    Part { folder: "events", values: "events: true" },
    Part { folder: "monitoring", values: "monitoring: {enabled: true}" },
    Part { folder: "no-way-out", values: "webhook: {offLabelExcludes: false}" },
    Part { folder: "host-network", values: "hostNetwork: {enabled: true}" },
    Part { folder: "ca-file", values: "caFile: {configMap: pullcheck-ca}" },
    Part { folder: "proxy", values: "proxy: {secret: pullcheck-proxy}" },
    Part { folder: "node-certs-d", values: "node: {certsD: /etc/containerd/certs.d}" },
    Part {
        folder: "eks-credential-provider",
        values: "node: {credentialProviders: {metadataService: true, \
            binDir: /etc/eks/image-credential-provider, \
            config: /etc/eks/image-credential-provider/config.json}}",
    },
];

/// Those that go with any overlay but not with each other.
const APART: &[Part] = &[Part { folder: "no-secrets", values: "rbac: {secrets: none}" }];

/// Those that an overlay of the same name stands for.
const WITHIN_OVERLAYS: &[&str] = &["cert-manager", "self-managed"];

impl Variant {
    /// For a message.
    pub fn name(&self) -> String {
        let parts = std::iter::once(&self.overlay).chain(&self.components);
        parts.map(|part| part.folder).collect::<Vec<_>>().join(" with ")
    }
}

/// The installation that an overlay is.
pub fn overlay(folder: &str) -> Variant {
    let overlay = OVERLAYS.iter().find(|part| part.folder == folder).unwrap();
    Variant { overlay: *overlay, components: Vec::new() }
}

/// The plain install with one component.
pub fn with(folder: &str) -> Variant {
    let component = COMPONENTS.iter().find(|part| part.folder == folder).unwrap();
    Variant { components: vec![*component], ..overlay("warn") }
}

/// Every overlay alone and with everything, and every component by itself.
pub fn all() -> Vec<Variant> {
    let of = |overlay: &Part, components: &[&Part]| Variant {
        overlay: *overlay,
        components: components.iter().map(|part| **part).collect(),
    };
    let every: Vec<&Part> = COMPONENTS.iter().collect();
    let mut all = Vec::new();
    for overlay in OVERLAYS {
        all.push(of(overlay, &[]));
        all.push(of(overlay, &every));
    }
    all.extend(COMPONENTS.iter().chain(APART).map(|one| of(&OVERLAYS[0], &[one])));
    all
}

#[test]
fn every_overlay_and_every_component_is_in_the_table() {
    let there = |path: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(repository(path)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let listed = |parts: &[Part], more: &[&str]| -> BTreeSet<String> {
        parts
            .iter()
            .map(|part| part.folder)
            .chain(more.iter().copied())
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(there("deploy/overlays"), listed(OVERLAYS, &[]));
    let components: Vec<Part> = COMPONENTS.iter().chain(APART).copied().collect();
    assert_eq!(there("deploy/components"), listed(&components, WITHIN_OVERLAYS));
}
