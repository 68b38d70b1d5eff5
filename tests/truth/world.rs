//! The registries of the test's network, under names as people use them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::support::misbehaving::{Access, Registry};
use crate::support::real_registry::{Flavour, RealRegistry};
use crate::support::server::Greeting;
use crate::support::tls::{Ca, Kind, Leaf};
use crate::support::token_server::TokenServer;

use super::front::{Swallow, name_server, pass_on};
use super::store::Store;

/// Names and where they lead; everything else is asked of the name server.
const NAMES: &[(&str, &str)] = &[
    ("docker-registry.test", "127.0.1.1"),
    ("warm.docker-registry.test", "127.0.1.2"),
    ("distribution.test", "127.0.1.3"),
    ("warm.distribution.test", "127.0.1.4"),
    ("token.test", "127.0.1.5"),
    ("basic.test", "127.0.1.6"),
    ("odd.test", "127.0.1.7"),
    ("odd-token.test", "127.0.1.8"),
    ("registry-1.docker.io", "127.0.1.9"),
    ("stranger.test", "127.0.1.10"),
    ("expired.test", "127.0.1.11"),
    ("other-name.test", "127.0.1.12"),
    ("plain.test", "127.0.1.13"),
    ("swallowed.test", "127.0.1.14"),
    ("mute.test", "127.0.1.15"),
    ("hung-up.test", "127.0.1.16"),
    ("refused.test", "127.0.1.17"),
    ("unreachable.test", "198.51.100.1"),
    ("mixed.TEST", "127.0.1.7"),
];

/// Where the name server is.
const NAME_SERVER: &str = "127.0.0.53";

/// The hosts file.
pub fn hosts() -> String {
    NAMES.iter().fold("127.0.0.1 localhost\n".to_owned(), |mut text, (name, address)| {
        writeln!(text, "{address} {name}").unwrap();
        text
    })
}

/// The resolver's configuration: the defaults of the C library and of Go.
pub fn resolv_conf() -> String {
    format!("nameserver {NAME_SERVER}\n")
}

/// Everything that is asked.
pub struct World {
    pub ca: Ca,
    pub old_store: Store,
    pub store: Store,
    pub tokens: TokenServer,
    pub token: RealRegistry,
    pub basic: RealRegistry,
    pub odd: Registry,
    pub odd_token: Registry,
    pub hub: Registry,
    pub stranger: Registry,
    pub expired: Registry,
    pub other_name: Registry,
    pub plain: Registry,
    _mute: Registry,
    _hung_up: Registry,
    _swallowed: Swallow,
    _leaves: Vec<Leaf>,
}

/// The programs it is made of.
pub struct Binaries {
    pub docker_registry: PathBuf,
    pub distribution: PathBuf,
}

fn at(name: &str, port: u16) -> String {
    let (_, address) = NAMES.iter().find(|(known, _)| *known == name).expect("a name in the table");
    format!("{address}:{port}")
}

/// A misbehaving registry under a name.
async fn odd(access: Access, leaf: &Leaf, name: &str) -> Registry {
    let registry = Registry::start_tls(access, leaf).await;
    pass_on(&at(name, 443), registry.host()).await;
    registry
}

async fn real(binary: &Path, flavour: Flavour<'_>, ca: &Ca, name: &str) -> (RealRegistry, Leaf) {
    let leaf = ca.leaf(Kind::Good, &[name]);
    let registry = RealRegistry::start_tls(binary, flavour, ca, &leaf).await;
    pass_on(&at(name, 443), registry.host()).await;
    (registry, leaf)
}

async fn mute(greeting: Greeting, name: &str) -> Registry {
    let registry = Registry::start_mute(greeting).await;
    pass_on(&at(name, 443), registry.host()).await;
    registry
}

impl World {
    pub async fn start(binaries: &Binaries) -> Self {
        name_server(NAME_SERVER.parse().unwrap()).await;
        let ca = Ca::mint();
        let stranger = Ca::mint();
        let good = |name: &str| ca.leaf(Kind::Good, &[name]);
        let stores = |name: &'static str| (name, [at(name, 443), at(&format!("warm.{name}"), 443)]);
        let (name, [cold, warm]) = stores("docker-registry.test");
        let old_store = Store::start(&binaries.docker_registry, &ca, name, [&cold, &warm]).await;
        let (name, [cold, warm]) = stores("distribution.test");
        let store = Store::start(&binaries.distribution, &ca, name, [&cold, &warm]).await;

        let of_tokens = ca.good();
        let tokens = TokenServer::start_tls(&of_tokens).await;
        let flavour = Flavour::Bearer(&tokens);
        let (token, of_token) = real(&binaries.docker_registry, flavour, &ca, "token.test").await;
        let flavour = Flavour::Basic;
        let (basic, of_basic) = real(&binaries.docker_registry, flavour, &ca, "basic.test").await;

        let bearer = || Access::bearer(&tokens);
        let of_odd = ca.leaf(Kind::Good, &["odd.test", "mixed.test"]);
        let odd_registry = odd(Access::anonymous(), &of_odd, "odd.test").await;
        let odd_token = odd(bearer(), &good("odd-token.test"), "odd-token.test").await;
        let hub = odd(bearer(), &good("registry-1.docker.io"), "registry-1.docker.io").await;

        let of_stranger = stranger.leaf(Kind::Good, &["stranger.test"]);
        let of_expired = ca.leaf(Kind::Expired, &["expired.test"]);
        let of_other = ca.leaf(Kind::WrongName, &[]);
        let plain = Registry::start(Access::anonymous()).await;
        pass_on(&at("plain.test", 443), plain.host()).await;
        pass_on(&at("plain.test", 5000), plain.host()).await;
        pass_on("127.0.0.1:5000", plain.host()).await;
        pass_on("127.0.0.1:5443", odd_registry.host()).await;
        Self {
            stranger: odd(Access::anonymous(), &of_stranger, "stranger.test").await,
            expired: odd(Access::anonymous(), &of_expired, "expired.test").await,
            other_name: odd(Access::anonymous(), &of_other, "other-name.test").await,
            _mute: mute(Greeting::Silence, "mute.test").await,
            _hung_up: mute(Greeting::HangUp, "hung-up.test").await,
            _swallowed: Swallow::at(&at("swallowed.test", 443)).await,
            _leaves: vec![of_tokens, of_token, of_basic],
            ca,
            old_store,
            store,
            tokens,
            token,
            basic,
            odd: odd_registry,
            odd_token,
            hub,
            plain,
        }
    }

    /// From now on images can be pulled.
    pub fn settle(&self) {
        self.old_store.settle();
        self.store.settle();
    }
}
