//! Where a redirect leads, and whether to go there. Pure.

use http::uri::Scheme;
use http::{HeaderValue, StatusCode, Uri};

use crate::facts::{Outcome, TroubleKind, Unchecked};
use crate::registry::trouble::trouble;

/// Why a redirect is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RedirectFault {
    /// It leads from https to http.
    Downgrade,
    /// It names no place we could go to.
    Nowhere,
}

impl RedirectFault {
    pub(super) fn outcome(self, host: &str) -> Outcome {
        match self {
            Self::Downgrade => Outcome::NotChecked(Unchecked::Declined {
                host: host.to_owned(),
                what: "it redirects from https to plain http".to_owned(),
            }),
            Self::Nowhere => trouble(TroubleKind::Error, host, "a redirect that leads nowhere"),
        }
    }
}

/// Whether a status leads to another place.
pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    )
}

/// The place that a redirect from `base` leads to.
pub(super) fn target(base: &Uri, location: Option<&HeaderValue>) -> Result<Uri, RedirectFault> {
    let location =
        location.and_then(|location| location.to_str().ok()).ok_or(RedirectFault::Nowhere)?;
    let to = join(base, location).ok_or(RedirectFault::Nowhere)?;
    let plain = to.scheme() == Some(&Scheme::HTTP);
    if !plain && to.scheme() != Some(&Scheme::HTTPS) {
        return Err(RedirectFault::Nowhere);
    }
    if to.authority().is_none_or(|authority| authority.as_str().contains('@')) {
        return Err(RedirectFault::Nowhere);
    }
    if plain && base.scheme() == Some(&Scheme::HTTPS) {
        return Err(RedirectFault::Downgrade);
    }
    Ok(to)
}

/// Resolves a reference against the URI it was found at (RFC 3986, 5.2, without dot segments).
fn join(base: &Uri, reference: &str) -> Option<Uri> {
    let scheme = base.scheme_str()?;
    let authority = base.authority()?;
    let reference = reference.trim();
    let absolute = if reference.contains("://") && !reference.starts_with(['/', '?']) {
        reference.to_owned()
    } else if let Some(rest) = reference.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if reference.starts_with('/') {
        format!("{scheme}://{authority}{reference}")
    } else if reference.starts_with('?') {
        format!("{scheme}://{authority}{}{reference}", base.path())
    } else {
        let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{reference}")
    };
    absolute.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(base: &str, location: &str) -> Result<String, RedirectFault> {
        let location = HeaderValue::from_str(location).unwrap();
        target(&base.parse().unwrap(), Some(&location)).map(|uri| uri.to_string())
    }

    #[test]
    fn a_redirect_leads_where_rfc_3986_says() {
        let base = "https://reg.test/v2/a/manifests/1?x=y";
        for (location, expected) in [
            ("https://cdn.test/blob?sig=1", "https://cdn.test/blob?sig=1"),
            ("//cdn.test/blob", "https://cdn.test/blob"),
            ("/elsewhere", "https://reg.test/elsewhere"),
            ("2", "https://reg.test/v2/a/manifests/2"),
            ("?z=1", "https://reg.test/v2/a/manifests/1?z=1"),
            ("/next?to=https://x.test/", "https://reg.test/next?to=https://x.test/"),
        ] {
            assert_eq!(to(base, location).as_deref(), Ok(expected), "{location}");
        }
    }

    #[test]
    fn a_redirect_never_leads_from_https_to_http_or_into_another_protocol() {
        assert_eq!(to("https://reg.test/", "http://reg.test/"), Err(RedirectFault::Downgrade));
        assert!(to("http://reg.test/", "http://cdn.test/").is_ok());
        assert!(to("http://reg.test/", "https://cdn.test/").is_ok());
        for nowhere in
            ["ftp://reg.test/x", "file:///etc/passwd", "https://u:p@reg.test/", "https://"]
        {
            assert_eq!(to("https://reg.test/", nowhere), Err(RedirectFault::Nowhere), "{nowhere}");
        }
        let base = "https://reg.test/".parse().unwrap();
        assert_eq!(target(&base, None), Err(RedirectFault::Nowhere));
    }
}
