//! Why there is no connection, and what that is called in a fact.

use std::io;
use std::time::Duration;

use crate::facts::{Outcome, Trouble, TroubleKind, Unchecked};
use crate::registry::dns::ResolveError;
use crate::registry::scheme::TOO_LONG;
use crate::registry::tls::HandshakeFailure;

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no connection: {self:?}")]
pub(in crate::registry) enum ConnectError {
    /// The URI names no host.
    NoHost,
    /// The name is longer than any name.
    NameTooLong,
    /// The name has no address.
    Resolve(ResolveError),
    /// DNS did not answer within this time.
    ResolveTimedOut(Duration),
    /// Every address is one that the address rule refuses; what kind of address.
    Declined(&'static str),
    /// The system's error for the first address tried.
    Tcp(io::ErrorKind),
    /// No address answered within this time.
    TcpTimedOut(Duration),
    /// The TLS handshake failed.
    Handshake(HandshakeFailure),
    /// The TLS handshake did not end within this time.
    HandshakeTimedOut(Duration),
    /// The proxy could not be reached, or would not let us through; in our own words.
    Proxy(String),
}

impl ConnectError {
    /// The same failure on the way to a proxy.
    pub(super) fn at_proxy(self) -> Self {
        let (_, words, _) = self.words();
        Self::Proxy(format!("the proxy cannot be reached: {words}"))
    }

    /// Whether a server that speaks only plain HTTP may answer like this (containerd falls back to
    /// it on a plain answer and on a handshake that does not end).
    pub(in crate::registry) fn may_be_plain_http(&self) -> bool {
        matches!(
            self,
            Self::Handshake(HandshakeFailure::NotTls | HandshakeFailure::Closed)
                | Self::HandshakeTimedOut(_)
        )
    }

    /// Whether nothing listens there.
    pub(in crate::registry) fn is_refused(&self) -> bool {
        *self == Self::Tcp(io::ErrorKind::ConnectionRefused)
    }

    /// The fact this is.
    pub(in crate::registry) fn outcome(&self, authority: &str) -> Outcome {
        if let Self::Declined(what) = self {
            let what = format!("it leads to {what}");
            return Outcome::NotChecked(Unchecked::Declined { host: authority.to_owned(), what });
        }
        let (kind, words, waited) = self.words();
        Outcome::Trouble(Trouble {
            kind,
            host: authority.to_owned(),
            detail: words.to_owned(),
            waited,
            retry_after: None,
        })
    }

    fn words(&self) -> (TroubleKind, &str, Option<Duration>) {
        match self {
            Self::NoHost => (TroubleKind::Error, "no host to connect to", None),
            Self::NameTooLong => (TroubleKind::Dns, TOO_LONG, None),
            Self::Resolve(error) => (TroubleKind::Dns, resolve_words(*error), None),
            Self::ResolveTimedOut(waited) => {
                (TroubleKind::Dns, "no answer from DNS", Some(*waited))
            }
            Self::Declined(what) => (TroubleKind::Error, what, None),
            Self::Tcp(kind) => {
                let (kind, words) = tcp_words(*kind);
                (kind, words, None)
            }
            Self::TcpTimedOut(waited) => (TroubleKind::Timeout, "no connection", Some(*waited)),
            Self::Handshake(HandshakeFailure::NotTls) => {
                (TroubleKind::PlainHttp, "plain HTTP where TLS was expected", None)
            }
            Self::Handshake(HandshakeFailure::Closed) => {
                (TroubleKind::Tls, "connection closed during the TLS handshake", None)
            }
            Self::Handshake(HandshakeFailure::Tls(words)) => (TroubleKind::Tls, words, None),
            Self::HandshakeTimedOut(waited) => {
                (TroubleKind::Tls, "no TLS handshake", Some(*waited))
            }
            Self::Proxy(words) => (TroubleKind::Proxy, words, None),
        }
    }
}

fn resolve_words(error: ResolveError) -> &'static str {
    match error {
        ResolveError::NoSuchName => "no such host",
        ResolveError::TimedOut => "no answer from DNS",
        ResolveError::ServerFailure => "the name server failed",
    }
}

fn tcp_words(kind: io::ErrorKind) -> (TroubleKind, &'static str) {
    match kind {
        io::ErrorKind::ConnectionRefused => (TroubleKind::Refused, "connection refused"),
        io::ErrorKind::HostUnreachable => (TroubleKind::Refused, "host unreachable"),
        io::ErrorKind::NetworkUnreachable => (TroubleKind::Refused, "network unreachable"),
        io::ErrorKind::PermissionDenied => (TroubleKind::Refused, "connection not permitted"),
        io::ErrorKind::TimedOut => (TroubleKind::Timeout, "no connection"),
        io::ErrorKind::ConnectionReset => (TroubleKind::Error, "connection reset"),
        _ => (TroubleKind::Error, "no connection could be made"),
    }
}
