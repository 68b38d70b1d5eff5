//! Ranges as the watch tells them, and the API server's own addresses as it tells them.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::*;
use crate::cluster::tests::fake::{Fake, Reply};

const SERVICES: &str = AllServiceRanges::PATH;

fn list(items: &[Value]) -> Reply {
    Reply::Json(json!({ "metadata": { "resourceVersion": "7" }, "items": items }))
}

fn node(name: &str, ranges: &[&str]) -> Value {
    let info = json!({ "operatingSystem": "linux", "architecture": "amd64" });
    json!({
        "metadata": { "name": name },
        "spec": { "podCIDRs": ranges },
        "status": { "nodeInfo": info },
    })
}

fn services(name: &str, ranges: &[&str]) -> Value {
    json!({ "metadata": { "name": name }, "spec": { "cidrs": ranges } })
}

fn whose(cluster: &Cluster, address: &str) -> Option<Whose> {
    cluster.whose(address.parse().unwrap())
}

/// Reads what is there once, as the first list of a watch does.
async fn read(cluster: &Cluster) {
    let inner = &cluster.inner;
    let limit = inner.options.call_limit;
    inner.nodes.list(&inner.api, limit).await;
    inner.service_ranges.list(&inner.api, limit).await;
}

#[tokio::test]
async fn ranges_are_those_of_all_nodes_and_services_and_follow_them() {
    let fake = Fake::start(&[
        ("/api/v1/nodes", list(&[node("a", &["10.244.0.0/24", "fd00:10:244::/64"])])),
        (SERVICES, list(&[services("kubernetes", &["10.96.0.0/16", "fd00:10:96::/112"])])),
    ])
    .await;
    let cluster = fake.cluster();
    assert_eq!(whose(&cluster, "10.244.0.9"), None, "nothing is known yet");
    read(&cluster).await;
    for (address, expected) in [
        ("10.244.0.9", Some(Whose::Pod)),
        ("fd00:10:244::9", Some(Whose::Pod)),
        ("10.96.0.1", Some(Whose::Service)),
        ("fd00:10:96::1", Some(Whose::Service)),
        ("10.244.1.9", None),
        ("10.97.0.1", None),
        ("192.0.2.1", None),
    ] {
        assert_eq!(whose(&cluster, address), expected, "{address}");
    }
    fake.set("/api/v1/nodes", list(&[node("b", &["10.244.1.0/24"])]));
    fake.set(
        SERVICES,
        list(&[services("kubernetes", &["10.96.0.0/16"]), services("more", &["10.97.0.0/24"])]),
    );
    read(&cluster).await;
    assert_eq!(whose(&cluster, "10.244.1.9"), Some(Whose::Pod));
    assert_eq!(whose(&cluster, "10.244.0.9"), None, "that node is gone");
    assert_eq!(whose(&cluster, "10.97.0.1"), Some(Whose::Service));
}

#[tokio::test]
async fn what_was_known_of_ranges_outlives_the_right_to_them() {
    let fake = Fake::start(&[(SERVICES, list(&[services("kubernetes", &["10.96.0.0/16"])]))]).await;
    let cluster = fake.cluster();
    read(&cluster).await;
    assert_eq!(whose(&cluster, "10.96.0.1"), Some(Whose::Service));
    fake.set(SERVICES, Reply::Status(StatusCode::FORBIDDEN));
    read(&cluster).await;
    assert_eq!(whose(&cluster, "10.96.0.1"), Some(Whose::Service));
}

#[test]
fn what_is_no_range_of_services_is_left_out() {
    for (cidrs, expected) in [
        (json!(["10.96.0.0/16"]), Some(&["10.96.0.0/16"][..])),
        (
            json!(["10.96.0.7/16", "x", "0.0.0.0/0", "::/0", "0.0.0.0/1", "8000::/1"]),
            Some(&["10.96.0.0/16"]),
        ),
        (json!([]), Some(&[])),
        (json!("10.96.0.0/16"), None),
        (json!(null), None),
    ] {
        let object = json!({ "metadata": { "name": "a" }, "spec": { "cidrs": cidrs } });
        let kept = AllServiceRanges.read(&object.to_string());
        let ranges: Option<Vec<String>> =
            kept.map(|kept| kept.ranges.iter().map(ToString::to_string).collect());
        let expected = expected.map(|all| all.iter().map(ToString::to_string).collect());
        assert_eq!(ranges, expected, "{object}");
    }
    assert!(AllServiceRanges.read(r#"{"spec":{"cidrs":[]}}"#).is_none());
}

#[tokio::test]
async fn the_api_servers_own_addresses_are_those_of_its_endpoint_slice() {
    let fake = Fake::start(&[(names::API_ENDPOINTS, Reply::Status(StatusCode::FORBIDDEN))]).await;
    let cluster = fake.cluster();
    assert_eq!(cluster.api_endpoints().await, Err(Obstacle::Forbidden));
    let slice = json!({
        "addressType": "IPv4",
        "endpoints": [
            { "addresses": ["10.0.0.5"], "conditions": { "ready": true } },
            { "addresses": ["10.0.0.6", "nobody"] },
            { "addresses": null },
        ],
        "ports": [{ "name": "https", "port": 6443, "protocol": "TCP" }, { "port": null }],
    });
    fake.set(names::API_ENDPOINTS, Reply::Json(slice));
    let expected = ["10.0.0.5:6443", "10.0.0.6:6443"].map(|at| at.parse().unwrap());
    assert_eq!(cluster.api_endpoints().await.as_deref(), Ok(&expected[..]));
    fake.set(names::API_ENDPOINTS, Reply::Text("[]".to_owned()));
    assert!(matches!(cluster.api_endpoints().await, Err(Obstacle::Trouble(_))));
}
