//! A server that answers as a test tells it to, and remembers what it was asked.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: String,
    /// Path and query.
    pub(super) path: String,
    pub(super) authorization: Option<String>,
    pub(super) accept: Option<String>,
    pub(super) headers: http::HeaderMap,
    pub(super) body: String,
}

impl Seen {
    /// `HEAD /v2/...`, for comparing.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(super) fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path == path
    }

    /// All values of a header.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }

    /// It carries a password, in Basic or in a form.
    pub(super) fn has_password(&self) -> bool {
        self.authorization.as_ref().is_some_and(|value| value.starts_with("Basic "))
            || self.body.contains("password=")
    }
}

/// What to answer.
pub(super) enum Reply {
    Now(Response<Full<Bytes>>),
    /// These headers, then this many bytes.
    Stream(Response<()>, usize),
    /// These headers and bytes, and then nothing more.
    Stall(Response<()>, Bytes),
    /// Nothing, ever.
    Never,
    /// Nothing: the connection ends.
    Close,
}

impl From<Response<Full<Bytes>>> for Reply {
    fn from(response: Response<Full<Bytes>>) -> Self {
        Self::Now(response)
    }
}

/// An answer without a body.
pub(super) fn status(code: u16) -> Reply {
    answer(code, &[], "")
}

/// An answer.
pub(super) fn answer(code: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().unwrap();
        let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
        response.headers_mut().append(name, value);
    }
    response.into()
}

/// The headers of an answer.
pub(super) fn head(code: u16, headers: &[(&str, &str)]) -> Response<()> {
    match answer(code, headers, "") {
        Reply::Now(response) => response.map(drop),
        _ => unreachable!("an answer is now"),
    }
}

/// A running server. Dropping it stops it.
pub(super) struct Fake {
    pub(super) address: SocketAddr,
    log: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
    accepting: AbortHandle,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

type Behaviour = Arc<dyn Fn(&Seen) -> Reply + Send + Sync>;

impl Fake {
    /// A plain HTTP server.
    pub(super) async fn plain(behave: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(None, Arc::new(behave)).await
    }

    /// A TLS server.
    pub(super) async fn tls(
        config: Arc<rustls::ServerConfig>,
        behave: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start(Some(TlsAcceptor::from(config)), Arc::new(behave)).await
    }

    async fn start(tls: Option<TlsAcceptor>, behave: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let seen = log.clone();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (tls, behave, seen) = (tls.clone(), behave.clone(), seen.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(tcp, behave, seen).await,
                        Some(tls) => {
                            if let Ok(io) = tls.accept(tcp).await {
                                serve(io, behave, seen).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, log, connections, accepting: accepting.abort_handle() }
    }

    /// Everything asked so far, in order.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.log.lock().unwrap().clone()
    }

    /// Method and path of everything asked so far.
    pub(super) fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }

    /// How many connections were accepted.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// How many requests with a password have come.
    pub(super) fn logins(&self) -> usize {
        self.seen().iter().filter(|seen| seen.has_password()).count()
    }
}

async fn serve<I>(io: I, behave: Behaviour, log: Arc<Mutex<Vec<Seen>>>)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: http::Request<Incoming>| {
        let (behave, log) = (behave.clone(), log.clone());
        async move {
            let (parts, body) = request.into_parts();
            let text = |name| {
                let value = parts.headers.get(name)?;
                Some(String::from_utf8_lossy(http::HeaderValue::as_bytes(value)).into_owned())
            };
            let seen = Seen {
                method: parts.method.to_string(),
                path: parts.uri.path_and_query().unwrap().to_string(),
                authorization: text("authorization"),
                accept: text("accept"),
                headers: parts.headers.clone(),
                body: String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap(),
            };
            log.lock().unwrap().push(seen.clone());
            respond(behave(&seen)).await
        }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let _ = builder.serve_connection(TokioIo::new(io), service).await;
}

async fn respond(reply: Reply) -> Result<Response<BoxBody<Bytes, Infallible>>, std::io::Error> {
    match reply {
        Reply::Now(response) => Ok(response.map(BodyExt::boxed)),
        Reply::Stream(head, total) => {
            const PART: usize = 64 * 1024;
            let parts = (0..total.div_ceil(PART)).map(move |part| {
                let length = PART.min(total - part * PART);
                Ok(Frame::data(Bytes::from(vec![b' '; length])))
            });
            Ok(head.map(|()| BodyExt::boxed(StreamBody::new(stream::iter(parts)))))
        }
        Reply::Stall(head, first) => {
            let first = stream::once(async { Ok(Frame::data(first)) });
            Ok(head.map(|()| BodyExt::boxed(StreamBody::new(first.chain(stream::pending())))))
        }
        Reply::Never => std::future::pending().await,
        Reply::Close => Err(std::io::Error::other("told to")),
    }
}
