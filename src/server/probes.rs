//! What the kubelet and the monitoring ask: `/livez`, `/readyz` and `/metrics`, without TLS.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};

use crate::telemetry::{Metrics, metrics};

/// Whether reviews should be sent here, with the reasons why not.
///
/// It starts with nothing against it: whoever has something to wait for [blocks](Self::block)
/// first.
#[derive(Debug, Default)]
pub struct Readiness {
    reasons: Mutex<BTreeMap<&'static str, String>>,
}

impl Readiness {
    /// Not ready, for as long as `what` is not [cleared](Self::clear); `why` is shown to whoever
    /// asks.
    pub fn block(&self, what: &'static str, why: impl Into<String>) {
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        reasons.insert(what, why.into());
    }

    /// Nothing against it any more from `what`.
    pub fn clear(&self, what: &'static str) {
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner).remove(what);
    }

    /// What speaks against it, one line each; empty if ready.
    pub fn reasons(&self) -> Vec<String> {
        let reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        reasons.iter().map(|(what, why)| format!("{what}: {why}")).collect()
    }
}

struct Probes {
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
}

/// The routes of the plain listener.
pub fn router(readiness: Arc<Readiness>, metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(numbers))
        .fallback(elsewhere)
        .with_state(Arc::new(Probes { readiness, metrics }))
}

async fn live() -> Response {
    text(StatusCode::OK, "ok")
}

async fn ready(State(probes): State<Arc<Probes>>) -> Response {
    let reasons = probes.readiness.reasons();
    if reasons.is_empty() {
        text(StatusCode::OK, "ok")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, &reasons.join("\n"))
    }
}

async fn numbers(State(probes): State<Arc<Probes>>) -> Response {
    match probes.metrics.encode() {
        Ok(numbers) => {
            let kind = HeaderValue::from_static(metrics::CONTENT_TYPE);
            ([(CONTENT_TYPE, kind)], numbers).into_response()
        }
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written"),
    }
}

async fn elsewhere() -> Response {
    text(StatusCode::NOT_FOUND, "nothing is here; there are /livez, /readyz and /metrics")
}

fn text(status: StatusCode, lines: &str) -> Response {
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    (status, [(CONTENT_TYPE, plain)], format!("{lines}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use tower::ServiceExt as _;

    use super::*;

    async fn get(router: &Router, path: &str) -> (StatusCode, String, String) {
        let request = http::Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let kind = response.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, kind, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn readiness_follows_its_reasons_and_liveness_does_not() {
        let readiness = Arc::<Readiness>::default();
        let router = router(Arc::clone(&readiness), Arc::new(Metrics::new()));
        assert_eq!(get(&router, "/readyz").await.0, StatusCode::OK);

        readiness.block("start", "reading the certificate");
        readiness.block("drain", "asked to stop");
        let (status, _, body) = get(&router, "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body, "drain: asked to stop\nstart: reading the certificate\n");
        assert_eq!(get(&router, "/livez").await.0, StatusCode::OK);

        readiness.clear("drain");
        assert_eq!(get(&router, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
        readiness.clear("start");
        assert_eq!(get(&router, "/readyz").await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn metrics_are_openmetrics_with_their_media_type() {
        let metrics = Arc::new(Metrics::new());
        metrics.finding("tag-not-found", "deny");
        let router = router(Arc::default(), metrics);
        let (status, kind, body) = get(&router, "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
        assert!(
            body.contains("pullcheck_findings_total{code=\"tag-not-found\",action=\"deny\"} 1")
        );
        assert!(body.ends_with("# EOF\n"));
    }

    #[tokio::test]
    async fn other_paths_are_told_what_there_is() {
        let router = router(Arc::default(), Arc::new(Metrics::new()));
        let (status, _, body) = get(&router, "/healthz").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(body.contains("/livez, /readyz and /metrics"), "{body}");
    }
}
