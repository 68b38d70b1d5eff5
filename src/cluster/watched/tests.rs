//! Against a server that answers by a script; conditions are awaited, never a time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use crate::cluster::tests::fake::client_of;
use crate::cluster::{Cluster, ClusterOptions};
use crate::telemetry::Metrics;

/// One answer of the script.
enum Reply {
    Page(Value),
    Status(u16),
    Text(&'static str),
    /// These lines, and then the answer ends in order, in the middle, or not at all.
    Watch(Vec<String>, End),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Order,
    Break,
    Never,
}

#[derive(Clone)]
struct Script {
    lists: Arc<Mutex<VecDeque<Reply>>>,
    watches: Arc<Mutex<VecDeque<Reply>>>,
    /// The queries, in order.
    asked: Arc<watch::Sender<Vec<String>>>,
    port: u16,
}

impl Script {
    /// Lists and watches are answered in this order; what is asked after the last waits forever.
    async fn start(lists: Vec<Reply>, watches: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let script = Self {
            lists: Arc::new(Mutex::new(lists.into())),
            watches: Arc::new(Mutex::new(watches.into())),
            asked: Arc::new(watch::Sender::new(Vec::new())),
            port: listener.local_addr().expect("an address").port(),
        };
        let router = Router::new().fallback(answer).with_state(script.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        script
    }

    fn cluster(&self) -> Cluster {
        let watch_again = Duration::from_micros(10);
        let options = ClusterOptions { watch_again, ..ClusterOptions::default() };
        Cluster::from_client(client_of(self.port), options)
    }

    /// A cluster whose nodes are watched, once it knows exactly these.
    async fn watched_until(&self, names: Option<&[&str]>) -> Cluster {
        let cluster = self.cluster();
        let (first, listed) = oneshot::channel();
        tokio::spawn(cluster.clone().watch_nodes(first, Arc::default()));
        assert!(listed.await.is_err(), "it is dropped");
        until(&cluster, names).await;
        cluster
    }

    async fn asked(&self, count: usize) -> Vec<String> {
        let mut asked = self.asked.subscribe();
        let asked = asked.wait_for(|asked| asked.len() >= count);
        let asked = tokio::time::timeout(NEVER, asked).await.expect("no such request");
        asked.expect("a server").clone()
    }
}

/// Only turns a hang into a failure.
const NEVER: Duration = Duration::from_secs(60);

async fn until(cluster: &Cluster, names: Option<&[&str]>) {
    let known = || {
        let nodes = cluster.nodes().ok()?;
        Some(nodes.iter().map(|node| node.name.clone()).collect::<Vec<String>>())
    };
    let is = || match (known(), names) {
        (Some(known), Some(names)) => known == *names,
        (known, names) => known.is_none() && names.is_none(),
    };
    let reached = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let in_time = tokio::time::timeout(NEVER, reached).await;
    assert!(in_time.is_ok(), "{names:?} were expected and {:?} are known", known());
}

async fn answer(State(script): State<Script>, request: Request) -> Response {
    assert_eq!(request.uri().path(), "/api/v1/nodes");
    let query = request.uri().query().unwrap_or_default().to_owned();
    let replies = if query.contains("watch=true") { &script.watches } else { &script.lists };
    let reply = replies.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    script.asked.send_modify(|asked| asked.push(query));
    match reply {
        Some(Reply::Page(page)) => page.to_string().into_response(),
        Some(Reply::Status(code)) => StatusCode::from_u16(code).expect("a status").into_response(),
        Some(Reply::Text(text)) => text.into_response(),
        Some(Reply::Watch(lines, end)) => {
            let lines = stream::iter(lines.into_iter().map(|line| Ok(format!("{line}\n"))));
            let rest = match end {
                End::Order => stream::empty().boxed(),
                End::Never => stream::pending().boxed(),
                End::Break => stream::iter([Err(std::io::Error::other("broken"))]).boxed(),
            };
            Body::from_stream(lines.chain(rest)).into_response()
        }
        None => std::future::pending().await,
    }
}

fn node(name: &str, version: u32) -> Value {
    let info = json!({ "operatingSystem": "linux", "architecture": "amd64" });
    json!({
        "metadata": { "name": name, "resourceVersion": version.to_string() },
        "status": { "nodeInfo": info },
    })
}

fn page(version: u32, more: &str, names: &[&str]) -> Reply {
    let items: Vec<Value> = names.iter().map(|name| node(name, 1)).collect();
    let metadata = json!({ "resourceVersion": version.to_string(), "continue": more });
    Reply::Page(json!({ "kind": "NodeList", "metadata": metadata, "items": items }))
}

fn event(what: &str, object: &Value) -> String {
    json!({ "type": what, "object": object }).to_string()
}

fn holding(lines: &[String]) -> Reply {
    Reply::Watch(lines.to_vec(), End::Never)
}

/// The version that a watch started from; none of a list.
fn from(query: &str) -> Option<&str> {
    query.split_once("&resourceVersion=").map(|(_, version)| version)
}

#[tokio::test]
async fn a_list_is_read_in_pages_and_watched_from_where_it_ended() {
    let lists = vec![page(7, "a+b/c=", &["a", "b"]), page(7, "", &["c"])];
    let script = Script::start(lists, vec![]).await;
    script.watched_until(Some(&["a", "b", "c"])).await;
    let asked = script.asked(3).await;
    assert_eq!(asked[0], "limit=200");
    assert_eq!(asked[1], "limit=200&continue=a%2Bb%2Fc%3D");
    assert_eq!(from(&asked[2]), Some("7"));
    assert!(asked[2].contains("allowWatchBookmarks=true&timeoutSeconds=290"), "{}", asked[2]);
}

#[tokio::test]
async fn what_is_added_changed_and_deleted_is_followed() {
    let mut changed = node("a", 9);
    changed["metadata"]["labels"] = json!({ "pool": "new" });
    let mut silent = node("b", 10);
    silent["status"] = json!({});
    let events = [
        event("ADDED", &node("c", 8)),
        event("MODIFIED", &changed),
        // It does not say more than before, and that is what is known of it.
        event("MODIFIED", &silent),
        event("DELETED", &node("c", 11)),
        event("PONDERED", &node("d", 12)),
        event("ADDED", &node("e", 13)),
    ];
    let script = Script::start(vec![page(7, "", &["a", "b"])], vec![holding(&events)]).await;
    let cluster = script.watched_until(Some(&["a", "b", "e"])).await;
    let nodes = cluster.nodes().expect("nodes");
    assert_eq!(nodes[0].labels.get("pool").map(|value| &**value), Some("new"));
}

#[tokio::test]
async fn a_watch_that_ends_in_order_goes_on_from_the_last_version_without_a_list() {
    let bookmark = json!({ "metadata": { "resourceVersion": "20" } });
    let first = vec![event("ADDED", &node("b", 8)), event("BOOKMARK", &bookmark)];
    let watches = vec![
        Reply::Watch(first, End::Order),
        Reply::Watch(vec![event("DELETED", &node("a", 21))], End::Order),
        holding(&[event("ADDED", &node("c", 22))]),
    ];
    let script = Script::start(vec![page(7, "", &["a"])], watches).await;
    script.watched_until(Some(&["b", "c"])).await;
    let asked = script.asked(4).await;
    let versions: Vec<Option<&str>> = asked.iter().map(|query| from(query)).collect();
    assert_eq!(versions, [None, Some("7"), Some("20"), Some("21")]);
}

/// Whether the gauge says that nodes are watched.
fn is_up(metrics: &Metrics) -> Option<bool> {
    let text = metrics.encode().expect("metrics");
    let line = text.lines().find(|line| line.starts_with("pullcheck_watch_up{resource=\"nodes\"}"));
    line.map(|line| line.ends_with(" 1"))
}

#[tokio::test]
async fn an_error_that_no_list_puts_right_is_told_and_counts_as_a_failure() {
    let status = |code: u16| json!({ "kind": "Status", "code": code });
    for (error, failed) in [(status(410), false), (status(500), true), (json!({}), true)] {
        let told = Arc::new(Metrics::new());
        let watches = vec![
            Reply::Watch(vec![event("ADDED", &node("b", 8))], End::Order),
            Reply::Watch(vec![event("ERROR", &error)], End::Never),
        ];
        // The second list never comes.
        let script = Script::start(vec![page(7, "", &["a"])], watches).await;
        let cluster = script.cluster();
        tokio::spawn(cluster.clone().watch_nodes(oneshot::channel().0, told.clone()));
        until(&cluster, Some(&["a", "b"])).await;
        script.asked(4).await;
        assert_eq!(is_up(&told), Some(!failed), "{error}");
    }
}

#[tokio::test]
async fn a_watch_is_up_when_it_has_said_something_and_not_before() {
    let told = Arc::new(Metrics::new());
    let script = Script::start(vec![page(7, "", &["a"])], vec![]).await;
    let cluster = script.cluster();
    tokio::spawn(cluster.clone().watch_nodes(oneshot::channel().0, told.clone()));
    until(&cluster, Some(&["a"])).await;
    script.asked(2).await;
    assert_ne!(is_up(&told), Some(true));

    let script = Script::start(vec![page(7, "", &["a"])], vec![holding(&[])]).await;
    let cluster = script.cluster();
    tokio::spawn(cluster.clone().watch_nodes(oneshot::channel().0, told.clone()));
    script.asked(2).await;
    assert_ne!(is_up(&told), Some(true), "open is not enough");

    let lines = [event("ADDED", &node("b", 8))];
    let script = Script::start(vec![page(7, "", &["a"])], vec![holding(&lines)]).await;
    let cluster = script.cluster();
    tokio::spawn(cluster.clone().watch_nodes(oneshot::channel().0, told.clone()));
    until(&cluster, Some(&["a", "b"])).await;
    assert_eq!(is_up(&told), Some(true));
}

#[tokio::test]
async fn a_watch_that_ends_at_once_again_and_again_is_failing() {
    let told = Arc::new(Metrics::new());
    let bookmark = json!({ "metadata": { "resourceVersion": "7" } });
    let short = || Reply::Watch(vec![event("BOOKMARK", &bookmark)], End::Order);
    let watches = (0..6).map(|_| short()).collect();
    let lists = vec![page(7, "", &["a"]), page(7, "", &["a"]), page(7, "", &["a"])];
    let script = Script::start(lists, watches).await;
    let cluster = script.cluster();
    tokio::spawn(cluster.clone().watch_nodes(oneshot::channel().0, told.clone()));
    // Four watches, then a list before each of the next two: those count as no better.
    let asked = script.asked(10).await;
    let lists: Vec<usize> =
        (0..asked.len()).filter(|index| from(&asked[*index]).is_none()).collect();
    assert_eq!(lists, [0, 5, 7, 9]);
    assert_eq!(is_up(&told), Some(false));
}

#[tokio::test]
async fn whatever_else_ends_a_watch_leads_to_a_new_list() {
    let gone = json!({ "kind": "Status", "code": 410, "reason": "Expired" });
    let ends = [
        Reply::Watch(vec![event("ERROR", &gone)], End::Never),
        Reply::Status(410),
        Reply::Status(500),
        Reply::Watch(vec!["no event".to_owned()], End::Never),
        Reply::Watch(vec!["[]".to_owned()], End::Never),
        Reply::Watch(vec!["{\"type\":\"ADDED\"}".to_owned()], End::Never),
        Reply::Watch(vec![event("ADDED", &node("x", 8))], End::Break),
        Reply::Watch(vec!["x".repeat(9 << 20)], End::Never),
    ];
    for end in ends {
        let lists = vec![page(7, "", &["a"]), page(30, "", &["b"])];
        let script = Script::start(lists, vec![end]).await;
        script.watched_until(Some(&["b"])).await;
        let asked = script.asked(4).await;
        let versions: Vec<Option<&str>> = asked.iter().map(|query| from(query)).collect();
        assert_eq!(versions, [None, Some("7"), None, Some("30")]);
    }
}

#[tokio::test]
async fn without_the_right_nodes_are_unknown_until_it_is_granted() {
    let lists = vec![Reply::Status(403), Reply::Status(403), page(7, "", &["a"])];
    let script = Script::start(lists, vec![]).await;
    script.watched_until(Some(&["a"])).await;
    assert_eq!(script.asked(4).await.len(), 4);

    let lists = vec![page(7, "", &["a"]), Reply::Status(403)];
    let script = Script::start(lists, vec![Reply::Status(403)]).await;
    let cluster = script.watched_until(None).await;
    assert_eq!(script.asked(4).await.len(), 4);
    assert!(cluster.nodes().is_err());
}

#[tokio::test]
async fn what_was_seen_stands_while_the_api_server_fails_and_what_was_not_is_unknown() {
    let lists = vec![
        page(7, "", &["a"]),
        Reply::Status(500),
        Reply::Text("no list"),
        Reply::Page(json!([])),
        Reply::Status(404),
        page(9, "next", &["b"]),
        Reply::Status(410),
        page(9, "next", &["b"]),
        page(9, "next", &[]),
    ];
    let failing = lists.len() + 1;
    let script = Script::start(lists, vec![Reply::Status(500)]).await;
    let cluster = script.watched_until(Some(&["a"])).await;
    script.asked(failing).await;
    until(&cluster, Some(&["a"])).await;

    let script = Script::start(vec![Reply::Status(500), Reply::Text("{")], vec![]).await;
    let cluster = script.watched_until(None).await;
    script.asked(3).await;
    assert!(cluster.nodes().is_err());
}

#[tokio::test]
async fn one_list_is_enough_where_nobody_watches_and_it_is_bounded() {
    let script = Script::start(vec![page(7, "", &["a"])], vec![]).await;
    let cluster = script.cluster();
    assert!(cluster.nodes().is_err());
    cluster.list_nodes(NEVER).await;
    until(&cluster, Some(&["a"])).await;
    assert_eq!(script.asked(1).await, ["limit=200"]);

    let silent = Script::start(vec![], vec![]).await.cluster();
    silent.list_nodes(Duration::from_millis(1)).await;
    assert!(silent.nodes().is_err());
}

#[tokio::test]
async fn an_empty_cluster_is_known_to_be_empty() {
    let script = Script::start(vec![page(7, "", &[])], vec![]).await;
    script.watched_until(Some(&[])).await;
    let items = json!({ "metadata": { "resourceVersion": "7" }, "items": null });
    let script = Script::start(vec![Reply::Page(items)], vec![]).await;
    script.watched_until(Some(&[])).await;
}
