//! Requests on behalf of strangers: wherever an address can be named, one that is refused is not
//! asked, and no credential goes where its owner did not send it.

use std::collections::VecDeque;
use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use super::fake::{Fake, Reply, Seen, answer};
use super::login::{ada, guarded};
use super::network::proxy;
use super::tree::tree;
use super::world::{app, assert_found, certificate, config_path, look, look_as, settings};
use crate::facts::{Outcome, Unchecked};
use crate::registry::{
    AddressRule, ClientConfig, FixedResolver, ProxyRule, RegistryClient, Reserved, Resolve,
    ResolveError, Resolving,
};

/// What a stranger may name, and what that is called.
const FORBIDDEN: [(&str, &str); 10] = [
    ("169.254.169.254:443", "a cloud metadata address"),
    ("127.0.0.2:443", "a loopback address"),
    ("[fe80::1]:443", "a link-local address"),
    ("[::ffff:a9fe:a9fe]:443", "a cloud metadata address"),
    ("10.96.0.7:443", SERVICE),
    ("[::ffff:a60:7]:443", SERVICE),
    ("v4.test:443", SERVICE),
    ("v6.test:443", SERVICE),
    ("mapped.test:443", SERVICE),
    ("elsewhere.test:22", "a port that --registry-ports leaves out"),
];

const SERVICE: &str = "a Service";

/// Services of a cluster.
#[derive(Debug)]
struct Services;

impl Reserved for Services {
    fn what(&self, to: SocketAddr) -> Option<&'static str> {
        let ranges = ["10.96.0.0/16", "fd00:10:96::/112"];
        let mut ranges = ranges.iter().map(|range| range.parse::<ipnet::IpNet>().unwrap());
        ranges.any(|range| range.contains(&to.ip())).then_some(SERVICE)
    }
}

/// As `serve` has it in a cluster, where of the loopback only the tests' own servers are allowed.
fn rule() -> AddressRule {
    AddressRule {
        allow: vec!["127.0.0.1/32".parse().unwrap()],
        ports: vec![443..=443],
        reserved: Some(Arc::new(Services)),
        ..AddressRule::default()
    }
}

fn strict(names: &[(&str, &Fake)]) -> ClientConfig {
    let inside =
        [("v4.test", "10.96.0.7"), ("v6.test", "fd00:10:96::7"), ("mapped.test", "::ffff:a60:7")];
    let mut resolver = FixedResolver::default();
    for (name, address) in inside {
        resolver = resolver.with(name, SocketAddr::new(address.parse().unwrap(), 443));
    }
    for (name, fake) in names {
        resolver = resolver.with(*name, fake.address);
    }
    ClientConfig { address_rule: rule(), resolver: Some(Arc::new(resolver)), ..settings(&[]) }
}

fn client(names: &[(&str, &Fake)]) -> RegistryClient {
    RegistryClient::new(strict(names)).unwrap()
}

#[track_caller]
fn assert_declined(outcome: &Outcome, host: &str, what: &str) {
    let declined =
        Unchecked::Declined { host: host.to_owned(), what: format!("it leads to {what}") };
    assert_eq!(*outcome, Outcome::NotChecked(declined));
}

#[tokio::test]
async fn no_image_is_asked_for_at_a_forbidden_address() {
    let client = client(&[]);
    for (host, what) in FORBIDDEN {
        let outcome = look_as(&client, &format!("{host}/app:1"), Some(&ada())).await;
        assert_declined(&outcome, host, what);
    }
}

/// Sends everything that is not `kept` to this host.
fn sending_to(
    host: &str,
    kept: impl Fn(&Seen) -> Option<Reply> + Send + Sync,
) -> impl Fn(&Seen) -> Reply + Send + Sync {
    let to = format!("https://{host}/elsewhere");
    move |seen| kept(seen).unwrap_or_else(|| answer(307, &[("location", &to)], ""))
}

#[tokio::test]
async fn no_redirect_leads_to_a_forbidden_address() {
    for (host, what) in FORBIDDEN {
        let registry = Fake::tls(certificate("reg.test"), sending_to(host, |_| None)).await;
        let outcome = look(&client(&[("reg.test", &registry)]), "reg.test/app:1").await;
        assert_declined(&outcome, host, what);
    }
}

#[tokio::test]
async fn no_redirect_of_a_blob_leads_to_a_forbidden_address() {
    for (host, what) in FORBIDDEN {
        let good = |seen: &Seen| (!seen.path.contains("/blobs/")).then(|| app(seen));
        let registry = Fake::tls(certificate("reg.test"), sending_to(host, good)).await;
        let outcome = look(&client(&[("reg.test", &registry)]), "reg.test/app:1").await;
        assert_declined(&outcome, host, what);
        let blob = config_path();
        assert!(registry.lines().iter().any(|line| line.ends_with(&blob)), "it came so far");
    }
}

/// A realm without the port that everybody knows, and an address as addresses are written.
fn shown(host: &str) -> String {
    let host = host.trim_end_matches(":443");
    let literal = host.trim_matches(['[', ']']).parse::<Ipv6Addr>();
    literal.map_or_else(|_| host.to_owned(), |address| format!("[{address}]"))
}

#[tokio::test]
async fn no_token_is_asked_for_at_a_forbidden_address() {
    for (host, what) in FORBIDDEN {
        let challenge = format!(r#"Bearer realm="https://{host}/token",service="x""#).leak();
        let registry = Fake::tls(certificate("reg.test"), guarded(challenge, "x")).await;
        let client = client(&[("reg.test", &registry)]);
        for credential in [None, Some(&ada())] {
            let outcome = look_as(&client, "reg.test/app:1", credential).await;
            assert_declined(&outcome, &shown(host), what);
        }
        assert_eq!(registry.logins(), 0);
    }
}

#[tokio::test]
async fn no_mirror_is_asked_at_a_forbidden_address() {
    for (host, what) in FORBIDDEN {
        let hosts = format!("server = \"https://{host}\"\n");
        let tree = tree(&[("reg.test/hosts.toml", &hosts)]);
        let config = ClientConfig { certs_d: Some(tree.path().to_owned()), ..strict(&[]) };
        let client = RegistryClient::new(config).unwrap();
        let outcome = look_as(&client, "reg.test/app:1", Some(&ada())).await;
        assert_declined(&outcome, host, what);
    }
}

#[tokio::test]
async fn a_proxy_is_not_asked_for_a_forbidden_address_either() {
    let registry = Fake::tls(certificate("reg.test"), app).await;
    let (address, seen) = proxy("HTTP/1.1 200 OK\r\n\r\n", registry.address).await;
    let proxies = ProxyRule::Fixed {
        https: format!("http://{address}"),
        http: String::new(),
        no_proxy: String::new(),
    };
    let client = RegistryClient::new(ClientConfig { proxies, ..strict(&[]) }).unwrap();
    for (host, what) in FORBIDDEN {
        // What is the machine's own goes through no proxy.
        let outcome = look(&client, &format!("{host}/app:1")).await;
        assert_declined(&outcome, host, what);
    }
    assert_eq!(*seen.lock().unwrap(), "", "the proxy was asked for nothing");
    assert_found(&look(&client, "reg.test/app:1").await);
}

/// One answer after the other, the last one again and again.
#[derive(Debug)]
struct Turning(Mutex<VecDeque<Vec<SocketAddr>>>);

impl Resolve for Turning {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> Resolving<'a> {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(std::future::ready(answer.ok_or(ResolveError::NoSuchName)))
    }
}

fn turning(answers: Vec<Vec<SocketAddr>>) -> RegistryClient {
    let resolver: Arc<dyn Resolve> = Arc::new(Turning(Mutex::new(answers.into())));
    RegistryClient::new(ClientConfig { resolver: Some(resolver), ..strict(&[]) }).unwrap()
}

/// Where nobody may ask: it would be seen.
fn trap() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.2:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn assert_untouched(trap: &TcpListener) {
    assert_eq!(trap.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn a_name_that_turns_to_a_forbidden_address_is_refused_from_then_on() {
    let (listener, inside) = trap();
    // Under another spelling it is another connection, and the name is looked up again.
    let registry = Fake::tls(certificate("reg.test"), sending_to("reg.test:443", |_| None)).await;
    let client = turning(vec![vec![registry.address], vec![inside]]);
    let outcome = look_as(&client, "reg.test/app:1", Some(&ada())).await;
    assert_declined(&outcome, "reg.test:443", "a loopback address");
    assert_eq!(registry.lines().len(), 1, "the first answer was followed");
    assert_untouched(&listener);
}

#[tokio::test]
async fn of_a_names_addresses_only_those_that_are_allowed_are_tried() {
    let (listener, inside) = trap();
    let registry = Fake::tls(certificate("reg.test"), app).await;
    let service = "10.96.0.7:443".parse().unwrap();
    let client = turning(vec![vec![inside, service, registry.address, inside]]);
    assert_found(&look(&client, "reg.test/app:1").await);
    assert_untouched(&listener);
}

#[tokio::test]
async fn what_is_reserved_meanwhile_is_refused_to_the_next_connection() {
    /// Nothing, until something is.
    #[derive(Debug, Default)]
    struct Meanwhile(Mutex<Option<SocketAddr>>);

    impl Reserved for Meanwhile {
        fn what(&self, to: SocketAddr) -> Option<&'static str> {
            (*self.0.lock().unwrap() == Some(to)).then_some("a pod")
        }
    }

    let registry = Fake::tls(certificate("reg.test"), app).await;
    let other = Fake::tls(certificate("other.test"), app).await;
    let reserved = Arc::new(Meanwhile::default());
    let mut config = settings(&[("reg.test", &registry), ("other.test", &other)]);
    config.address_rule.reserved = Some(reserved.clone());
    let client = RegistryClient::new(config).unwrap();
    assert_found(&look(&client, "reg.test/app:1").await);
    *reserved.0.lock().unwrap() = Some(other.address);
    assert_declined(&look(&client, "other.test/app:1").await, "other.test", "a pod");
    assert!(other.lines().is_empty());
}

#[tokio::test]
async fn no_token_goes_along_with_the_redirect_of_a_blob() {
    let cdn = Fake::tls(certificate("cdn.test"), move |seen| {
        let mut seen = seen.clone();
        seen.path = config_path();
        app(&seen)
    })
    .await;
    let tokens = Fake::tls(certificate("auth.test"), |_| super::login::good_token()).await;
    let challenge = r#"Bearer realm="https://auth.test/token",service="x""#;
    let to_cdn = sending_to("cdn.test", move |seen| {
        let is_blob = seen.path.contains("/blobs/");
        let let_in = seen.authorization.as_deref() == Some("Bearer good");
        (!is_blob || !let_in).then(|| guarded(challenge, "Bearer good")(seen))
    });
    let registry = Fake::tls(certificate("reg.test"), to_cdn).await;
    let client = client(&[("reg.test", &registry), ("cdn.test", &cdn), ("auth.test", &tokens)]);
    assert_found(&look_as(&client, "reg.test/app:1", Some(&ada())).await);
    assert!(!cdn.seen().is_empty());
    for seen in cdn.seen() {
        assert_eq!((seen.authorization.as_deref(), seen.body.as_str()), (None, ""), "{seen:?}");
    }
}
