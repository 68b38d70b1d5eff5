//! Which addresses are dialled, in every spelling.

use super::*;

fn refused(rule: &AddressRule, address: &str) -> bool {
    rule.refusal(at(address, 443)).is_some()
}

fn at(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), port)
}

fn ranges(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
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
    for host in ["169.254.169.254", "169.254.169.254.", "127.0.0.1..", "fd00:ec2::254", "[::1]"] {
        assert!(rule.refusal_as_written(host, 443).is_some(), "{host}");
    }
    for host in ["1.1.1.1.", "reg.test.", "169.254.169.254.nip.test"] {
        assert!(rule.refusal_as_written(host, 443).is_none(), "{host}");
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

/// A pod range, and one port of one address.
#[derive(Debug)]
struct Cluster;

impl Reserved for Cluster {
    fn what(&self, to: SocketAddr) -> Option<&'static str> {
        let pods = ranges(&["10.244.0.0/16", "fd00:10:244::/56"]);
        if pods.iter().any(|range| range.contains(&to.ip())) {
            return Some("a pod");
        }
        (to == at("10.0.0.5", 6443)).then_some("the API server")
    }
}

#[test]
fn what_is_reserved_is_refused_in_every_spelling_unless_it_is_allowed() {
    let mut rule = AddressRule { reserved: Some(Arc::new(Cluster)), ..AddressRule::default() };
    for pod in ["10.244.3.4", "::ffff:10.244.3.4", "64:ff9b::10.244.3.4", "fd00:10:244:12::5"] {
        assert_eq!(rule.refusal(at(pod, 443)), Some("a pod"), "{pod}");
    }
    for address in ["10.0.0.5", "::ffff:10.0.0.5"] {
        assert_eq!(rule.refusal(at(address, 6443)), Some("the API server"), "{address}");
        assert_eq!(rule.refusal(at(address, 5000)), None, "{address}");
    }
    assert_eq!(rule.refusal_as_written("10.244.3.4.", 443), Some("a pod"));
    assert_eq!(rule.refusal(at("10.245.0.1", 443)), None);
    // What is refused to everybody is called what it is.
    assert_eq!(rule.refusal(at("127.0.0.1", 443)), Some("a loopback address"));
    rule.allow = ranges(&["10.244.3.0/24", "10.0.0.5/32"]);
    assert_eq!(rule.refusal(at("::ffff:10.244.3.4", 443)), None);
    assert_eq!(rule.refusal(at("10.0.0.5", 6443)), None);
    assert_eq!(rule.refusal(at("10.244.4.4", 443)), Some("a pod"));
}

#[test]
fn only_the_ports_that_are_listed_are_asked_whatever_the_host() {
    let rule = AddressRule {
        allow: ranges(&["10.0.0.0/8"]),
        ports: vec![443..=443, 5000..=5010],
        ..AddressRule::default()
    };
    for host in ["reg.test", "10.0.0.1", "[fd12::1]"] {
        for (port, refused) in
            [(443, false), (5000, false), (5010, false), (5011, true), (22, true), (80, true)]
        {
            assert_eq!(rule.refusal_as_written(host, port).is_some(), refused, "{host}:{port}");
        }
    }
    let any = AddressRule::default();
    assert_eq!(any.refusal_as_written("reg.test", 22), None);
}
