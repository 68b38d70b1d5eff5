//! Which of https and http a registry is spoken to by, as containerd chooses it.

use std::net::{IpAddr, Ipv6Addr};
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
    /// TLS with its certificate unchecked, and plain HTTP if it does not speak TLS (localhost on
    /// another port).
    Either,
    /// The same, because the operator says so.
    Insecure,
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
            Self::Either | Self::Insecure => BOTH,
            Self::Plain => PLAIN,
        }
    }
}

/// How a host is spoken to by whoever names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Spoken {
    /// As its name says: the rule where no configuration names the host.
    ByName,
    Https,
    Http,
    /// By TLS, and by plain HTTP if it does not speak TLS.
    Either,
}

impl Spoken {
    fn schemes(self, by_name: Trust) -> &'static [Scheme] {
        match self {
            // An insecure host is that whoever names it.
            _ if by_name == Trust::Insecure => Trust::Either.schemes(),
            Self::ByName => by_name.schemes(),
            Self::Https => Trust::Checked.schemes(),
            Self::Http => Trust::Plain.schemes(),
            Self::Either => Trust::Either.schemes(),
        }
    }
}

/// Knows the operator's insecure hosts, and remembers what worked.
#[derive(Debug)]
pub(super) struct Schemes {
    insecure: Vec<String>,
    worked: Cache<(String, Spoken), Scheme>,
}

impl Schemes {
    pub(super) fn new(insecure_hosts: &[String]) -> Self {
        let one_spelling = |host: &String| match host.parse() {
            Ok(authority) => canonical(&authority),
            Err(_) => host.to_ascii_lowercase(),
        };
        let insecure = insecure_hosts.iter().map(one_spelling).collect();
        let worked = Cache::builder().max_capacity(HOSTS).time_to_live(REMEMBERED).build();
        Self { insecure, worked }
    }

    /// What may be spoken to this host.
    pub(super) fn trust(&self, authority: &Authority) -> Trust {
        if self.insecure.contains(&canonical(authority)) {
            return Trust::Insecure;
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
    pub(super) async fn candidates(&self, authority: &Authority, spoken: Spoken) -> Vec<Scheme> {
        match self.worked.get(&(authority.to_string(), spoken)).await {
            Some(scheme) => vec![scheme],
            None => spoken.schemes(self.trust(authority)).to_vec(),
        }
    }

    /// This scheme was answered to.
    pub(super) async fn remember(&self, authority: &Authority, spoken: Spoken, scheme: &Scheme) {
        self.worked.insert((authority.to_string(), spoken), scheme.clone()).await;
    }

    /// What was remembered of this host no longer holds.
    pub(super) async fn forget(&self, authority: &Authority, spoken: Spoken) {
        self.worked.invalidate(&(authority.to_string(), spoken)).await;
    }
}

/// One spelling for one host, so that no other spelling gets a budget of its own.
pub(super) fn canonical(authority: &Authority) -> String {
    let written = authority.host();
    let v6 = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let host = match v6.and_then(|v6| v6.parse::<Ipv6Addr>().ok()) {
        Some(address) => format!("[{address}]"),
        None => written.trim_end_matches('.').to_ascii_lowercase(),
    };
    match authority.port_u16() {
        None | Some(443 | 80) => host,
        Some(port) => format!("{host}:{port}"),
    }
}

/// Whether the host of `host[:port]` is longer than any name in the DNS (RFC 1035, 2.3.4), so that
/// it leads nowhere.
pub(super) fn is_too_long(authority: &str) -> bool {
    const LONGEST: usize = 253;
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    host.trim_end_matches('.').len() > LONGEST
}

/// What is said of such a host.
pub(super) const TOO_LONG: &str = "the host name is too long";

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
        let insecure = ["plain.test", "odd.test:5000", "[FD00::0:7]:5000"].map(str::to_owned);
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
            ("plain.test", Trust::Insecure),
            ("PLAIN.test:443", Trust::Insecure),
            ("plain.test:5000", Trust::Checked),
            ("odd.test:5000", Trust::Insecure),
            ("odd.test", Trust::Checked),
            ("[fd00:0:0::7]:5000", Trust::Insecure),
            ("[fd00::7]", Trust::Checked),
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
        for spelling in ["[fd00::a]:5000", "[FD00:0::A]:5000", "[fd00:0:0:0:0:0:0:000a]:05000"] {
            assert_eq!(canonical(&spelling.parse().unwrap()), "[fd00::a]:5000", "{spelling}");
        }
    }

    #[test]
    fn no_host_name_has_more_than_253_characters_whatever_its_port() {
        let longest = "a".repeat(253);
        for (authority, expected) in [
            (longest.clone(), false),
            (format!("{longest}."), false),
            (format!("{longest}:65535"), false),
            (format!("{longest}a"), true),
            (format!("{longest}a:1"), true),
            ("[::1]:5000".to_owned(), false),
        ] {
            assert_eq!(is_too_long(&authority), expected, "{authority}");
        }
    }

    #[tokio::test]
    async fn a_configured_scheme_wins_over_the_name_and_an_insecure_host_over_both() {
        let schemes = Schemes::new(&["plain.test".to_owned()]);
        let both = vec![Scheme::HTTPS, Scheme::HTTP];
        for (host, spoken, expected) in [
            ("reg.test", Spoken::ByName, vec![Scheme::HTTPS]),
            ("reg.test", Spoken::Http, vec![Scheme::HTTP]),
            ("reg.test:5000", Spoken::Either, both.clone()),
            ("localhost:5000", Spoken::Https, vec![Scheme::HTTPS]),
            ("localhost:5000", Spoken::Http, vec![Scheme::HTTP]),
            ("plain.test", Spoken::Https, both.clone()),
            ("plain.test", Spoken::ByName, both),
        ] {
            let host = host.parse().unwrap();
            assert_eq!(schemes.candidates(&host, spoken).await, expected, "{host} {spoken:?}");
        }
    }

    #[tokio::test]
    async fn what_worked_is_tried_alone_until_it_is_forgotten() {
        let (schemes, by) = (Schemes::new(&[]), Spoken::ByName);
        let host = "localhost:5000".parse().unwrap();
        assert_eq!(schemes.candidates(&host, by).await, [Scheme::HTTPS, Scheme::HTTP]);
        schemes.remember(&host, by, &Scheme::HTTP).await;
        assert_eq!(schemes.candidates(&host, by).await, [Scheme::HTTP]);
        assert_eq!(schemes.candidates(&host, Spoken::Https).await, [Scheme::HTTPS]);
        schemes.forget(&host, by).await;
        assert_eq!(schemes.candidates(&host, by).await, [Scheme::HTTPS, Scheme::HTTP]);
    }
}
