//! What pullcheck is measured beside: a webhook that admits everything. It reads the body, as JSON,
//! and echoes the uid; a webhook that does less is none. Its connections have the same settings and
//! its libraries are the same, so that what differs is what pullcheck does.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::IntoResponse as _;
use axum::routing::post;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::tls::Leaf;

/// The first argument of a process that is to be this server.
pub const ARGUMENT: &str = "--no-op";

/// The server, stopped when dropped.
pub struct Noop {
    /// None where it lives in this process.
    child: Option<Child>,
    address: SocketAddr,
}

impl Noop {
    /// Starts it with this certificate as a process of its own.
    #[expect(clippy::unused_async, reason = "takes the place of the other")]
    pub async fn start(leaf: &Leaf) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(ARGUMENT)
            .args([leaf.cert_file(), leaf.key_file()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().parse().unwrap();
        Self { child: Some(child), address }
    }

    /// Starts it in this process, as a task.
    pub async fn here(leaf: &Leaf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (certificate, key) = (leaf.cert_file(), leaf.key_file());
        tokio::spawn(async move { serve(listener, &certificate, &key).await });
        Self { child: None, address }
    }

    pub fn id(&self) -> u32 {
        self.child.as_ref().map_or_else(std::process::id, Child::id)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Noop {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Is the server, for as long as the process lives; tells its address on standard output.
pub fn run(mut files: impl Iterator<Item = String>) -> ! {
    let (certificate, key) = (files.next().unwrap(), files.next().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut out = std::io::stdout();
        writeln!(out, "{}", listener.local_addr().unwrap()).unwrap();
        out.flush().unwrap();
        serve(listener, &PathBuf::from(certificate), &PathBuf::from(key)).await
    })
}

/// Serves for ever.
pub async fn serve(listener: TcpListener, certificate: &Path, key: &Path) -> ! {
    let acceptor = acceptor(certificate, key);
    let builder = builder();
    let router = Router::new().route("/validate", post(admit)).layer(DefaultBodyLimit::disable());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (acceptor, builder, router) = (acceptor.clone(), builder.clone(), router.clone());
        tokio::spawn(async move {
            stream.set_nodelay(true).unwrap();
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = TowerToHyperService::new(router);
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let builder = if http2 { builder.http2_only() } else { builder.http1_only() };
            // How a connection ends is the client's affair.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

#[derive(Deserialize)]
struct Review<'a> {
    #[serde(borrow)]
    request: Request<'a>,
}

#[derive(Deserialize)]
struct Request<'a> {
    uid: &'a str,
}

async fn admit(body: Bytes) -> axum::response::Response {
    let review: Review<'_> = serde_json::from_slice(&body).unwrap();
    let answer = format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{{"uid":"{}","allowed":true}}}}"#,
        review.request.uid
    );
    ([(CONTENT_TYPE, "application/json")], answer).into_response()
}

fn acceptor(certificate: &Path, key: &Path) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// The settings of pullcheck's own connections (`src/server/listener/connection.rs`).
fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(180))
        .max_buf_size(64 << 10)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(250)
        .max_header_list_size(32 << 10)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(10));
    builder
}
