//! Servers that keep us waiting, and what is said meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::Instant;

use super::fake::{Fake, Reply, Seen, answer, head, status};
use super::login::guarded;
use super::world::{OCI, SOON, app, certificate, look, settings, settings_at, trouble};
use crate::facts::{Missing, Outcome, TroubleKind, Unchecked};
use crate::image::Reference;
use crate::registry::{
    ClientConfig, Limits, Lookup, Phase, Progress, RegistryClient, Resolve, Resolving,
};

/// Limits so small are only for waits that never end: all others take as long as they take.
async fn hanging(
    limits: Limits,
    behave: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> (Fake, RegistryClient) {
    let fake = Fake::tls(certificate("reg.test"), behave).await;
    let settings = ClientConfig { limits, ..settings(&[("reg.test", &fake)]) };
    (fake, RegistryClient::new(settings).unwrap())
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_timeout() {
    let limits = Limits { headers: SOON, ..Limits::default() };
    let (fake, client) = hanging(limits, |_| Reply::Never).await;
    let trouble = trouble(look(&client, "reg.test/app:1").await);
    assert_eq!((trouble.kind, trouble.detail.as_str()), (TroubleKind::Timeout, "no answer"));
    assert_eq!(trouble.waited, Some(SOON));
    assert_eq!(fake.lines().len(), 1, "it is not asked again");
}

#[tokio::test]
async fn a_server_that_stops_inside_its_answer_is_a_timeout() {
    let limits = Limits { body: SOON, ..Limits::default() };
    let (_fake, client) = hanging(limits, |seen| match seen.method.as_str() {
        "HEAD" => app(seen),
        _ => Reply::Stall(head(200, &[("content-type", OCI)]), "{".into()),
    })
    .await;
    let trouble = trouble(look(&client, "reg.test/app:1").await);
    assert_eq!(trouble.kind, TroubleKind::Timeout);
    assert_eq!(trouble.detail, "no complete answer");
}

#[tokio::test]
async fn a_server_that_never_shakes_hands_is_tls_trouble() {
    // Accepted by the kernel, and never answered.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let names = [("reg.test", listener.local_addr().unwrap())];
    let limits = Limits { tls: SOON, ..Limits::default() };
    let settings = ClientConfig { limits, ..settings_at(&names) };
    let client = RegistryClient::new(settings).unwrap();
    let trouble = trouble(look(&client, "reg.test/app:1").await);
    assert_eq!((trouble.kind, trouble.waited), (TroubleKind::Tls, Some(SOON)));
}

#[derive(Debug)]
struct Silent;

impl Resolve for Silent {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> Resolving<'a> {
        Box::pin(std::future::pending())
    }
}

fn with_silent_dns(limits: Limits) -> RegistryClient {
    let settings = ClientConfig { limits, resolver: Some(Arc::new(Silent)), ..settings(&[]) };
    RegistryClient::new(settings).unwrap()
}

#[tokio::test]
async fn a_name_server_that_never_answers_is_dns_trouble() {
    let dns = Duration::from_millis(20);
    let client = with_silent_dns(Limits { dns, ..Limits::default() });
    let trouble = trouble(look(&client, "reg.test/app:1").await);
    assert_eq!((trouble.kind, trouble.waited), (TroubleKind::Dns, Some(dns)));
}

#[tokio::test]
async fn the_total_limit_ends_a_lookup_with_the_phase_it_was_in() {
    let client = with_silent_dns(Limits { total: Duration::from_millis(20), ..Limits::default() });
    assert_eq!(trouble(look(&client, "reg.test/app:1").await).kind, TroubleKind::Dns);
}

#[tokio::test]
async fn a_token_server_that_never_answers_is_its_own_timeout() {
    let challenge = r#"Bearer realm="https://auth.test/token""#;
    let registry = Fake::tls(certificate("reg.test"), guarded(challenge, "x")).await;
    let tokens = Fake::tls(certificate("auth.test"), |_| Reply::Never).await;
    let names = [("reg.test", &registry), ("auth.test", &tokens)];
    // The registry's own first answer is under this limit too.
    let limits = Limits { headers: Duration::from_secs(1), ..Limits::default() };
    let settings = ClientConfig { limits, ..settings(&names) };
    let client = RegistryClient::new(settings).unwrap();
    let trouble = trouble(look(&client, "reg.test/app:1").await);
    assert_eq!((trouble.kind, trouble.host.as_str()), (TroubleKind::Timeout, "auth.test"));
}

/// Starts a lookup, waits until the server was asked for `line`, and asks what is known.
async fn interrupted(
    behave: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    wait: impl Fn(&Progress) -> bool,
) -> Outcome {
    let fake = Fake::tls(certificate("reg.test"), behave).await;
    interrupted_at(super::world::client(&[("reg.test", &fake)]), wait).await
}

async fn interrupted_at(client: RegistryClient, wait: impl Fn(&Progress) -> bool) -> Outcome {
    let (progress, reference) = (Progress::new(), Reference::parse("reg.test/app:1").unwrap());
    let watched = progress.clone();
    let lookup = tokio::spawn(async move {
        let lookup =
            Lookup { reference: &reference, credential: None, tenant: "shop", entry: None };
        client.lookup(lookup, &watched).await
    });
    while !wait(&progress) {
        tokio::task::yield_now().await;
    }
    let known = progress.at_deadline(Instant::now());
    lookup.abort();
    known
}

#[tokio::test]
async fn a_deadline_in_the_middle_names_host_and_wait() {
    let body = |progress: &Progress| progress.phase() == Phase::Body;
    let known = interrupted(
        |seen| match seen.method.as_str() {
            "HEAD" => app(seen),
            _ => Reply::Stall(head(200, &[("content-type", OCI)]), "{".into()),
        },
        body,
    )
    .await;
    let trouble = trouble(known);
    assert_eq!((trouble.kind, trouble.host.as_str()), (TroubleKind::Timeout, "reg.test"));
}

#[tokio::test]
async fn a_deadline_among_layers_names_the_longest_wait() {
    let image = super::shelf::image(&["one", "two", "three"]);
    let (good, slow, moved) = (image.shelf(), image.layer(1), image.layer(2));
    let hung = Arc::new(AtomicUsize::new(0));
    let count = hung.clone();
    let registry = Fake::tls(certificate("reg.test"), move |seen| {
        if seen.path == slow {
            count.fetch_add(1, Ordering::SeqCst);
            return Reply::Never;
        }
        if seen.path == moved {
            return answer(307, &[("location", "https://cdn.test/x")], "");
        }
        good(seen)
    })
    .await;
    // The other wait begins when this one has.
    let asked = Arc::new(AtomicUsize::new(0));
    let seen = asked.clone();
    let cdn = Fake::tls(certificate("cdn.test"), move |_| {
        seen.fetch_add(1, Ordering::SeqCst);
        Reply::Never
    })
    .await;
    let client = super::world::client(&[("reg.test", &registry), ("cdn.test", &cdn)]);
    let both =
        move |_: &Progress| hung.load(Ordering::SeqCst) == 1 && asked.load(Ordering::SeqCst) == 1;
    let trouble = trouble(interrupted_at(client, both).await);
    assert_eq!((trouble.kind, trouble.host.as_str()), (TroubleKind::Timeout, "reg.test"));
    assert_eq!(trouble.detail, "no answer");
}

#[tokio::test]
async fn a_404_is_known_while_its_explanation_is_still_awaited() {
    let absent =
        |progress: &Progress| matches!(progress.at_deadline(Instant::now()), Outcome::Absent(_));
    let known =
        interrupted(|seen| if seen.method == "HEAD" { status(404) } else { Reply::Never }, absent)
            .await;
    let Outcome::Absent(known) = known else { panic!("{known:?}") };
    assert_eq!((known.what, known.evidence.status), (Missing::Tag, 404));
}

#[tokio::test]
async fn an_image_that_has_come_is_not_absent_while_it_is_fetched() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let known = interrupted(
        move |seen| match count.fetch_add(1, Ordering::SeqCst) {
            0 => status(404),
            1 | 2 => app(seen),
            _ => Reply::Never,
        },
        move |_| asked.load(Ordering::SeqCst) == 4,
    )
    .await;
    assert_eq!(trouble(known).kind, TroubleKind::Timeout);
}

#[tokio::test]
async fn what_get_serves_is_known_while_head_is_asked_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let known = interrupted(
        move |seen| match count.fetch_add(1, Ordering::SeqCst) {
            0 => status(404),
            1 => app(seen),
            _ => Reply::Never,
        },
        move |_| asked.load(Ordering::SeqCst) == 3,
    )
    .await;
    let Outcome::Absent(known) = known else { panic!("{known:?}") };
    assert!(known.served_by_get);
}

#[tokio::test]
async fn what_has_not_started_is_not_checked() {
    let known = Progress::new().at_deadline(Instant::now());
    assert_eq!(known, Outcome::NotChecked(Unchecked::Deadline));
}

#[tokio::test]
async fn a_tag_list_that_hangs_costs_the_suggestion_only() {
    let limits = Limits { tag_list: SOON, ..Limits::default() };
    let (_fake, client) =
        hanging(
            limits,
            |seen| if seen.path.contains("/tags/list") { Reply::Never } else { status(404) },
        )
        .await;
    let Outcome::Absent(absent) = look(&client, "reg.test/app:1").await else { panic!("absent") };
    assert_eq!((absent.what, absent.suggestion), (Missing::Tag, None));
}

#[tokio::test]
async fn an_absence_does_not_wait_long_for_its_explanation() {
    let behave = |seen: &Seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("HEAD", _) => status(404),
        (_, path) if path.contains("/tags/list") => {
            answer(200, &[("content-type", "application/json")], r#"{"tags":["latest"]}"#)
        }
        _ => Reply::Never,
    };
    let fake = Fake::tls(certificate("reg.test"), behave).await;
    // Waited for in full, the explanation would leave no time for the tags.
    let (explanation, total) = (Duration::from_millis(20), Duration::from_secs(5));
    let limits = Limits { explanation, total, ..Limits::default() };
    let settings = ClientConfig { limits, ..settings(&[("reg.test", &fake)]) };
    let client = RegistryClient::new(settings).unwrap();
    let Outcome::Absent(absent) = look(&client, "reg.test/app:latests").await else { panic!() };
    assert_eq!((absent.what, absent.suggestion.as_deref()), (Missing::Tag, Some("latest")));
}
