//! Against an API server with conflicts, missing rights and other people's changes, at any time
//! of the year.

mod fake;

use axum::http::Method;
use rstest::rstest;
use serde_json::json;

use self::fake::{CONFIGURATION, Fake, SECRET, SECRETS};
use super::*;
use crate::certificates::{Authority, Kept, Stored, read_all};

const HOST: &str = "pullcheck.pullcheck.svc";

fn keeper(fake: &Fake) -> Keeper {
    let wanted = TlsSecret {
        namespace: "pullcheck".to_owned(),
        name: "own".to_owned(),
        hosts: vec![HOST.to_owned()],
        webhook_configuration: "pullcheck".to_owned(),
    };
    Keeper::new(fake.cluster(), wanted, Arc::default(), Arc::new(Metrics::new()))
}

/// One that has found everything in order.
async fn in_order(fake: &Fake, now: SystemTime) -> Keeper {
    let mut keeper = keeper(fake);
    keeper.finds_order(now).await;
    keeper
}

fn days(number: u64) -> Duration {
    Duration::from_secs(24 * 3_600 * number)
}

impl Keeper {
    /// Looks until nobody is faster; what was in the way.
    async fn look(&mut self, now: SystemTime) -> String {
        for _ in 0..100 {
            let why = match self.round(now).await {
                Err(Trouble::Conflict) => continue,
                Err(Trouble::Other(why)) => why,
                Ok(round) => {
                    self.remark_once(round.remark);
                    round.trouble
                }
            };
            self.report(&why);
            return why;
        }
        panic!("somebody else is always faster");
    }

    /// Looks, and nothing is in the way. What is written at the first start has to be read.
    async fn finds_order(&mut self, now: SystemTime) {
        assert_eq!(self.look(now).await, "");
        if !self.was_accepted {
            assert_eq!(self.look(now).await, "");
        }
        assert!(self.readiness.reasons().is_empty());
    }

    fn shows_that_of(&self, fake: &Fake) -> bool {
        self.certificates.shows(&read_all(&fake.value("tls.crt")))
    }
}

fn stored(fake: &Fake) -> Stored {
    Stored::of(|key| fake.value(key))
}

fn authorities(fake: &Fake) -> usize {
    read_all(&fake.value("ca.crt")).len()
}

#[tokio::test]
async fn the_first_start_makes_everything_and_the_second_nothing() {
    let fake = Fake::start().await;
    let now = SystemTime::now();
    let mut first = keeper(&fake);
    assert_eq!(first.readiness.reasons(), ["certificate: there is none yet"]);
    first.finds_order(now).await;
    assert!(first.shows_that_of(&fake));
    let secret = fake.object(SECRET).unwrap();
    assert_eq!(secret["type"], "kubernetes.io/tls");
    assert_eq!(secret["metadata"]["labels"]["app.kubernetes.io/managed-by"], "pullcheck");
    for index in [0, 2] {
        assert_eq!(fake.bundle(index), fake.value("ca.crt"));
    }
    assert!(fake.bundle(1).is_empty(), "a webhook elsewhere is somebody else's");

    let before = (fake.object(SECRET), fake.object(CONFIGURATION));
    let mut second = keeper(&fake);
    second.finds_order(now).await;
    first.finds_order(now).await;
    assert!(second.shows_that_of(&fake));
    assert_eq!((fake.object(SECRET), fake.object(CONFIGURATION)), before);
}

#[tokio::test]
async fn replicas_that_start_at_the_same_moment_end_with_one_authority() {
    let fake = Fake::start().await;
    let now = SystemTime::now();
    let starts = (0..8).map(|_| {
        let mut keeper = keeper(&fake);
        tokio::spawn(async move {
            keeper.finds_order(now).await;
            keeper
        })
    });
    let starts: Vec<_> = starts.collect();
    for start in starts {
        assert!(start.await.unwrap().shows_that_of(&fake));
    }
    assert_eq!(authorities(&fake), 1);
    assert_eq!(fake.bundle(0), fake.value("ca.crt"));
    assert_eq!(fake.asked(&Method::PUT, SECRET), 0, "nobody replaced what another had made");
}

#[tokio::test]
async fn a_change_by_somebody_else_in_between_is_read_before_anything_is_written() {
    let fake = Fake::start().await;
    let now = SystemTime::now();
    fake.race(Method::PATCH);
    let mut keeper = in_order(&fake, now).await;
    assert_eq!(fake.asked(&Method::PATCH, CONFIGURATION), 2);

    fake.race(Method::PUT);
    keeper.finds_order(now + days(61)).await;
    assert_eq!(fake.asked(&Method::PUT, SECRET), 2);
    assert!(keeper.shows_that_of(&fake));
}

#[tokio::test]
async fn what_another_replica_renewed_is_taken_up() {
    let fake = Fake::start().await;
    let now = SystemTime::now();
    let [mut one, mut other] = [in_order(&fake, now).await, in_order(&fake, now).await];
    for later in [now + days(61), now + days(246)] {
        one.finds_order(later).await;
        assert!(one.shows_that_of(&fake));
        assert!(!other.shows_that_of(&fake));
        other.finds_order(later).await;
        assert!(other.shows_that_of(&fake));
    }
    assert_eq!(authorities(&fake), 2);
    assert_eq!(fake.bundle(0), fake.value("ca.crt"));
}

#[tokio::test]
async fn a_deleted_secret_is_made_again_while_the_old_certificate_is_shown_and_trusted() {
    let fake = Fake::start().await;
    let now = SystemTime::now();
    let [mut one, mut other] = [in_order(&fake, now).await, in_order(&fake, now).await];
    let old = read_all(&fake.value("tls.crt"));
    fake.delete(SECRET);

    one.finds_order(now).await;
    assert_eq!(authorities(&fake), 2, "the old one is trusted: others still show it");
    assert_eq!(fake.bundle(0), fake.value("ca.crt"));
    // It waits until the API server has had time to hear of the new authority.
    assert!(one.certificates.shows(&old));
    one.finds_order(now).await;
    assert!(one.shows_that_of(&fake));
    assert!(other.certificates.shows(&old));
    other.finds_order(now).await;
    assert!(other.shows_that_of(&fake));
}

/// Others may show a certificate of the old authority, and clients must go on to trust it.
#[tokio::test]
async fn no_authority_is_begun_while_it_is_not_known_whom_clients_trust() {
    let fake = Fake::start().await;
    let now = SystemTime::now();
    let [mut one, mut other] = [in_order(&fake, now).await, in_order(&fake, now).await];
    let old = read_all(&fake.value("tls.crt"));
    fake.delete(SECRET);
    fake.refuse(Method::GET, CONFIGURATION, 500);
    for keeper in [&mut one, &mut other, &mut keeper(&fake)] {
        assert!(keeper.look(now).await.contains("500"));
        assert!(fake.object(SECRET).is_none());
    }
    fake.allow_all();
    one.finds_order(now).await;
    assert_eq!(authorities(&fake), 2);
    // The list has the new authority, but who cannot read that does not rely on it.
    fake.refuse(Method::GET, CONFIGURATION, 500);
    assert!(other.look(now).await.contains("500"));
    assert!(other.certificates.shows(&old) && !other.shows_that_of(&fake));
    assert!(other.readiness.reasons().is_empty());
    fake.allow_all();
    other.finds_order(now).await;
    assert!(other.shows_that_of(&fake));
}

#[tokio::test]
async fn it_is_ready_when_it_has_read_that_it_is_accepted_and_not_before() {
    let fake = Fake::start().await;
    let now = SystemTime::now();
    let mut keeper = keeper(&fake);
    assert_eq!(keeper.look(now).await, "");
    assert_eq!(keeper.readiness.reasons(), ["certificate: the API server is being told of it"]);
    assert_eq!(keeper.look(now).await, "");
    assert!(keeper.readiness.reasons().is_empty());
}

/// A new replica must not wait for what hurts no call.
#[tokio::test]
async fn a_new_replica_that_is_accepted_is_ready_whatever_else_is_in_the_way() {
    let fake = Fake::start().await;
    let now = SystemTime::now();
    keeper(&fake).finds_order(now).await;
    let mut configuration = fake.object(CONFIGURATION).unwrap();
    configuration["webhooks"][2]["clientConfig"]["service"]["name"] = "guard".into();
    configuration["webhooks"][2]["clientConfig"]["caBundle"] = "".into();
    fake.put(CONFIGURATION, configuration);
    fake.refuse(Method::PATCH, CONFIGURATION, 403);
    fake.refuse(Method::PUT, SECRET, 403);
    let mut second = keeper(&fake);
    let why = second.look(now + days(61)).await;
    assert!(why.contains("guard.pullcheck.svc") && why.contains("update secrets"), "{why}");
    assert!(second.readiness.reasons().is_empty());

    let mut configuration = fake.object(CONFIGURATION).unwrap();
    configuration["webhooks"][0]["clientConfig"]["caBundle"] = "".into();
    fake.put(CONFIGURATION, configuration);
    let mut third = keeper(&fake);
    let why = third.look(now).await;
    assert!(why.contains("patch validatingwebhookconfigurations"), "{why}");
    assert_eq!(third.readiness.reasons(), [format!("certificate: {why}")]);
}

#[tokio::test]
async fn a_list_that_somebody_else_wrote_is_put_right() {
    let fake = Fake::start().await;
    let now = SystemTime::now();
    let mut keeper = in_order(&fake, now).await;
    let own = fake.value("ca.crt");
    let foreign = Authority::mint(now).unwrap().pair().certificate;
    for list in [Vec::new(), b"garbage".to_vec(), foreign.into_bytes(), [&own[..], b"\n"].concat()]
    {
        fake.put_bundle(&list);
        keeper.finds_order(now).await;
        assert_eq!(fake.bundle(0), own);
    }
    assert!(keeper.remarked.contains("somebody else keeps changing caBundle"));
    keeper.finds_order(now + Duration::from_secs(600)).await;
    assert_eq!(keeper.remarked, "");
}

#[tokio::test]
async fn an_authority_that_was_trusted_before_is_still_trusted_after_the_first_start() {
    let fake = Fake::start().await;
    let now = SystemTime::now();
    let before = Authority::mint(now).unwrap();
    fake.put_bundle(before.pair().certificate.as_bytes());
    keeper(&fake).finds_order(now).await;
    let list = read_all(&fake.bundle(0));
    assert_eq!(list.len(), 2);
    assert_eq!(list[1..], read_all(before.pair().certificate.as_bytes()));
}

#[tokio::test]
async fn a_damaged_secret_is_repaired_and_the_rest_of_it_stays() {
    let fake = Fake::start().await;
    let now = SystemTime::now();
    let mut keeper = in_order(&fake, now).await;
    for key in Stored::KEYS {
        let mut secret = fake.object(SECRET).unwrap();
        secret["data"][key] = "not base64!".into();
        secret["metadata"]["annotations"] = json!({ "team": "platform" });
        fake.put(SECRET, secret);
        keeper.finds_order(now).await;
        keeper.finds_order(now).await;
        assert!(keeper.shows_that_of(&fake), "{key}");
        assert!(Kept::read(&stored(&fake)).next(&[HOST.to_owned()], now).is_none(), "{key}");
        assert_eq!(fake.bundle(0), fake.value("ca.crt"), "{key}");
        let annotations = &fake.object(SECRET).unwrap()["metadata"]["annotations"];
        assert_eq!(annotations["team"], "platform");
    }
}

#[tokio::test]
async fn a_secret_of_somebody_else_is_never_overwritten() {
    let fake = Fake::start().await;
    let theirs = json!({
        "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": { "name": "own", "namespace": "pullcheck" },
        "data": { "tls.crt": "", "tls.key": "" },
    });
    fake.put(SECRET, theirs);
    let before = fake.object(SECRET);
    let mut keeper = keeper(&fake);
    let why = keeper.look(SystemTime::now()).await;
    assert!(why.contains("Secret pullcheck/own is not pullcheck's own; delete it"), "{why}");
    assert_eq!(keeper.readiness.reasons(), [format!("certificate: {why}")]);
    assert_eq!(fake.object(SECRET), before);
    assert!(fake.bundle(0).is_empty());
}

#[rstest]
#[case::read_secret(Method::GET, SECRET, "get secrets pullcheck/own")]
#[case::make_secret(Method::POST, SECRETS, "create secrets pullcheck/own")]
#[case::read_list(Method::GET, CONFIGURATION, "get validatingwebhookconfigurations pullcheck")]
#[case::write_list(Method::PATCH, CONFIGURATION, "patch validatingwebhookconfigurations pullcheck")]
#[tokio::test]
async fn a_right_that_is_missing_at_the_first_start_is_named(
    #[case] method: Method,
    #[case] path: &str,
    #[case] right: &str,
) {
    let fake = Fake::start().await;
    fake.refuse(method, path, 403);
    let mut keeper = keeper(&fake);
    let why = keeper.look(SystemTime::now()).await;
    assert_eq!(why, format!("pullcheck may not {right}; grant it that right"));
    assert_eq!(keeper.readiness.reasons(), [format!("certificate: {why}")]);
    fake.allow_all();
    keeper.finds_order(SystemTime::now()).await;
    assert_eq!(fake.bundle(0), fake.value("ca.crt"));
}

/// A right that is taken away later is told, and keeps nobody from asking: the certificate holds
/// for a month at least.
#[rstest]
#[case::read_secret(Method::GET, SECRET, "get secrets")]
#[case::renew_secret(Method::PUT, SECRET, "update secrets")]
#[case::read_list(Method::GET, CONFIGURATION, "get validatingwebhookconfigurations")]
#[case::write_list(Method::PATCH, CONFIGURATION, "patch validatingwebhookconfigurations")]
#[tokio::test]
async fn a_right_that_is_taken_away_is_named_and_reviews_go_on(
    #[case] method: Method,
    #[case] path: &str,
    #[case] right: &str,
) {
    let fake = Fake::start().await;
    let now = SystemTime::now();
    let mut keeper = in_order(&fake, now).await;
    let shown = read_all(&fake.value("tls.crt"));
    fake.refuse(method, path, 403);
    fake.put_bundle(b"");
    let later = now + days(61);
    let why = keeper.look(later).await;
    assert!(why.contains(&format!("pullcheck may not {right} ")), "{why}");
    assert!(keeper.readiness.reasons().is_empty());
    assert!(keeper.certificates.not_after().is_some());
    fake.allow_all();
    keeper.finds_order(later).await;
    keeper.finds_order(later).await;
    assert!(keeper.shows_that_of(&fake) && !keeper.certificates.shows(&shown));
    assert_eq!(fake.bundle(0), fake.value("ca.crt"));
}

#[tokio::test]
async fn trouble_is_an_error_until_a_replica_serves_and_a_warning_from_then_on() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let subscriber =
        tracing_subscriber::fmt().with_writer(Arc::new(log.reopen().unwrap())).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    // With one subscriber alone, an event that another test's thread meets first, where there is
    // none, counts as unwanted everywhere.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let fake = Fake::start().await;
    let now = SystemTime::now();
    let mut keeper = keeper(&fake);
    fake.refuse(Method::GET, SECRET, 500);
    assert!(keeper.look(now).await.contains("500"));
    fake.allow_all();
    keeper.finds_order(now).await;
    fake.refuse(Method::GET, SECRET, 500);
    assert!(keeper.look(now).await.contains("500"));
    let log = std::fs::read_to_string(log.path()).unwrap();
    let told = log.lines().filter(|line| line.contains("cannot be kept in order"));
    let errors: Vec<_> = told.map(|line| line.contains("ERROR")).collect();
    assert_eq!(errors, [true, false], "{log}");
}

#[rstest]
#[tokio::test]
async fn an_api_server_in_trouble_takes_no_certificate_away(
    #[values(SECRET, CONFIGURATION)] path: &str,
    #[values(500, 401, 429)] status: u16,
) {
    let fake = Fake::start().await;
    let now = SystemTime::now();
    let mut running = keeper(&fake);
    running.finds_order(now).await;
    fake.refuse(Method::GET, path, status);
    let why = running.look(now).await;
    assert!(why.contains("pullcheck: API server") || why.contains("own: API server"), "{why}");
    assert!(why.contains(&status.to_string()), "{why}");
    assert!(running.readiness.reasons().is_empty() && running.shows_that_of(&fake));

    let mut starting = keeper(&fake);
    assert!(starting.look(now).await.contains(&status.to_string()));
    assert!(starting.readiness.reasons()[0].contains(&status.to_string()));
    fake.allow_all();
    starting.finds_order(now).await;
}

#[tokio::test]
async fn without_a_webhook_configuration_there_is_a_certificate_all_the_same() {
    let fake = Fake::start().await;
    let configuration = fake.object(CONFIGURATION).unwrap();
    fake.delete(CONFIGURATION);
    let now = SystemTime::now();
    let mut keeper = in_order(&fake, now).await;
    assert!(keeper.shows_that_of(&fake));
    let told = "ValidatingWebhookConfiguration pullcheck does not exist";
    assert!(keeper.remarked.contains(told), "{}", keeper.remarked);
    assert!(keeper.remarked.contains("--webhook-configuration"), "{}", keeper.remarked);
    let empty = json!({ "kind": "ValidatingWebhookConfiguration", "metadata": {} });
    fake.put(CONFIGURATION, empty);
    keeper.finds_order(now).await;
    assert!(keeper.remarked.contains("has no webhook with"), "{}", keeper.remarked);
    // It is installed later.
    fake.put(CONFIGURATION, configuration);
    keeper.finds_order(now).await;
    assert_eq!(keeper.remarked, "");
    assert_eq!(fake.bundle(0), fake.value("ca.crt"));
}

#[tokio::test]
async fn a_service_that_the_certificate_does_not_name_is_told_of_and_gets_no_authority_of_ours() {
    let fake = Fake::start().await;
    let mut configuration = fake.object(CONFIGURATION).unwrap();
    configuration["webhooks"][2]["clientConfig"]["service"]["name"] = "guard".into();
    fake.put(CONFIGURATION, configuration);
    let mut keeper = keeper(&fake);
    let why = keeper.look(SystemTime::now()).await;
    assert!(why.contains("asks for guard.pullcheck.svc, which the certificate does not"), "{why}");
    assert!(why.contains("--tls-host"), "{why}");
    assert_eq!(fake.bundle(0), fake.value("ca.crt"));
    assert!(fake.bundle(2).is_empty());
}

/// Nobody may update the Secret until the certificate in it has ended.
#[tokio::test]
async fn an_ended_certificate_is_replaced_at_once_when_that_is_possible_again() {
    let fake = Fake::start().await;
    let now = SystemTime::now();
    let mut keeper = in_order(&fake, now).await;
    let later = now + days(100);
    fake.refuse(Method::PUT, SECRET, 403);
    assert!(keeper.look(later).await.contains("update secrets"));
    fake.allow_all();
    keeper.finds_order(later).await;
    assert!(keeper.shows_that_of(&fake));
    assert!(keeper.certificates.not_after().is_some_and(|end| end > later + days(80)));
}

#[tokio::test]
async fn running_it_looks_at_once_and_again_when_nudged() {
    let fake = Fake::start().await;
    let keeper = keeper(&fake);
    let certificates = keeper.certificates();
    let nudged = Arc::new(Notify::new());
    let (stop, stopped) = crate::server::shutdown::channel();
    let running = tokio::spawn(keeper.run(Arc::clone(&nudged), stopped));
    while certificates.not_after().is_none() {
        tokio::task::yield_now().await;
    }
    // One that another replica made meanwhile.
    let kept = Kept::read(&stored(&fake));
    let later = SystemTime::now() + days(61);
    let step = kept.next(&[HOST.to_owned()], later).unwrap();
    let renewed = kept.renewed(step, &[HOST.to_owned()], &[], SystemTime::now()).unwrap();
    fake.put_values(renewed.values());
    let chain = read_all(&fake.value("tls.crt"));
    nudged.notify_one();
    while !certificates.shows(&chain) {
        tokio::task::yield_now().await;
    }
    stop.fire();
    running.await.unwrap();
}
