use serde_json::{Value, json};

use super::{Affinity, Node};

fn node() -> Node {
    let labels = [
        ("kubernetes.io/arch", "amd64"),
        ("zone", "b"),
        ("empty", ""),
        ("generation", "7"),
        ("negative", "-7"),
        ("word", "seven"),
    ];
    Node {
        name: "worker-1".into(),
        labels: labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
        ..Node::default()
    }
}

fn matches(selector: &Value) -> bool {
    Affinity::parse(&selector.to_string()).expect("an affinity").matches(&node())
}

fn one(list: &str, requirement: &Value) -> bool {
    matches(&json!({ "nodeSelectorTerms": [{ list: [requirement] }] }))
}

#[test]
fn a_label_meets_a_requirement_as_the_scheduler_has_it() {
    for (key, operator, values, expected) in [
        ("zone", "In", json!(["a", "b"]), true),
        ("zone", "In", json!(["a", "B"]), false),
        ("nowhere", "In", json!(["a"]), false),
        ("empty", "In", json!([""]), true),
        ("empty", "In", json!([null]), true),
        ("nowhere", "In", json!([""]), false),
        ("zone", "NotIn", json!(["a", "c"]), true),
        ("zone", "NotIn", json!(["a", "b"]), false),
        ("nowhere", "NotIn", json!(["a"]), true),
        ("zone", "Exists", json!([]), true),
        ("empty", "Exists", json!(null), true),
        ("nowhere", "Exists", json!([]), false),
        ("zone", "DoesNotExist", json!([]), false),
        ("nowhere", "DoesNotExist", json!([]), true),
        ("generation", "Gt", json!(["6"]), true),
        ("generation", "Gt", json!(["7"]), false),
        ("generation", "Lt", json!(["8"]), true),
        ("generation", "Lt", json!(["7"]), false),
        ("generation", "Gt", json!(["06"]), true),
        ("nowhere", "Gt", json!(["6"]), false),
        ("nowhere", "Lt", json!(["6"]), false),
        ("word", "Gt", json!(["6"]), false),
        ("word", "Lt", json!(["6"]), false),
        ("negative", "Lt", json!(["0"]), true),
        // What the scheduler cannot read matches no node, even where it would be a "not".
        ("zone", "In", json!([]), false),
        ("zone", "NotIn", json!([]), false),
        ("zone", "Exists", json!(["b"]), false),
        ("nowhere", "DoesNotExist", json!(["b"]), false),
        ("generation", "Gt", json!([]), false),
        ("generation", "Gt", json!(["1", "2"]), false),
        ("generation", "Gt", json!(["six"]), false),
        ("generation", "Gt", json!(["9223372036854775808"]), false),
        ("zone", "NotIn", json!(["not a value"]), false),
        ("negative", "Gt", json!(["-8"]), false),
        ("not a key", "DoesNotExist", json!([]), false),
        ("", "DoesNotExist", json!([]), false),
        // An operator of a newer Kubernetes narrows nothing.
        ("zone", "Like", json!(["x*"]), true),
    ] {
        let requirement = json!({ "key": key, "operator": operator, "values": values });
        assert_eq!(one("matchExpressions", &requirement), expected, "{requirement}");
    }
}

#[test]
fn a_field_is_the_nodes_name_and_nothing_else() {
    for (key, operator, values, expected) in [
        ("metadata.name", "In", json!(["worker-1"]), true),
        ("metadata.name", "In", json!(["worker-2"]), false),
        ("metadata.name", "NotIn", json!(["worker-1"]), false),
        ("metadata.name", "NotIn", json!(["worker-2"]), true),
        ("metadata.name", "In", json!(["worker-1", "worker-2"]), false),
        ("metadata.name", "NotIn", json!(["worker-2", "worker-3"]), false),
        ("metadata.name", "In", json!([]), false),
        ("metadata.name", "Exists", json!([]), false),
        ("metadata.name", "Like", json!(["w*"]), true),
        ("metadata.namespace", "In", json!(["x"]), true),
    ] {
        let requirement = json!({ "key": key, "operator": operator, "values": values });
        assert_eq!(one("matchFields", &requirement), expected, "{requirement}");
    }
}

#[test]
fn terms_are_alternatives_and_what_is_in_one_must_all_hold() {
    let here = json!({ "key": "zone", "operator": "In", "values": ["b"] });
    let away = json!({ "key": "zone", "operator": "In", "values": ["a"] });
    let bad = json!({ "key": "zone", "operator": "In", "values": [] });
    let name = json!({ "key": "metadata.name", "operator": "In", "values": ["worker-1"] });
    let other = json!({ "key": "metadata.name", "operator": "In", "values": ["worker-2"] });
    for (terms, expected) in [
        (json!([{ "matchExpressions": [here] }, { "matchExpressions": [away] }]), true),
        (json!([{ "matchExpressions": [away] }, { "matchExpressions": [here] }]), true),
        (json!([{ "matchExpressions": [away] }]), false),
        (json!([{ "matchExpressions": [here, away] }]), false),
        (json!([{ "matchExpressions": [here], "matchFields": [name] }]), true),
        (json!([{ "matchExpressions": [here], "matchFields": [other] }]), false),
        (json!([{ "matchExpressions": [away], "matchFields": [name] }]), false),
        // A term that cannot be read spoils itself and no other.
        (json!([{ "matchExpressions": [bad] }, { "matchExpressions": [here] }]), true),
        (json!([{ "matchExpressions": [here, bad] }]), false),
        // No term, or only empty ones, match nothing.
        (json!([]), false),
        (json!(null), false),
        (json!([{}]), false),
        (json!([null]), false),
        (json!([{ "matchExpressions": [], "matchFields": null }]), false),
        (json!([{}, { "matchExpressions": [here] }]), true),
    ] {
        assert_eq!(matches(&json!({ "nodeSelectorTerms": terms })), expected, "{terms}");
    }
}

#[test]
fn what_is_no_selector_is_not_read() {
    for json in [
        "[]",
        "3",
        "\"zone\"",
        r#"{"nodeSelectorTerms":{}}"#,
        r#"{"nodeSelectorTerms":[{"matchExpressions":[{"key":3}]}]}"#,
        "{",
    ] {
        assert_eq!(Affinity::parse(json), None, "{json}");
    }
}
