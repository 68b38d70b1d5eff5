//! The ranges that a cluster has its own addresses from, as its objects tell them.

use ipnet::IpNet;

/// The widest range of IPv4 that is believed, as its prefix: the whole of 10.0.0.0/8.
const WIDEST_V4: u8 = 8;
/// The same of IPv6: what a registry of addresses gives to a provider.
const WIDEST_V6: u8 = 32;

/// A range of pods or of Services; `None` if the text is none, or one that is wider than any
/// cluster's, which would refuse images half the internet.
pub fn own_range(text: &str) -> Option<IpNet> {
    let range: IpNet = text.parse().ok()?;
    let widest = if range.addr().is_ipv4() { WIDEST_V4 } else { WIDEST_V6 };
    (range.prefix_len() >= widest).then(|| range.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wider_than_any_clusters_range_is_not_believed() {
        for (text, expected) in [
            ("10.0.0.0/8", Some("10.0.0.0/8")),
            ("10.96.0.7/16", Some("10.96.0.0/16")),
            ("fd00::/32", Some("fd00::/32")),
            ("fd00:10:96::1/112", Some("fd00:10:96::/112")),
            ("0.0.0.0/0", None),
            ("128.0.0.0/1", None),
            ("10.0.0.0/7", None),
            ("::/0", None),
            ("8000::/1", None),
            ("fd00::/31", None),
            ("10.0.0.1", None),
            ("", None),
        ] {
            let range = own_range(text).map(|range| range.to_string());
            assert_eq!(range.as_deref(), expected, "{text}");
        }
    }
}
