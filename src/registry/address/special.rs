//! Addresses that are set aside for something else than servers, and those that stand for others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is set aside for.
#[derive(Clone, Copy)]
pub(super) enum Special {
    Loopback,
    Unspecified,
    LinkLocal,
    Multicast,
    Broadcast,
    Metadata,
}

impl Special {
    /// Whether it may be dialled where loopback may or may not.
    pub(super) fn is_allowed(self, loopback_allowed: bool) -> bool {
        loopback_allowed && matches!(self, Self::Loopback)
    }

    /// What it is, in our own words.
    pub(super) fn words(self) -> &'static str {
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

/// What an IPv4 address is set aside for, if for anything.
pub(super) fn special_v4(address: Ipv4Addr) -> Option<Special> {
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

/// What an IPv6 address is set aside for, if for anything.
pub(super) fn special_v6(address: Ipv6Addr) -> Option<Special> {
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
pub(super) fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
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
