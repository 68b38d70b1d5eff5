//! A Kubernetes API server as far as pullcheck asks one: Secrets, ServiceAccounts, lists of names,
//! RuntimeClasses, and nodes and namespaces that can be watched; Events, which it keeps; with its
//! moods, and a count of what it was asked.

mod watched;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

pub use watched::{NAMESPACES, NODES, SERVICE_CIDRS, node};

use self::watched::Collection;
use super::misbehaving::Answer;
use super::secrets;
use super::server::{Greeting, Log, Reply, Seen, Server};
use super::tls::Ca;

/// What is answered on a path, whatever is there.
#[derive(Clone)]
pub enum Mood {
    /// This status: 403, 500, ...
    Status(u16),
    /// No answer, ever.
    Hangs,
}

/// The API server, which speaks HTTPS.
pub struct ApiServer {
    server: Server,
    ca: Ca,
    state: Arc<Mutex<State>>,
    nodes: Arc<Collection>,
    namespaces: Arc<Collection>,
    /// An older cluster has none, and no path for them.
    service_cidrs: Arc<Collection>,
    token: String,
    dir: TempDir,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    moods: HashMap<String, Mood>,
    /// As they were sent, in that order.
    events: Vec<Value>,
}

/// One login in a pull secret.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    pub host: &'a str,
    pub user: &'a str,
    pub password: &'a str,
}

impl ApiServer {
    /// One that holds the ServiceAccount `default` of each of these namespaces, and nothing else.
    pub async fn start(namespaces: &[&str]) -> Self {
        let ca = Ca::mint();
        let state = Arc::new(Mutex::new(State::default()));
        let nodes = Arc::<Collection>::default();
        let all = Arc::<Collection>::default();
        let services = Arc::<Collection>::default();
        let shared = (state.clone(), [nodes.clone(), all.clone(), services.clone()]);
        let handler = move |seen: Seen| {
            let (state, collections) = shared.clone();
            async move { reply(&state, &collections, &seen).await }
        };
        let server = Server::start(Some(ca.good().server()), Greeting::Serve, handler).await;
        let dir = TempDir::new().unwrap();
        let token = secrets::fresh();
        let api =
            Self { server, ca, state, nodes, namespaces: all, service_cidrs: services, token, dir };
        for namespace in namespaces {
            api.put_service_account(namespace, "default", &[]);
        }
        api
    }

    /// The same where the namespaces themselves are there, too, and watches are told of them.
    pub async fn with_namespaces(namespaces: &[&str]) -> Self {
        let api = Self::start(namespaces).await;
        for namespace in namespaces {
            api.put_namespace(namespace, &json!({}));
        }
        api
    }

    /// A kubeconfig for it, with a token; lives as long as the server.
    pub fn kubeconfig(&self) -> PathBuf {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test" } }],
            "clusters": [{ "name": "test", "cluster": {
                "server": self.server.url(),
                "certificate-authority-data": STANDARD.encode(self.ca.pem()),
            } }],
            "users": [{ "name": "test", "user": { "token": self.token } }],
        });
        let path = self.dir.path().join("kubeconfig");
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }

    /// Stores a Secret of any type; `data` is not yet base64.
    pub fn put_secret(&self, namespace: &str, name: &str, type_: &str, data: &[(&str, &str)]) {
        let data: BTreeMap<&str, String> =
            data.iter().map(|(key, value)| (*key, STANDARD.encode(value))).collect();
        let object = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "namespace": namespace, "name": name },
            "type": type_,
            "data": data,
        });
        self.put(&secret_path(namespace, name), object);
    }

    /// Stores a pull secret, in place of one of that name.
    pub fn put_pull_secret(&self, namespace: &str, name: &str, entries: &[Entry<'_>]) {
        let auths: BTreeMap<&str, Value> = entries
            .iter()
            .map(|entry| {
                (entry.host, json!({ "auth": secrets::basic(entry.user, entry.password) }))
            })
            .collect();
        let config = json!({ "auths": auths }).to_string();
        secrets::register(&config);
        let data = [(".dockerconfigjson", config.as_str())];
        self.put_secret(namespace, name, "kubernetes.io/dockerconfigjson", &data);
    }

    /// Stores a ServiceAccount with its pull secrets.
    pub fn put_service_account(&self, namespace: &str, name: &str, pull_secrets: &[&str]) {
        let names: Vec<Value> = pull_secrets.iter().map(|name| json!({ "name": name })).collect();
        let object = json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": { "namespace": namespace, "name": name },
            "imagePullSecrets": names,
        });
        self.put(&service_account_path(namespace, name), object);
    }

    /// Stores a namespace whose label chooses this mode.
    pub fn put_mode(&self, namespace: &str, mode: &str) {
        self.put_namespace(namespace, &json!({ "pullcheck.dev/mode": mode }));
    }

    /// Stores a namespace with these labels, which watches are told of.
    pub fn put_namespace(&self, namespace: &str, labels: &Value) {
        let object = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": { "name": namespace, "labels": labels },
        });
        self.put(&namespace_path(namespace), object.clone());
        self.namespaces.put(object);
    }

    /// Stores a namespace that no watch has been told of yet.
    pub fn put_mode_unseen(&self, namespace: &str, mode: &str) {
        let labels = json!({ "pullcheck.dev/mode": mode });
        let metadata = json!({ "name": namespace, "labels": labels });
        self.put(&namespace_path(namespace), json!({ "kind": "Namespace", "metadata": metadata }));
    }

    /// Stores a RuntimeClass with this `scheduling`.
    pub fn put_runtime_class(&self, name: &str, scheduling: &Value) {
        let object = json!({
            "apiVersion": "node.k8s.io/v1",
            "kind": "RuntimeClass",
            "metadata": { "name": name },
            "handler": name,
            "scheduling": scheduling,
        });
        self.put(&runtime_class_path(name), object);
    }

    /// Adds a node, or puts it in place of one of that name.
    pub fn put_node(&self, node: Value) {
        self.nodes.put(node);
    }

    /// Adds a ServiceCIDR.
    pub fn put_service_cidr(&self, name: &str, ranges: &[&str]) {
        self.service_cidrs.put(json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "ServiceCIDR",
            "metadata": { "name": name },
            "spec": { "cidrs": ranges },
        }));
    }

    /// Says where the API server itself listens.
    pub fn put_endpoints(&self, addresses: &[&str], port: u16) {
        let object = json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": { "namespace": "default", "name": "kubernetes" },
            "addressType": "IPv4",
            "endpoints": [{ "addresses": addresses, "conditions": { "ready": true } }],
            "ports": [{ "name": "https", "port": port, "protocol": "TCP" }],
        });
        self.put(ENDPOINTS, object);
    }

    /// Deletes a node.
    pub fn delete_node(&self, name: &str) {
        self.nodes.delete(name);
    }

    /// The Events that it was sent and has stored.
    pub fn events(&self) -> Vec<Value> {
        self.state.lock().unwrap().events.clone()
    }

    /// Forgets what became of nodes up to now: every watch ends with 410.
    pub fn compact(&self) {
        self.nodes.compact();
    }

    /// Breaks all watches.
    pub fn cut_watches(&self) {
        self.nodes.cut();
        self.namespaces.cut();
    }

    /// Watches of nodes that were asked for.
    pub fn watches(&self) -> usize {
        self.log().count(is_watch)
    }

    /// Waits until so many watches of nodes were asked for.
    pub async fn watched(&self, times: usize) {
        self.log().until(times, is_watch).await;
    }

    fn put(&self, path: &str, object: Value) {
        self.state.lock().unwrap().objects.insert(path.to_owned(), object);
    }

    /// From now on this path is answered like that.
    pub fn mood(&self, path: &str, mood: Mood) {
        self.state.lock().unwrap().moods.insert(path.to_owned(), mood);
    }

    /// Ends the mood of a path.
    pub fn cheer_up(&self, path: &str) {
        self.state.lock().unwrap().moods.remove(path);
    }

    /// How often a path was asked for, its list of names aside.
    pub fn asked(&self, path: &str) -> usize {
        self.log().count(|seen| seen.path == path)
    }

    /// Every request.
    pub fn log(&self) -> &Log {
        self.server.log()
    }
}

/// The path of the API server's own addresses.
pub const ENDPOINTS: &str =
    "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes";

/// The path of a Secret.
pub fn secret_path(namespace: &str, name: &str) -> String {
    format!("{}/secrets/{name}", namespace_path(namespace))
}

/// The path of a ServiceAccount.
pub fn service_account_path(namespace: &str, name: &str) -> String {
    format!("{}/serviceaccounts/{name}", namespace_path(namespace))
}

/// The path of a namespace.
pub fn namespace_path(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}")
}

/// The path of a namespace's Events.
pub fn events_path(namespace: &str) -> String {
    format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events")
}

/// The path of a RuntimeClass.
pub fn runtime_class_path(name: &str) -> String {
    format!("/apis/node.k8s.io/v1/runtimeclasses/{name}")
}

fn is_watch(seen: &Seen) -> bool {
    seen.path == NODES && seen.query.contains("watch=true")
}

async fn reply(
    state: &Mutex<State>,
    [nodes, namespaces, service_cidrs]: &[Arc<Collection>; 3],
    seen: &Seen,
) -> Reply {
    let mood = state.lock().unwrap().moods.get(&seen.path).cloned();
    match mood {
        Some(Mood::Status(code)) => return status(code).into_reply(false),
        Some(Mood::Hangs) => return std::future::pending().await,
        None => {}
    }
    match seen.path.as_str() {
        NODES => return nodes.reply(seen),
        NAMESPACES => return namespaces.reply(seen),
        SERVICE_CIDRS if !service_cidrs.is_empty() => return service_cidrs.reply(seen),
        _ => {}
    }
    let mut state = state.lock().unwrap();
    let answer = if seen.method == Method::POST {
        store(&mut state, seen)
    } else if seen.path.ends_with("/secrets") || seen.path.ends_with("/serviceaccounts") {
        list(&state, &seen.path)
    } else {
        state.objects.get(&seen.path).map_or_else(|| status(404), document)
    };
    answer.into_reply(false)
}

/// Keeps an Event unless one of its name and namespace is there.
fn store(state: &mut State, seen: &Seen) -> Answer {
    let event: Value = serde_json::from_slice(&seen.body).unwrap();
    let metadata = &event["metadata"];
    assert_eq!(seen.path, events_path(metadata["namespace"].as_str().unwrap()));
    if state.events.iter().any(|other| other["metadata"] == *metadata) {
        return status(409);
    }
    state.events.push(event.clone());
    Answer { status: 201, ..document(&event) }
}

/// The metadata of what is below a path.
fn list(state: &State, path: &str) -> Answer {
    let below = format!("{path}/");
    let items: Vec<Value> = state
        .objects
        .iter()
        .filter(|(at, _)| at.starts_with(&below))
        .map(|(_, object)| json!({ "metadata": object["metadata"] }))
        .collect();
    document(&json!({
        "apiVersion": "meta.k8s.io/v1",
        "kind": "PartialObjectMetadataList",
        "metadata": {},
        "items": items,
    }))
}

/// A `Status`, as every refusal of an API server is.
fn status(code: u16) -> Answer {
    let status = json!({
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "message": "said by the API server",
        "code": code,
    });
    Answer { status: code, ..document(&status) }
}

fn document(object: &Value) -> Answer {
    Answer::new(200, object.to_string()).with("Content-Type", "application/json")
}
