use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::*;
use super::support::{Server, is_ok, patient};
use crate::server::probes::{self, Readiness};
use crate::server::shutdown;
use crate::telemetry::Metrics;

#[tokio::test]
async fn both_http_versions_are_served_over_tls_on_connections_that_stay() {
    let server = Server::start(patient()).await;
    let (mut h1, h2) = (server.h1().await, server.h2().await);
    for body in ["one", "two"] {
        is_ok(h1.post(body).await, body);
        is_ok(h2.post(body).await.unwrap(), body);
    }
}

#[tokio::test]
async fn a_client_that_negotiates_nothing_speaks_http1() {
    let server = Server::start(patient()).await;
    let mut stream = server.tls(&[]).await.unwrap();
    let request =
        "POST /validate HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n{}"), "{answer}");
}

#[tokio::test]
async fn a_panic_ends_one_review_and_no_other_on_the_same_connection() {
    let server = Server::start(patient()).await;
    let h2 = server.h2().await;
    let waiting = h2.post("wait");
    server.begun().await;
    let (status, body) = h2.post("panic").await.unwrap().unwrap();
    assert_eq!(status, http::StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(body, "pullcheck failed inside; failurePolicy decides\n");
    is_ok(h2.post("after").await.unwrap(), "after");
    server.reviewer.go_on.add_permits(1);
    is_ok(waiting.await.unwrap(), "wait");
}

#[tokio::test]
async fn many_reviews_run_at_the_same_time_on_one_connection() {
    let server = Server::start(patient()).await;
    let h2 = server.h2().await;
    let answers: Vec<_> = (0..100).map(|_| h2.post("wait")).collect();
    for _ in 0..100 {
        server.begun().await;
    }
    server.reviewer.go_on.add_permits(100);
    for answer in answers {
        is_ok(answer.await.unwrap(), "wait");
    }
}

#[tokio::test]
async fn who_speaks_no_tls_disturbs_nobody() {
    let server = Server::start(patient()).await;
    let mut stranger = server.tcp().await;
    stranger.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // A TLS alert, then the end.
    let _ = stranger.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"));
    is_ok(server.h1().await.post("{}").await, "{}");
}

#[tokio::test]
async fn the_probes_are_served_without_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let readiness = Arc::<Readiness>::default();
    let router = probes::router(Arc::clone(&readiness), Arc::new(Metrics::new()));
    let (trigger, signal) = shutdown::channel();
    let options = Options::probes();
    let ended = tokio::spawn(serve(listener, Transport::Plain, router, signal, options));
    for (path, first) in [("/readyz", "HTTP/1.1 503"), ("/livez", "HTTP/1.1 200")] {
        readiness.block("drain", "asked to stop");
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(first), "{answer}");
    }
    trigger.fire();
    assert_eq!(ended.await.unwrap(), 0);
}
