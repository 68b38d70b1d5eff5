//! The resolver against a real HTTP registry on the loopback.

mod ahead;
mod later;
mod share;
mod stale;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode, header};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::{Limits, Question, Resolver};
use crate::credentials::Credential;
use crate::facts::{
    Attempt, Candidate, CredentialSource, Damage, EntryFact, Outcome, Part, PartFault, TroubleKind,
    Unchecked,
};
use crate::image::{Algorithm, Digest, Platform, Reference};
use crate::registry::{AddressRule, ClientConfig, RegistryClient, RequestBudget};
use crate::telemetry::Metrics;

const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},"layers":[]}"#;
const USER: (&str, &str) = ("ada", "s3cr3t-ada");

/// A registry whose repositories under `private/` want a login, and that answers only while its
/// gate is open.
struct Fake {
    host: String,
    state: Arc<FakeState>,
    gate: watch::Sender<bool>,
    /// The same for the entries of `multi` alone.
    entries: watch::Sender<bool>,
}

struct FakeState {
    requests: Mutex<HashMap<(Method, String), usize>>,
    arrived: Notify,
    open: watch::Receiver<bool>,
    entries_open: watch::Receiver<bool>,
    /// What is answered instead, to paths that hold this.
    fails: Mutex<Option<(String, StatusCode)>>,
    /// Every failure names a time.
    comes_back: AtomicBool,
    /// `multi` leads to other images than before.
    moved: AtomicBool,
}

impl Fake {
    async fn start() -> Self {
        let (gate, open) = watch::channel(true);
        let (entries, entries_open) = watch::channel(true);
        let (requests, arrived) = (Mutex::default(), Notify::new());
        let (fails, moved) = (Mutex::default(), AtomicBool::new(false));
        let comes_back = AtomicBool::new(false);
        let state = FakeState { requests, arrived, open, entries_open, fails, comes_back, moved };
        let state = Arc::new(state);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let router = Router::new().fallback(answer).with_state(state.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { host, state, gate, entries }
    }

    fn image(&self, name: &str) -> Reference {
        Reference::parse(&format!("{}/{name}", self.host)).unwrap()
    }

    /// From now on paths that hold `part` are answered with `status`.
    fn fail(&self, part: &str, status: StatusCode) {
        *self.state.fails.lock().unwrap() = Some((part.to_owned(), status));
    }

    fn heal(&self) {
        *self.state.fails.lock().unwrap() = None;
    }

    /// Requests with this method whose path holds `part`.
    fn count(&self, method: &Method, part: &str) -> usize {
        let requests = self.state.requests.lock().unwrap();
        requests.iter().filter(|((m, p), _)| m == method && p.contains(part)).map(|(_, n)| n).sum()
    }
}

async fn answer(State(state): State<Arc<FakeState>>, request: Request) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    *state.requests.lock().unwrap().entry((method, path.clone())).or_default() += 1;
    state.arrived.notify_one();
    let _ = state.open.clone().wait_for(|open| *open).await;
    if PLATFORMS.iter().any(|one| path.contains(digest(&child(one)).as_str())) {
        let _ = state.entries_open.clone().wait_for(|open| *open).await;
    }
    let login = format!("Basic {}", STANDARD.encode(format!("{}:{}", USER.0, USER.1)));
    let authorised = request.headers().get(header::AUTHORIZATION).is_some_and(|v| *v == *login);
    let mut response = Response::new(Body::empty());
    let fails = state.fails.lock().unwrap().clone();
    if let Some((_, status)) = fails.filter(|(part, _)| path.contains(part)) {
        *response.status_mut() = status;
        let comes_back = state.comes_back.load(Ordering::Relaxed);
        if status == StatusCode::TOO_MANY_REQUESTS || comes_back {
            response.headers_mut().insert(header::RETRY_AFTER, 60.into());
        }
    } else if path.contains("/private/") && !authorised {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        let basic = header::HeaderValue::from_static("Basic realm=\"fake\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
    } else if let Some((media_type, body)) = served(&path, state.moved.load(Ordering::Relaxed)) {
        let digest = Digest::of(Algorithm::Sha256, body.as_bytes()).to_string();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media_type));
        headers.insert("docker-content-digest", digest.parse().unwrap());
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        *response.body_mut() = Body::from(body);
    } else {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
}

const PLATFORMS: [&str; 3] = ["amd64", "arm64", "s390x"];

/// The image of `multi` for this processor: the same as all others, with its name in it.
fn child(architecture: &str) -> String {
    let named = format!(r#"{{"schemaVersion":2,"annotations":{{"for":"{architecture}"}},"#);
    MANIFEST.replacen(r#"{"schemaVersion":2,"#, &named, 1)
}

fn digest(text: &str) -> Digest {
    Digest::of(Algorithm::Sha256, text.as_bytes())
}

/// Every image is the same, but for `multi`, which is an index, and what is `absent`; there the
/// image for arm64 is.
fn served(path: &str, moved: bool) -> Option<(&'static str, String)> {
    let image = "application/vnd.oci.image.manifest.v1+json";
    let now = |architecture: &str| {
        if moved { child(&format!("{architecture}, pushed again")) } else { child(architecture) }
    };
    let by_digest = PLATFORMS.map(now).into_iter().find(|it| path.contains(digest(it).as_str()));
    match by_digest {
        _ if path.contains("/blobs/") => Some(("application/octet-stream", "{}".to_owned())),
        Some(child) if path.contains("absent") && child.contains("arm64") => None,
        Some(child) => Some((image, child)),
        None if path.contains("multi") => {
            let entries = PLATFORMS.map(|architecture| {
                let child = now(architecture);
                format!(
                    r#"{{"mediaType":"{image}","size":{},"digest":"{}","platform":{{"os":"linux","architecture":"{architecture}"}}}}"#,
                    child.len(),
                    digest(&child)
                )
            });
            let index = "application/vnd.oci.image.index.v1+json";
            let text = format!(
                r#"{{"schemaVersion":2,"mediaType":"{index}","manifests":[{}]}}"#,
                entries.join(",")
            );
            Some((index, text))
        }
        None if path.contains("absent") || !path.contains("/manifests/") => None,
        None => Some((image, MANIFEST.to_owned())),
    }
}

fn resolver(limits: Limits) -> Resolver {
    let config = ClientConfig {
        address_rule: AddressRule { loopback_allowed: true, ..AddressRule::default() },
        ..ClientConfig::default()
    };
    let client = RegistryClient::new(config).unwrap();
    Resolver::new(client, limits, Arc::new(Metrics::new()))
}

fn question(reference: Reference, credentials: &[(&str, &str)]) -> Question {
    let credentials = credentials.iter().enumerate().map(|(index, (user, password))| {
        let source = CredentialSource::Secret(format!("secret-{index}"));
        (source, Credential::new(*user, *password))
    });
    Question {
        reference,
        credentials: credentials.collect(),
        nodes: Arc::new(["amd64", "arm64"].map(|architecture| Candidate {
            platform: Platform::new("linux", architecture, ""),
            loose: false,
            runtime: None,
        })),
        tenant: "shop".into(),
        anew: false,
        requests: RequestBudget::new(1_000),
    }
}

async fn ask(resolver: &Resolver, question: Question) -> Vec<Attempt> {
    let deadline = Instant::now() + Duration::from_secs(30);
    resolver.resolve(&question, deadline).await
}

fn found(attempts: &[Attempt]) -> bool {
    matches!(attempts.last(), Some(Attempt { outcome: Outcome::Found(_), .. }))
}

#[tokio::test]
async fn a_hundred_who_ask_for_one_cold_image_are_one_resolution() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let all = (0..100).map(|_| ask(&resolver, question(fake.image("app:1"), &[])));
    for attempts in futures_util::future::join_all(all).await {
        assert!(found(&attempts), "{attempts:?}");
    }
    assert_eq!(fake.count(&Method::HEAD, "/manifests/"), 1);
    assert_eq!(fake.count(&Method::GET, "/manifests/"), 1);
}

#[tokio::test]
async fn a_hundred_namespaces_that_wait_for_their_turn_are_one_resolution_too() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits { lookups_per_registry: 8, ..Limits::default() });
    let all = (0..100).map(|number| {
        let tenant = format!("team-{number}").into();
        ask(&resolver, Question { tenant, ..question(fake.image("app:1"), &[]) })
    });
    for attempts in futures_util::future::join_all(all).await {
        assert!(found(&attempts), "{attempts:?}");
    }
    assert_eq!(fake.count(&Method::HEAD, "/manifests/"), 1);
    assert_eq!(fake.count(&Method::GET, "/manifests/"), 1);
    assert_eq!(fake.count(&Method::GET, "/blobs/"), 1);
}

#[tokio::test]
async fn who_follows_another_namespaces_lookup_names_its_wait_at_the_deadline() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    fake.gate.send_replace(false);
    let deadline = Instant::now() + Duration::from_millis(500);
    let all = (0..10).map(|number| {
        let tenant = format!("team-{number}").into();
        let question = Question { tenant, ..question(fake.image("app:1"), &[]) };
        let resolver = resolver.clone();
        async move { resolver.resolve(&question, deadline).await }
    });
    for attempts in futures_util::future::join_all(all).await {
        let Some(Attempt { outcome: Outcome::Trouble(trouble), .. }) = attempts.first() else {
            panic!("{attempts:?}")
        };
        assert_eq!(trouble.kind, TroubleKind::Timeout);
    }
    assert_eq!(fake.count(&Method::HEAD, "/manifests/"), 1);
}

#[tokio::test]
async fn who_goes_away_neither_stops_nor_restarts_the_work() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    fake.gate.send_replace(false);
    let leader = tokio::spawn({
        let (resolver, question) = (resolver.clone(), question(fake.image("app:1"), &[]));
        async move { ask(&resolver, question).await }
    });
    fake.state.arrived.notified().await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    fake.gate.send_replace(true);
    assert!(found(&ask(&resolver, question(fake.image("app:1"), &[])).await));
    assert_eq!(fake.count(&Method::HEAD, "/manifests/"), 1);
}

#[tokio::test]
async fn a_deadline_names_the_wait_and_the_next_one_finds_the_answer() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    fake.gate.send_replace(false);
    let deadline = Instant::now() + Duration::from_millis(300);
    let attempts = resolver.resolve(&question(fake.image("app:1"), &[]), deadline).await;
    let Some(Attempt { outcome: Outcome::Trouble(trouble), .. }) = attempts.first() else {
        panic!("{attempts:?}")
    };
    assert_eq!((trouble.kind, trouble.host.as_str()), (TroubleKind::Timeout, fake.host.as_str()));
    fake.gate.send_replace(true);
    assert!(found(&ask(&resolver, question(fake.image("app:1"), &[])).await));
    assert_eq!(fake.count(&Method::HEAD, "/manifests/"), 1);
}

#[tokio::test]
async fn an_answer_given_to_one_credential_is_never_anothers() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let image = || fake.image("private/app:1");
    assert!(found(&ask(&resolver, question(image(), &[USER])).await));
    for credentials in [&[][..], &[("ada", "s3cr3t-wrong")], &[("bob", "s3cr3t-ada")]] {
        let attempts = ask(&resolver, question(image(), credentials)).await;
        assert!(
            matches!(attempts.as_slice(), [Attempt { outcome: Outcome::Refused(_), .. }]),
            "{credentials:?} {attempts:?}"
        );
    }
}

#[tokio::test]
async fn answers_are_kept_as_far_as_their_bytes_have_room() {
    let fake = Fake::start().await;
    for (answers, asked) in [(1, 2), (64 * 1024, 1)] {
        let resolver = resolver(Limits { answers, ..Limits::default() });
        let name = format!("app-{answers}:1");
        for _ in 0..2 {
            assert!(found(&ask(&resolver, question(fake.image(&name), &[])).await));
        }
        assert_eq!(fake.count(&Method::HEAD, &format!("app-{answers}/")), asked);
    }
}

#[tokio::test]
async fn credentials_are_tried_in_order_until_one_works_and_none_after_it() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let credentials = [("ada", "s3cr3t-old"), USER, ("eve", "s3cr3t-never")];
    let attempts = ask(&resolver, question(fake.image("private/app:1"), &credentials)).await;
    assert_eq!(attempts.len(), 2, "{attempts:?}");
    assert!(matches!(attempts[0].outcome, Outcome::Refused(_)) && found(&attempts));
    assert_eq!(attempts[1].source, Some(CredentialSource::Secret("secret-1".to_owned())));
}

#[tokio::test]
async fn no_anonymous_attempt_follows_a_credential() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let attempts =
        ask(&resolver, question(fake.image("private/app:1"), &[("ada", "s3cr3t-x")])).await;
    assert!(attempts.iter().all(|attempt| !attempt.anonymous), "{attempts:?}");
}

#[tokio::test]
async fn beyond_the_bound_new_lookups_are_declined_and_known_ones_are_joined() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits { begun: 1, ..Limits::default() });
    fake.gate.send_replace(false);
    let first = tokio::spawn({
        let (resolver, question) = (resolver.clone(), question(fake.image("one:1"), &[]));
        async move { ask(&resolver, question).await }
    });
    fake.state.arrived.notified().await;
    let declined = ask(&resolver, question(fake.image("two:1"), &[])).await;
    assert!(
        matches!(declined[0].outcome, Outcome::NotChecked(Unchecked::Budget(_))),
        "{declined:?}"
    );
    fake.gate.send_replace(true);
    assert!(found(&first.await.unwrap()));
    assert!(found(&ask(&resolver, question(fake.image("two:1"), &[])).await));
}

#[tokio::test]
async fn a_review_sends_no_more_requests_than_its_budget_and_spends_no_other_reviews() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let requests = RequestBudget::new(10);
    let all = (0..20).map(|n| {
        let question = question(fake.image(&format!("app{n}:1")), &[]);
        ask(&resolver, Question { requests: requests.clone(), ..question })
    });
    let answers = futures_util::future::join_all(all).await;
    let over = |attempts: &&Vec<Attempt>| {
        matches!(attempts[0].outcome, Outcome::NotChecked(Unchecked::Budget(_)))
    };
    assert!(answers.iter().filter(over).count() >= 10, "{answers:?}");
    assert!(fake.count(&Method::HEAD, "") + fake.count(&Method::GET, "") <= 10);
    assert!(found(&ask(&resolver, question(fake.image("app19:1"), &[])).await));
}

#[tokio::test]
async fn one_registry_that_hangs_takes_no_place_from_another() {
    let (hanging, good) = (Fake::start().await, Fake::start().await);
    let resolver = resolver(Limits { lookups: 4, lookups_per_registry: 2, ..Limits::default() });
    hanging.gate.send_replace(false);
    let stuck: Vec<_> = (0..50)
        .map(|n| {
            let (resolver, question) =
                (resolver.clone(), question(hanging.image(&format!("app{n}:1")), &[]));
            tokio::spawn(async move { ask(&resolver, question).await })
        })
        .collect();
    hanging.state.arrived.notified().await;
    assert!(found(&ask(&resolver, question(good.image("app:1"), &[])).await));
    hanging.gate.send_replace(true);
    for task in stuck {
        assert!(found(&task.await.unwrap()));
    }
}

#[tokio::test]
async fn of_an_index_what_the_nodes_would_fetch_is_asked_for_once_and_then_known() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    for round in 0..2 {
        let attempts = ask(&resolver, question(fake.image("multi:1"), &[])).await;
        let [Attempt { entries, .. }] = attempts.as_slice() else { panic!("{attempts:?}") };
        let known: Vec<_> = entries.iter().map(|entry| (entry.index, &entry.outcome)).collect();
        assert!(
            matches!(known.as_slice(), [(0, Outcome::Found(_)), (1, Outcome::Found(_))]),
            "{known:?}"
        );
        // The index by HEAD and GET, two of its three entries by GET alone.
        assert_eq!(fake.count(&Method::HEAD, "/manifests/"), 1, "round {round}");
        assert_eq!(fake.count(&Method::GET, "/manifests/"), 3, "round {round}");
        assert_eq!(fake.count(&Method::GET, digest(&child("s390x")).as_str()), 0);
    }
}

#[tokio::test]
async fn an_entry_that_is_missing_is_damage_and_the_next_credential_is_tried() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let attempts = ask(&resolver, question(fake.image("multi-absent:1"), &[USER, USER])).await;
    assert_eq!(attempts.len(), 2, "{attempts:?}");
    for attempt in &attempts {
        assert!(matches!(attempt.outcome, Outcome::Found(_)), "{attempt:?}");
        let [good, EntryFact { index: 1, outcome: Outcome::Broken(damage), .. }] =
            attempt.entries.as_slice()
        else {
            panic!("{attempt:?}")
        };
        assert!(matches!(good.outcome, Outcome::Found(_)));
        let Damage { part, digest: gone, fault } = damage;
        assert_eq!((part, gone), (&Part::Manifest, &digest(&child("arm64"))));
        assert!(matches!(fault, PartFault::Missing(_)), "{fault:?}");
    }
}

/// Lets time pass without waiting: no request is under way meanwhile.
async fn later(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn what_a_tag_led_to_a_while_ago_is_looked_up_again_only_for_who_asks_anew() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let tag = || question(fake.image("multi:1"), &[]);
    let attempts = ask(&resolver, tag()).await;
    let Outcome::Found(found) = &attempts[0].outcome else { panic!("{attempts:?}") };
    let by_digest = format!("multi@{}", found.digest);
    for (image, heads) in [("multi:1", [1, 1, 2]), (by_digest.as_str(), [3, 3, 3])] {
        let image = || question(fake.image(image), &[]);
        let anew = || Question { anew: true, ..image() };
        let is_old = |attempts: Vec<Attempt>| attempts[0].remembered;
        assert!(!is_old(ask(&resolver, anew()).await), "a moment ago is new enough");
        assert_eq!(fake.count(&Method::HEAD, "/manifests/"), heads[0]);
        later(super::lifetime::ABSENT).await;
        assert_eq!(is_old(ask(&resolver, image()).await), heads[1] != heads[2]);
        assert_eq!(fake.count(&Method::HEAD, "/manifests/"), heads[1]);
        assert!(!is_old(ask(&resolver, anew()).await));
        assert_eq!(fake.count(&Method::HEAD, "/manifests/"), heads[2]);
    }
}

#[tokio::test]
async fn a_refused_credential_is_not_asked_again_even_for_who_asks_anew() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let wrong = || question(fake.image("private/app:1"), &[("ada", "s3cr3t-old")]);
    ask(&resolver, wrong()).await;
    let asked = fake.count(&Method::HEAD, "");
    later(super::lifetime::ABSENT).await;
    let attempts = ask(&resolver, Question { anew: true, ..wrong() }).await;
    assert!(matches!(attempts[0].outcome, Outcome::Refused(_)), "{attempts:?}");
    assert_eq!(fake.count(&Method::HEAD, ""), asked);
}

#[tokio::test]
async fn a_deadline_in_the_midst_of_an_index_names_the_wait_for_its_entries() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    fake.entries.send_replace(false);
    let deadline = Instant::now() + Duration::from_millis(500);
    let attempts = resolver.resolve(&question(fake.image("multi:1"), &[]), deadline).await;
    let [Attempt { outcome: Outcome::Found(_), entries, .. }] = attempts.as_slice() else {
        panic!("{attempts:?}")
    };
    assert_eq!(entries.len(), 2);
    for entry in entries {
        let Outcome::Trouble(trouble) = &entry.outcome else { panic!("{entry:?}") };
        assert_eq!(trouble.kind, TroubleKind::Timeout);
    }
    fake.entries.send_replace(true);
    assert!(found(&ask(&resolver, question(fake.image("multi:1"), &[])).await));
}
