//! Where outgoing requests may go. Pure: an address in, a reason to refuse it out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

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
    /// Further ranges that are refused: the API server, pod and Service ranges where known.
    pub deny: Vec<IpNet>,
}

impl AddressRule {
    /// Why this address may not be dialled, or `None` if it may.
    ///
    /// An IPv4 address inside an IPv6 one (mapped, translated, compatible, NAT64, 6to4) is judged as
    /// both.
    pub fn refusal(&self, address: IpAddr) -> Option<&'static str> {
        let forms = [Some(address), embedded(address).map(IpAddr::V4)];
        let forms = || forms.iter().flatten();
        if forms().any(|form| self.allow.iter().any(|range| range.contains(form))) {
            return None;
        }
        forms().find_map(|form| self.refusal_of(*form))
    }

    /// Why this host may not be asked for, if it is an address. A dot at the end hides none.
    pub(super) fn refusal_as_written(&self, host: &str) -> Option<&'static str> {
        literal(host.trim_end_matches('.')).and_then(|address| self.refusal(address))
    }

    fn refusal_of(&self, address: IpAddr) -> Option<&'static str> {
        let special = match address {
            IpAddr::V4(v4) => special_v4(v4),
            IpAddr::V6(v6) => special_v6(v6),
        };
        match special {
            Some(Special::Loopback) if self.loopback_allowed => None,
            Some(special) => Some(special.words()),
            None if self.deny.iter().any(|range| range.contains(&address)) => {
                Some("an address that this installation refuses")
            }
            None => None,
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

#[derive(Clone, Copy)]
enum Special {
    Loopback,
    Unspecified,
    LinkLocal,
    Multicast,
    Broadcast,
    Metadata,
}

impl Special {
    fn words(self) -> &'static str {
        match self {
            Self::Loopback => "a loopback address",
            Self::Unspecified => "an unspecified address",
            Self::LinkLocal => "a link-local address",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "a broadcast address",
            Self::Metadata => "a cloud metadata address",
        }
    }
}

fn special_v4(address: Ipv4Addr) -> Option<Special> {
    match address.octets() {
        // AWS, Azure, Google and OpenStack; Alibaba; Oracle; Azure's wire server.
        [169, 254, 169, 254] | [100, 100, 100, 200] | [192, 0, 0, 192] | [168, 63, 129, 16] => {
            Some(Special::Metadata)
        }
        [0, ..] => Some(Special::Unspecified),
        _ if address.is_loopback() => Some(Special::Loopback),
        _ if address.is_link_local() => Some(Special::LinkLocal),
        _ if address.is_multicast() => Some(Special::Multicast),
        _ if address.is_broadcast() => Some(Special::Broadcast),
        _ => None,
    }
}

fn special_v6(address: Ipv6Addr) -> Option<Special> {
    match address.segments() {
        // AWS's own range (instance metadata, EKS Pod Identity, time and name servers); Google.
        [0xfd00, 0x0ec2, ..] | [0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254] => Some(Special::Metadata),
        _ if address.is_unspecified() => Some(Special::Unspecified),
        _ if address.is_loopback() => Some(Special::Loopback),
        _ if address.is_unicast_link_local() => Some(Special::LinkLocal),
        _ if address.is_multicast() => Some(Special::Multicast),
        _ => None,
    }
}

/// The IPv4 address that an IPv6 address stands for.
fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let [.., a, b, c, d] = address.octets();
    let last = Ipv4Addr::new(a, b, c, d);
    match address.segments() {
        // `::` and `::1` are themselves; the rest of ::/96 is "IPv4-compatible".
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        // Compatible, mapped, translated (RFC 2765), NAT64 (RFC 6052), local NAT64 (RFC 8215).
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _]
        | [0, 0, 0, 0, 0xffff, 0, _, _]
        | [0x0064, 0xff9b, 0, 0, 0, 0, _, _]
        | [0x0064, 0xff9b, 1, ..] => Some(last),
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(rule: &AddressRule, address: &str) -> bool {
        rule.refusal(address.parse().unwrap()).is_some()
    }

    #[test]
    fn what_no_registry_lives_at_is_refused_in_every_spelling() {
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "169.254.1.1",
            "169.254.169.254",
            "fe80::1",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd00:ec2:1::1",
            "fd20:ce::254",
            "168.63.129.16",
            "169.254.170.2",
            "169.254.170.23",
            "100.100.100.200",
            "192.0.0.192",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:169.254.169.254",
            "::ffff:0:168.63.129.16",
            "::169.254.169.254",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::169.254.169.254",
            "2002:a9fe:a9fe::1",
        ] {
            assert!(refused(&AddressRule::default(), address), "{address}");
        }
    }

    #[test]
    fn an_address_is_judged_with_and_without_a_dot_at_its_end() {
        let rule = AddressRule::default();
        for host in ["169.254.169.254", "169.254.169.254.", "127.0.0.1..", "fd00:ec2::254", "[::1]"]
        {
            assert!(rule.refusal_as_written(host).is_some(), "{host}");
        }
        for host in ["1.1.1.1.", "reg.test.", "169.254.169.254.nip.test"] {
            assert!(rule.refusal_as_written(host).is_none(), "{host}");
        }
    }

    #[test]
    fn a_number_that_is_no_plain_address_is_an_odd_one() {
        for host in [
            "2130706433",
            "0x7f000001",
            "0X7F.1",
            "0x",
            "127.1",
            "127.0.0.01",
            "1.2.3.4.5",
            "127.0.0.0x1.",
            "fe80::1%eth0",
            "reg.test.7",
        ] {
            assert!(is_oddly_written(host), "{host}");
        }
        for host in ["127.0.0.1", "127.0.0.1.", "::1", "reg.test", "7.test", "0xg", "a0x1", "abc"] {
            assert!(!is_oddly_written(host), "{host}");
        }
    }

    #[test]
    fn public_and_private_addresses_are_allowed() {
        for address in [
            "1.1.1.1",
            "10.0.0.5",
            "172.16.3.4",
            "192.168.1.1",
            "100.64.0.1",
            "2606:4700::1111",
            "fd12:3456::1",
            "fd00:ec3::254",
            "fd20:ce::1",
            "168.63.129.17",
            "64:ff9b::1.1.1.1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!refused(&AddressRule::default(), address), "{address}");
        }
    }

    #[test]
    fn loopback_alone_is_a_matter_of_who_asks() {
        let rule = AddressRule { loopback_allowed: true, ..AddressRule::default() };
        assert!(!refused(&rule, "127.0.0.1"));
        assert!(!refused(&rule, "::ffff:127.0.0.1"));
        assert!(refused(&rule, "169.254.169.254"));
        assert!(refused(&rule, "0.0.0.0"));
    }

    #[test]
    fn an_allowed_range_wins_over_every_refusal() {
        let rule = AddressRule {
            allow: vec!["169.254.20.0/24".parse().unwrap(), "10.96.0.10/32".parse().unwrap()],
            deny: vec!["10.96.0.0/12".parse().unwrap()],
            ..AddressRule::default()
        };
        assert!(!refused(&rule, "169.254.20.10"));
        assert!(refused(&rule, "169.254.21.10"));
        assert!(!refused(&rule, "10.96.0.10"));
        assert!(refused(&rule, "10.96.0.1"));
        assert!(refused(&rule, "::ffff:10.96.0.1"));
    }
}
