//! The parts that these tests stand on.

use crate::parts::containerd::{Containerd, Setup};
use crate::parts::netns::Network;
use crate::support::skip;

use super::judges::{CONTAINERD, debians_containerd};

#[test]
fn a_network_of_its_own_has_loopback_and_its_own_names() {
    let network = Network { hosts: "127.0.0.1 own.test\n", resolv_conf: "nameserver 127.0.0.53\n" };
    let name = "truth::parts_work::a_network_of_its_own_has_loopback_and_its_own_names";
    match network.enter(name) {
        Err(why) => skip!(&why),
        Ok(side) if !side.is_inside() => return,
        Ok(_) => {}
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:443").unwrap();
    std::net::TcpStream::connect("own.test:443").unwrap();
    drop(listener);
    let interfaces = std::fs::read_to_string("/proc/net/dev").unwrap();
    let others = interfaces.lines().skip(2).filter(|line| !line.trim().starts_with("lo:"));
    // Some kernels give every namespace tunnel interfaces, which are down.
    let routes = std::fs::read_to_string("/proc/net/route").unwrap();
    assert_eq!(routes.lines().count(), 1, "{routes}\n{:?}", others.collect::<Vec<_>>());
    let resolv_conf = std::fs::read_to_string("/etc/resolv.conf").unwrap();
    assert_eq!(resolv_conf, network.resolv_conf);
}

#[test]
fn a_current_containerd_starts_in_a_scratch_folder() {
    match CONTAINERD.built() {
        Err(why) => skip!(&why),
        Ok(binary) => {
            let containerd = Containerd::start(&Setup::of(&binary));
            assert!(containerd.version().starts_with("2."), "{}", containerd.version());
        }
    }
}

#[test]
fn debians_containerd_starts_in_a_scratch_folder() {
    match debians_containerd() {
        Err(why) => skip!(&why),
        Ok(binary) => {
            let containerd = Containerd::start(&Setup::of(&binary));
            assert!(containerd.version().starts_with("1.6."), "{}", containerd.version());
        }
    }
}
