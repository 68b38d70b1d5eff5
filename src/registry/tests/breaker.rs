//! Hosts that fail again and again, and hosts that want to be left alone, as lookups meet them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::fake::{Fake, Reply, answer, head, status};
use super::login::ada;
use super::mirrors;
use super::world::{
    SOON, app, assert_found, certificate, look, look_as, look_for, registry, settings, trouble,
};
use crate::credentials::Credential;
use crate::facts::TroubleKind;
use crate::registry::{RegistryClient, Resolve, ResolveError, Resolving};

/// Knows some names, and is silent about all others; counts what it is asked.
#[derive(Debug, Default)]
struct Names {
    known: HashMap<String, SocketAddr>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    fn new(names: &[(&str, &Fake)]) -> Arc<Self> {
        let known = names.iter().map(|(name, fake)| ((*name).to_owned(), fake.address)).collect();
        Arc::new(Self { known, asked: Mutex::default() })
    }

    fn asked(&self, name: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| *asked == name).count()
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, host: &'a str, _: u16) -> Resolving<'a> {
        self.asked.lock().unwrap().push(host.to_owned());
        let known = self.known.get(host).copied();
        Box::pin(async move {
            match known {
                Some(address) => Ok(vec![address]),
                None => std::future::pending::<Result<_, ResolveError>>().await,
            }
        })
    }
}

/// Lets time pass without waiting: no request is under way meanwhile.
async fn later(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

/// Looks four times, over more than two seconds.
async fn four_times(client: &RegistryClient, image: &str) {
    for n in 0..4 {
        look(client, image).await;
        if n < 3 {
            later(1).await;
        }
    }
}

/// A client to which no name resolves.
fn nameless() -> (Arc<Names>, RegistryClient) {
    let names = Names::new(&[]);
    let mut config = settings(&[]);
    config.resolver = Some(names.clone());
    (names, RegistryClient::new(config).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_name_that_never_resolves_is_looked_for_by_one_at_a_time() {
    let (names, client) = nameless();
    for _ in 0..4 {
        assert_eq!(trouble(look(&client, "dead.test/app:1").await).kind, TroubleKind::Dns);
    }
    assert_eq!(names.asked("dead.test"), 4);
    for n in 0..100 {
        let refused = trouble(look(&client, &format!("dead.test/app{n}:1")).await);
        assert_eq!((refused.kind, refused.host.as_str()), (TroubleKind::Dns, "dead.test"));
        assert_eq!(refused.detail, "no answer from DNS, 4 times in 20 s; asked again in 1 s");
    }
    assert_eq!(names.asked("dead.test"), 4);
    assert_eq!(trouble(look(&client, "other.test/app:1").await).detail, "no answer from DNS");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let many = (0..100).map(|n| {
        let (client, image) = (client.clone(), format!("dead.test/late{n}:1"));
        async move { trouble(look(&client, &image).await) }
    });
    let all = futures_util::future::join_all(many).await;
    let waited = all.iter().filter(|trouble| trouble.waited.is_some()).count();
    assert_eq!((waited, names.asked("dead.test")), (1, 5));
}

#[tokio::test(start_paused = true)]
async fn a_lookup_that_is_broken_off_says_nothing_of_the_host() {
    let (names, client) = nameless();
    let given_up = async || {
        let limit = Duration::from_secs(1);
        tokio::time::timeout(limit, look(&client, "slow.test/app:1")).await.unwrap_err();
    };
    for asked in 1..=8 {
        given_up().await;
        assert_eq!(names.asked("slow.test"), asked);
    }
    // Nor does it keep the place of the one that looks again.
    for _ in 0..4 {
        assert_eq!(trouble(look(&client, "slow.test/app:1").await).kind, TroubleKind::Dns);
    }
    assert_eq!(names.asked("slow.test"), 12);
    tokio::time::sleep(Duration::from_secs(1)).await;
    for asked in 13..=16 {
        given_up().await;
        assert_eq!(names.asked("slow.test"), asked);
    }
}

#[tokio::test]
async fn a_mirror_that_fails_again_and_again_is_passed_over() {
    let upstream = Fake::tls(certificate("reg.test"), app).await;
    let names = Names::new(&[("reg.test", &upstream)]);
    let hosts = "[host.\"http://m.test\"]\n";
    let client = mirrors::client_with(&[], hosts, |config| {
        config.resolver = Some(names.clone());
        config.limits.dns = SOON;
    });
    for _ in 0..4 {
        assert_found(&look(&client, "reg.test/app:1").await);
        later(1).await;
    }
    let asked = names.asked("m.test");
    assert!(asked >= 4, "{asked}");
    later(1).await;
    assert_found(&look(&client, "reg.test/app:1").await);
    assert!(names.asked("m.test") > asked, "the pause is over");
    let asked = names.asked("m.test");
    assert_found(&look(&client, "reg.test/app:1").await);
    assert_eq!(names.asked("m.test"), asked);
}

#[tokio::test]
async fn a_token_server_that_fails_counts_for_the_registry_that_names_it() {
    let realm = "Bearer realm=\"https://auth.test/token\",service=\"reg.test\"";
    let fake = Fake::tls(certificate("reg.test"), move |_| {
        answer(401, &[("www-authenticate", realm)], "")
    })
    .await;
    let mut config = settings(&[]);
    config.resolver = Some(Names::new(&[("reg.test", &fake)]));
    config.limits.dns = SOON;
    let client = RegistryClient::new(config).unwrap();
    four_times(&client, "reg.test/app:1").await;
    let asked = fake.lines().len();
    let refused = trouble(look(&client, "reg.test/app:1").await);
    assert_eq!((refused.kind, refused.host.as_str()), (TroubleKind::Dns, "reg.test"));
    assert_eq!(fake.lines().len(), asked);
}

#[tokio::test]
async fn silence_in_the_midst_of_an_answer_counts_and_the_end_of_all_time_too() {
    for (body, total) in [(SOON, Duration::from_secs(30)), (Duration::from_secs(30), SOON * 20)] {
        let fake = Fake::tls(certificate("reg.test"), |seen| {
            let Reply::Now(good) = app(seen) else { unreachable!("the good image is there") };
            if seen.method == "HEAD" {
                return Reply::Now(good);
            }
            let (mut response, body) = (head(200, &[]), good.body().clone());
            *response.headers_mut() = good.headers().clone();
            drop(body);
            Reply::Stall(response, bytes::Bytes::from_static(b"{"))
        })
        .await;
        let mut config = settings(&[("reg.test", &fake)]);
        (config.limits.body, config.limits.total) = (body, total);
        let client = RegistryClient::new(config).unwrap();
        four_times(&client, "reg.test/app:1").await;
        let asked = fake.lines().len();
        let refused = trouble(look(&client, "reg.test/app:1").await);
        assert_eq!(refused.kind, TroubleKind::Timeout);
        assert!(refused.detail.contains("4 times in"), "{}", refused.detail);
        assert_eq!(fake.lines().len(), asked);
    }
}

#[tokio::test]
async fn what_is_not_there_or_not_for_us_is_an_answer() {
    for code in [401, 403, 404] {
        let (fake, client) = registry(move |_| status(code)).await;
        four_times(&client, "reg.test/app:1").await;
        four_times(&client, "reg.test/other:1").await;
        let asked = fake.lines().len();
        look(&client, "reg.test/app:1").await;
        assert!(fake.lines().len() > asked, "{code}");
    }
}

#[tokio::test]
async fn a_limit_is_kept_to_by_every_namespace_and_for_every_image() {
    let (fake, client) = registry(|seen| match &seen.authorization {
        None => answer(429, &[("retry-after", "60")], ""),
        Some(_) => app(seen),
    })
    .await;
    let limited = trouble(look(&client, "reg.test/app:1").await);
    assert_eq!(limited.kind, TroubleKind::RateLimited);
    assert_eq!(fake.lines().len(), 1);
    for tenant in ["shop", "other"] {
        let limited = trouble(look_for(&client, tenant, "reg.test/other:1", None).await);
        assert_eq!((limited.kind, limited.detail.as_str()), (TroubleKind::RateLimited, "429"));
        assert!(limited.retry_after.is_some_and(|wait| wait.as_secs() >= 50), "{limited:?}");
    }
    assert_eq!(fake.lines().len(), 1);
    // Another account is another matter; this registry asks for no login, so that none is sent.
    look_as(&client, "reg.test/app:1", Some(&ada())).await;
    assert_eq!(fake.lines().len(), 2);
    later(60).await;
    look(&client, "reg.test/app:1").await;
    assert_eq!(fake.lines().len(), 3);
}

#[tokio::test]
async fn a_registry_that_is_away_for_a_while_is_left_alone_by_whom_it_told() {
    let (fake, client) = registry(|_| answer(503, &[("retry-after", "60")], "")).await;
    for named in [None, Some(Credential::new("ada", "one")), None] {
        look_as(&client, "reg.test/app:1", named.as_ref()).await;
        assert_eq!(fake.lines().len(), 1);
    }
    look_for(&client, "other", "reg.test/app:1", None).await;
    assert_eq!(fake.lines().len(), 2);
    // It has told two, so that it means everybody.
    look_for(&client, "third", "reg.test/app:1", None).await;
    assert_eq!(fake.lines().len(), 2);
    later(60).await;
    look(&client, "reg.test/app:1").await;
    assert_eq!(fake.lines().len(), 3);
}
