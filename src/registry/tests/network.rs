//! What the network does to us: names, addresses, TLS, plain HTTP, proxies.

use std::net::SocketAddr;
use std::sync::Arc;

use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::fake::{Fake, answer, status};
use super::login::{ada, guarded};
use super::world::{
    app, assert_found, certificate, client, client_at, expired_certificate, foreign_certificate,
    look, look_as, registry, settings, settings_at, trouble,
};
use crate::facts::{Outcome, TroubleKind, Unchecked};
use crate::registry::{
    AddressRule, ClientConfig, ProxyRule, RegistryClient, Resolve, ResolveError, Resolving,
};

/// An address where nothing listens.
fn dead() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A server that reads a little, answers this, and hangs up.
async fn mumbling(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut some = [0; 16];
                let _ = tcp.read(&mut some).await;
                let _ = tcp.write_all(answer).await;
                let _ = tcp.shutdown().await;
                // Until the other end has gone too, so that nothing is lost to a reset.
                while tcp.read(&mut some).await.is_ok_and(|read| read > 0) {}
            });
        }
    });
    address
}

#[derive(Debug)]
struct Failing(ResolveError);

impl Resolve for Failing {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> Resolving<'a> {
        Box::pin(std::future::ready(Err(self.0)))
    }
}

#[rstest]
#[case(ResolveError::NoSuchName, "no such host")]
#[case(ResolveError::TimedOut, "no answer from DNS")]
#[case(ResolveError::ServerFailure, "the name server failed")]
#[tokio::test]
async fn a_name_that_has_no_address_is_dns_trouble(
    #[case] error: ResolveError,
    #[case] detail: &str,
) {
    let resolver: Option<Arc<dyn Resolve>> = Some(Arc::new(Failing(error)));
    let client = RegistryClient::new(ClientConfig { resolver, ..settings(&[]) }).unwrap();
    let trouble = trouble(look(&client, "reg.test/app:1").await);
    assert_eq!((trouble.kind, trouble.detail.as_str()), (TroubleKind::Dns, detail));
    assert_eq!(trouble.host, "reg.test");
}

#[tokio::test]
async fn a_port_where_nothing_listens_is_refused() {
    let client = client_at(&[("reg.test", dead())]);
    let trouble = trouble(look(&client, "reg.test/app:1").await);
    assert_eq!(trouble.kind, TroubleKind::Refused);
    assert_eq!(trouble.detail, "connection refused");
}

#[tokio::test]
async fn every_fault_of_a_certificate_has_its_name() {
    for (config, detail) in [
        (foreign_certificate("reg.test"), "certificate signed by an unknown authority"),
        (expired_certificate("reg.test"), "certificate expired"),
        (certificate("other.test"), "certificate is for another name"),
    ] {
        let fake = Fake::tls(config, app).await;
        let trouble = trouble(look(&client(&[("reg.test", &fake)]), "reg.test/app:1").await);
        assert_eq!((trouble.kind, trouble.detail.as_str()), (TroubleKind::Tls, detail));
        assert!(fake.lines().is_empty());
    }
}

#[tokio::test]
async fn an_insecure_hosts_certificate_is_not_checked_and_every_other_still_is() {
    let fake = Fake::tls(foreign_certificate("reg.test"), app).await;
    let mut settings = settings(&[("reg.test", &fake), ("other.test", &fake)]);
    settings.insecure_hosts = vec!["reg.test".to_owned()];
    let client = RegistryClient::new(settings).unwrap();
    assert_found(&look(&client, "reg.test/app:1").await);
    assert_eq!(trouble(look(&client, "other.test/app:1").await).kind, TroubleKind::Tls);
}

#[tokio::test]
async fn plain_http_is_named_and_only_insecure_hosts_are_asked_by_it() {
    let fake = Fake::plain(app).await;
    let mut settings = settings(&[("reg.test", &fake), ("other.test", &fake)]);
    settings.insecure_hosts = vec!["reg.test".to_owned()];
    let client = RegistryClient::new(settings).unwrap();
    assert_found(&look(&client, "reg.test/app:1").await);
    let before = fake.lines().len();
    let outcome = look_as(&client, "other.test/app:1", Some(&ada())).await;
    assert_eq!(fake.lines().len(), before);
    assert!(matches!(trouble(outcome).kind, TroubleKind::PlainHttp | TroubleKind::Tls));
}

#[tokio::test]
async fn a_server_that_answers_plain_http_to_tls_is_told_from_one_that_hangs_up() {
    let answering = mumbling(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    let silent = mumbling(b"").await;
    let client = client_at(&[("plain.test", answering), ("closed.test", silent)]);
    let plain = trouble(look(&client, "plain.test/app:1").await);
    assert_eq!(plain.kind, TroubleKind::PlainHttp);
    let closed = trouble(look(&client, "closed.test/app:1").await);
    assert_eq!(closed.detail, "connection closed during the TLS handshake");
}

#[tokio::test]
async fn localhost_falls_back_to_plain_http_and_may_then_name_a_plain_realm() {
    let tokens = Fake::plain(|_| super::login::good_token()).await;
    let challenge = format!(r#"Bearer realm="http://{}/token""#, tokens.address);
    let challenge: &'static str = challenge.leak();
    let registry = Fake::plain(guarded(challenge, "Bearer good")).await;
    let client = client(&[]);
    let image = format!("{}/app:1", registry.address);
    assert_found(&look_as(&client, &image, Some(&ada())).await);
    assert_eq!(tokens.logins(), 1);
    assert_found(&look_as(&client, &image, Some(&ada())).await);
}

#[tokio::test]
async fn what_is_not_http_is_said_to_be_not() {
    let mut settings = settings_at(&[("reg.test", mumbling(b"SSH-2.0-OpenSSH\r\n").await)]);
    settings.insecure_hosts = vec!["reg.test".to_owned()];
    let client = RegistryClient::new(settings).unwrap();
    let trouble = trouble(look(&client, "reg.test/app:1").await);
    assert_eq!(
        (trouble.kind, trouble.detail.as_str()),
        (TroubleKind::Error, "its answer is not HTTP")
    );
}

#[rstest]
#[case::literal("127.0.0.1:5000/app:1", "127.0.0.1:5000")]
#[case::literal_v6("[::1]:5000/app:1", "[::1]:5000")]
#[case::mapped("[::ffff:7f00:1]:5000/app:1", "[::ffff:7f00:1]:5000")]
#[case::name("reg.test/app:1", "reg.test")]
#[tokio::test]
async fn loopback_is_declined_in_every_spelling_unless_allowed(
    #[case] image: &str,
    #[case] host: &str,
) {
    let fake = Fake::tls(certificate("reg.test"), |_| status(500)).await;
    let mut settings = settings(&[("reg.test", &fake)]);
    settings.address_rule = AddressRule::default();
    let client = RegistryClient::new(settings).unwrap();
    let what = "it leads to a loopback address".to_owned();
    let declined = Unchecked::Declined { host: host.to_owned(), what };
    assert_eq!(look(&client, image).await, Outcome::NotChecked(declined));
    assert!(fake.lines().is_empty());
}

#[tokio::test]
async fn a_token_realm_at_a_forbidden_address_is_declined() {
    let challenge = r#"Bearer realm="https://169.254.169.254/latest""#;
    let fake = Fake::tls(certificate("reg.test"), guarded(challenge, "x")).await;
    let outcome = look_as(&client(&[("reg.test", &fake)]), "reg.test/app:1", Some(&ada())).await;
    let what = "it leads to a cloud metadata address".to_owned();
    let declined = Unchecked::Declined { host: "169.254.169.254".to_owned(), what };
    assert_eq!(outcome, Outcome::NotChecked(declined));
}

/// A proxy that answers CONNECT like this, and then passes everything on to `to`.
pub(super) async fn proxy(
    answer: &'static str,
    to: SocketAddr,
) -> (SocketAddr, Arc<std::sync::Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(std::sync::Mutex::new(String::new()));
    let heard = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let heard = heard.clone();
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    if tcp.read_buf(&mut request).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                heard.lock().unwrap().push_str(&String::from_utf8_lossy(&request));
                let _ = tcp.write_all(answer.as_bytes()).await;
                if let Ok(mut server) = tokio::net::TcpStream::connect(to).await {
                    let _ = tokio::io::copy_bidirectional(&mut tcp, &mut server).await;
                }
            });
        }
    });
    (address, seen)
}

fn through(proxy: SocketAddr) -> RegistryClient {
    let mut settings = settings_at(&[("proxy.test", proxy), ("inside.test", dead())]);
    // The proxy's own address is the operator's choice.
    settings.address_rule = AddressRule::default();
    settings.proxies = ProxyRule::Fixed {
        https: "http://user:hush@proxy.test:3128".to_owned(),
        http: String::new(),
        no_proxy: String::new(),
    };
    RegistryClient::new(settings).unwrap()
}

#[tokio::test]
async fn https_goes_through_the_proxys_tunnel() {
    let fake = Fake::tls(certificate("reg.test"), app).await;
    let (address, seen) = proxy("HTTP/1.1 200 OK\r\n\r\n", fake.address).await;
    assert_found(&look(&through(address), "reg.test/app:1").await);
    let request = seen.lock().unwrap().clone();
    assert!(request.starts_with("CONNECT reg.test:443 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("Proxy-Authorization: Basic dXNlcjpodXNo\r\n"), "{request}");
    assert!(fake.seen().iter().all(|seen| seen.authorization.is_none()));
}

#[tokio::test]
async fn a_proxy_that_will_not_let_us_through_is_the_proxys_trouble() {
    for (answer, words) in [
        ("HTTP/1.1 407 No\r\n\r\n", "the proxy wants a login (407)"),
        ("HTTP/1.1 503 No\r\n\r\n", "the proxy refuses the way (503)"),
        ("what?\r\n\r\n", "the proxy does not speak HTTP"),
    ] {
        let (address, _) = proxy(answer, dead()).await;
        let trouble = trouble(look(&through(address), "reg.test/app:1").await);
        assert_eq!((trouble.kind, trouble.detail.as_str()), (TroubleKind::Proxy, words));
        assert_eq!(trouble.host, "reg.test");
    }
    let trouble = trouble(look(&through(dead()), "reg.test/app:1").await);
    assert_eq!(trouble.detail, "the proxy cannot be reached: connection refused");
}

#[rstest]
#[case::literal("169.254.169.254", "a cloud metadata address")]
#[case::decimal("2852039166.:443", "an address in an odd spelling")]
#[case::hexadecimal("0xa9.0xfe.0xa9.0xfe", "an address in an odd spelling")]
#[case::dotted("169.254.169.254.", "a cloud metadata address")]
#[case::name("inside.test", "a loopback address")]
#[tokio::test]
async fn a_forbidden_address_is_not_asked_for_through_a_proxy_either(
    #[case] host: &str,
    #[case] what: &str,
) {
    // Named by a realm, which may be written in more ways than a reference.
    let challenge = format!(r#"Bearer realm="https://{host}/token""#).leak();
    let fake = Fake::tls(certificate("reg.test"), guarded(challenge, "x")).await;
    let (address, seen) = proxy("HTTP/1.1 200 OK\r\n\r\n", fake.address).await;
    let outcome = look(&through(address), "reg.test/app:1").await;
    let what = format!("it leads to {what}");
    let Outcome::NotChecked(Unchecked::Declined { what: told, .. }) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(told, what);
    assert_eq!(seen.lock().unwrap().matches("CONNECT").count(), 1, "only to the registry");
}

#[tokio::test]
async fn a_host_longer_than_any_is_asked_for_nowhere() {
    let long = format!("{}.test", "a".repeat(60)).repeat(5);
    let (fake, client) = registry(move |seen| {
        let to = format!("https://{}{}", format!("{}.test", "a".repeat(60)).repeat(5), seen.path);
        answer(307, &[("location", &to)], "")
    })
    .await;
    for image in [format!("{long}/app:1"), format!("{long}:5000/app:1"), "reg.test/app:1".into()] {
        let trouble = trouble(look(&client, &image).await);
        let expected = (TroubleKind::Dns, "the host name is too long");
        assert_eq!((trouble.kind, trouble.detail.as_str()), expected);
    }
    assert_eq!(fake.lines().len(), 1, "only where the redirect came from");
}
