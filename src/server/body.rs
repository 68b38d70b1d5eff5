//! Reads a request's body within bounds: of its size, of time, and of all bodies together.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::room::{Full, Room, Share};

/// The bounds on request bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one body. The API server's own objects stay below 3 MiB, and an update carries two.
    pub one: usize,
    /// Bytes of all bodies together that are being read or reviewed: what keeps many large ones
    /// from using up the memory.
    pub all: usize,
    /// Bytes up to which a body is a small one, as nearly all are.
    pub small: usize,
    /// Bytes of all bodies together beyond what is small of each: less than `all`, so that however
    /// many large ones somebody sends, there is room for everybody's small ones.
    pub large: usize,
    /// Requests that are being read or reviewed at a time, however small: a review that waits takes
    /// memory of its own.
    pub requests: usize,
    /// Time for a whole body to arrive, where the request asks for no less.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            one: 8 << 20,
            all: 64 << 20,
            small: 256 << 10,
            large: 48 << 20,
            requests: 8192,
            time: Duration::from_secs(10),
        }
    }
}

/// Bytes of a body that are made room for before they came.
const AHEAD: usize = 64 << 10;

/// How many times the largest body is read and thrown away to be able to refuse it.
const DISCARDED: usize = 3;

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Larger than one body may be.
    #[error("the body is larger than {0} bytes, the most that is reviewed")]
    TooLarge(usize),
    /// Did not arrive in time.
    #[error("the body did not arrive within {} ms", .0.as_millis())]
    TooSlow(Duration),
    /// Too much is being reviewed already.
    #[error("{}", super::Unanswered::Busy)]
    Busy,
    /// The connection broke, or the client broke the protocol.
    #[error("the body broke off before its end")]
    Broken,
}

/// A body that was read, and its share of the memory all bodies may take.
#[derive(Debug)]
pub struct Read {
    /// The bytes.
    pub bytes: Bytes,
    /// To be kept as long as the bytes are.
    pub share: Share,
    /// To be kept until the review has ended.
    pub place: OwnedSemaphorePermit,
}

type Collected = (Bytes, Share);

/// Reads bodies within [`Limits`].
#[derive(Debug, Clone)]
pub struct BodyReader {
    limits: Limits,
    room: Room,
    places: Arc<Semaphore>,
}

impl BodyReader {
    /// Reads bodies within `limits`.
    pub fn new(limits: Limits) -> Self {
        let room = Room::new(limits.all, limits.large, limits.small);
        let places = limits.requests.min(Semaphore::MAX_PERMITS);
        Self { limits, room, places: Arc::new(Semaphore::new(places)) }
    }

    /// Reads `body` to its end, within the time that its sender waits for the answer.
    pub async fn read(&self, body: Body, patience: Option<Duration>) -> Result<Read, BodyError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| BodyError::Busy)?;
        let time = patience.map_or(self.limits.time, |patience| patience.min(self.limits.time));
        let collected = timeout(time, self.collect(body)).await;
        let (bytes, share) = collected.map_err(|_| BodyError::TooSlow(time))??;
        Ok(Read { bytes, share, place })
    }

    async fn collect(&self, mut body: Body) -> Result<Collected, BodyError> {
        let collected = self.collect_from(&mut body).await;
        if let Err(BodyError::TooLarge(_)) = collected {
            self.discard(body).await;
        }
        collected
    }

    /// Reads on and throws away, within reason. Most clients only look for an answer once they have
    /// sent everything, and would see a broken connection in place of the refusal.
    async fn discard(&self, mut body: Body) {
        let mut left = self.limits.one.saturating_mul(DISCARDED);
        if announced(&body) > left {
            return;
        }
        while let Some(Ok(frame)) = body.frame().await {
            match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                Some(less) => left = less,
                None => return,
            }
        }
    }

    async fn collect_from(&self, body: &mut Body) -> Result<Collected, BodyError> {
        let one = self.limits.one;
        // What the client announces is refused before a byte of it is kept.
        let told = announced(body);
        if told > one {
            return Err(BodyError::TooLarge(one));
        }
        let mut share = Share::default();
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
            if data.len() > one.saturating_sub(first.len() + all.len()) {
                return Err(BodyError::TooLarge(one));
            }
            self.room.take(data.len(), &mut share).map_err(|Full| BodyError::Busy)?;
            if first.is_empty() && all.is_empty() {
                // Most reviews arrive in one frame, which is then never copied.
                first = data;
            } else {
                if all.is_empty() {
                    all.reserve(told.min(AHEAD).max(first.len() + data.len()));
                    all.extend_from_slice(&std::mem::take(&mut first));
                }
                all.extend_from_slice(&data);
            }
        }
        let bytes = if all.is_empty() { first } else { all.freeze() };
        Ok((bytes, share))
    }
}

fn announced(body: &Body) -> usize {
    usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
