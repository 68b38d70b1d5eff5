//! An API server that speaks the few paths, and misbehaves when told to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kube::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::patient;
use crate::cluster::{Cluster, ClusterOptions};

/// What the fake API server answers on a path; 404 on every other.
#[derive(Clone)]
pub(in crate::cluster) enum Reply {
    Json(Value),
    Status(StatusCode),
    Text(String),
    /// Never.
    Hang,
    /// As soon as the gate opens.
    Gated(Value),
}

#[derive(Clone)]
pub(in crate::cluster) struct Fake {
    pub(in crate::cluster) replies: Arc<Mutex<HashMap<String, Reply>>>,
    /// `path?query accept`, in order.
    pub(in crate::cluster) requests: Arc<watch::Sender<Vec<String>>>,
    pub(in crate::cluster) gate: Arc<watch::Sender<bool>>,
    /// The `Authorization` of the last request.
    pub(in crate::cluster) login: Arc<watch::Sender<String>>,
    pub(in crate::cluster) port: u16,
}

impl Fake {
    pub(in crate::cluster) async fn start(replies: &[(&str, Reply)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let replies = replies.iter().map(|(path, reply)| ((*path).to_owned(), reply.clone()));
        let fake = Self {
            replies: Arc::new(Mutex::new(replies.collect())),
            requests: Arc::new(watch::Sender::new(Vec::new())),
            gate: Arc::new(watch::Sender::new(false)),
            login: Arc::new(watch::Sender::new(String::new())),
            port: listener.local_addr().expect("an address").port(),
        };
        let router = Router::new().fallback(answer).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    pub(in crate::cluster) fn set(&self, path: &str, reply: Reply) {
        let mut replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        replies.insert(path.to_owned(), reply);
    }

    /// How often an object was asked for, lists aside.
    pub(in crate::cluster) fn asked(&self, path: &str) -> usize {
        self.requests
            .borrow()
            .iter()
            .filter(|request| request.starts_with(&format!("{path} ")))
            .count()
    }

    pub(in crate::cluster) fn cluster(&self) -> Cluster {
        self.cluster_with(patient())
    }

    pub(in crate::cluster) fn cluster_with(&self, options: ClusterOptions) -> Cluster {
        Cluster::from_client(client_of(self.port), options)
    }
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response {
    let accept = request.headers()["accept"].to_str().expect("text").to_owned();
    let path = request.uri().path().to_owned();
    if let Some(login) = request.headers().get("authorization") {
        fake.login.send_replace(login.to_str().expect("text").to_owned());
    }
    fake.requests.send_modify(|all| all.push(format!("{} {accept}", request.uri())));
    let reply = fake.replies.lock().unwrap_or_else(PoisonError::into_inner).get(&path).cloned();
    match reply {
        Some(Reply::Json(body)) => json_body(&body),
        Some(Reply::Status(status)) => {
            let body = json!({"kind": "Status", "code": status.as_u16(), "message": "hunter2"});
            (status, json_body(&body)).into_response()
        }
        Some(Reply::Text(text)) => text.into_response(),
        Some(Reply::Hang) => std::future::pending().await,
        Some(Reply::Gated(body)) => {
            fake.gate.subscribe().wait_for(|open| *open).await.expect("a gate");
            json_body(&body)
        }
        None => (StatusCode::NOT_FOUND, json_body(&json!({"kind": "Status", "code": 404})))
            .into_response(),
    }
}

fn json_body(body: &Value) -> Response {
    ([("content-type", "application/json")], body.to_string()).into_response()
}

pub(in crate::cluster) fn client_of(port: u16) -> Client {
    let url = format!("http://127.0.0.1:{port}").parse().expect("a URL");
    let mut config = kube::Config::new(url);
    config.default_retry = false;
    // Plain HTTP: no machine's trust store is needed.
    config.root_cert = Some(Vec::new());
    Client::try_from(config).expect("a client")
}
