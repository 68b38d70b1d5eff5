//! Who is asked, in which order, for what, and with what.

use std::sync::Arc;
use std::time::Duration;

use super::super::fake::{Fake, Reply, Seen, answer, status};
use super::super::login::{ada, good_token};
use super::super::world::{assert_found, certificate, digest, look, look_as, settings, trouble};
use super::{asked, client, client_with, mirror, reading, tree};
use crate::facts::{Outcome, TroubleKind, Unchecked};
use crate::registry::{RegistryClient, Resolve, Resolving};

/// How the good image is asked for first at a mirror.
const HEAD: &str = "HEAD /v2/app/manifests/1?ns=reg.test";

async fn plain(behave: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Fake {
    Fake::plain(behave).await
}

#[tokio::test]
async fn mirrors_are_asked_in_order_and_the_first_that_has_it_is_the_last() {
    let (z, a, m) = (plain(|_| status(404)).await, plain(mirror).await, plain(mirror).await);
    let upstream = Fake::tls(certificate("reg.test"), mirror).await;
    let names = [("z.test", &z), ("a.test", &a), ("m.test", &m), ("reg.test", &upstream)];
    let hosts = "[host.\"http://z.test\"]\n[host.\"http://a.test\"]\n[host.\"http://m.test\"]\n";
    assert_found(&look(&client(&names, hosts), "reg.test/app:1").await);
    assert_eq!(z.lines(), ["HEAD /v2/app/manifests/1?ns=reg.test"]);
    let get = format!("GET /v2/app/manifests/{}?ns=reg.test", digest());
    assert_eq!(a.lines()[..2], ["HEAD /v2/app/manifests/1?ns=reg.test".to_owned(), get]);
    assert_eq!((asked(&m), asked(&upstream)), (0, 0));
}

#[tokio::test]
async fn the_registry_itself_comes_last_and_is_asked_on_nobodys_behalf() {
    let empty = plain(|_| status(404)).await;
    let upstream = Fake::tls(certificate("reg.test"), mirror).await;
    let names = [("m.test", &empty), ("reg.test", &upstream)];
    let client = client(&names, "[host.\"http://m.test\"]\n");
    assert_found(&look(&client, "reg.test/app:1").await);
    assert_eq!(upstream.lines()[0], "HEAD /v2/app/manifests/1");
}

#[tokio::test]
async fn docker_hub_goes_by_its_image_name_at_mirrors_and_by_none_at_its_own_host() {
    let empty = plain(|_| status(404)).await;
    let hub = Fake::tls(certificate("registry-1.docker.io"), mirror).await;
    let names = [("m.test", &empty), ("registry-1.docker.io", &hub)];
    let client = client(&names, "[host.\"http://m.test\"]\n");
    look(&client, "app:1").await;
    assert_eq!(empty.lines()[0], "HEAD /v2/library/app/manifests/1?ns=docker.io");
    assert_eq!(hub.lines()[0], "HEAD /v2/library/app/manifests/1");
}

#[tokio::test]
async fn a_port_in_the_registrys_name_is_escaped_in_the_query() {
    let empty = plain(mirror).await;
    let files = [("reg.test_5000_/hosts.toml", "server = \"http://m.test\"")];
    let client = reading(tree(&files), &[("m.test", &empty)], |_| {});
    assert_found(&look(&client, "reg.test:5000/app:1").await);
    assert_eq!(empty.lines()[0], "HEAD /v2/app/manifests/1?ns=reg.test%3A5000");
}

#[tokio::test]
async fn a_server_stands_in_for_the_registry_without_any_host_table() {
    let other = plain(mirror).await;
    let upstream = Fake::tls(certificate("reg.test"), |_| status(404)).await;
    let names = [("other.test", &other), ("reg.test", &upstream)];
    let client = client(&names, "server = \"http://other.test\"\n");
    assert_found(&look(&client, "reg.test/app:1").await);
    assert!(upstream.lines().is_empty());
}

#[tokio::test]
async fn a_default_folder_is_for_whatever_has_none_of_its_own() {
    let default = plain(mirror).await;
    let upstream = Fake::tls(certificate("reg.test"), mirror).await;
    let files = [
        ("_default/hosts.toml", "[host.\"http://default.test\"]"),
        ("reg.test/hosts.toml", "# asked itself\n"),
    ];
    let names = [("default.test", &default), ("reg.test", &upstream)];
    let client = reading(tree(&files), &names, |_| {});
    assert_found(&look(&client, "other.test/app:1").await);
    assert_eq!(default.lines()[0], "HEAD /v2/app/manifests/1?ns=other.test");
    assert_found(&look(&client, "reg.test/app:1").await);
    assert_eq!(asked(&default), 2);
}

#[tokio::test]
async fn a_host_that_may_not_resolve_is_asked_by_digest_only() {
    let mirrors = plain(mirror).await;
    let upstream = Fake::tls(certificate("reg.test"), mirror).await;
    let names = [("m.test", &mirrors), ("reg.test", &upstream)];
    let hosts = "[host.\"http://m.test\"]\ncapabilities = [\"pull\"]\n";
    let client = client(&names, hosts);
    assert_found(&look(&client, "reg.test/app:1").await);
    assert!(!mirrors.lines().iter().any(|line| line.starts_with("HEAD")), "{:?}", mirrors.lines());
    let before = asked(&upstream);
    assert_found(&look(&client, &format!("reg.test/app@{}", digest())).await);
    assert!(mirrors.lines().iter().any(|line| line.starts_with("HEAD")));
    assert_eq!(asked(&upstream), before);
}

#[tokio::test]
async fn hosts_that_may_only_be_pushed_to_are_not_asked() {
    let pushed = plain(mirror).await;
    let upstream = Fake::tls(certificate("reg.test"), mirror).await;
    let names = [("p.test", &pushed), ("reg.test", &upstream)];
    let hosts = "[host.\"http://p.test\"]\ncapabilities = [\"push\", \"resolve\", \"referrers\"]\n";
    assert_found(&look(&client(&names, hosts), "reg.test/app:1").await);
    assert!(!pushed.lines().iter().any(|line| line.starts_with("HEAD")));
}

#[tokio::test]
async fn where_no_host_may_be_asked_nothing_is_known() {
    let other = plain(mirror).await;
    let hosts = "server = \"http://other.test\"\ncapabilities = [\"pull\"]\n";
    let client = client(&[("other.test", &other)], hosts);
    let outcome = look(&client, "reg.test/app:1").await;
    let Outcome::NotChecked(Unchecked::NodeFiles(why)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(why, "its hosts.toml lets no host resolve tags");
    assert!(other.lines().is_empty());
    assert_found(&look(&client, &format!("reg.test/app@{}", digest())).await);
}

#[tokio::test]
async fn the_path_of_a_host_goes_before_v2_or_in_its_place() {
    for (hosts, root) in [
        ("server = \"http://m.test/cache\"\n", "/cache/v2"),
        ("server = \"http://m.test/cache/v2/\"\n", "/cache/v2"),
        ("server = \"http://m.test/cache\"\noverride_path = true\n", "/cache"),
        ("server = \"http://m.test\"\noverride_path = true\n", ""),
    ] {
        let cache = plain(|_| status(404)).await;
        look(&client(&[("m.test", &cache)], hosts), "reg.test/app:1").await;
        let expected = format!("HEAD {root}/app/manifests/1?ns=reg.test");
        assert_eq!(cache.lines()[0], expected, "{hosts}");
        let tags = format!("GET {root}/app/tags/list?n=1000&ns=reg.test");
        assert!(cache.lines().contains(&tags), "{:?}", cache.lines());
    }
}

#[tokio::test]
async fn headers_go_to_the_host_and_its_token_server_and_nowhere_else() {
    let challenge = "Bearer realm=\"http://auth.test/token\",service=\"m\"";
    let guard = move |seen: &Seen| match seen.authorization.as_deref() {
        Some("Bearer good") if seen.path.contains("sha256") => {
            answer(307, &[("location", &format!("http://cdn.test{}", seen.path))], "")
        }
        Some("Bearer good") => mirror(seen),
        _ => answer(401, &[("www-authenticate", challenge)], ""),
    };
    let (first, second) = (plain(|_| status(404)).await, plain(guard).await);
    let (tokens, cdn) = (plain(|_| good_token()).await, plain(mirror).await);
    let names =
        [("a.test", &first), ("m.test", &second), ("auth.test", &tokens), ("cdn.test", &cdn)];
    let hosts = "[host.\"http://a.test\"]\n[host.\"http://m.test\"]\n\
                 [host.\"http://m.test\".header]\nx-key = [\"one\", \"two\"]\n\
                 user-agent = \"node/1\"\nAccept = \"application/x-node\"\n";
    assert_found(&look_as(&client(&names, hosts), "reg.test/app:1", Some(&ada())).await);
    for fake in [&second, &tokens] {
        assert!(!fake.seen().is_empty());
        for seen in fake.seen() {
            assert_eq!(seen.all("x-key"), ["one", "two"], "{seen:?}");
            assert_eq!(seen.all("user-agent"), ["node/1"]);
            assert_eq!(seen.all("accept")[0], "application/x-node");
        }
    }
    assert_eq!(second.seen()[0].all("accept").len(), 2);
    assert!(!first.seen().is_empty() && !cdn.seen().is_empty());
    for seen in first.seen().into_iter().chain(cdn.seen()) {
        assert!(seen.all("x-key").is_empty(), "{seen:?}");
        assert_ne!(seen.all("user-agent"), ["node/1"]);
    }
}

#[tokio::test]
async fn a_login_that_the_operator_gives_as_a_header_goes_along() {
    let guarded = |seen: &Seen| match seen.authorization.as_deref() {
        Some("Basic b3BlcmF0b3I=") => mirror(seen),
        _ => answer(401, &[("www-authenticate", "Basic realm=\"x\"")], ""),
    };
    let mirrors = plain(guarded).await;
    let hosts = "server = \"http://m.test\"\nheader = { Authorization = \"Basic b3BlcmF0b3I=\" }\n";
    assert_found(&look(&client(&[("m.test", &mirrors)], hosts), "reg.test/app:1").await);
}

#[tokio::test]
async fn a_header_that_cannot_be_sent_makes_the_host_one_that_is_not_asked() {
    let (bad, good) = (plain(mirror).await, plain(mirror).await);
    let hosts = "server = \"http://good.test\"\n\
                 [host.\"http://bad.test\".header]\nx = \"a\\nb\"\n";
    let client = client(&[("bad.test", &bad), ("good.test", &good)], hosts);
    assert_found(&look(&client, "reg.test/app:1").await);
    assert!(bad.lines().is_empty());
}

#[tokio::test]
async fn the_same_credential_goes_to_every_host_that_asks_for_a_login() {
    let guarded = |seen: &Seen| match seen.authorization.as_deref() {
        Some(_) => status(404),
        None => answer(401, &[("www-authenticate", "Basic realm=\"x\"")], ""),
    };
    let (one, two) = (plain(guarded).await, plain(guarded).await);
    let hosts = "server = \"http://two.test\"\n[host.\"http://one.test\"]\n";
    let client = client(&[("one.test", &one), ("two.test", &two)], hosts);
    look_as(&client, "reg.test/app:1", Some(&ada())).await;
    for fake in [&one, &two] {
        assert_eq!(fake.seen()[0].authorization, None);
        let login = fake.seen().into_iter().find_map(|seen| seen.authorization);
        assert_eq!(login.as_deref(), Some("Basic YWRhOnNlY3JldA=="));
    }
}

#[tokio::test]
async fn a_refusal_stands_at_the_host_that_refused_and_on_behalf_of_that_registry() {
    let refusing = |seen: &Seen| match seen.authorization.as_deref() {
        Some(_) if seen.path.contains("ns=reg.test") => status(403),
        Some(_) => mirror(seen),
        None => answer(401, &[("www-authenticate", "Basic realm=\"x\"")], ""),
    };
    let mirrors = plain(refusing).await;
    let upstream = Fake::tls(certificate("reg.test"), mirror).await;
    let names = [("m.test", &mirrors), ("reg.test", &upstream)];
    let client = client(&names, "[host.\"http://m.test\"]\n");
    assert_found(&look_as(&client, "reg.test/app:1", Some(&ada())).await);
    let asked_once = mirrors.lines().len();
    assert_found(&look_as(&client, "reg.test/app:1", Some(&ada())).await);
    assert_eq!(mirrors.lines().len(), asked_once);
    // The same path of the same mirror, and another registry.
    look_as(&client, "docker.io/app/app:1", Some(&ada())).await;
    assert!(mirrors.lines().len() > asked_once);
}

#[derive(Debug)]
struct Silent;

impl Resolve for Silent {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> Resolving<'a> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_dial_timeout_is_the_longest_wait_for_a_connection() {
    let hosts = "server = \"http://m.test\"\ndial_timeout = \"10ms\"\n";
    let client = client_with(&[], hosts, |config| config.resolver = Some(Arc::new(Silent)));
    let trouble = trouble(look(&client, "reg.test/app:1").await);
    assert_eq!((trouble.kind, trouble.host.as_str()), (TroubleKind::Timeout, "m.test"));
    assert_eq!(trouble.waited, Some(Duration::from_millis(10)));
}

#[tokio::test]
async fn refused_addresses_are_refused_to_mirrors_too() {
    let mirrors = plain(mirror).await;
    let hosts = format!("server = \"http://{}\"\n", mirrors.address);
    let client = client_with(&[], &hosts, |config| config.address_rule.loopback_allowed = false);
    let outcome = look(&client, "reg.test/app:1").await;
    let Outcome::NotChecked(Unchecked::Declined { host, what }) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        (host, what),
        (mirrors.address.to_string(), "it leads to a loopback address".into())
    );
    assert!(mirrors.lines().is_empty());
}

#[tokio::test]
async fn only_a_registry_with_a_folder_counts_as_told() {
    let fake = plain(mirror).await;
    let client = client(&[("m.test", &fake)], "server = \"http://m.test\"\n");
    let told =
        async |image: &str| client.is_told(&crate::image::Reference::parse(image).unwrap()).await;
    assert!(told("reg.test/app:1").await && told("nginx").await);
    assert!(!told("other.test/app:1").await);
    let untold = RegistryClient::new(settings(&[])).unwrap();
    assert!(!untold.is_told(&crate::image::Reference::parse("nginx").unwrap()).await);
}

#[tokio::test]
async fn a_file_that_is_changed_counts_from_the_next_lookup_on() {
    let (old, new) = (plain(mirror).await, plain(mirror).await);
    let names = [("old.test", &old), ("new.test", &new)];
    let client = client_with(&names, "server = \"http://old.test\"\n", |config| {
        config.limits.files = Duration::ZERO;
    });
    assert_found(&look(&client, "reg.test/app:1").await);
    let file = client.tree.path().join("reg.test/hosts.toml");
    std::fs::write(&file, "server = \"http://new.test\"\n").unwrap();
    assert_found(&look(&client, "reg.test/app:1").await);
    assert_eq!((old.lines()[0].as_str(), new.lines()[0].as_str()), (HEAD, HEAD));
    std::fs::write(&file, "server = ").unwrap();
    let upstream = trouble(look(&client, "reg.test/app:1").await);
    assert_eq!((upstream.kind, upstream.host.as_str()), (TroubleKind::Dns, "reg.test"));
}
