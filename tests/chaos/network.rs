//! Troubles below HTTP, in a network of the test's own: a name server that says nothing, and
//! packets that are dropped. They need root.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::UdpSocket;

use super::load::Order;
use super::names::Names;
use super::trial::{Came, Figures, Trial, block_on};
use crate::parts::netns::{Network, Side};
use crate::support::misbehaving::{Access, Registry};
use crate::support::tls::{Ca, Kind};
use crate::support::webhook::{Launch, Webhook};

/// The registry's name and address, and the name server.
const NAME: &str = "registry.acme.test";
/// Others that lead there.
const OTHER_NAMES: &str = "*.acme.test";
const REGISTRY: &str = "10.77.0.5";
const NAME_SERVER: &str = "10.77.0.53";

/// Runs a trial inside, where `names` are known without a name server.
pub fn inside<F: Future<Output = Figures>>(
    test: &str,
    hosts: &str,
    trial: impl FnOnce() -> F,
) -> Came {
    let resolv_conf = format!("nameserver {NAME_SERVER}\noptions timeout:1 attempts:1\n");
    let network = Network { hosts, resolv_conf: &resolv_conf };
    match network.enter(test) {
        Err(why) => Came::Skipped(why),
        Ok(Side::Inside) => Came::Inside(block_on(trial())),
        Ok(side) => {
            side.is_inside();
            let Side::Outside(output) = side else { unreachable!("it was not inside") };
            Came::Outside(String::from_utf8_lossy(&output.stdout).into_owned())
        }
    }
}

/// A registry by its name, with a certificate.
pub struct Named {
    pub registry: Arc<Registry>,
    pub webhook: Webhook,
}

impl Named {
    pub async fn set(launch: impl FnOnce(Launch) -> Launch) -> Self {
        let ca = Ca::mint();
        let address = SocketAddr::new(REGISTRY.parse().unwrap(), 443);
        let leaf = ca.leaf(Kind::Good, &[NAME, OTHER_NAMES]);
        let registry = Arc::new(Registry::start_tls_at(address, Access::anonymous(), &leaf).await);
        let file = ca.file();
        let base = Launch::with(&["--no-cluster", "--ca-file", file.to_str().unwrap()]);
        let webhook = launch(base).mode("enforce").start().await;
        Self { registry, webhook }
    }

    pub fn order(&self) -> Order {
        Order::new(&self.webhook, self.webhook.ca(), &Names::at(&self.registry, NAME))
    }
}

/// Answers every question for an address with the registry's, for a second, while it is told to.
async fn name_server(socket: UdpSocket, speaks: Arc<AtomicBool>) {
    let mut packet = [0; 512];
    let Ok(IpAddr::V4(address)) = REGISTRY.parse() else { panic!("{REGISTRY}") };
    while let Ok((length, asker)) = socket.recv_from(&mut packet).await {
        if !speaks.load(Ordering::Relaxed) || length < 12 {
            continue;
        }
        // After the head: the name, to the empty label, then type and class.
        let end = packet[12..length].iter().position(|byte| *byte == 0).unwrap() + 12 + 5;
        let is_v4 = packet[end - 4..end - 2] == [0, 1];
        let mut answer = packet[..2].to_vec();
        answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_v4), 0, 0, 0, 0]);
        answer.extend_from_slice(&packet[12..end]);
        if is_v4 {
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
            answer.extend(address.octets());
        }
        let _ = socket.send_to(&answer, asker).await;
    }
}

pub fn the_name_server_is_silent(test: &str) -> Came {
    inside(test, "127.0.0.1 localhost\n", || async {
        let speaks = Arc::new(AtomicBool::new(true));
        let socket = UdpSocket::bind((NAME_SERVER, 53)).await.unwrap();
        let server = tokio::spawn(name_server(socket, speaks.clone()));
        let named = Named::set(|launch| launch).await;
        // A host that is connected to needs no name server.
        let host = |number| format!("registry-{number}.acme.test");
        let names = Names::at_each(&named.registry, host);
        let order = Order { names, ..named.order() };
        let trial = Trial::begin(order).await;
        speaks.store(false, Ordering::Relaxed);
        trial.lasts().await;
        speaks.store(true, Ordering::Relaxed);
        let figures = trial.over(&named.webhook).await;
        server.abort();
        figures
    })
}

/// `-A` or `-D` the rule that drops what is sent to the registry and what it sends.
fn drop_packets(iptables: &std::path::Path, what: &str) {
    for direction in ["-d", "-s"] {
        let status = Command::new(iptables)
            .args(["-w", what, "INPUT", direction, REGISTRY, "-j", "DROP"])
            .status()
            .unwrap();
        assert!(status.success(), "{}: {status}", iptables.display());
    }
}

pub fn packets_to_the_registry_are_dropped(test: &str) -> Came {
    let iptables = ["/usr/sbin/iptables", "/sbin/iptables"].map(std::path::Path::new);
    let Some(iptables) = iptables.into_iter().find(|path| path.is_file()) else {
        return Came::Skipped("iptables is not installed".to_owned());
    };
    let hosts = format!("127.0.0.1 localhost\n{REGISTRY} {NAME}\n");
    inside(test, &hosts, || async {
        let named = Named::set(|launch| launch).await;
        let trial = Trial::begin(named.order()).await;
        drop_packets(iptables, "-A");
        trial.lasts().await;
        drop_packets(iptables, "-D");
        trial.over(&named.webhook).await
    })
}
