//! A plain HTTP client for the tests: one connection per request, nothing followed, nothing
//! retried, nothing cached, so that what a server does is seen as it is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::tls::Ca;

/// No test waits for this; it only turns a hang of the suite into a failure with a name.
const NEVER: Duration = Duration::from_secs(120);

/// The client.
#[derive(Clone, Default)]
pub struct Http {
    tls: Option<Arc<rustls::ClientConfig>>,
    http2: bool,
}

/// An answer with its whole body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => {
                panic!("{} with a body that is not JSON ({error}): {}", self.status, self.text())
            }
        }
    }
}

impl Http {
    /// For `http://` only.
    pub fn plain() -> Self {
        Self::default()
    }

    /// For `https://` under one authority, and for `http://`.
    pub fn trusting(ca: &Ca) -> Self {
        Self { tls: Some(ca.client(false)), http2: false }
    }

    /// The same over HTTP/2.
    pub fn trusting_http2(ca: &Ca) -> Self {
        Self { tls: Some(ca.client(true)), http2: true }
    }

    /// GET without a body.
    pub async fn get(&self, url: &str, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
        self.send(Method::GET, url, headers, Bytes::new()).await
    }

    /// Any request; an error is the connection's, never a status.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> anyhow::Result<Answer> {
        let uri: Uri = url.parse().with_context(|| format!("not a URL: {url}"))?;
        let exchange = self.exchange(method, uri, headers, body.into());
        let Ok(result) = tokio::time::timeout(NEVER, exchange).await else {
            panic!("{url} gave no answer in {NEVER:?}");
        };
        result.with_context(|| format!("asking {url}"))
    }

    async fn exchange(
        &self,
        method: Method,
        uri: Uri,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> anyhow::Result<Answer> {
        let host = uri.host().context("no host")?.to_owned();
        let https = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        let authority = uri.authority().context("no authority")?.to_string();
        let target = if self.http2 { uri.to_string() } else { path(&uri) };
        let mut request = Request::builder().method(method).uri(target);
        if !self.http2 {
            request = request.header("host", &authority);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body))?;

        let tcp = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
        tcp.set_nodelay(true)?;
        if !https {
            return self.over(tcp, request).await;
        }
        let config = self.tls.clone().ok_or_else(|| anyhow!("this client speaks no TLS"))?;
        let name = ServerName::try_from(host)?;
        self.over(TlsConnector::from(config).connect(name, tcp).await?, request).await
    }

    async fn over<S>(&self, stream: S, request: Request<Full<Bytes>>) -> anyhow::Result<Answer>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(stream);
        let response = if self.http2 {
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await?;
            tokio::spawn(connection);
            sender.send_request(request).await?
        } else {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
            tokio::spawn(connection);
            sender.send_request(request).await?
        };
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }
}

/// One HTTP/1.1 connection, kept for as long as this lives.
pub struct Connection {
    sender: hyper::client::conn::http1::SendRequest<Full<Bytes>>,
    authority: String,
}

impl Connection {
    /// Opens one by TLS, trusting one authority.
    pub async fn open(ca: &Ca, address: SocketAddr) -> anyhow::Result<Self> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::from(address.ip());
        let tls = TlsConnector::from(ca.client(false)).connect(name, tcp).await?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, authority: address.to_string() })
    }

    /// Posts JSON over it.
    pub async fn post(&mut self, path: &str, body: impl Into<Bytes>) -> anyhow::Result<Answer> {
        self.post_with(path, &[], body).await
    }

    /// Posts JSON over it, with more headers.
    pub async fn post_with(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> anyhow::Result<Answer> {
        let mut request = Request::post(path)
            .header("host", &self.authority)
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into()))?;
        self.sender.ready().await?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }
}

/// One HTTP/2 connection, for as many requests at a time as the server takes. Clones are the same.
#[derive(Clone)]
pub struct Connection2 {
    sender: hyper::client::conn::http2::SendRequest<Full<Bytes>>,
    origin: String,
}

impl Connection2 {
    /// Opens one by TLS, trusting one authority.
    pub async fn open(ca: &Ca, address: SocketAddr) -> anyhow::Result<Self> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::from(address.ip());
        let tls = TlsConnector::from(ca.client(true)).connect(name, tcp).await?;
        let io = TokioIo::new(tls);
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await?;
        tokio::spawn(connection);
        Ok(Self { sender, origin: format!("https://{address}") })
    }

    /// Posts JSON over it.
    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> anyhow::Result<Answer> {
        let request = Request::post(format!("{}{path}", self.origin))
            .header("content-type", "application/json")
            .body(Full::new(body.into()))?;
        let mut sender = self.sender.clone();
        sender.ready().await?;
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }
}

fn path(uri: &Uri) -> String {
    uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string)
}
