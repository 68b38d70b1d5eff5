//! A token server that holds its answers back until it is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// A running server.
pub(super) struct Held {
    pub(super) address: SocketAddr,
    count: Arc<AtomicUsize>,
}

impl Held {
    /// Says so on `asked` for every request, and answers it with a token when `release` is
    /// notified.
    pub(super) async fn tls(name: &str, asked: Arc<Notify>, release: Arc<Notify>) -> Self {
        Self::answering(name, asked, release, |_| {
            let token = r#"{"token":"good","access_token":"good"}"#;
            Response::new(Full::new(Bytes::from(token)))
        })
        .await
    }

    /// The same, with the answer that `answer` has for the request of this number.
    pub(super) async fn answering(
        name: &str,
        asked: Arc<Notify>,
        release: Arc<Notify>,
        answer: fn(usize) -> Response<Full<Bytes>>,
    ) -> Self {
        let acceptor = TlsAcceptor::from(super::world::certificate(name));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let io = acceptor.accept(tcp).await.unwrap();
                let (asked, release, counted) = (asked.clone(), release.clone(), counted.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request: http::Request<Incoming>| {
                        let (asked, release) = (asked.clone(), release.clone());
                        let number = counted.fetch_add(1, Ordering::SeqCst);
                        async move {
                            request.into_body().collect().await?;
                            asked.notify_one();
                            release.notified().await;
                            Ok::<_, hyper::Error>(answer(number))
                        }
                    });
                    let builder = auto::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(TokioIo::new(io), service).await;
                });
            }
        });
        Self { address, count }
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}
