//! The accept loop under every fake server: counts connections, records requests, and can break
//! a connection in ways that an HTTP library would not let it.

pub mod body;
mod gate;
mod wire;

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, Response, Version};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::HandshakeKind;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

pub use body::Body;
pub use gate::Gate;
use wire::{Fate, Fates, Stream, Wire};

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Number of the connection, from 0 in the order of acceptance.
    pub connection: usize,
    pub method: Method,
    pub path: String,
    /// Without the question mark; empty if there was none.
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub http2: bool,
}

impl Seen {
    /// The first value of a header, empty if it was not sent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Whether any credential or token came with it.
    pub fn is_authorized(&self) -> bool {
        self.headers.contains_key("authorization")
    }
}

/// What a handler does with a request. To hang, it awaits for ever: the server drops it when the
/// client gives up.
pub enum Reply {
    /// An HTTP answer.
    Http(Response<Body>),
    /// TCP reset instead of an answer.
    Reset,
    /// The connection ends without an answer.
    Close,
    /// Bytes that are not HTTP instead of an answer.
    Garbage,
}

/// A free port on loopback.
pub const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What becomes of a connection before any request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Greeting {
    #[default]
    Serve,
    /// Accepted, and then nothing: a TLS handshake hangs, a request gets no answer.
    Silence,
    /// Accepted and closed.
    HangUp,
}

type Handling = Pin<Box<dyn Future<Output = Reply> + Send>>;
type Handler = dyn Fn(Seen) -> Handling + Send + Sync;

/// A server, stopped with all its connections when dropped.
pub struct Server {
    address: SocketAddr,
    https: bool,
    log: Log,
    connections: Arc<AtomicUsize>,
    resumed: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts to serve on a free loopback port; with `tls` it speaks HTTPS only.
    pub async fn start<F>(
        tls: Option<Arc<rustls::ServerConfig>>,
        greeting: Greeting,
        handler: impl Fn(Seen) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        Self::start_at(ANY_PORT, tls, greeting, handler).await
    }

    /// The same at an address that the test has for itself, in a network of its own.
    pub async fn start_at<F>(
        address: SocketAddr,
        tls: Option<Arc<rustls::ServerConfig>>,
        greeting: Greeting,
        handler: impl Fn(Seen) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let https = tls.is_some();
        let log = Log::default();
        let connections = Arc::new(AtomicUsize::new(0));
        let resumed = Arc::new(AtomicUsize::new(0));
        let shared = Shared {
            tls: tls.map(TlsAcceptor::from),
            greeting,
            log: log.clone(),
            connections: connections.clone(),
            resumed: resumed.clone(),
            handler: Arc::new(move |seen| Box::pin(handler(seen))),
        };
        let task = tokio::spawn(accept(listener, shared));
        Self { address, https, log, connections, resumed, task }
    }

    /// `127.0.0.1:PORT`, as a registry host in an image name.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT` or with `https`.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.https { "https" } else { "http" }, self.address)
    }

    /// What arrived so far.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// How many of them took up a TLS session of another.
    pub fn resumed(&self) -> usize {
        self.resumed.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The requests of a server, in the order of their arrival.
#[derive(Clone)]
pub struct Log {
    seen: Arc<Mutex<Vec<Seen>>>,
    count: Arc<watch::Sender<usize>>,
}

impl Default for Log {
    fn default() -> Self {
        Self { seen: Arc::default(), count: Arc::new(watch::Sender::new(0)) }
    }
}

impl Log {
    fn push(&self, seen: Seen) {
        self.seen.lock().unwrap().push(seen);
        self.count.send_modify(|count| *count += 1);
    }

    /// All of them.
    pub fn all(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many there are of a kind.
    pub fn count(&self, of_a_kind: impl Fn(&Seen) -> bool) -> usize {
        self.seen.lock().unwrap().iter().filter(|seen| of_a_kind(seen)).count()
    }

    /// Waits until that many of a kind have arrived.
    pub async fn until(&self, at_least: usize, of_a_kind: impl Fn(&Seen) -> bool) {
        let mut changes = self.count.subscribe();
        while self.count(&of_a_kind) < at_least {
            changes.changed().await.unwrap();
        }
    }
}

#[derive(Clone)]
struct Shared {
    tls: Option<TlsAcceptor>,
    greeting: Greeting,
    log: Log,
    connections: Arc<AtomicUsize>,
    resumed: Arc<AtomicUsize>,
    handler: Arc<Handler>,
}

async fn accept(listener: TcpListener, shared: Shared) {
    // Dropped with this task, and every connection with it.
    let mut open = JoinSet::new();
    while let Ok((tcp, _)) = listener.accept().await {
        let number = shared.connections.fetch_add(1, Ordering::SeqCst);
        open.spawn(connection(tcp, number, shared.clone()));
        while open.try_join_next().is_some() {}
    }
}

async fn connection(tcp: TcpStream, number: usize, shared: Shared) {
    match shared.greeting {
        Greeting::Serve => {}
        Greeting::Silence => return std::future::pending().await,
        Greeting::HangUp => return,
    }
    tcp.set_nodelay(true).unwrap();
    let stream = match &shared.tls {
        None => Stream::Plain(tcp),
        // A client that refuses our certificate is no error of ours.
        Some(tls) => match tls.accept(tcp).await {
            Ok(stream) => {
                if stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed) {
                    shared.resumed.fetch_add(1, Ordering::SeqCst);
                }
                Stream::Tls(Box::new(stream))
            }
            Err(_) => return,
        },
    };
    let fates = Fates::default();
    let wire = Wire::new(stream, fates.clone());
    let service = service_fn(move |request| {
        let (shared, fates) = (shared.clone(), fates.clone());
        async move { handle(request, number, &shared, &fates).await }
    });
    // Errors are the client's giving up or our own sabotage.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(wire), service)
        .await;
}

async fn handle(
    request: http::Request<Incoming>,
    connection: usize,
    shared: &Shared,
    fates: &Fates,
) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let seen = Seen {
        connection,
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body,
        http2: head.version == Version::HTTP_2,
    };
    shared.log.push(seen.clone());
    match (shared.handler)(seen).await {
        Reply::Http(response) => Ok(response),
        Reply::Reset => {
            fates.set(Fate::Reset);
            Err(io::ErrorKind::ConnectionReset.into())
        }
        Reply::Close => Err(io::ErrorKind::ConnectionAborted.into()),
        Reply::Garbage => {
            fates.set(Fate::Garbage);
            Ok(Response::new(body::empty()))
        }
    }
}

/// A port that refuses connections for as long as this lives: bound, so that nobody else gets it,
/// and never listened on.
pub struct ClosedPort(TcpSocket);

impl ClosedPort {
    pub fn reserve() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self(socket)
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }
}
