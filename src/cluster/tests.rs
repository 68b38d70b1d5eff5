//! Against a server that misbehaves; nothing here waits for time to pass but for its own limits.

pub(super) mod fake;

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use self::fake::{Fake, Reply, client_of};
use super::*;
use crate::credentials::DecodedSecret;

const SECRET: &str = "/api/v1/namespaces/shop/secrets/regcred";
const ACCOUNT: &str = "/api/v1/namespaces/shop/serviceaccounts/robot";
const NAMESPACE: &str = "/api/v1/namespaces/shop";

/// Nothing runs out by itself.
fn patient() -> ClusterOptions {
    let long = Duration::from_secs(3_600);
    ClusterOptions {
        call_limit: long,
        found_for: long,
        labels_for: long,
        failed_for: long,
        ..ClusterOptions::default()
    }
}

fn hasty() -> ClusterOptions {
    ClusterOptions { call_limit: Duration::from_millis(50), ..patient() }
}

/// Later than anything here takes; reached only by a test that fails.
fn far() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn secret() -> Reply {
    Reply::Json(secret_object())
}

fn secret_object() -> Value {
    let config = STANDARD.encode(r#"{"auths":{"r.example":{"auth":"am9lOmh1bnRlcjI="}}}"#);
    json!({
        "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": "regcred"}, "data": {".dockerconfigjson": config},
    })
}

fn names(names: &[&str]) -> Reply {
    let items: Vec<_> = names.iter().map(|name| json!({"metadata": {"name": name}})).collect();
    Reply::Json(json!({"kind": "PartialObjectMetadataList", "items": items}))
}

async fn read(cluster: &Cluster, freshness: Freshness) -> SecretState {
    cluster.pull_secret("shop", "regcred", freshness, far()).await
}

fn unreadable(state: &SecretState) -> &str {
    match state {
        SecretState::Unreadable(why) => why,
        other => panic!("not unreadable but {other:?}"),
    }
}

fn similar(state: SecretState) -> Option<String> {
    match state {
        SecretState::Absent { similar } => similar,
        other => panic!("not absent but {other:?}"),
    }
}

#[tokio::test]
async fn a_secret_is_found_and_decoded() {
    let fake = Fake::start(&[(SECRET, secret())]).await;
    let SecretState::Read(DecodedSecret::Config(config)) =
        read(&fake.cluster(), Freshness::Cached).await
    else {
        panic!("no docker config")
    };
    let entry = config.entries.first().expect("an entry");
    assert_eq!((entry.key.as_str(), entry.credential.username()), ("r.example", &b"joe"[..]));

    let opaque = json!({"type": "Opaque", "data": {"config.json": "e30=", "empty": null}});
    fake.set(SECRET, Reply::Json(opaque));
    let SecretState::Read(DecodedSecret::WrongType(hint)) =
        read(&fake.cluster(), Freshness::Cached).await
    else {
        panic!("not of a wrong type")
    };
    assert_eq!(hint.type_, "Opaque");
    assert_eq!(hint.key.as_deref(), Some("config.json"));
}

#[tokio::test]
async fn what_was_found_is_remembered_and_a_fresh_read_asks_again() {
    let fake = Fake::start(&[(SECRET, secret())]).await;
    let cluster = fake.cluster();
    for (freshness, asked) in [
        (Freshness::Cached, 1),
        (Freshness::Cached, 1),
        (Freshness::Fresh, 2),
        (Freshness::Cached, 2),
        (Freshness::Fresh, 3),
    ] {
        assert!(matches!(read(&cluster, freshness).await, SecretState::Read(_)));
        assert_eq!(fake.asked(SECRET), asked);
    }
    assert!(matches!(
        cluster.pull_secret("other", "regcred", Freshness::Cached, far()).await,
        SecretState::Absent { .. }
    ));
}

#[tokio::test]
async fn a_fresh_read_refills_what_is_remembered() {
    let fake = Fake::start(&[(SECRET, secret())]).await;
    let cluster = fake.cluster();
    read(&cluster, Freshness::Cached).await;
    fake.set(SECRET, Reply::Json(json!({"type": "Opaque", "data": null})));
    let wrong = |state| matches!(state, SecretState::Read(DecodedSecret::WrongType(hint)) if hint.type_ == "Opaque");
    assert!(!wrong(read(&cluster, Freshness::Cached).await));
    assert!(wrong(read(&cluster, Freshness::Fresh).await));
    assert!(wrong(read(&cluster, Freshness::Cached).await));
    assert_eq!(fake.asked(SECRET), 2);
}

#[tokio::test]
async fn what_was_found_runs_out() {
    let fake = Fake::start(&[(SECRET, secret())]).await;
    let cluster = fake.cluster_with(ClusterOptions { found_for: Duration::ZERO, ..patient() });
    read(&cluster, Freshness::Cached).await;
    read(&cluster, Freshness::Cached).await;
    assert_eq!(fake.asked(SECRET), 2);
}

#[tokio::test]
async fn absence_is_never_remembered() {
    let fake = Fake::start(&[]).await;
    let cluster = fake.cluster();
    for asked in 1..=3 {
        assert_eq!(similar(read(&cluster, Freshness::Cached).await), None);
        assert_eq!(fake.asked(SECRET), asked);
    }
    fake.set(SECRET, secret());
    assert!(matches!(read(&cluster, Freshness::Cached).await, SecretState::Read(_)));
}

#[tokio::test]
async fn the_nearest_pull_secret_is_suggested_from_names_only() {
    let list = "/api/v1/namespaces/shop/secrets";
    let fake = Fake::start(&[(list, names(&["default-token", "reg-cred", "unlike"]))]).await;
    let cluster = fake.cluster();
    assert_eq!(similar(read(&cluster, Freshness::Cached).await).as_deref(), Some("reg-cred"));
    let asked = fake.requests.borrow().last().cloned().expect("a request");
    assert_eq!(
        asked,
        "/api/v1/namespaces/shop/secrets?limit=500&fieldSelector=type%3Dkubernetes.io%2Fdockerconfigjson \
         application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    );
}

#[rstest]
#[case::no_right(Reply::Status(StatusCode::FORBIDDEN))]
#[case::failing(Reply::Status(StatusCode::INTERNAL_SERVER_ERROR))]
#[case::strange(Reply::Text("<html>".to_owned()))]
#[tokio::test]
async fn without_names_nothing_is_suggested_and_it_is_still_absent(#[case] list: Reply) {
    let fake = Fake::start(&[("/api/v1/namespaces/shop/secrets", list)]).await;
    assert_eq!(similar(read(&fake.cluster(), Freshness::Cached).await), None);
}

#[tokio::test]
async fn names_that_do_not_come_in_time_are_not_suggested() {
    let list = "/api/v1/namespaces/shop/secrets";
    let fake = Fake::start(&[(list, Reply::Gated(json!({"items": []})))]).await;
    let cluster = fake.cluster();
    let late = Instant::now();
    assert_eq!(cluster.similar(Resource::Secrets, "shop", "regcred", late).await, None);
    let limited = fake.cluster_with(hasty());
    assert_eq!(limited.similar(Resource::Secrets, "shop", "regcred", far()).await, None);
}

#[tokio::test]
async fn a_missing_right_to_list_is_not_asked_for_each_time() {
    let list = "/api/v1/namespaces/shop/secrets";
    let fake = Fake::start(&[(list, Reply::Status(StatusCode::FORBIDDEN))]).await;
    let cluster = fake.cluster();
    read(&cluster, Freshness::Cached).await;
    read(&cluster, Freshness::Cached).await;
    let lists = fake.requests.borrow().iter().filter(|request| request.contains("limit=")).count();
    assert_eq!((fake.asked(SECRET), lists), (2, 1));
}

#[tokio::test]
async fn a_missing_right_is_its_own_answer() {
    let fake = Fake::start(&[(SECRET, Reply::Status(StatusCode::FORBIDDEN))]).await;
    let cluster = fake.cluster();
    assert!(matches!(read(&cluster, Freshness::Cached).await, SecretState::Forbidden));
    assert_eq!(fake.requests.borrow().len(), 1);
    fake.set(SECRET, secret());
    assert!(matches!(read(&cluster, Freshness::Cached).await, SecretState::Read(_)));
}

#[rstest]
#[case(StatusCode::INTERNAL_SERVER_ERROR, "API server answered 500")]
#[case(StatusCode::SERVICE_UNAVAILABLE, "API server answered 503")]
#[case(StatusCode::TOO_MANY_REQUESTS, "API server answered 429")]
#[case(StatusCode::UNAUTHORIZED, "API server did not accept pullcheck's own login (401)")]
#[tokio::test]
async fn a_failure_is_told_in_our_own_words_and_asked_once(
    #[case] status: StatusCode,
    #[case] words: &str,
) {
    let fake = Fake::start(&[(SECRET, Reply::Status(status))]).await;
    let cluster = fake.cluster();
    assert_eq!(unreadable(&read(&cluster, Freshness::Cached).await), words);
    assert_eq!(fake.requests.borrow().len(), 1);
    fake.set(SECRET, secret());
    assert!(matches!(read(&cluster, Freshness::Cached).await, SecretState::Read(_)));
}

#[tokio::test]
async fn a_hanging_api_server_is_given_up() {
    let fake = Fake::start(&[(SECRET, Reply::Hang)]).await;
    let state = read(&fake.cluster_with(hasty()), Freshness::Cached).await;
    assert_eq!(unreadable(&state), "API server timed out after 50 ms");
}

#[tokio::test]
async fn a_closed_port_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let client = client_of(listener.local_addr().expect("an address").port());
    drop(listener);
    let state = read(&Cluster::from_client(client, patient()), Freshness::Cached).await;
    assert_eq!(unreadable(&state), "API server refused the connection");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let client = client_of(listener.local_addr().expect("an address").port());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        assert_ne!(stream.read(&mut [0; 4096]).await.expect("a request"), 0);
        let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"data\":";
        stream.write_all(half).await.expect("half an answer");
    });
    let state = read(&Cluster::from_client(client, patient()), Freshness::Cached).await;
    assert_eq!(unreadable(&state), "API server broke off its answer");
}

#[rstest]
#[case::html(Reply::Text("<html>hunter2</html>".to_owned()), "API server answered with something that was not asked for")]
#[case::wrong_types(Reply::Json(json!({"data": ["hunter2"]})), "API server answered with something that was not asked for")]
#[case::no_base64(Reply::Json(json!({"data": {"a": "hunter2!"}})), "API server answered with a Secret whose data is not base64")]
#[case::large(Reply::Text(" ".repeat(5 << 20)), "API server's answer was larger than 4 MiB")]
#[tokio::test]
async fn what_was_not_asked_for_is_not_read(#[case] reply: Reply, #[case] words: &str) {
    let fake = Fake::start(&[(SECRET, reply)]).await;
    assert_eq!(unreadable(&read(&fake.cluster(), Freshness::Cached).await), words);
}

#[tokio::test]
async fn a_connected_cluster_logs_in_and_does_not_retry() {
    let fake = Fake::start(&[(SECRET, Reply::Status(StatusCode::SERVICE_UNAVAILABLE))]).await;
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    write!(
        file,
        "current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n\
         clusters: [{{name: k, cluster: {{server: 'http://127.0.0.1:{}', \
         certificate-authority-data: Cg==}}}}]\nusers: [{{name: u, user: {{token: hunter2}}}}]\n",
        fake.port
    )
    .expect("a written file");
    let cluster = Cluster::connect(Some(file.path()), patient()).await.expect("a cluster");
    assert_eq!(unreadable(&read(&cluster, Freshness::Cached).await), "API server answered 503");
    assert_eq!(fake.requests.borrow().len(), 1);
    assert_eq!(*fake.login.borrow(), "Bearer hunter2");
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn whatever_comes_of_it_no_log_line_holds_a_secrets_content() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    // With one subscriber alone, an event that another test's thread meets first, where there is
    // none, counts as unwanted everywhere.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let mut wrong = secret_object();
    wrong["metadata"] = json!("hunter2");
    wrong["data"]["more"] = json!(["hunter2"]);
    for reply in [secret(), Reply::Json(wrong), Reply::Status(StatusCode::FORBIDDEN)] {
        let fake = Fake::start(&[(SECRET, reply)]).await;
        let state = read(&fake.cluster(), Freshness::Cached).await;
        assert!(!format!("{state:?} {:?}", fake.cluster()).contains("hunter2"));
    }
    let log = String::from_utf8(log.0.lock().expect("a log").clone()).expect("text");
    assert!(log.contains(SECRET), "the requests themselves are in the log");
    for content in ["hunter2", "am9lOmh1bnRlcjI", &STANDARD.encode("{\"auths\"")[..8]] {
        assert!(!log.contains(content), "{content}");
    }
}

#[tokio::test]
async fn fifty_readers_at_once_ask_once() {
    let fake = Fake::start(&[(SECRET, Reply::Gated(secret_object()))]).await;
    let cluster = fake.cluster();
    let readers: Vec<_> = (0..50)
        .map(|_| {
            let cluster = cluster.clone();
            tokio::spawn(async move { read(&cluster, Freshness::Cached).await })
        })
        .collect();
    fake.requests.subscribe().wait_for(|all| !all.is_empty()).await.expect("a request");
    fake.gate.send_replace(true);
    for reader in readers {
        assert!(matches!(reader.await.expect("a reader"), SecretState::Read(_)));
    }
    assert_eq!(fake.asked(SECRET), 1);
}

#[tokio::test]
async fn a_reader_that_goes_away_does_not_start_it_again() {
    let fake = Fake::start(&[(SECRET, Reply::Gated(secret_object()))]).await;
    let cluster = fake.cluster();
    let leader = {
        let cluster = cluster.clone();
        tokio::spawn(async move { read(&cluster, Freshness::Cached).await })
    };
    fake.requests.subscribe().wait_for(|all| !all.is_empty()).await.expect("a request");
    leader.abort();
    assert!(leader.await.expect_err("an aborted task").is_cancelled());
    fake.gate.send_replace(true);
    assert!(matches!(read(&cluster, Freshness::Cached).await, SecretState::Read(_)));
    assert_eq!(fake.asked(SECRET), 1);
}

#[tokio::test]
async fn a_read_that_outlives_its_deadline_is_remembered() {
    let fake = Fake::start(&[(SECRET, Reply::Gated(secret_object()))]).await;
    let cluster = fake.cluster();
    let now = Instant::now();
    let state = cluster.pull_secret("shop", "regcred", Freshness::Cached, now).await;
    assert_eq!(unreadable(&state), "API server did not answer before the review's deadline");
    fake.gate.send_replace(true);
    assert!(matches!(read(&cluster, Freshness::Cached).await, SecretState::Read(_)));
    assert_eq!(fake.asked(SECRET), 1);
}

#[tokio::test]
async fn a_name_that_cannot_exist_is_absent_without_asking_for_it() {
    let victim = "/api/v1/namespaces/victim/secrets/theirs";
    let list = "/api/v1/namespaces/shop/secrets";
    let fake = Fake::start(&[(victim, secret()), (list, names(&["regcred"]))]).await;
    let cluster = fake.cluster();
    for name in ["../../victim/secrets/theirs", "..%2f..%2fvictim%2fsecrets%2ftheirs", "a?b", ""] {
        let state = cluster.pull_secret("shop", name, Freshness::Fresh, far()).await;
        assert_eq!(similar(state), None, "{name}");
    }
    let state = cluster.pull_secret("../victim", "theirs", Freshness::Fresh, far()).await;
    assert_eq!(similar(state), None);
    let state = cluster.pull_secret("shop", "RegCred", Freshness::Fresh, far()).await;
    assert_eq!(similar(state).as_deref(), Some("regcred"));
    let asked = fake.requests.borrow().clone();
    assert!(asked.iter().all(|request| request.starts_with(&format!("{list}?"))), "{asked:?}");
}

#[tokio::test]
async fn one_namespace_does_not_take_anothers_turn() {
    let other = "/api/v1/namespaces/other/secrets/regcred";
    let fake = Fake::start(&[(SECRET, Reply::Hang), (other, secret())]).await;
    let options = ClusterOptions { concurrency: 2, concurrency_per_namespace: 1, ..patient() };
    let cluster = fake.cluster_with(options);
    for name in ["regcred", "second", "third", "fourth"] {
        let state = cluster.pull_secret("shop", name, Freshness::Cached, Instant::now()).await;
        unreadable(&state);
    }
    fake.requests.subscribe().wait_for(|all| !all.is_empty()).await.expect("a request");
    let state = cluster.pull_secret("other", "regcred", Freshness::Cached, far()).await;
    assert!(matches!(state, SecretState::Read(_)));
    let shop = fake.requests.borrow().iter().filter(|request| request.contains("shop")).count();
    assert_eq!(shop, 1);
}

#[tokio::test]
async fn a_full_queue_is_told_as_such() {
    let fake = Fake::start(&[(SECRET, secret())]).await;
    let cluster = fake.cluster_with(ClusterOptions { concurrency: 1, ..hasty() });
    let taken = Arc::clone(&cluster.inner.api.all).acquire_owned().await.expect("a turn");
    assert_eq!(
        unreadable(&read(&cluster, Freshness::Cached).await),
        "too many questions to the API server at once, no turn in 50 ms"
    );
    drop(taken);
    assert_eq!(fake.requests.borrow().len(), 0);
}

#[tokio::test]
async fn a_service_account_hands_out_its_pull_secrets_in_order() {
    let account = json!({
        "imagePullSecrets": [{"name": "b"}, {"name": ""}, {}, null, {"name": "a"}],
        "secrets": [{"name": "not-for-pulling"}],
    });
    let fake = Fake::start(&[(ACCOUNT, Reply::Json(account))]).await;
    let cluster = fake.cluster();
    let expected =
        ServiceAccountAnswer::Present { pull_secrets: vec!["b".to_owned(), "a".to_owned()] };
    for (freshness, asked) in
        [(Freshness::Cached, 1), (Freshness::Cached, 1), (Freshness::Fresh, 2)]
    {
        let answer = cluster.service_account("shop", "robot", freshness, far()).await;
        assert_eq!((answer, fake.asked(ACCOUNT)), (expected.clone(), asked));
    }
}

#[rstest]
#[case::plain(json!({}))]
#[case::null(json!({"imagePullSecrets": null}))]
#[tokio::test]
async fn a_service_account_may_have_no_pull_secrets(#[case] account: Value) {
    let fake = Fake::start(&[(ACCOUNT, Reply::Json(account))]).await;
    let answer = fake.cluster().service_account("shop", "robot", Freshness::Cached, far()).await;
    assert_eq!(answer, ServiceAccountAnswer::Present { pull_secrets: Vec::new() });
}

#[tokio::test]
async fn a_service_account_that_is_not_there_may_have_a_neighbour() {
    let list = "/api/v1/namespaces/shop/serviceaccounts";
    let fake = Fake::start(&[(list, names(&["default", "robots"]))]).await;
    let answer = fake.cluster().service_account("shop", "robot", Freshness::Cached, far()).await;
    assert_eq!(answer, ServiceAccountAnswer::Absent { similar: Some("robots".to_owned()) });
}

#[rstest]
#[case(Reply::Status(StatusCode::FORBIDDEN), ServiceAccountAnswer::Forbidden)]
#[case(Reply::Status(StatusCode::BAD_GATEWAY), ServiceAccountAnswer::Unreadable("API server answered 502".to_owned()))]
#[tokio::test]
async fn a_service_account_may_not_be_readable(
    #[case] reply: Reply,
    #[case] expected: ServiceAccountAnswer,
) {
    let fake = Fake::start(&[(ACCOUNT, reply)]).await;
    let cluster = fake.cluster();
    assert_eq!(cluster.service_account("shop", "robot", Freshness::Cached, far()).await, expected);
}

#[tokio::test]
async fn a_hanging_service_account_is_given_up() {
    let fake = Fake::start(&[(ACCOUNT, Reply::Hang)]).await;
    let timed_out = "API server timed out after 50 ms".to_owned();
    assert_eq!(
        fake.cluster_with(hasty()).service_account("shop", "robot", Freshness::Cached, far()).await,
        ServiceAccountAnswer::Unreadable(timed_out)
    );
}

fn labelled(mode: &str) -> Reply {
    Reply::Json(
        json!({"metadata": {"name": "shop", "labels": {"pullcheck.dev/mode": mode, "a": null}}}),
    )
}

async fn mode(cluster: &Cluster) -> Result<Option<String>, Obstacle> {
    cluster.namespace_mode_label("shop", far()).await
}

#[expect(clippy::unnecessary_wraps, reason = "as the cluster answers")]
fn chosen(mode: &str) -> Result<Option<String>, Obstacle> {
    Ok(Some(mode.to_owned()))
}

fn answered(status: u16) -> Obstacle {
    Obstacle::Trouble(format!("API server answered {status}"))
}

#[tokio::test]
async fn a_namespace_says_its_mode_and_is_asked_for_its_metadata_once() {
    let fake = Fake::start(&[(NAMESPACE, labelled("enforce"))]).await;
    let cluster = fake.cluster();
    assert_eq!(mode(&cluster).await, chosen("enforce"));
    assert_eq!(mode(&cluster).await, chosen("enforce"));
    let asked = fake.requests.borrow().clone();
    assert_eq!(
        asked,
        [format!("{NAMESPACE} application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")]
    );
}

#[rstest]
#[case::no_labels(Reply::Json(json!({"metadata": {"name": "shop"}})), Ok(None), 1)]
#[case::other_labels(Reply::Json(json!({"metadata": {"labels": {"x": "y"}}})), Ok(None), 1)]
#[case::no_namespace(Reply::Status(StatusCode::NOT_FOUND), Ok(None), 2)]
#[case::no_right(Reply::Status(StatusCode::FORBIDDEN), Err(Obstacle::Forbidden), 1)]
#[case::failing(Reply::Status(StatusCode::BAD_GATEWAY), Err(answered(502)), 1)]
#[tokio::test]
async fn a_namespace_may_say_nothing_or_not_be_readable(
    #[case] reply: Reply,
    #[case] said: Result<Option<String>, Obstacle>,
    #[case] asked: usize,
) {
    let fake = Fake::start(&[(NAMESPACE, reply)]).await;
    let cluster = fake.cluster();
    assert_eq!(mode(&cluster).await, said);
    assert_eq!(mode(&cluster).await, said);
    assert_eq!(fake.asked(NAMESPACE), asked);
}

#[tokio::test]
async fn a_mode_that_was_seen_outlives_the_api_servers_trouble() {
    let fake = Fake::start(&[(NAMESPACE, labelled("off"))]).await;
    let cluster = fake.cluster_with(ClusterOptions {
        labels_for: Duration::ZERO,
        failed_for: Duration::ZERO,
        ..patient()
    });
    assert_eq!(mode(&cluster).await, chosen("off"));
    fake.set(NAMESPACE, Reply::Status(StatusCode::INTERNAL_SERVER_ERROR));
    assert_eq!(mode(&cluster).await, chosen("off"));
    fake.set(NAMESPACE, labelled("audit"));
    assert_eq!(mode(&cluster).await, chosen("audit"));
    fake.set(NAMESPACE, Reply::Hang);
    let late = Instant::now();
    assert_eq!(cluster.namespace_mode_label("shop", late).await, chosen("audit"));
}

const CLASS: &str = "/apis/node.k8s.io/v1/runtimeclasses/windows";

fn class() -> Reply {
    let scheduling = json!({ "nodeSelector": { "kubernetes.io/os": "windows" } });
    Reply::Json(json!({ "kind": "RuntimeClass", "handler": "x", "scheduling": scheduling }))
}

#[tokio::test]
async fn a_runtime_class_is_asked_for_once_in_a_while() {
    let fake = Fake::start(&[(CLASS, class())]).await;
    let cluster = fake.cluster();
    for _ in 0..2 {
        let scheduling = cluster.runtime_class("shop", "windows", far()).await.expect("a class");
        assert_eq!(scheduling.selector["kubernetes.io/os"], "windows");
    }
    assert_eq!(fake.asked(CLASS), 1);
}

#[rstest]
#[case::absent(None, Ok(Scheduling::default()), 2)]
#[case::no_right(Some(Reply::Status(StatusCode::FORBIDDEN)), Err(Obstacle::Forbidden), 1)]
#[case::failing(Some(Reply::Status(StatusCode::BAD_GATEWAY)), Err(answered(502)), 1)]
#[case::strange(Some(Reply::Json(json!({ "scheduling": [1] }))), Err(strange()), 1)]
#[tokio::test]
async fn a_runtime_class_that_is_not_there_asks_nothing_and_one_that_cannot_be_read_is_told(
    #[case] reply: Option<Reply>,
    #[case] said: Result<Scheduling, Obstacle>,
    #[case] asked: usize,
) {
    let fake = Fake::start(&[]).await;
    if let Some(reply) = reply {
        fake.set(CLASS, reply);
    }
    let cluster = fake.cluster();
    for _ in 0..2 {
        assert_eq!(cluster.runtime_class("shop", "windows", far()).await, said);
    }
    assert_eq!(fake.asked(CLASS), asked);
    let none = cluster.runtime_class("shop", "../../nodes/a", far()).await;
    assert_eq!(none, Ok(Scheduling::default()));
}

fn strange() -> Obstacle {
    Obstacle::Trouble("API server answered with something that was not asked for".to_owned())
}

#[tokio::test]
async fn a_runtime_class_that_does_not_come_in_time_is_not_known() {
    let fake = Fake::start(&[(CLASS, Reply::Hang)]).await;
    let said = fake.cluster().runtime_class("shop", "windows", Instant::now()).await;
    assert_eq!(said, Err(Obstacle::Trouble(NO_ANSWER_IN_TIME.to_owned())));
}
