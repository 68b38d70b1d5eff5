//! A connection that can be broken from inside a handler, below the HTTP library.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// Longer than any parser waits for a status line, and none of it one.
const GARBAGE: &[u8] = b"\x00\x01\x02 this is not HTTP \xff\xfe\r\n\r\n";

/// What is to become of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Fate {
    Normal,
    /// Ends in a TCP reset.
    Reset,
    /// What is written next is replaced by garbage.
    Garbage,
    /// The garbage is out; nothing more is written.
    Spent,
}

/// The fate of one connection, shared by its handler and its wire.
#[derive(Clone, Default)]
pub struct Fates(Arc<AtomicU8>);

impl Fates {
    pub fn set(&self, fate: Fate) {
        self.0.store(fate as u8, Ordering::SeqCst);
    }

    fn is(&self, fate: Fate) -> bool {
        self.0.load(Ordering::SeqCst) == fate as u8
    }
}

/// Either kind of connection.
pub enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// The connection as the HTTP library sees it.
pub struct Wire {
    stream: Stream,
    fates: Fates,
}

impl Wire {
    pub fn new(stream: Stream, fates: Fates) -> Self {
        Self { stream, fates }
    }

    fn write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.fates.is(Fate::Reset) {
            let tcp = match &self.stream {
                Stream::Plain(stream) => stream,
                Stream::Tls(stream) => stream.get_ref().0,
            };
            // Closing a socket that may not linger sends RST.
            let _ = tcp.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.fates.is(Fate::Spent) {
            // The end, as if the client had closed: a client that took the garbage for the
            // beginning of something would wait for its rest.
            return Poll::Ready(Ok(()));
        }
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.fates.is(Fate::Reset) || self.fates.is(Fate::Spent) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if !self.fates.is(Fate::Garbage) {
            return self.write(cx, bytes);
        }
        ready!(self.write(cx, GARBAGE))?;
        self.fates.set(Fate::Spent);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.fates.is(Fate::Reset) {
            return Poll::Ready(Ok(()));
        }
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
