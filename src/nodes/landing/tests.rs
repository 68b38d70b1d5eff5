use std::sync::Arc;

use serde_json::{Value, json};

use super::{Demands, Node, eligible};
use crate::nodes::{Effect, Names, Scheduling, Taint};
use crate::workload::{Kind, extract};

fn node(name: &str, os: &str, architecture: &str) -> Node {
    let object = json!({
        "metadata": { "name": name, "labels": {
            "kubernetes.io/os": os, "kubernetes.io/arch": architecture,
            "kubernetes.io/hostname": name,
        } },
        "status": { "nodeInfo": { "operatingSystem": os, "architecture": architecture } },
    });
    Node::read(&object.to_string(), &mut Names::default()).expect("a node")
}

fn tainted(mut node: Node, key: &str, value: &str, effect: Effect) -> Node {
    node.taints.push(Taint { key: key.into(), value: value.into(), effect });
    node
}

/// Two pools, a tainted one of Windows, one that is cordoned, one that is being drained of pods.
fn cluster() -> Vec<Arc<Node>> {
    let cordoned = Node { unschedulable: true, ..node("cordoned", "linux", "amd64") };
    let key = "node.kubernetes.io/unschedulable";
    [
        node("amd", "linux", "amd64"),
        node("arm", "linux", "arm64"),
        tainted(node("win", "windows", "amd64"), "os", "windows", Effect::NoSchedule),
        tainted(cordoned, key, "", Effect::NoSchedule),
        tainted(node("evicting", "linux", "amd64"), "repair", "", Effect::NoExecute),
    ]
    .map(Arc::new)
    .to_vec()
}

fn of(kind: &str, spec: &Value, class: Scheduling, nodes: &[Arc<Node>]) -> Vec<String> {
    let (group, object) = match kind {
        "Pod" => ("", json!({ "spec": spec })),
        _ => ("apps", json!({ "spec": { "template": { "spec": spec } } })),
    };
    let kind = Kind::find(group, kind).expect("a kind");
    let workload = extract(kind, &object.to_string()).expect("a workload");
    let demands = Demands::of(&workload.node, kind, class);
    eligible(&demands, nodes).iter().map(|node| node.name.clone()).collect()
}

fn lands(spec: &Value) -> Vec<String> {
    let on = of("Pod", spec, Scheduling::default(), &cluster());
    assert_eq!(on, of("Deployment", spec, Scheduling::default(), &cluster()), "{spec}");
    on
}

#[test]
fn each_constraint_narrows_and_all_of_them_together() {
    let everywhere = json!([{ "operator": "Exists" }]);
    let arch = |value: &str| {
        json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{ "matchExpressions": [
                { "key": "kubernetes.io/arch", "operator": "In", "values": [value] },
            ] }],
        } } })
    };
    for (spec, expected) in [
        (json!({}), &["amd", "arm"][..]),
        (json!({ "nodeSelector": { "kubernetes.io/arch": "arm64" } }), &["arm"]),
        (json!({ "nodeSelector": { "kubernetes.io/arch": "ARM64" } }), &[]),
        (json!({ "nodeSelector": { "nobody": "has" } }), &[]),
        (json!({ "affinity": arch("arm64") }), &["arm"]),
        (
            json!({ "affinity": arch("arm64"), "nodeSelector": { "kubernetes.io/os": "windows" } }),
            &[],
        ),
        // What is preferred narrows nothing.
        (
            json!({ "affinity": { "nodeAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [{ "weight": 1, "preference": {
                    "matchExpressions": [{ "key": "nobody", "operator": "Exists" }],
                } }],
            } } }),
            &["amd", "arm"],
        ),
        (json!({ "os": { "name": "windows" } }), &[]),
        (json!({ "os": { "name": "linux" } }), &["amd", "arm"]),
        (
            json!({ "os": { "name": "windows" }, "tolerations": [
                { "key": "os", "value": "windows", "effect": "NoSchedule" },
            ] }),
            &["win"],
        ),
        (json!({ "tolerations": everywhere }), &["amd", "arm", "win", "cordoned", "evicting"]),
        (
            json!({ "tolerations": [{ "key": "repair", "operator": "Exists" }] }),
            &["amd", "arm", "evicting"],
        ),
        (
            json!({ "tolerations": [
                { "key": "node.kubernetes.io/unschedulable", "operator": "Exists" },
            ] }),
            &["amd", "arm", "cordoned"],
        ),
        (json!({ "tolerations": everywhere, "os": { "name": "windows" } }), &["win"]),
    ] {
        assert_eq!(lands(&spec), expected, "{spec}");
    }
}

#[test]
fn a_named_node_is_past_the_scheduler_and_not_past_the_kubelet() {
    for (spec, expected) in [
        (json!({ "nodeName": "arm" }), &["arm"][..]),
        (json!({ "nodeName": "nobody" }), &[]),
        // The scheduler's taints and cordoning count no more.
        (json!({ "nodeName": "win" }), &["win"]),
        (json!({ "nodeName": "cordoned" }), &["cordoned"]),
        // The kubelet rejects these before it pulls.
        (json!({ "nodeName": "evicting" }), &[]),
        (
            json!({ "nodeName": "evicting", "tolerations": [{ "operator": "Exists" }] }),
            &["evicting"],
        ),
        (json!({ "nodeName": "arm", "nodeSelector": { "kubernetes.io/arch": "amd64" } }), &[]),
        (json!({ "nodeName": "win", "os": { "name": "linux" } }), &[]),
    ] {
        assert_eq!(lands(&spec), expected, "{spec}");
    }
}

#[test]
fn a_daemon_set_goes_onto_cordoned_nodes_and_onto_no_other_tainted_ones() {
    let nodes = cluster();
    let on = of("DaemonSet", &json!({}), Scheduling::default(), &nodes);
    assert_eq!(on, ["amd", "arm", "cordoned"]);
}

#[test]
fn passing_troubles_of_a_node_narrow_nothing() {
    for key in ["not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure"] {
        let key = format!("node.kubernetes.io/{key}");
        for effect in [Effect::NoSchedule, Effect::NoExecute] {
            let nodes = [Arc::new(tainted(node("ill", "linux", "amd64"), &key, "", effect))];
            for spec in [json!({}), json!({ "nodeName": "ill" })] {
                assert_eq!(of("Pod", &spec, Scheduling::default(), &nodes), ["ill"], "{key}");
            }
        }
    }
}

#[test]
fn a_cordoned_node_counts_as_tainted_before_the_taint_is_there() {
    let nodes = [Arc::new(Node { unschedulable: true, ..node("cordoned", "linux", "amd64") })];
    assert!(of("Pod", &json!({}), Scheduling::default(), &nodes).is_empty());
    let tolerating = json!({ "tolerations": [
        { "key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule" },
    ] });
    assert_eq!(of("Pod", &tolerating, Scheduling::default(), &nodes), ["cordoned"]);
}

#[test]
fn a_runtime_class_adds_its_selector_and_its_tolerations() {
    let class = |json: Value| serde_json::from_value::<Scheduling>(json).expect("a class");
    let windows = || {
        class(json!({ "handler": "runhcs", "scheduling": {
            "nodeSelector": { "kubernetes.io/os": "windows" },
            "tolerations": [{ "key": "os", "operator": "Exists" }],
        } }))
    };
    let nodes = cluster();
    assert_eq!(of("Deployment", &json!({}), windows(), &nodes), ["win"]);
    // Both selectors hold: the API server refuses pods whose own says otherwise.
    let other = json!({ "nodeSelector": { "kubernetes.io/os": "linux" } });
    assert!(of("Deployment", &other, windows(), &nodes).is_empty());
    let own = json!({ "nodeSelector": { "kubernetes.io/hostname": "win" } });
    assert_eq!(of("Deployment", &own, windows(), &nodes), ["win"]);
    assert_eq!(
        of("Deployment", &json!({}), class(json!({ "handler": "x" })), &nodes),
        ["amd", "arm"]
    );
}

#[test]
fn what_cannot_be_understood_narrows_nothing() {
    let nodes = cluster();
    let mut node = crate::workload::NodeConstraints::default();
    let names = |constraints: &crate::workload::NodeConstraints| {
        let kind = Kind::find("", "Pod").expect("a kind");
        eligible(&Demands::of(constraints, kind, Scheduling::default()), &nodes).len()
    };
    assert_eq!(names(&node), 2);
    node.required_affinity = Some(r#"{"nodeSelectorTerms":"zone"}"#.into());
    assert_eq!(names(&node), 2);
    node.tolerations = Some(r#"{"key":"os"}"#.into());
    assert_eq!(names(&node), nodes.len());
}
