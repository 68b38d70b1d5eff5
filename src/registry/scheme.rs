//! Which of https and http a registry is spoken to by, as containerd chooses it.

use std::net::IpAddr;
use std::time::Duration;

use http::uri::{Authority, Scheme};
use moka::future::Cache;

/// How long the scheme that worked is remembered.
const REMEMBERED: Duration = Duration::from_secs(600);
/// Hosts remembered.
const HOSTS: u64 = 10_000;

/// What may be spoken to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Checked TLS only.
    Checked,
    /// TLS only, its certificate unchecked (localhost without a port or on 443).
    Unchecked,
    /// TLS with its certificate unchecked, and plain HTTP if it does not speak TLS.
    Either,
    /// Plain HTTP only (localhost on 80).
    Plain,
}

impl Trust {
    /// The schemes to try, in order.
    fn schemes(self) -> &'static [Scheme] {
        const TLS: &[Scheme] = &[Scheme::HTTPS];
        const BOTH: &[Scheme] = &[Scheme::HTTPS, Scheme::HTTP];
        const PLAIN: &[Scheme] = &[Scheme::HTTP];
        match self {
            Self::Checked | Self::Unchecked => TLS,
            Self::Either => BOTH,
            Self::Plain => PLAIN,
        }
    }
}

/// Knows the operator's insecure hosts, and remembers what worked.
#[derive(Debug)]
pub(super) struct Schemes {
    insecure: Vec<String>,
    worked: Cache<String, Scheme>,
}

impl Schemes {
    pub(super) fn new(insecure_hosts: &[String]) -> Self {
        let insecure = insecure_hosts.iter().map(|host| without_default_port(host)).collect();
        let worked = Cache::builder().max_capacity(HOSTS).time_to_live(REMEMBERED).build();
        Self { insecure, worked }
    }

    /// What may be spoken to this host.
    pub(super) fn trust(&self, authority: &Authority) -> Trust {
        if self.insecure.contains(&without_default_port(authority.as_str())) {
            return Trust::Either;
        }
        if !is_local(authority.host()) {
            return Trust::Checked;
        }
        match authority.port_u16() {
            Some(80) => Trust::Plain,
            None | Some(443) => Trust::Unchecked,
            Some(_) => Trust::Either,
        }
    }

    /// The schemes to try for a host, in order: the one that worked last, else all.
    pub(super) async fn candidates(&self, authority: &Authority) -> Vec<Scheme> {
        match self.worked.get(authority.as_str()).await {
            Some(scheme) => vec![scheme],
            None => self.trust(authority).schemes().to_vec(),
        }
    }

    /// This scheme was answered to.
    pub(super) async fn remember(&self, authority: &Authority, scheme: &Scheme) {
        self.worked.insert(authority.as_str().to_owned(), scheme.clone()).await;
    }

    /// What was remembered of this host no longer holds.
    pub(super) async fn forget(&self, authority: &Authority) {
        self.worked.invalidate(authority.as_str()).await;
    }
}

/// One spelling for one host, so that no other spelling gets a budget of its own.
pub(super) fn canonical(authority: &Authority) -> String {
    let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
    match authority.port_u16() {
        None | Some(443 | 80) => host,
        Some(port) => format!("{host}:{port}"),
    }
}

fn without_default_port(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    let bare = host.strip_suffix(":443").or_else(|| host.strip_suffix(":80"));
    bare.map_or_else(|| host.clone(), str::to_owned)
}

/// An IP literal's address, with or without the brackets that a URI puts around IPv6.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// containerd's localhost: the name, or a loopback literal.
pub(super) fn is_local(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || literal(host).is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust(host: &str) -> Trust {
        let insecure = ["plain.test".to_owned(), "odd.test:5000".to_owned()];
        Schemes::new(&insecure).trust(&host.parse().unwrap())
    }

    #[test]
    fn the_scheme_depends_on_the_host_as_it_does_for_containerd() {
        for (host, expected) in [
            ("reg.test", Trust::Checked),
            ("reg.test:5000", Trust::Checked),
            ("reg.test:80", Trust::Checked),
            ("10.0.0.1:5000", Trust::Checked),
            ("localhost", Trust::Unchecked),
            ("localhost:443", Trust::Unchecked),
            ("localhost:80", Trust::Plain),
            ("localhost:5000", Trust::Either),
            ("127.0.0.9:5000", Trust::Either),
            ("[::1]:5000", Trust::Either),
            ("[::1]", Trust::Unchecked),
            ("plain.test", Trust::Either),
            ("PLAIN.test:443", Trust::Either),
            ("plain.test:5000", Trust::Checked),
            ("odd.test:5000", Trust::Either),
            ("odd.test", Trust::Checked),
        ] {
            assert_eq!(trust(host), expected, "{host}");
        }
    }

    #[test]
    fn one_host_has_one_canonical_spelling() {
        for spelling in ["auth.test", "AUTH.test", "auth.test.", "auth.test:443", "Auth.Test.:443"]
        {
            assert_eq!(canonical(&spelling.parse().unwrap()), "auth.test", "{spelling}");
        }
        assert_eq!(canonical(&"auth.test:5000".parse().unwrap()), "auth.test:5000");
    }

    #[tokio::test]
    async fn what_worked_is_tried_alone_until_it_is_forgotten() {
        let schemes = Schemes::new(&[]);
        let host = "localhost:5000".parse().unwrap();
        assert_eq!(schemes.candidates(&host).await, [Scheme::HTTPS, Scheme::HTTP]);
        schemes.remember(&host, &Scheme::HTTP).await;
        assert_eq!(schemes.candidates(&host).await, [Scheme::HTTP]);
        schemes.forget(&host).await;
        assert_eq!(schemes.candidates(&host).await, [Scheme::HTTPS, Scheme::HTTP]);
    }
}
