//! The answer to a request, its body bounded in size and time.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::facts::{Evidence, Outcome, SpecCode, Trouble, TroubleKind};
use crate::registry::progress::{Phase, enter};
use crate::registry::trouble::trouble;

/// Headers of an answer, and its body unread.
pub(in crate::registry) struct Answer {
    pub(in crate::registry) status: StatusCode,
    pub(in crate::registry) headers: HeaderMap,
    /// `host[:port]` that answered.
    pub(in crate::registry) host: String,
    /// The host that was asked first was asked by https.
    pub(in crate::registry) secure: bool,
    /// Another request than the one that was asked first got this answer.
    pub(in crate::registry) redirected: bool,
    body: Incoming,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers hold cookies and signed addresses.
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::registry) enum BodyFailure {
    /// Longer than allowed; its length where it was told.
    TooLong(Option<u64>),
    /// No further part within this time.
    TimedOut(Duration),
    /// The connection ended before the body did.
    Broken,
}

impl BodyFailure {
    /// The fact this is, for bodies whose length proves nothing.
    pub(in crate::registry) fn outcome(self, host: &str) -> Outcome {
        let (kind, detail, waited) = match self {
            Self::TooLong(_) => (TroubleKind::Error, "its answer is too long", None),
            Self::TimedOut(waited) => (TroubleKind::Timeout, "no complete answer", Some(waited)),
            Self::Broken => {
                return trouble(TroubleKind::Error, host, "connection closed inside its answer");
            }
        };
        Outcome::Trouble(Trouble {
            kind,
            host: host.to_owned(),
            detail: detail.to_owned(),
            waited,
            retry_after: None,
        })
    }
}

impl Answer {
    pub(in crate::registry) fn new(
        response: Response<Incoming>,
        host: String,
        secure: bool,
        redirected: bool,
    ) -> Self {
        let (head, body) = response.into_parts();
        Self { status: head.status, headers: head.headers, host, secure, redirected, body }
    }

    /// Who said what, as evidence.
    pub(in crate::registry) fn evidence(&self, code: Option<SpecCode>) -> Evidence {
        Evidence::new(self.status.as_u16(), code, self.host.as_str())
    }

    /// `Content-Length`, where there is a valid one.
    pub(in crate::registry) fn length(&self) -> Option<u64> {
        self.headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
    }

    /// The whole body, if it has at most `most` bytes and none of its parts takes longer than
    /// `limit`.
    pub(in crate::registry) async fn bytes(
        self,
        most: usize,
        limit: Duration,
    ) -> Result<Bytes, BodyFailure> {
        let told = self.length();
        if told.is_some_and(|length| length > most as u64) {
            return Err(BodyFailure::TooLong(told));
        }
        enter(Phase::Body, &self.host);
        let mut body = self.body;
        let mut read = BytesMut::new();
        loop {
            let frame = match timeout(limit, body.frame()).await {
                Err(_) => return Err(BodyFailure::TimedOut(limit)),
                Ok(None) => return Ok(read.freeze()),
                Ok(Some(Err(_))) => return Err(BodyFailure::Broken),
                Ok(Some(Ok(frame))) => frame,
            };
            if let Ok(data) = frame.into_data() {
                if read.len() + data.len() > most {
                    return Err(BodyFailure::TooLong(None));
                }
                read.extend_from_slice(&data);
            }
        }
    }
}
