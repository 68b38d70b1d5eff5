//! Statuses that say nothing about the image. Pure.

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

use super::retry_after::retry_after;
use super::transport::Answer;
use crate::facts::{Outcome, Trouble, TroubleKind};

/// How the detail of what another place than the registry's own answered ends.
const BEHIND: &str = " behind a redirect";

/// Whether what the registry leads to said this, and not the registry itself.
pub(super) fn is_behind_a_redirect(trouble: &Trouble) -> bool {
    trouble.detail.ends_with(BEHIND)
}

/// A failure without a wait.
pub(super) fn trouble(kind: TroubleKind, host: &str, detail: impl Into<String>) -> Outcome {
    Outcome::Trouble(Trouble {
        kind,
        host: host.to_owned(),
        detail: detail.into(),
        waited: None,
        retry_after: None,
    })
}

/// What an unexpected status of `answer` means.
pub(super) fn unexpected(answer: &Answer) -> Outcome {
    of_status(answer.status, &answer.headers, &answer.host, answer.redirected)
}

/// What an unexpected status means.
pub(super) fn of_status(
    status: StatusCode,
    headers: &HeaderMap,
    host: &str,
    redirected: bool,
) -> Outcome {
    let number = status.as_u16();
    let behind = if redirected { BEHIND } else { "" };
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS => TroubleKind::RateLimited,
        // Only a proxy asks for a login to itself.
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => TroubleKind::Proxy,
        _ => TroubleKind::Error,
    };
    Outcome::Trouble(Trouble {
        kind,
        host: host.to_owned(),
        detail: format!("{number}{behind}"),
        waited: None,
        retry_after: headers
            .get(RETRY_AFTER)
            .and_then(|value| retry_after(value.to_str().ok()?, jiff::Timestamp::now())),
    })
}
