//! A client's connection to the webhook, kept like the API server keeps its own, and opened anew
//! where it has ended.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::tls::Ca;

/// How h2 puts that a server took nothing more on a connection, and that this is no error. What it
/// took before ends as ever.
const LEFT: &str = "connection error received: not a result of an error";

/// Where reviews are sent.
#[derive(Clone)]
pub struct Door {
    pub address: SocketAddr,
    /// Whether new connections are led here, as a Service does while a replica is ready.
    pub is_open: Arc<AtomicBool>,
    http1: Arc<rustls::ClientConfig>,
    http2: Arc<rustls::ClientConfig>,
}

/// A connection, or none yet.
pub struct Line {
    doors: Vec<Door>,
    /// Which of them it was opened through last.
    at: usize,
    is_http2: bool,
    /// Each review comes by a connection of its own.
    is_new_each_time: bool,
    open: Option<Sender>,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Door {
    pub fn new(address: SocketAddr, ca: &Ca) -> Self {
        let is_open = Arc::new(AtomicBool::new(true));
        Self { address, is_open, http1: ca.client(false), http2: ca.client(true) }
    }

    /// A bare connection, after the handshake.
    pub async fn open(&self, is_http2: bool) -> anyhow::Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect(self.address).await.context("connecting")?;
        tcp.set_nodelay(true)?;
        let config = if is_http2 { self.http2.clone() } else { self.http1.clone() };
        let name = ServerName::from(self.address.ip());
        TlsConnector::from(config).connect(name, tcp).await.context("the TLS handshake")
    }

    /// HTTP/2, for whoever has plans of their own.
    pub async fn http2(&self) -> anyhow::Result<http2::SendRequest<Full<Bytes>>> {
        let io = TokioIo::new(self.open(true).await?);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
        tokio::spawn(connection);
        Ok(sender)
    }

    /// A review as a request.
    pub fn request(&self, is_http2: bool, query: &str, body: Bytes) -> Request<Full<Bytes>> {
        let path = format!("/validate?{query}");
        let request = if is_http2 {
            Request::post(format!("https://{}{path}", self.address))
        } else {
            Request::post(path).header("host", self.address.to_string())
        };
        request.header("content-type", "application/json").body(Full::new(body)).unwrap()
    }
}

impl Line {
    pub fn new(doors: Vec<Door>, is_http2: bool, is_new_each_time: bool) -> Self {
        Self { doors, at: 0, is_http2, is_new_each_time, open: None }
    }

    /// Posts a review; status and body. An error is the connection's, which is then given up.
    pub async fn post(&mut self, query: &str, body: Bytes) -> anyhow::Result<(u16, Bytes)> {
        let mut answered = self.exchange(query, body.clone()).await;
        if answered.as_ref().is_err_and(was_not_sent) {
            // As Go's client does with what went into a connection that was just closed.
            self.open = None;
            answered = self.exchange(query, body).await;
        }
        if answered.is_err() || self.is_new_each_time {
            self.open = None;
        }
        answered
    }

    async fn exchange(&mut self, query: &str, body: Bytes) -> anyhow::Result<(u16, Bytes)> {
        self.connect().await?;
        let request = self.doors[self.at].request(self.is_http2, query, body);
        let answer = match self.open.as_mut().context("no connection")? {
            Sender::Http1(sender) => sender.send_request(request).await,
            Sender::Http2(sender) => sender.send_request(request).await,
        };
        let (head, body) = answer.context("waiting for the answer")?.into_parts();
        let body = body.collect().await.context("reading the answer")?.to_bytes();
        Ok((head.status.as_u16(), body))
    }

    /// Keeps the connection, where it can be used again, or opens one.
    async fn connect(&mut self) -> anyhow::Result<()> {
        let usable = match &mut self.open {
            Some(Sender::Http1(sender)) => sender.ready().await.is_ok(),
            Some(Sender::Http2(sender)) => sender.ready().await.is_ok(),
            None => false,
        };
        if usable {
            return Ok(());
        }
        let open = |door: &Door| door.is_open.load(Ordering::Relaxed);
        self.at = self.doors.iter().position(open).context("no replica is ready")?;
        self.open = Some(self.open_through(&self.doors[self.at]).await?);
        Ok(())
    }

    async fn open_through(&self, door: &Door) -> anyhow::Result<Sender> {
        if self.is_http2 {
            return Ok(Sender::Http2(door.http2().await?));
        }
        let io = TokioIo::new(door.open(false).await?);
        let (sender, connection) = http1::handshake(io).await?;
        tokio::spawn(connection);
        Ok(Sender::Http1(sender))
    }
}

/// Whether the connection ended before anything of the request was looked at: it did not go out,
/// or the server had said by then that it takes no more on this connection (GOAWAY, without an
/// error).
fn was_not_sent(error: &anyhow::Error) -> bool {
    let is_canceled = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled);
    is_canceled || error.root_cause().to_string() == LEFT
}
