use std::pin::pin;

use bytes::Bytes;
use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::*;
use super::support::{Server, is_ok, patient};
use crate::certificates::Authority;
use crate::server::body::Limits;
use crate::server::tls::Certificates;

const SHORT: Duration = Duration::from_millis(30);

#[tokio::test]
async fn a_client_that_never_begins_the_handshake_is_dropped() {
    let server = Server::start(Options { handshake: SHORT, ..patient() }).await;
    let mut silent = server.tcp().await;
    assert_eq!(silent.read(&mut [0; 16]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_client_that_never_ends_its_headers_is_dropped() {
    let server = Server::start(Options { idle: SHORT, ..patient() }).await;
    let mut stream = server.tls(&["http/1.1"]).await.unwrap();
    // It may be dropped even before it has sent this much.
    let _ = stream.write_all(b"POST /validate HTTP/1.1\r\nhost: a\r\nx-slow: ").await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn neither_is_one_spared_that_has_sent_a_whole_request_before() {
    // The first request has to come within the limit too, so a slow machine is given another go.
    for limit in [SHORT, SHORT * 10, SHORT * 100, SHORT * 1000] {
        let server = Server::start(Options { idle: limit, ..patient() }).await;
        let mut stream = server.tls(&["http/1.1"]).await.unwrap();
        let request = b"POST /validate HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}\
            POST /validate HTTP/1.1\r\nhost: a\r\nx-slow: ";
        let _ = stream.write_all(request).await;
        let mut answers = Vec::new();
        let _ = stream.read_to_end(&mut answers).await;
        if answers.starts_with(b"HTTP/1.1 200 ") {
            return;
        }
    }
    panic!("the first request was never answered");
}

#[tokio::test]
async fn a_client_that_never_sends_anything_after_the_handshake_is_dropped() {
    let server = Server::start(Options { idle: SHORT, ..patient() }).await;
    for alpn in [&["h2"][..], &["http/1.1"], &[]] {
        let mut stream = server.tls(alpn).await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
}

#[tokio::test]
async fn where_connections_are_as_many_as_allowed_one_without_a_request_gives_way() {
    let options = Options { connections: 2, pressed: SHORT, ..patient() };
    let server = Server::start(options).await;
    let busy = server.h2().await;
    let waiting = busy.post("wait");
    server.begun().await;
    let mut silent = server.tls(&["http/1.1"]).await.unwrap();
    let _ = silent.write_all(b"POST /validate HTTP/1.1\r\nhost: a\r\nx-slow: ").await;
    // In its place.
    is_ok(server.h1().await.post("{}").await, "{}");
    let _ = silent.read_to_end(&mut Vec::new()).await;
    server.reviewer.go_on.add_permits(1);
    is_ok(waiting.await.unwrap(), "wait");
}

/// Those that have never sent a request go first, and long before those that have.
#[tokio::test]
async fn whoever_only_takes_up_places_gives_way_to_who_asks() {
    let options = Options { connections: 4, newcomers: SHORT, ..patient() };
    let server = Server::start(options).await;
    let mut used = server.h1().await;
    is_ok(used.post("{}").await, "{}");
    // One that begins no handshake, and two that have done with theirs and say nothing.
    let mut silent = server.tcp().await;
    let mut http1 = server.tls(&["http/1.1"]).await.unwrap();
    let mut http2 = server.tls(&["h2"]).await.unwrap();
    let mut others = Vec::new();
    for _ in 0..3 {
        let mut other = server.h1().await;
        is_ok(other.post("{}").await, "{}");
        others.push(other);
    }
    assert_eq!(silent.read(&mut [0; 16]).await.unwrap(), 0);
    for gone in [&mut http1, &mut http2] {
        let _ = gone.read_to_end(&mut Vec::new()).await;
    }
    is_ok(used.post("{}").await, "{}");
}

#[test]
fn a_connection_that_the_api_server_may_still_use_is_never_closed_for_being_idle() {
    // net/http's IdleConnTimeout, as the API server has it for webhooks.
    assert!(Options::default().idle > Duration::from_secs(90));
}

#[tokio::test]
async fn an_idle_http2_connection_is_closed_in_order_and_one_with_a_review_is_kept() {
    let server = Server::start(Options { idle: SHORT, ..patient() }).await;
    let busy = server.h2().await;
    let waiting = busy.post("wait");
    server.begun().await;
    for _ in 0..3 {
        let unused = server.h2().await;
        is_ok(unused.post("{}").await.unwrap(), "{}");
        assert!(unused.closed.await.unwrap(), "a GOAWAY, not a reset");
    }
    server.reviewer.go_on.add_permits(1);
    is_ok(waiting.await.unwrap(), "wait");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_and_the_connection_goes_on() {
    let server = Server::start(patient()).await;
    let h2 = server.h2().await;
    let large = Bytes::from(vec![b' '; (8 << 20) + 1]);
    let (status, body) = h2.post(large).await.unwrap().unwrap();
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(body.starts_with(b"the body is larger than 8388608 bytes"));
    let largest = Bytes::from(vec![b' '; 8 << 20]);
    assert_eq!(h2.post(largest.clone()).await.unwrap().unwrap().1, largest);
}

#[tokio::test]
async fn a_body_that_never_ends_is_answered_and_its_connection_closed() {
    let authority = Authority::mint(std::time::SystemTime::now()).unwrap();
    let pair = authority.issue(&["localhost"], 1).unwrap();
    let certificates = Certificates::fixed(&pair.certificate, &pair.key).unwrap();
    let limits = Limits { time: SHORT, ..Limits::default() };
    let server = Server::with(patient(), limits, authority, certificates).await;
    let mut stream = server.tls(&["http/1.1"]).await.unwrap();
    let half = "POST /validate HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf";
    stream.write_all(half.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("did not arrive within 30 ms"), "{answer}");
}

#[tokio::test]
async fn beyond_the_cap_a_connection_waits_and_is_served_when_another_ends() {
    let server = Server::start(Options { connections: 2, ..patient() }).await;
    let (first, mut second) = (server.h2().await, server.h1().await);
    is_ok(first.post("{}").await.unwrap(), "{}");
    is_ok(second.post("{}").await, "{}");
    let mut third = pin!(server.h1());
    // The two at work are served meanwhile, and the third gets no handshake.
    for _ in 0..20 {
        tokio::select! {
            biased;
            _ = &mut third => panic!("served beyond the cap"),
            answer = first.post("{}") => is_ok(answer.unwrap(), "{}"),
        }
    }
    drop(second);
    is_ok(third.await.post("{}").await, "{}");
}
