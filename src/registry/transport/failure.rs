//! Why there is no answer.

use std::error::Error;
use std::time::Duration;

use http::uri::Authority;
use hyper_util::client::legacy;

use crate::facts::{Outcome, Trouble, TroubleKind, Unchecked};
use crate::registry::connect::ConnectError;
use crate::registry::trouble::trouble;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::registry) enum Failure {
    /// The review that wants this has sent as many requests as it may.
    OverBudget(u32),
    /// There was no connection.
    Connect(ConnectError),
    /// No headers within this time.
    TimedOut(Duration),
    /// The connection ended before an answer.
    Broken,
    /// What came is not HTTP.
    NotHttp,
}

impl Failure {
    pub(super) fn of(error: &legacy::Error) -> Self {
        let mut cause = error.source();
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<ConnectError>() {
                return Self::Connect(error.clone());
            }
            if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
                return Self::NotHttp;
            }
            cause = error.source();
        }
        Self::Broken
    }

    /// Whether a host that may speak plain HTTP is worth asking by it.
    pub(super) fn may_be_plain_http(&self, authority: &Authority) -> bool {
        match self {
            Self::Connect(error) => {
                // Without a port, http is another port than https, and may be the one that is open.
                error.may_be_plain_http() || (error.is_refused() && authority.port().is_none())
            }
            _ => false,
        }
    }

    /// The fact this is.
    pub(in crate::registry) fn outcome(&self, host: &str) -> Outcome {
        match self {
            Self::OverBudget(total) => Outcome::NotChecked(Unchecked::Budget(format!(
                "{total} registry requests in one review"
            ))),
            Self::Connect(error) => error.outcome(host),
            Self::TimedOut(waited) => Outcome::Trouble(Trouble {
                kind: TroubleKind::Timeout,
                host: host.to_owned(),
                detail: "no answer".to_owned(),
                waited: Some(*waited),
                retry_after: None,
            }),
            Self::Broken => trouble(TroubleKind::Error, host, "connection closed before an answer"),
            Self::NotHttp => trouble(TroubleKind::Error, host, "its answer is not HTTP"),
        }
    }
}
