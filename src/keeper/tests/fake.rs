//! An API server that keeps a Secret and a webhook configuration as a real one does: with
//! versions, conflicts and JSON patches; and that refuses what it is told to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::cluster::{Cluster, ClusterOptions};

pub(super) const SECRETS: &str = "/api/v1/namespaces/pullcheck/secrets";
pub(super) const SECRET: &str = "/api/v1/namespaces/pullcheck/secrets/own";
pub(super) const CONFIGURATION: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/pullcheck";

#[derive(Default)]
struct Store {
    version: u64,
    objects: HashMap<String, Value>,
    /// What is answered to a method on a path instead.
    refused: HashMap<(Method, String), StatusCode>,
    /// Somebody else changes the object before the next write of this method.
    raced: Vec<Method>,
    /// Methods and paths, in order.
    requests: Vec<(Method, String)>,
}

#[derive(Clone)]
pub(super) struct Fake {
    store: Arc<Mutex<Store>>,
    port: u16,
}

impl Fake {
    /// One with a webhook configuration, and nothing else.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let fake = Self { store: Arc::default(), port };
        let router = Router::new().fallback(answer).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake.put(CONFIGURATION, configuration());
        fake
    }

    pub(super) fn cluster(&self) -> Cluster {
        let url = format!("http://127.0.0.1:{}", self.port).parse().unwrap();
        let mut config = kube::Config::new(url);
        config.default_retry = false;
        // Plain HTTP: no machine's trust store is needed.
        config.root_cert = Some(Vec::new());
        let options = ClusterOptions {
            call_limit: std::time::Duration::from_secs(3_600),
            ..ClusterOptions::default()
        };
        Cluster::from_client(Client::try_from(config).unwrap(), options)
    }

    fn store<T>(&self, with: impl FnOnce(&mut Store) -> T) -> T {
        with(&mut self.store.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn put(&self, path: &str, object: Value) {
        self.store(|store| store.set(path, object));
    }

    pub(super) fn delete(&self, path: &str) {
        self.store(|store| store.objects.remove(path));
    }

    pub(super) fn object(&self, path: &str) -> Option<Value> {
        self.store(|store| store.objects.get(path).cloned())
    }

    pub(super) fn refuse(&self, method: Method, path: &str, status: u16) {
        let status = StatusCode::from_u16(status).unwrap();
        self.store(|store| store.refused.insert((method, path.to_owned()), status));
    }

    pub(super) fn allow_all(&self) {
        self.store(|store| store.refused.clear());
    }

    /// Somebody else changes the object before the next write of this method.
    pub(super) fn race(&self, method: Method) {
        self.store(|store| store.raced.push(method));
    }

    pub(super) fn asked(&self, method: &Method, path: &str) -> usize {
        self.store(|store| {
            store.requests.iter().filter(|(by, at)| by == method && at == path).count()
        })
    }

    /// A value of the Secret.
    pub(super) fn value(&self, key: &str) -> Vec<u8> {
        let secret = self.object(SECRET).unwrap();
        STANDARD.decode(secret["data"][key].as_str().unwrap()).unwrap()
    }

    /// Puts other values into the Secret, and leaves the rest of it.
    pub(super) fn put_values<'a>(
        &self,
        values: impl IntoIterator<Item = (&'static str, &'a [u8])>,
    ) {
        let mut secret = self.object(SECRET).unwrap();
        for (key, value) in values {
            secret["data"][key] = STANDARD.encode(value).into();
        }
        self.put(SECRET, secret);
    }

    /// What the API server trusts when it calls one of the webhooks.
    pub(super) fn bundle(&self, index: usize) -> Vec<u8> {
        let configuration = self.object(CONFIGURATION).unwrap();
        let bundle = configuration["webhooks"][index]["clientConfig"]["caBundle"].as_str();
        STANDARD.decode(bundle.unwrap_or_default()).unwrap()
    }

    pub(super) fn put_bundle(&self, bundle: &[u8]) {
        let mut configuration = self.object(CONFIGURATION).unwrap();
        configuration["webhooks"][0]["clientConfig"]["caBundle"] = STANDARD.encode(bundle).into();
        self.put(CONFIGURATION, configuration);
    }
}

fn configuration() -> Value {
    let service = json!({ "namespace": "pullcheck", "name": "pullcheck", "port": 443 });
    json!({
        "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": "pullcheck" },
        "webhooks": [
            { "name": "a.pullcheck.dev", "clientConfig": { "service": service } },
            { "name": "elsewhere", "clientConfig": { "url": "https://elsewhere.example" } },
            { "name": "b.pullcheck.dev", "clientConfig": { "service": service } },
        ],
    })
}

impl Store {
    fn set(&mut self, path: &str, mut object: Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        self.objects.insert(path.to_owned(), object);
    }

    fn answer(&mut self, method: &Method, path: &str, body: &Bytes) -> Result<Value, StatusCode> {
        self.requests.push((method.clone(), path.to_owned()));
        if let Some(status) = self.refused.get(&(method.clone(), path.to_owned())) {
            return Err(*status);
        }
        let body = serde_json::from_slice::<Value>(body).unwrap_or_default();
        let target = match method {
            &Method::POST => format!("{path}/{}", body["metadata"]["name"].as_str().unwrap()),
            _ => path.to_owned(),
        };
        if let Some(index) = self.raced.iter().position(|raced| raced == method) {
            self.raced.remove(index);
            if let Some(object) = self.objects.get(&target).cloned() {
                self.set(&target, object);
            }
        }
        let old = self.objects.get(&target).cloned();
        let new = match (method.as_str(), old) {
            ("GET", old) => return old.ok_or(StatusCode::NOT_FOUND),
            ("POST", Some(_)) => return Err(StatusCode::CONFLICT),
            ("POST", None) => body,
            ("PUT" | "PATCH", None) => return Err(StatusCode::NOT_FOUND),
            ("PUT", Some(old)) => same_version(&old, &body)?,
            ("PATCH", Some(old)) => {
                let mut new = old.clone();
                for operation in body.as_array().unwrap() {
                    assert_eq!(operation["op"], "add");
                    let (parent, member) =
                        operation["path"].as_str().unwrap().rsplit_once('/').unwrap();
                    new.pointer_mut(parent).unwrap()[member] = operation["value"].clone();
                }
                same_version(&old, &new)?
            }
            _ => return Err(StatusCode::METHOD_NOT_ALLOWED),
        };
        self.set(&target, new);
        Ok(self.objects[&target].clone())
    }
}

fn same_version(old: &Value, new: &Value) -> Result<Value, StatusCode> {
    let of = |object: &Value| object["metadata"]["resourceVersion"].clone();
    if of(old) == of(new) { Ok(new.clone()) } else { Err(StatusCode::CONFLICT) }
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let answer = fake.store(|store| store.answer(&parts.method, parts.uri.path(), &body));
    let json = [("content-type", "application/json")];
    match answer {
        Ok(object) => (json, object.to_string()).into_response(),
        Err(status) => {
            let body = json!({ "kind": "Status", "code": status.as_u16() });
            (status, json, body.to_string()).into_response()
        }
    }
}
