//! Accepts connections, within bounds, and ends them in order.
//!
//! Here are the accept loop and its limits; what one connection goes through is in `connection`.
//! Never here: routes. The same loop serves the webhook (TLS) and the probes (plain).

mod bind;
mod connection;
mod files;
mod idle;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Shutdown;
use crate::telemetry::Sparingly;

pub use bind::{BindError, bind};
use connection::Connections;
pub use files::open_files;

/// What is spoken below HTTP.
#[derive(Debug, Clone)]
pub enum Transport {
    /// TLS, and HTTP/2 or HTTP/1.1 as the client chooses.
    Tls(Arc<ServerConfig>),
    /// No TLS, and HTTP/1.1 only.
    Plain,
}

/// The limits of one listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Connections at a time; beyond it, new ones wait in the kernel's queue.
    pub connections: usize,
    /// Requests at a time on one HTTP/2 connection.
    pub streams: u32,
    /// Time for a TLS handshake.
    pub handshake: Duration,
    /// How long a connection may be without a request, between two or before the first, headers
    /// that come slowly included. Go's clients, the API server among them, give theirs up after 90
    /// seconds. Waiting longer leaves the closing to them: a review that is sent just when this
    /// side closes is lost, and the API server calls webhooks by HTTP/1.1 and does not repeat it.
    pub idle: Duration,
    /// The same while connections are as many as allowed.
    pub pressed: Duration,
    /// The same for one that has had no request yet, its handshake included: whoever opens
    /// connections only to have them keeps others waiting for this long.
    pub newcomers: Duration,
    /// After the signal to stop: how long new connections are still accepted. Until every node has
    /// heard that this pod is not ready, the Service goes on sending them. HTTP/1.1 clients are
    /// told meanwhile, with each answer, to open their next connection elsewhere.
    pub linger: Duration,
    /// After that: how long requests in flight have to end.
    pub drain: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections: 1024,
            streams: 250,
            handshake: Duration::from_secs(10),
            idle: Duration::from_secs(180),
            pressed: Duration::from_secs(10),
            newcomers: Duration::from_secs(2),
            linger: Duration::from_secs(5),
            drain: Duration::from_secs(20),
        }
    }
}

impl Options {
    /// For the probes: few clients, and nothing worth waiting for at the end.
    pub fn probes() -> Self {
        Self {
            connections: 64,
            idle: Duration::from_secs(10),
            linger: Duration::ZERO,
            drain: Duration::from_secs(1),
            ..Self::default()
        }
    }

    /// With no more than so many connections at a time, and one at least.
    #[must_use]
    pub fn at_most(self, connections: usize) -> Self {
        Self { connections: self.connections.min(connections).max(1), ..self }
    }
}

/// Serves `router` on `listener` until `shutdown`; returns when the last connection has ended.
///
/// After the signal new connections are accepted for [`Options::linger`], then none; requests in
/// flight then have [`Options::drain`] to end, and what is left is cut off. Returns how many
/// connections that were.
pub async fn serve(
    listener: TcpListener,
    transport: Transport,
    router: Router,
    mut shutdown: Shutdown,
    options: Options,
) -> usize {
    let (drain, draining) = watch::channel(false);
    let slots = Slots::new(options.connections);
    let free = Arc::clone(&slots.free);
    let connections =
        Arc::new(Connections::new(transport, router, options, free, shutdown.clone()));
    let mut open = JoinSet::new();
    let mut troubles = 0;
    let stop = async {
        shutdown.fired().await;
        sleep(options.linger).await;
    };
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = slots.accept(&listener) => accepted,
            Some(_) = open.join_next(), if !open.is_empty() => continue,
        };
        match accepted {
            Ok((stream, slot)) => {
                troubles = 0;
                let connections = Arc::clone(&connections);
                let draining = draining.clone();
                open.spawn(async move {
                    connections.serve(stream, draining).await;
                    drop(slot);
                });
            }
            Err(error) => {
                if let Some(pause) = pause(&error, troubles) {
                    troubles = troubles.saturating_add(1);
                    tracing::warn!(%error, ?pause, "connections cannot be accepted, trying again; if it lasts, raise the limit of open files");
                    tokio::select! {
                        () = &mut stop => break,
                        () = sleep(pause) => {}
                    }
                }
            }
        }
    }
    // Closed at once: whoever comes now should be refused and sent to another replica.
    drop(listener);
    drain.send_replace(true);
    let all = async { while open.join_next().await.is_some() {} };
    let _ = timeout(options.drain, all).await;
    let cut = open.len();
    if cut > 0 {
        tracing::warn!(connections = cut, limit = ?options.drain, "connections had not ended in time and were cut off");
    }
    open.shutdown().await;
    cut
}

/// The connection cap. A slot is taken before a connection is accepted, so that one too many stays
/// in the kernel's queue, where it costs nothing and is not lost.
struct Slots {
    free: Arc<Semaphore>,
    cap: usize,
    full: Sparingly,
}

impl Slots {
    fn new(cap: usize) -> Self {
        let cap = cap.clamp(1, Semaphore::MAX_PERMITS);
        let free = Arc::new(Semaphore::new(cap));
        Self { free, cap, full: Sparingly::new(Duration::from_secs(30)) }
    }

    /// Can be cancelled at any point: a slot goes back, and a connection stays in the queue.
    async fn accept(
        &self,
        listener: &TcpListener,
    ) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
        let slot = self.take().await?;
        let (stream, _) = listener.accept().await?;
        Ok((stream, slot))
    }

    async fn take(&self) -> io::Result<OwnedSemaphorePermit> {
        if let Ok(slot) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(slot);
        }
        if self.full.now() {
            tracing::warn!(
                cap = self.cap,
                "as many connections as allowed are open, new ones wait; more replicas would share them"
            );
        }
        Arc::clone(&self.free).acquire_owned().await.map_err(io::Error::other)
    }
}

/// How long to wait before accepting again after an error, the `troubles`-th in a row from zero.
///
/// `None` if only the one connection was lost. Everything else (no file descriptor or no memory
/// left) would come again at once and at full speed.
fn pause(error: &io::Error, troubles: u32) -> Option<Duration> {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    match error.kind() {
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted => None,
        _ => Some(Duration::from_millis(50 << troubles.min(4))),
    }
}

#[cfg(test)]
mod tests;
