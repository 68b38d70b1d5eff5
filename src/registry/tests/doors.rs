//! How many connections many lookups at once need.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::fake::{Fake, Reply, status};
use super::world::{app, assert_found, certificate, client, client_at, look};

const MANY: usize = 30;

/// Lookups of so many repositories at once; only `app` is there.
async fn look_at_many(client: &crate::registry::RegistryClient) {
    join_all((0..MANY).map(async |number| {
        look(client, &format!("reg.test/app{number}:1")).await;
    }))
    .await;
}

#[tokio::test]
async fn thirty_lookups_at_once_share_one_connection_over_http2() {
    let registry = Fake::tls(certificate("reg.test"), app).await;
    let client = client(&[("reg.test", &registry)]);
    look_at_many(&client).await;
    assert_eq!(registry.connections(), 1);
    look_at_many(&client).await;
    assert_eq!(registry.connections(), 1);
}

#[tokio::test]
async fn over_http1_nobody_waits_for_anothers_answer() {
    let mut tls = rustls::ServerConfig::clone(&certificate("reg.test"));
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let registry = Fake::tls(Arc::new(tls), |_| Reply::Never).await;
    let client = client(&[("reg.test", &registry)]);
    let all_came = async {
        while registry.lines().len() < 8 {
            tokio::task::yield_now().await;
        }
    };
    let lookups = join_all((0..8).map(async |number| {
        look(&client, &format!("reg.test/app{number}:1")).await;
    }));
    tokio::select! {
        () = all_came => {}
        _ = lookups => panic!("nobody answers"),
    }
    assert_eq!(registry.connections(), 8);
}

#[tokio::test]
async fn a_connection_that_has_ended_is_followed_by_one_other() {
    // Its first connection ends with its first answer.
    let asked = AtomicUsize::new(0);
    let registry = Fake::tls(certificate("reg.test"), move |seen| {
        if asked.fetch_add(1, Ordering::SeqCst) == 0 { Reply::Close } else { app(seen) }
    })
    .await;
    let client = client(&[("reg.test", &registry)]);
    look(&client, "reg.test/app:1").await;
    look_at_many(&client).await;
    assert!(registry.connections() <= 2, "{}", registry.connections());
}

/// A registry that leaves its first connection without an answer to the TLS handshake.
async fn slow_to_greet() -> (std::net::SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tls = TlsAcceptor::from(certificate("reg.test"));
    let accepting = tokio::spawn(async move {
        let (_silent, _) = listener.accept().await.unwrap();
        while let Ok((tcp, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                let Ok(io) = tls.accept(tcp).await else { return };
                let service = hyper::service::service_fn(async |_| {
                    let Reply::Now(response) = status(404) else { unreachable!("it is an answer") };
                    Ok::<_, std::convert::Infallible>(response)
                });
                let builder = auto::Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(TokioIo::new(io), service).await;
            });
        }
    });
    (address, accepting)
}

#[tokio::test]
async fn whoever_goes_ahead_and_gets_nowhere_holds_the_others_up_for_a_moment_only() {
    let (address, accepting) = slow_to_greet().await;
    let client = client_at(&[("reg.test", address)]);
    let first = look(&client, "reg.test/app:1");
    let second = look(&client, "reg.test/app:2");
    tokio::pin!(first, second);
    tokio::select! {
        // The limit of the first one's handshake is 5 s.
        biased;
        ended = &mut first => panic!("nobody greets it: {ended:?}"),
        ended = &mut second => assert!(matches!(ended, crate::facts::Outcome::Absent(_)), "{ended:?}"),
    }
    accepting.abort();
}

#[tokio::test]
async fn a_lone_lookup_waits_for_nobody() {
    let registry = Fake::tls(certificate("reg.test"), app).await;
    let client = client(&[("reg.test", &registry)]);
    assert_found(&look(&client, "reg.test/app:1").await);
    assert_eq!(registry.connections(), 1);
}
