use std::sync::Arc;

use serde_json::{Value, json};

use super::Node;
use crate::image::Platform;
use crate::nodes::{Effect, Names, Runtime, RuntimeName};

fn read(object: &Value) -> Option<Node> {
    Node::read(&object.to_string(), &mut Names::default())
}

fn full() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": "worker-1", "labels": { "zone": "b", "empty": "", "none": null },
            "managedFields": [{ "fieldsV1": { "f:status": {} } }],
        },
        "spec": { "unschedulable": true, "podCIDR": "10.0.0.0/24", "taints": [
            { "key": "os", "value": "x", "effect": "NoSchedule", "timeAdded": "2026-01-01T00:00:00Z" },
            { "key": "soft", "effect": "PreferNoSchedule" },
            { "key": "bare", "effect": "NoExecute" },
            { "key": "odd", "effect": "Sometimes" },
            { "key": "none" },
        ] },
        "status": {
            "allocatable": { "cpu": "4", "ephemeral-storage": "47Gi" },
            "conditions": [
                { "type": "Ready", "status": "True" },
                { "type": "DiskPressure", "status": "True" },
            ],
            "images": [
                { "names": ["r.example/a@sha256:11", "r.example/a:1"], "sizeBytes": 5 },
                { "names": null },
                { "names": ["r.example/b:2"] },
            ],
            "nodeInfo": {
                "operatingSystem": "linux", "architecture": "arm64", "kernelVersion": "6.1.0",
                "containerRuntimeVersion": "containerd://1.6.20~ds1", "kubeletVersion": "v1.36.3",
            },
        },
    })
}

#[test]
fn a_node_is_read_as_far_as_a_pull_depends_on_it() {
    let node = read(&full()).expect("a node");
    assert_eq!(node.name, "worker-1");
    let labels: Vec<(&str, &str)> =
        node.labels.iter().map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(labels, [("empty", ""), ("none", ""), ("zone", "b")]);
    assert_eq!(node.platform, Platform::new("linux", "arm64", ""));
    let runtime = Runtime { name: RuntimeName::Containerd, version: (1, 6) };
    assert_eq!(node.runtime, Some(runtime));
    assert_eq!(node.kubelet, Some((1, 36)));
    assert_eq!(node.ephemeral_storage, Some(47 << 30));
    assert!(node.disk_pressure && node.unschedulable);
    assert_eq!(node.pod_ranges, ["10.0.0.0/24".parse().unwrap()]);
    let images: Vec<&str> = node.images.iter().map(|name| &**name).collect();
    assert_eq!(images, ["r.example/a@sha256:11", "r.example/a:1", "r.example/b:2"]);
    let taints: Vec<(&str, &str, Effect)> =
        node.taints.iter().map(|taint| (&*taint.key, &*taint.value, taint.effect)).collect();
    assert_eq!(taints, [("os", "x", Effect::NoSchedule), ("bare", "", Effect::NoExecute)]);
}

#[test]
fn a_windows_node_has_the_version_of_its_kernel() {
    for (kernel, expected) in [
        ("10.0.20348.1234", "10.0.20348.1234"),
        ("10.0.17763.1637\n", "10.0.17763.1637"),
        ("10.0.14393 14393 (14393.1715.amd64fre.rs1_release_inmarket.170906-1810)", "10.0.14393"),
        ("", ""),
        ("unknown", ""),
    ] {
        let mut node = full();
        node["status"]["nodeInfo"]["operatingSystem"] = json!("windows");
        node["status"]["nodeInfo"]["kernelVersion"] = json!(kernel);
        assert_eq!(read(&node).expect("a node").platform.os_version, expected, "{kernel}");
    }
}

#[test]
fn what_is_missing_or_odd_is_not_told() {
    let told = json!({ "operatingSystem": "linux", "architecture": "amd64" });
    let least = json!({ "metadata": { "name": "a" }, "status": { "nodeInfo": told } });
    let expected =
        Node { name: "a".into(), platform: Platform::new("linux", "amd64", ""), ..Node::default() };
    assert_eq!(read(&least), Some(expected.clone()));
    let odd = json!({
        "metadata": { "name": "a", "labels": ["x"] },
        "spec": { "taints": { "key": "os" }, "unschedulable": "yes" },
        "status": {
            "allocatable": { "ephemeral-storage": 47 }, "conditions": [1], "images": "many",
            "nodeInfo": {
                "operatingSystem": "linux", "architecture": "amd64", "kernelVersion": 6,
                "containerRuntimeVersion": ["containerd://2.4.2"], "kubeletVersion": {},
            },
        },
    });
    assert_eq!(read(&odd), Some(expected.clone()));
    let null = json!({
        "metadata": { "name": "a", "labels": null }, "spec": null,
        "status": { "allocatable": null, "conditions": null, "images": null, "nodeInfo": told },
    });
    assert_eq!(read(&null), Some(expected));
}

#[test]
fn without_a_name_or_a_platform_nothing_can_be_said_of_a_node() {
    for (path, value) in [
        ("/metadata/name", json!("")),
        ("/metadata/name", json!("a".repeat(254))),
        ("/metadata/name", json!(null)),
        ("/metadata", json!(null)),
        ("/status", json!(null)),
        ("/status/nodeInfo", json!({})),
        ("/status/nodeInfo/operatingSystem", json!("")),
        ("/status/nodeInfo/architecture", json!(null)),
        ("/status/nodeInfo/architecture", json!(64)),
        ("/status/nodeInfo/architecture", json!("a".repeat(65))),
    ] {
        let mut node = full();
        *node.pointer_mut(path).expect(path) = value.clone();
        assert_eq!(read(&node), None, "{path} {value}");
    }
    for text in ["", "[]", "null", "\"node\"", "{\"metadata\":"] {
        assert_eq!(Node::read(text, &mut Names::default()), None, "{text}");
    }
}

#[test]
fn what_no_node_has_is_cut_off() {
    let mut node = full();
    let many: Vec<String> = (0..3_000).map(|number| format!("r.example/a:{number}")).collect();
    node["status"]["images"] = json!([{ "names": ["x".repeat(1_025)] }, { "names": many }]);
    node["metadata"]["labels"] =
        json!({ "long": "v".repeat(65), "k".repeat(318): "v", "fits": "v" });
    let taint = json!({ "key": "k", "effect": "NoSchedule" });
    node["spec"]["taints"] = json!(vec![taint; 200]);
    let node = read(&node).expect("a node");
    assert_eq!(node.images.len(), 1_000);
    assert_eq!(&*node.images[0], "r.example/a:0");
    assert_eq!(node.labels.len(), 1);
    assert_eq!(node.taints.len(), 100);
}

#[test]
fn nodes_share_the_text_that_they_have_in_common() {
    let mut names = Names::default();
    let [one, other] =
        [(); 2].map(|()| Node::read(&full().to_string(), &mut names).expect("a node"));
    for (one, other) in one.images.iter().zip(&other.images) {
        assert!(Arc::ptr_eq(one, other));
    }
    for (one, other) in one.labels.iter().zip(&other.labels) {
        assert!(Arc::ptr_eq(one.0, other.0) && Arc::ptr_eq(one.1, other.1));
    }
}

#[test]
fn the_ranges_of_a_nodes_pods_are_read_unless_they_cannot_be_such() {
    for (spec, expected) in [
        (json!({}), &[][..]),
        (json!({ "podCIDR": null, "podCIDRs": null }), &[]),
        (json!({ "podCIDR": "10.0.0.0/24", "podCIDRs": ["10.0.0.0/24"] }), &["10.0.0.0/24"]),
        (
            json!({ "podCIDRs": ["10.0.3.0/24", "fd00:10:244:3::/64"] }),
            &["10.0.3.0/24", "fd00:10:244:3::/64"],
        ),
        (json!({ "podCIDRs": ["10.0.3.7/24"] }), &["10.0.3.0/24"]),
        (json!({ "podCIDR": "10.0.0.0", "podCIDRs": ["x", 7] }), &[]),
        // Everything, and half of everything, are no node's.
        (json!({ "podCIDRs": ["0.0.0.0/0", "::/0", "0.0.0.0/1", "2000::/3"] }), &[]),
    ] {
        let mut object = full();
        object["spec"] = spec;
        let node = read(&object).expect("a node");
        let ranges: Vec<String> = node.pod_ranges.iter().map(ToString::to_string).collect();
        assert_eq!(ranges, expected, "{}", object["spec"]);
    }
}
