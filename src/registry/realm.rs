//! Token realms: whether a credential may go there. Pure.

use http::Uri;
use http::uri::Scheme;

use super::scheme::is_too_long;
use super::trouble::trouble;
use crate::facts::{Outcome, TroubleKind, Unchecked};

/// A realm longer than this is not one.
const LONGEST: usize = 4 * 1024;

/// Why no token is asked for at a realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RealmFault {
    /// The challenge names none.
    Missing,
    /// It is not an http or https URL.
    NotAUrl,
    /// It is plain http, named by a registry that is spoken to over https.
    PlainHttp,
    /// It carries a user name.
    UserInfo,
    /// Its host is longer than any host.
    HostTooLong,
}

impl RealmFault {
    /// The fact this is, about the registry that named the realm.
    pub(super) fn outcome(self, registry: &str) -> Outcome {
        let declined = |what: &str| {
            let (host, what) = (registry.to_owned(), what.to_owned());
            Outcome::NotChecked(Unchecked::Declined { host, what })
        };
        match self {
            Self::Missing => {
                trouble(TroubleKind::Error, registry, "it names no realm for its tokens")
            }
            Self::NotAUrl => trouble(TroubleKind::Error, registry, "its token realm is no URL"),
            Self::PlainHttp => declined("its token realm is plain http"),
            Self::HostTooLong => {
                trouble(TroubleKind::Dns, registry, "the host name of its token realm is too long")
            }
            Self::UserInfo => declined("its token realm carries a user name"),
        }
    }
}

/// The realm of a challenge as an address to ask.
///
/// A registry that is itself spoken to over plain http (`secure` is false), which only localhost
/// and insecure hosts are, may name a plain one.
pub(super) fn realm(written: Option<&str>, secure: bool) -> Result<Uri, RealmFault> {
    let written = written.ok_or(RealmFault::Missing)?;
    if written.len() > LONGEST {
        return Err(RealmFault::NotAUrl);
    }
    let uri: Uri = written.trim().parse().map_err(|_| RealmFault::NotAUrl)?;
    let authority = uri.authority().ok_or(RealmFault::NotAUrl)?;
    if authority.as_str().contains('@') {
        return Err(RealmFault::UserInfo);
    }
    if is_too_long(authority.as_str()) {
        return Err(RealmFault::HostTooLong);
    }
    match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => Ok(uri),
        Some(scheme) if *scheme == Scheme::HTTP && secure => Err(RealmFault::PlainHttp),
        Some(scheme) if *scheme == Scheme::HTTP => Ok(uri),
        _ => Err(RealmFault::NotAUrl),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_goes_to_https_or_where_the_registry_is_plain_itself() {
        assert!(realm(Some("https://auth.test/token?a=b"), true).is_ok());
        assert!(realm(Some("https://auth.test"), false).is_ok());
        assert!(realm(Some("http://auth.test/token"), false).is_ok());
        let plain = realm(Some("http://auth.test/token"), true);
        assert_eq!(plain, Err(RealmFault::PlainHttp));
    }

    #[test]
    fn what_is_no_address_is_not_asked() {
        for (written, fault) in [
            (None, RealmFault::Missing),
            (Some("Registry Realm"), RealmFault::NotAUrl),
            (Some("/token"), RealmFault::NotAUrl),
            (Some("auth.test/token"), RealmFault::NotAUrl),
            (Some("ftp://auth.test/token"), RealmFault::NotAUrl),
            (Some("https:///token"), RealmFault::NotAUrl),
            (Some("https://user:secret@auth.test/token"), RealmFault::UserInfo),
            (Some("https://auth.test@evil.test/token"), RealmFault::UserInfo),
        ] {
            assert_eq!(realm(written, true), Err(fault), "{written:?}");
        }
        let long = format!("https://a/{}", "x".repeat(5000));
        assert_eq!(realm(Some(&long), true), Err(RealmFault::NotAUrl));
        let nowhere = format!("https://{}/token", "x".repeat(254));
        assert_eq!(realm(Some(&nowhere), true), Err(RealmFault::HostTooLong));
    }
}
