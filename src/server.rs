//! The webhook's servers: TLS, HTTP, probes and metrics.
//!
//! Here are sockets, certificates, limits of size and time, and status codes. Never here: what a
//! review decides. The server knows only [`Reviewer`], bytes in and bytes out, and nothing of
//! registries, the cluster, the cache or the policy.

pub mod body;
pub mod listener;
pub mod probes;
pub mod router;
pub mod shutdown;
pub mod tls;

use std::time::Duration;

use bytes::Bytes;

pub use shutdown::{Shutdown, Trigger};

/// What the server serves: an AdmissionReview's bytes in, an answered AdmissionReview's bytes out.
pub trait Reviewer: Send + Sync + 'static {
    /// Answers one review.
    ///
    /// `timeout` is how long the API server said it waits, from the `timeout` query parameter;
    /// `None` where it said nothing readable. The future is run to its end even if the client goes
    /// away, so it must end by itself.
    fn review(
        &self,
        body: Bytes,
        timeout: Option<Duration>,
    ) -> impl Future<Output = Result<Bytes, Unanswered>> + Send;
}

/// Why a review was not answered; the webhook's `failurePolicy` decides.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The request was no review that can be answered: what is wrong with it, on one line, any
    /// foreign text bounded and escaped. Becomes HTTP 400.
    #[error("{0}")]
    Bad(String),
    /// Too much is being reviewed already. Becomes HTTP 503.
    #[error("too much is being reviewed at the moment; more replicas would share the load")]
    Busy,
}
