use tokio::io::AsyncReadExt as _;

use super::super::*;
use super::support::{Server, is_ok, patient};

#[tokio::test]
async fn a_review_in_flight_is_answered_and_then_the_server_ends() {
    let server = Server::start(patient()).await;
    let (mut h1, h2, idle) = (server.h1().await, server.h2().await, server.h2().await);
    is_ok(idle.post("{}").await.unwrap(), "{}");
    server.begun().await;
    let over_h2 = h2.post("wait");
    let over_h1 = tokio::spawn(async move { h1.post("wait").await });
    server.begun().await;
    server.begun().await;

    server.trigger.fire();
    // The idle one hears of it, so the signal has taken effect.
    assert!(idle.closed.await.unwrap());
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody new is accepted");
    assert!(!server.ended.is_finished());

    server.reviewer.go_on.add_permits(2);
    is_ok(over_h2.await.unwrap(), "wait");
    is_ok(over_h1.await.unwrap(), "wait");
    assert_eq!(server.ended.await.unwrap(), 0);
    assert!(h2.closed.await.unwrap());
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut_off_and_counted() {
    let drain = Duration::from_millis(30);
    let server = Server::start(Options { drain, ..patient() }).await;
    let h2 = server.h2().await;
    let waiting = h2.post("wait");
    server.begun().await;
    server.trigger.fire();
    assert_eq!(server.ended.await.unwrap(), 1);
    assert!(waiting.await.unwrap().is_err());
}

#[tokio::test]
async fn while_it_lingers_new_connections_are_still_served() {
    let linger = Duration::from_secs(300);
    let server = Server::start(Options { linger, ..patient() }).await;
    server.trigger.fire();
    for _ in 0..3 {
        is_ok(server.h2().await.post("{}").await.unwrap(), "{}");
    }
    assert!(!server.ended.is_finished());
    server.ended.abort();
}

#[tokio::test]
async fn while_it_lingers_http1_clients_are_told_to_open_their_next_connection_elsewhere() {
    let linger = Duration::from_secs(300);
    let server = Server::start(Options { linger, ..patient() }).await;
    let (mut early, mut idle) = (server.h1().await, server.h1().await);
    assert!(!early.is_last().await);
    assert!(!idle.is_last().await);
    server.trigger.fire();
    assert!(early.is_last().await);
    assert!(early.sender.ready().await.is_err(), "it is closed");
    // Also one that comes late, and one that asks nothing for a while.
    assert!(server.h1().await.is_last().await);
    assert!(idle.is_last().await);
    server.ended.abort();
}

#[tokio::test]
async fn a_client_in_the_middle_of_a_handshake_does_not_hold_up_the_end() {
    let server = Server::start(patient()).await;
    let mut silent = server.tcp().await;
    // Connections are accepted in order: this one being served means that one is accepted.
    is_ok(server.h2().await.post("{}").await.unwrap(), "{}");
    server.trigger.fire();
    assert_eq!(server.ended.await.unwrap(), 0);
    assert_eq!(silent.read(&mut [0; 16]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_full_server_can_be_stopped() {
    let server = Server::start(Options { connections: 1, ..patient() }).await;
    let h2 = server.h2().await;
    is_ok(h2.post("{}").await.unwrap(), "{}");
    server.trigger.fire();
    assert_eq!(server.ended.await.unwrap(), 0);
    assert!(h2.closed.await.unwrap());
}
