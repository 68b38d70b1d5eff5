//! A running server with a reviewer that does as it is told, and clients for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::certificates::Authority;
use crate::server::body::Limits;
use crate::server::listener::{Options, Transport, serve};
use crate::server::router::router;
use crate::server::tls::{Certificates, server_config};
use crate::server::{Reviewer, Trigger, Unanswered, shutdown};
use crate::telemetry::Metrics;

/// Echoes; before that waits (`wait`) for a permit or panics (`panic`).
pub(super) struct Obedient {
    pub(super) begun: Semaphore,
    pub(super) go_on: Semaphore,
}

impl Reviewer for Obedient {
    async fn review(&self, body: Bytes, _: Option<Duration>) -> Result<Bytes, Unanswered> {
        self.begun.add_permits(1);
        match body.as_ref() {
            b"wait" => self.go_on.acquire().await.unwrap().forget(),
            b"panic" => panic!("as asked"),
            _ => {}
        }
        Ok(body)
    }
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) authority: Authority,
    pub(super) reviewer: Arc<Obedient>,
    pub(super) trigger: Trigger,
    pub(super) ended: JoinHandle<usize>,
}

/// Nothing but what a test sets ends by itself while the test runs.
pub(super) fn patient() -> Options {
    let long = Duration::from_secs(300);
    Options {
        handshake: long,
        idle: long,
        pressed: long,
        newcomers: long,
        linger: Duration::ZERO,
        drain: long,
        ..Options::default()
    }
}

impl Server {
    pub(super) async fn start(options: Options) -> Self {
        let authority = Authority::mint(SystemTime::now()).unwrap();
        let pair = authority.issue(&["localhost"], 1).unwrap();
        let certificates = Certificates::fixed(&pair.certificate, &pair.key).unwrap();
        Self::with(options, Limits::default(), authority, certificates).await
    }

    pub(super) async fn with(
        options: Options,
        limits: Limits,
        authority: Authority,
        certificates: Arc<Certificates>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let reviewer = Arc::new(Obedient { begun: Semaphore::new(0), go_on: Semaphore::new(0) });
        let router = router(Arc::clone(&reviewer), Arc::new(Metrics::new()), limits);
        let (trigger, signal) = shutdown::channel();
        let tls = Transport::Tls(server_config(certificates).unwrap());
        let ended = tokio::spawn(serve(listener, tls, router, signal, options));
        Self { address, authority, reviewer, trigger, ended }
    }

    /// Waits until one more review has begun.
    pub(super) async fn begun(&self) {
        self.reviewer.begun.acquire().await.unwrap().forget();
    }

    pub(super) async fn tcp(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    pub(super) async fn tls(&self, alpn: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        let ca = self.authority.pair().certificate;
        roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, self.tcp().await).await
    }

    pub(super) async fn h1(&self) -> H1 {
        let stream = self.tls(&["http/1.1"]).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        H1 { sender }
    }

    pub(super) async fn h2(&self) -> H2 {
        let stream = self.tls(&["h2"]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        H2 { sender, closed: tokio::spawn(async move { connection.await.is_ok() }) }
    }
}

pub(super) struct H1 {
    pub(super) sender: http1::SendRequest<Full<Bytes>>,
}

/// With a task that ends with the connection: with `true` if it ended in order.
pub(super) struct H2 {
    pub(super) sender: http2::SendRequest<Full<Bytes>>,
    pub(super) closed: JoinHandle<bool>,
}

impl H1 {
    /// Whether the answer to a review says that no other can follow.
    pub(super) async fn is_last(&mut self) -> bool {
        self.sender.ready().await.unwrap();
        let answer = self.sender.send_request(review("{}")).await.unwrap();
        let is_last = answer.headers().get("connection").is_some_and(|it| it == "close");
        is_ok(read(answer).await, "{}");
        is_last
    }
}

pub(super) type Answer = Result<(StatusCode, Bytes), hyper::Error>;

pub(super) fn review(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post("https://localhost/validate?timeout=5s")
        .header("host", "localhost")
        .body(Full::new(body.into()))
        .unwrap()
}

async fn read(response: http::Response<hyper::body::Incoming>) -> Answer {
    let status = response.status();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}

impl H1 {
    pub(super) async fn post(&mut self, body: &'static str) -> Answer {
        self.sender.ready().await?;
        read(self.sender.send_request(review(body)).await?).await
    }
}

impl H2 {
    /// The request runs by itself, so that several can be under way on one connection.
    pub(super) fn post(&self, body: impl Into<Bytes>) -> JoinHandle<Answer> {
        let mut sender = self.sender.clone();
        let request = review(body);
        tokio::spawn(async move {
            sender.ready().await?;
            read(sender.send_request(request).await?).await
        })
    }
}

#[track_caller]
pub(super) fn is_ok(answer: Answer, body: &str) {
    let (status, bytes) = answer.unwrap();
    assert_eq!((status, bytes.as_ref()), (StatusCode::OK, body.as_bytes()));
}
