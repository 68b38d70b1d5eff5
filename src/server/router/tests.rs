use std::sync::Mutex;

use axum::body::to_bytes;
use http::Method;
use http::header::RETRY_AFTER;
use tokio::sync::Notify;
use tower::ServiceExt as _;

use super::*;

/// Answers with what it was given, and does as the body says.
#[derive(Default)]
struct Obedient {
    seen: Mutex<Vec<Option<Duration>>>,
    finished: Notify,
    go_on: Notify,
}

impl Reviewer for Obedient {
    async fn review(&self, body: Bytes, timeout: Option<Duration>) -> Result<Bytes, Unanswered> {
        self.seen.lock().unwrap().push(timeout);
        match body.as_ref() {
            b"panic" => panic!("as asked"),
            b"bad" => Err(Unanswered::Bad("no AdmissionReview: expected value".to_owned())),
            b"too much" => Err(Unanswered::Busy),
            b"wait" => {
                self.go_on.notified().await;
                self.finished.notify_one();
                Ok(body)
            }
            _ => Ok(body),
        }
    }
}

struct Bench {
    reviewer: Arc<Obedient>,
    metrics: Arc<Metrics>,
    router: Router,
}

impl Bench {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let reviewer = Arc::<Obedient>::default();
        let metrics = Arc::new(Metrics::new());
        let router = router(Arc::clone(&reviewer), Arc::clone(&metrics), limits);
        Self { reviewer, metrics, router }
    }

    async fn send(&self, method: Method, uri: &str, body: impl Into<Body>) -> Answer {
        let request = http::Request::builder().method(method).uri(uri).body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: head.status, head, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    async fn post(&self, body: impl Into<Body>) -> Answer {
        self.send(Method::POST, "/validate?timeout=5s", body).await
    }

    fn shows(&self, line: &str) -> bool {
        self.metrics.encode().unwrap().lines().any(|other| other == line)
    }
}

struct Answer {
    status: StatusCode,
    head: http::response::Parts,
    body: String,
}

impl Answer {
    fn header(&self, name: http::HeaderName) -> &str {
        self.head.headers[name].to_str().unwrap()
    }
}

#[tokio::test]
async fn a_review_is_answered_with_json() {
    let answer = Bench::new().post("{}").await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "{}"));
    assert_eq!(answer.header(CONTENT_TYPE), "application/json");
}

#[tokio::test]
async fn the_timeout_reaches_the_reviewer_and_an_unreadable_one_is_left_out() {
    let bench = Bench::new();
    for (query, expected) in [
        ("?timeout=10s", Some(Duration::from_secs(10))),
        ("?a=b&timeout=1m30s&c", Some(Duration::from_secs(90))),
        ("", None),
        ("?timeout=", None),
        ("?timeout=soon", None),
        ("?timeout=-1s", None),
        ("?timeout=0s", None),
        ("?xtimeout=10s", None),
    ] {
        let answer = bench.send(Method::POST, &format!("/validate{query}"), "{}").await;
        assert_eq!(answer.status, StatusCode::OK, "{query}");
        let seen = bench.reviewer.seen.lock().unwrap().pop().unwrap();
        assert_eq!(seen.is_some(), expected.is_some(), "{query}");
        // What has passed since the headers came is taken off.
        let passed = expected.unwrap_or_default().checked_sub(seen.unwrap_or_default());
        assert!(passed.is_some_and(|passed| passed < Duration::from_secs(5)), "{query} {seen:?}");
    }
}

#[tokio::test]
async fn what_is_no_review_is_answered_with_400_and_the_reason() {
    let answer = Bench::new().post("bad").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.body, "no AdmissionReview: expected value\n");
    assert!(answer.header(CONTENT_TYPE).starts_with("text/plain"));
}

#[tokio::test]
async fn a_panic_is_answered_counted_and_over() {
    let bench = Bench::new();
    let answer = bench.post("panic").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.body, "pullcheck failed inside; failurePolicy decides\n");
    assert_eq!(bench.post("{}").await.status, StatusCode::OK);
    assert!(bench.shows("pullcheck_panics_total 1"));
    assert!(bench.shows("pullcheck_in_flight_reviews 0"));
}

#[tokio::test]
async fn other_methods_are_told_the_right_one() {
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let answer = Bench::new().send(method.clone(), "/validate", "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(answer.header(ALLOW), "POST");
        assert!(answer.body.contains("POST"), "{}", answer.body);
    }
}

#[tokio::test]
async fn other_paths_are_told_the_right_one() {
    for path in ["/", "/mutate", "/validate/", "/validate/x", "/metrics"] {
        for method in [Method::GET, Method::POST] {
            let answer = Bench::new().send(method, path, "{}").await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            assert!(answer.body.contains("/validate"), "{}", answer.body);
            assert_eq!(answer.body.lines().count(), 1);
        }
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_with_the_limit() {
    let bench = Bench::with(Limits { one: 8, ..Limits::default() });
    assert_eq!(bench.post("12345678").await.status, StatusCode::OK);
    let answer = bench.post("123456789").await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.body, "the body is larger than 8 bytes, the most that is reviewed\n");
    assert_eq!(bench.reviewer.seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn eight_mebibytes_are_reviewed_by_default() {
    let bench = Bench::new();
    assert_eq!(bench.post(vec![b' '; 8 << 20]).await.status, StatusCode::OK);
    assert_eq!(bench.post(vec![b' '; (8 << 20) + 1]).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn memory_is_kept_for_a_review_until_it_ends() {
    let bench = Bench::with(Limits { all: 6, ..Limits::default() });
    let waiting = tokio::spawn({
        let router = bench.router.clone();
        let request = http::Request::post("/validate").body(Body::from("wait")).unwrap();
        router.oneshot(request)
    });
    while bench.reviewer.seen.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(bench.shows("pullcheck_in_flight_reviews 1"));
    let busy = bench.post("{ }").await;
    assert_eq!(busy.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(busy.header(RETRY_AFTER), "1", "so that the API server asks again");
    bench.reviewer.go_on.notify_one();
    assert_eq!(waiting.await.unwrap().unwrap().status(), StatusCode::OK);
    assert_eq!(bench.post("{ }").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_review_goes_on_after_its_client_has_gone() {
    let bench = Bench::new();
    let client = tokio::spawn({
        let router = bench.router.clone();
        let request = http::Request::post("/validate").body(Body::from("wait")).unwrap();
        router.oneshot(request)
    });
    while bench.reviewer.seen.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    client.abort();
    assert!(client.await.unwrap_err().is_cancelled());
    bench.reviewer.go_on.notify_one();
    bench.reviewer.finished.notified().await;
}

#[tokio::test]
async fn too_much_to_review_is_said_so_that_the_api_server_asks_again() {
    let bench = Bench::new();
    let answer = bench.post("too much").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header(RETRY_AFTER), "1");
    assert!(answer.body.starts_with("too much is being reviewed"), "{}", answer.body);
}
