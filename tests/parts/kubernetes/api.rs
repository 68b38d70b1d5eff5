//! The API server as a client sees it: JSON in, JSON out.

use http::Method;
use serde_json::{Value, json};

use crate::support::http::{Answer, Http};
use crate::support::tls::Ca;

/// One user's view of an API server.
#[derive(Clone)]
pub struct Api {
    http: Http,
    server: String,
    authorization: String,
}

impl Api {
    /// `server` is `https://host:port`.
    pub fn new(ca: &Ca, server: &str, token: &str) -> Self {
        Self {
            http: Http::trusting(ca),
            server: server.to_owned(),
            authorization: format!("Bearer {token}"),
        }
    }

    /// Any request; an error is the connection's.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: String,
    ) -> anyhow::Result<Answer> {
        let headers =
            [("authorization", self.authorization.as_str()), ("content-type", content_type)];
        self.http.send(method, &format!("{}{path}", self.server), &headers, body).await
    }

    /// The header by which the API server knows who asks.
    pub fn authorization(&self) -> &str {
        &self.authorization
    }

    /// What is at a path.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.ask(Method::GET, path, JSON, String::new()).await.unwrap();
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.text());
        answer.json()
    }

    /// Creates what is posted at a path.
    pub async fn post(&self, path: &str, object: &Value) -> Value {
        let answer = self.ask(Method::POST, path, JSON, object.to_string()).await.unwrap();
        assert_eq!(answer.status, 201, "POST {path}: {}", answer.text());
        answer.json()
    }

    /// Creates an object of the core group where its kind and namespace say.
    pub async fn create(&self, object: &Value) -> Value {
        self.post(&collection(object), object).await
    }

    /// Creates an object of the core group, or changes the one that is there.
    pub async fn apply(&self, object: &Value) {
        self.apply_at(&collection(object), object).await;
    }

    /// Creates an object of the collection at a path, or changes the one that is there.
    pub async fn apply_at(&self, collection: &str, object: &Value) {
        let name = object["metadata"]["name"].as_str().unwrap();
        let path = format!("{collection}/{name}?fieldManager=tests&force=true");
        let answer = self.ask(Method::PATCH, &path, APPLY, object.to_string()).await.unwrap();
        assert!([200, 201].contains(&answer.status), "PATCH {path}: {}", answer.text());
    }

    /// Creates a namespace.
    pub async fn namespace(&self, name: &str) {
        let metadata = json!({ "name": name });
        self.create(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata }))
            .await;
    }
}

const JSON: &str = "application/json";
/// Server-side apply takes JSON too, which is YAML.
const APPLY: &str = "application/apply-patch+yaml";

/// The path of all objects of this one's kind and namespace.
fn collection(object: &Value) -> String {
    let kind = object["kind"].as_str().unwrap().to_lowercase();
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("/api/v1/namespaces/{namespace}/{kind}s"),
        None => format!("/api/v1/{kind}s"),
    }
}
