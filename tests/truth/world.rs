//! The registries of the test's network, under names as people use them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::misbehaving::{Access, Logins, Registry};
use crate::support::real_registry::{Flavour, RealRegistry};
use crate::support::server::Greeting;
use crate::support::tls::{Ca, Kind, Leaf};
use crate::support::token_server::TokenServer;

use super::families::mirrors;
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
    ("odd-basic.test", "127.0.1.8"),
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
    ("insecure.test", "127.0.1.21"),
    ("mirror.test", "127.0.1.18"),
    ("upstream.test", UPSTREAM),
];

/// Where every name under `upstream.test` leads, and every name under `down.test`.
const UPSTREAM: &str = "127.0.1.19";
const DOWN: &str = "127.0.1.20";

/// Token registries, each with a token server of its own, at addresses that follow.
const MOODY: &[&str] = &[
    "strict.tokens.test",
    "get-only.tokens.test",
    "failing.tokens.test",
    "limited.tokens.test",
    "empty.tokens.test",
    "junk.tokens.test",
    "hanging.tokens.test",
];

fn address_of_moody(number: usize) -> String {
    format!("127.0.2.{}", number + 1)
}

/// Where the name server is.
const NAME_SERVER: &str = "127.0.0.53";

/// The hosts file.
pub fn hosts() -> String {
    let mut text = "127.0.0.1 localhost\n".to_owned();
    let mut add = |name: &str, address: &str| writeln!(text, "{address} {name}").unwrap();
    for (name, address) in NAMES {
        add(name, address);
    }
    for (number, name) in MOODY.iter().enumerate() {
        add(name, &address_of_moody(number));
    }
    for (name, is_up) in mirrors::names() {
        add(&name, if is_up { UPSTREAM } else { DOWN });
    }
    text
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
    pub odd_basic: Registry,
    pub logins: Logins,
    pub hub: Registry,
    pub stranger: Registry,
    pub expired: Registry,
    pub other_name: Registry,
    pub plain: Registry,
    pub mirror: Registry,
    pub upstream: Registry,
    moody: Vec<(Registry, TokenServer)>,
    certs_d: TempDir,
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
        let logins = Logins::default();
        let odd_basic = Access::basic(&logins);
        let odd_basic = odd(odd_basic, &good("odd-basic.test"), "odd-basic.test").await;
        let mirror = odd(Access::anonymous(), &good("mirror.test"), "mirror.test").await;
        let of_upstream = good("*.upstream.test");
        let upstream = odd(Access::anonymous(), &of_upstream, "upstream.test").await;
        let mut moody = Vec::new();
        for (number, name) in MOODY.iter().enumerate() {
            let tokens = TokenServer::start_tls(&of_tokens).await;
            let registry = Registry::start_tls(Access::bearer(&tokens), &good(name)).await;
            pass_on(&format!("{}:443", address_of_moody(number)), registry.host()).await;
            moody.push((registry, tokens));
        }
        let certs_d = TempDir::new().unwrap();
        mirrors::write(certs_d.path(), stranger.pem());
        let hub = odd(bearer(), &good("registry-1.docker.io"), "registry-1.docker.io").await;

        let of_stranger = stranger.leaf(Kind::Good, &["stranger.test"]);
        let of_expired = ca.leaf(Kind::Expired, &["expired.test"]);
        let of_other = ca.leaf(Kind::WrongName, &[]);
        let plain = Registry::start(Access::anonymous()).await;
        pass_on(&at("plain.test", 443), plain.host()).await;
        pass_on(&at("plain.test", 5000), plain.host()).await;
        pass_on(&at("insecure.test", 5000), plain.host()).await;
        pass_on(&at("odd.test", 8443), odd_registry.host()).await;
        pass_on("127.0.0.1:5000", plain.host()).await;
        pass_on("127.0.0.1:5443", odd_registry.host()).await;
        let unknown = odd(Access::anonymous(), &of_stranger, "stranger.test").await;
        pass_on(&at("insecure.test", 443), unknown.host()).await;
        Self {
            stranger: unknown,
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
            odd_basic,
            logins,
            mirror,
            upstream,
            moody,
            certs_d,
            hub,
            plain,
        }
    }

    /// A token registry whose token server may be in any mood, by its name.
    pub fn moody(&self, name: &str) -> &(Registry, TokenServer) {
        &self.moody[MOODY.iter().position(|it| *it == name).expect("a name in the table")]
    }

    /// The folder of `hosts.toml` files.
    pub fn certs_d(&self) -> &Path {
        self.certs_d.path()
    }

    /// From now on images can be pulled.
    pub fn settle(&self) {
        self.old_store.settle();
        self.store.settle();
    }
}
