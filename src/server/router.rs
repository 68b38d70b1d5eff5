//! The webhook's routes: `POST /validate`, and a reason for everything else.
//!
//! Tests can drive [`router`] without a socket, by `tower::ServiceExt::oneshot`.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

use super::body::{BodyError, BodyReader, Limits, Read};
use super::{Reviewer, Unanswered};
use crate::go_duration;
use crate::telemetry::Metrics;

/// The path that reviews are posted to.
pub const PATH: &str = "/validate";

struct Web<R> {
    reviewer: Arc<R>,
    metrics: Arc<Metrics>,
    bodies: BodyReader,
}

/// The routes of the webhook listener, over `reviewer`.
pub fn router<R: Reviewer>(reviewer: Arc<R>, metrics: Arc<Metrics>, limits: Limits) -> Router {
    let web = Web { reviewer, metrics, bodies: BodyReader::new(limits) };
    Router::new()
        .route(PATH, post(validate::<R>).fallback(wrong_method))
        .fallback(wrong_path)
        .with_state(Arc::new(web))
}

async fn validate<R: Reviewer>(State(web): State<Arc<Web<R>>>, request: Request) -> Response {
    let received = Instant::now();
    let timeout = timeout(request.uri().query());
    let read = match web.bodies.read(request.into_body(), timeout).await {
        Ok(read) => read,
        Err(error) => return refused(error),
    };
    // The API server has been waiting since before the body came.
    let timeout = timeout.map(|timeout| timeout.saturating_sub(received.elapsed()));
    answer(review(web, read, timeout).await)
}

/// How one review ended.
enum End {
    Answered(Bytes),
    Not(Unanswered),
    /// Panicked, or the runtime is being torn down.
    Failed,
}

/// Runs one review: what it does wrong stays there. One that has to wait goes on in a task of its
/// own (into the cache, say) if the client gives up; most need not wait, and none is begun.
async fn review<R: Reviewer>(web: Arc<Web<R>>, read: Read, timeout: Option<Duration>) -> End {
    let in_flight = web.metrics.in_flight();
    let reviewer = Arc::clone(&web.reviewer);
    let work = async move {
        let Read { bytes, share, place } = read;
        let result = reviewer.review(bytes, timeout).await;
        drop((share, place, in_flight));
        result
    };
    // What a review that panicked leaves behind is dropped unseen.
    let mut work = Box::pin(AssertUnwindSafe(work).catch_unwind());
    let first = poll_fn(|context| Poll::Ready(work.as_mut().poll(context)));
    let ended = match first.await {
        Poll::Ready(ended) => Some(ended),
        Poll::Pending => tokio::spawn(work).await.ok(),
    };
    match ended {
        Some(Ok(Ok(answer))) => End::Answered(answer),
        Some(Ok(Err(why))) => End::Not(why),
        Some(Err(_)) => {
            web.metrics.panicked();
            tracing::error!("a review panicked and was answered with 500; this is a bug");
            End::Failed
        }
        None => End::Failed,
    }
}

fn answer(end: End) -> Response {
    match end {
        End::Answered(answer) => {
            let json = HeaderValue::from_static("application/json");
            ([(CONTENT_TYPE, json)], Body::from(answer)).into_response()
        }
        End::Not(why @ Unanswered::Bad(_)) => text(StatusCode::BAD_REQUEST, &why.to_string()),
        End::Not(Unanswered::Busy) => refused(BodyError::Busy),
        End::Failed => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "pullcheck failed inside; failurePolicy decides",
        ),
    }
}

fn refused(error: BodyError) -> Response {
    let status = match error {
        BodyError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        BodyError::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
        BodyError::Busy => return busy(&error.to_string()),
        BodyError::Broken => StatusCode::BAD_REQUEST,
    };
    text(status, &error.to_string())
}

/// The API server then asks once more, as long as its own deadline allows, before failurePolicy
/// decides (client-go rest/with_retry.go).
fn busy(line: &str) -> Response {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, line);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

async fn wrong_method() -> Response {
    let mut response =
        text(StatusCode::METHOD_NOT_ALLOWED, "an AdmissionReview is sent to /validate by POST");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    response
}

async fn wrong_path() -> Response {
    text(StatusCode::NOT_FOUND, "nothing is here; an AdmissionReview is posted to /validate")
}

fn text(status: StatusCode, line: &str) -> Response {
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    (status, [(CONTENT_TYPE, plain)], format!("{line}\n")).into_response()
}

/// The API server's own deadline, from the query. What cannot be read is as good as absent: the
/// configured default then holds, and a review is worth more than a complaint. Zero cannot be kept.
fn timeout(query: Option<&str>) -> Option<Duration> {
    let value = query?.split('&').find_map(|pair| pair.strip_prefix("timeout="))?;
    go_duration::parse(value).filter(|timeout| !timeout.is_zero())
}

#[cfg(test)]
mod tests;
