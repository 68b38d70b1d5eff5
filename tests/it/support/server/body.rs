//! Bodies of answers: whole ones, and those that a client must defend itself against.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// The body of every answer.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// No bytes.
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// These bytes.
pub fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// These bytes, of a length that is not announced.
pub fn untold(bytes: impl Into<Bytes>) -> Body {
    Untold(Some(bytes.into())).boxed_unsync()
}

/// What comes, as it comes, of a length that nobody knows; an error breaks the connection.
pub fn streamed(chunks: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Body {
    StreamBody::new(chunks.map(|chunk| chunk.map(Frame::data))).boxed_unsync()
}

/// Promises `length` bytes and sends none.
pub fn silent(length: u64) -> Body {
    Silent(length).boxed_unsync()
}

/// One byte at a time, for hours: it ends only by the client's giving up.
///
/// The pause is what makes it a drip. Nothing depends on its length: a client that waits for the
/// end, or for a pause, waits too long either way.
pub fn drip(bytes: Bytes) -> Body {
    let mut pace = interval(Duration::from_millis(50));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    Drip { bytes, sent: 0, pace }.boxed_unsync()
}

/// What a dripping body promises, so that no client can think it nearly done.
pub const DRIP_LENGTH: u64 = 1_000_000;

/// `length` bytes of white space, made as they are sent and counted in `sent`; without `told`
/// the length is not announced.
pub fn endless(length: u64, told: bool, sent: Arc<AtomicU64>) -> Body {
    Endless { left: length, told, sent }.boxed_unsync()
}

struct Untold(Option<Bytes>);

impl HttpBody for Untold {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }
}

struct Silent(u64);

impl HttpBody for Silent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Pending
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0)
    }
}

struct Drip {
    bytes: Bytes,
    sent: u64,
    pace: Interval,
}

impl HttpBody for Drip {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.sent == DRIP_LENGTH {
            return Poll::Ready(None);
        }
        std::task::ready!(self.pace.poll_tick(cx));
        self.sent += 1;
        let byte =
            if self.bytes.is_empty() { Bytes::from_static(b" ") } else { self.bytes.split_to(1) };
        Poll::Ready(Some(Ok(Frame::data(byte))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(DRIP_LENGTH - self.sent)
    }
}

struct Endless {
    left: u64,
    told: bool,
    sent: Arc<AtomicU64>,
}

static PIECE: [u8; 64 * 1024] = [b' '; 64 * 1024];

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let size = self.left.min(PIECE.len() as u64);
        self.left -= size;
        self.sent.fetch_add(size, Ordering::SeqCst);
        let piece = usize::try_from(size).unwrap();
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&PIECE[..piece])))))
    }

    fn size_hint(&self) -> SizeHint {
        if self.told { SizeHint::with_exact(self.left) } else { SizeHint::default() }
    }
}
