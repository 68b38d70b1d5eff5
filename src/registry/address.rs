//! Where outgoing requests may go. Pure: an address in, a reason to refuse it out.

mod special;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;

use ipnet::IpNet;

use self::special::{embedded, special_v4, special_v6};
use super::scheme::literal;

/// Which addresses are never dialled, because no node would pull an image from there and a
/// hostile reference could make us talk to them.
///
/// Private ranges are allowed: that is where private registries are.
#[derive(Debug, Clone, Default)]
pub struct AddressRule {
    /// Loopback is allowed (`check` runs with its user's own rights; `serve` does not).
    pub loopback_allowed: bool,
    /// Ranges that are allowed whatever else is said about them.
    pub allow: Vec<IpNet>,
    /// Further ranges that are refused.
    pub deny: Vec<IpNet>,
    /// Ports that may be connected to; none is every port. `allow` opens no other.
    pub ports: Vec<RangeInclusive<u16>>,
    /// What of the network around us is refused, too, as far as it is known.
    pub reserved: Option<Arc<dyn Reserved>>,
}

/// Knows what of the network around us is not for images: the API server, and the ranges of pods
/// and Services. It may change from one question to the next.
pub trait Reserved: fmt::Debug + Send + Sync {
    /// What is at this address and port, in our own words, where it is refused.
    fn what(&self, to: SocketAddr) -> Option<&'static str>;
}

impl AddressRule {
    /// Why this address may not be dialled, or `None` if it may.
    ///
    /// An IPv4 address inside an IPv6 one (mapped, translated, compatible, NAT64, 6to4) is judged as
    /// both.
    pub fn refusal(&self, to: SocketAddr) -> Option<&'static str> {
        let address = to.ip();
        let forms = [Some(address), embedded(address).map(IpAddr::V4)];
        let forms = || forms.iter().flatten();
        if forms().any(|form| self.allow.iter().any(|range| range.contains(form))) {
            return None;
        }
        forms().find_map(|form| self.refusal_of(SocketAddr::new(*form, to.port())))
    }

    /// Why this host may not be asked for at this port, as far as that is written: if the port is
    /// none that may be, or the host is an address. A dot at the end hides none.
    pub(super) fn refusal_as_written(&self, host: &str, port: u16) -> Option<&'static str> {
        if !self.ports.is_empty() && !self.ports.iter().any(|ports| ports.contains(&port)) {
            return Some("a port that --registry-ports leaves out");
        }
        let address = literal(host.trim_end_matches('.'))?;
        self.refusal(SocketAddr::new(address, port))
    }

    fn refusal_of(&self, to: SocketAddr) -> Option<&'static str> {
        let address = to.ip();
        let special = match address {
            IpAddr::V4(v4) => special_v4(v4),
            IpAddr::V6(v6) => special_v6(v6),
        };
        match special {
            Some(special) if !special.is_allowed(self.loopback_allowed) => Some(special.words()),
            _ if self.deny.iter().any(|range| range.contains(&address)) => {
                Some("an address that --deny-address names")
            }
            _ => self.reserved.as_ref()?.what(to),
        }
    }
}

/// Whether a host is one that some resolvers take for an address and we do not: `2130706433`,
/// `0x7f.1`, `127.0.0.01`, an address with a zone.
pub(super) fn is_oddly_written(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let last = host.rsplit('.').next().unwrap_or_default();
    let number = match last.strip_prefix("0x").or_else(|| last.strip_prefix("0X")) {
        Some(hex) => hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()),
    };
    (number || host.contains([':', '%'])) && literal(host).is_none()
}
