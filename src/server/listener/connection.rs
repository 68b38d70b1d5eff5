//! What one connection goes through: handshake, requests, and an orderly end.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use super::idle::Traffic;
use super::{Options, Transport};
use crate::server::Shutdown;
use crate::telemetry::Sparingly;

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// The API server's requests carry a few hundred bytes of headers.
const HEADERS: u32 = 32 << 10;

/// One per HTTP/1.1 connection; the default of some 400 KiB would let a thousand clients that only
/// send headers take 400 MiB.
const HTTP1_BUFFER: usize = 64 << 10;

/// HTTP/2 clients that do not answer a ping for this long are gone.
const PING_TIMEOUT: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(30);

/// Everything the connections of one listener have in common.
pub(super) struct Connections {
    acceptor: Option<TlsAcceptor>,
    router: Router,
    options: Options,
    http1: Builder<TokioExecutor>,
    http2: Builder<TokioExecutor>,
    /// Places for further connections.
    free: Arc<Semaphore>,
    stop: Shutdown,
    failed: Sparingly,
}

impl Connections {
    pub(super) fn new(
        transport: Transport,
        router: Router,
        options: Options,
        free: Arc<Semaphore>,
        stop: Shutdown,
    ) -> Self {
        let acceptor = match transport {
            Transport::Tls(config) => Some(TlsAcceptor::from(config)),
            Transport::Plain => None,
        };
        // The version is known before the first byte, by ALPN: guessing it from the bytes, as the
        // builder otherwise does, waits for them without a limit.
        let builder = builder(options);
        let (http1, http2) = (builder.clone().http1_only(), builder.http2_only());
        let failed = Sparingly::new(Duration::from_secs(10));
        Self { acceptor, router, options, http1, http2, free, stop, failed }
    }

    /// Serves one connection to its end.
    pub(super) async fn serve(&self, stream: TcpStream, draining: watch::Receiver<bool>) {
        // Without it answers wait for the client's delayed acknowledgement, about 40 ms. An error
        // means that the connection is gone already, which the next step finds out too.
        let _ = stream.set_nodelay(true);
        match &self.acceptor {
            None => self.requests(&self.http1, stream, draining).await,
            Some(acceptor) => {
                let handshake = timeout(self.options.handshake, acceptor.accept(stream));
                let ended = tokio::select! {
                    ended = handshake => ended,
                    () = over(draining.clone()) => return,
                    () = self.given_way() => return,
                };
                match ended {
                    Ok(Ok(stream)) => {
                        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                        let version = if h2 { &self.http2 } else { &self.http1 };
                        self.requests(version, stream, draining).await;
                    }
                    Ok(Err(error)) => self.handshake_failed(&error),
                    Err(_) => tracing::debug!("a TLS handshake took too long"),
                }
            }
        }
    }

    async fn requests(
        &self,
        version: &Builder<TokioExecutor>,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        draining: watch::Receiver<bool>,
    ) {
        let traffic = Traffic::default();
        let service = service_fn({
            let (router, traffic) = (self.router.clone(), traffic.clone());
            let stop = self.stop.clone();
            move |request: Request<Incoming>| {
                let ongoing = traffic.begin();
                let stop = stop.clone();
                let http1 = request.version() < Version::HTTP_2;
                let answer = router.clone().call(request.map(Body::new));
                async move {
                    let Ok(mut answer) = answer.await;
                    if http1 && stop.has_fired() {
                        // Said in time: a client that sends its next request just when the
                        // connection is closed loses it, as it may have been seen.
                        answer.headers_mut().insert(CONNECTION, CLOSE);
                    }
                    drop(ongoing);
                    Ok::<_, Infallible>(answer)
                }
            }
        });
        let connection = version.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        // How a connection ended is the client's affair: it broke off, or broke the protocol.
        let unused = tokio::select! {
            _ = connection.as_mut() => return,
            () = over(draining) => false,
            () = traffic.ceased(|used| self.every(used), |used| self.idle(used)) => true,
        };
        connection.as_mut().graceful_shutdown();
        if unused {
            // Nothing is in flight, so the client need not be waited for long.
            let _ = timeout(self.every(false), connection).await;
        } else {
            // Until the listener's patience ends, which is the same for all.
            let _ = connection.await;
        }
    }

    /// How long a connection may be without a request, at the moment; one that has had some, or
    /// one that has had none.
    fn idle(&self, used: bool) -> Duration {
        if self.is_pressed() { self.every(used) } else { self.options.idle }
    }

    /// How long it may be when connections are as many as allowed, which is looked at so often.
    fn every(&self, used: bool) -> Duration {
        let Options { idle, pressed, newcomers, .. } = self.options;
        if used { pressed.min(idle) } else { newcomers.min(pressed).min(idle) }
    }

    fn is_pressed(&self) -> bool {
        self.free.available_permits() == 0
    }

    /// Returns once a connection whose handshake is not done has to make room.
    async fn given_way(&self) {
        loop {
            sleep(self.every(false)).await;
            if self.is_pressed() {
                return;
            }
        }
    }

    /// A failed handshake is most often the API server not trusting the certificate, which nobody
    /// would find otherwise; anybody else can cause one too, so few are logged.
    fn handshake_failed(&self, error: &io::Error) {
        if error.kind() != io::ErrorKind::UnexpectedEof && self.failed.now() {
            tracing::warn!(%error, "a TLS handshake failed; if the API server's, the caBundle of the webhook configuration does not go with this certificate");
        } else {
            tracing::debug!(%error, "a TLS handshake failed");
        }
    }
}

/// Waits until the listener ends its connections; it being gone is as good.
async fn over(mut draining: watch::Receiver<bool>) {
    let _ = draining.wait_for(|draining| *draining).await;
}

fn builder(options: Options) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(options.idle)
        .max_buf_size(HTTP1_BUFFER)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(options.streams)
        .max_header_list_size(HEADERS)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}
