//! A token server that holds its answers back until it is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio_rustls::TlsAcceptor;

/// A running server.
pub(super) struct Held {
    pub(super) address: SocketAddr,
    count: Arc<AtomicUsize>,
}

impl Held {
    /// Says so on `asked` for every request, and answers it for one permit of `release`: a GET
    /// with a token, a form with one too or (if it takes no `forms`) with a 404.
    pub(super) async fn tls(
        name: &str,
        asked: Arc<Notify>,
        release: Arc<Semaphore>,
        forms: bool,
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
                        counted.fetch_add(1, Ordering::SeqCst);
                        async move {
                            let refused = request.method() == Method::POST && !forms;
                            request.into_body().collect().await?;
                            asked.notify_one();
                            release.acquire().await.unwrap().forget();
                            let token = r#"{"token":"good","access_token":"good"}"#;
                            let mut response = Response::new(Full::new(Bytes::from(token)));
                            if refused {
                                *response.status_mut() = StatusCode::NOT_FOUND;
                            }
                            Ok::<_, hyper::Error>(response)
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
