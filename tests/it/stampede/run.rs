//! One stampede: the webhook, an API server with a Secret in each namespace, a registry and its
//! token server, and the reviews of all namespaces over a few HTTP/2 connections.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};

use crate::support::api_server::{ApiServer, Entry, NAMESPACES, secret_path};
use crate::support::http::Connection2;
use crate::support::images;
use crate::support::misbehaving::{Access, Registry};
use crate::support::reviews::{POD, Review, pod_spec_with_secrets};
use crate::support::tls::Ca;
use crate::support::token_server::TokenServer;
use crate::support::webhook::Launch;

/// Connections that an API server might have open.
const CONNECTIONS: usize = 4;
/// Reviews that wait for their answers at one time.
pub const AT_ONCE: usize = 256;

/// How many come.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub namespaces: usize,
    /// In each namespace.
    pub pods: usize,
}

/// What came of it.
#[derive(Debug)]
pub struct Run {
    /// How long each review took, shortest first.
    pub latencies: Vec<Duration>,
    /// All of them together.
    pub took: Duration,
    /// Answers that are no plain yes.
    pub others: Vec<String>,
    /// What the registry was asked, in order.
    pub asked: Vec<String>,
    /// Requests for a token.
    pub tokens: usize,
    /// `pullcheck_deadline_missed_total`.
    pub missed: u64,
    /// How often each namespace's Secret was read.
    pub secrets: Vec<usize>,
    /// Other requests to the API server.
    pub other_reads: usize,
}

/// A stampede of this size.
pub async fn run(size: Size) -> Run {
    let leaf = Ca::mint().good();
    let tokens = TokenServer::start_tls(&leaf).await;
    let password = tokens.add_user("alice", &["*"]);
    let registry = Registry::start_tls(Access::bearer(&tokens), &leaf).await;
    let image = registry.add("team/app", "1.0", &images::simple("stampede"));
    let api = ApiServer::start(&[]).await;
    let host = registry.host();
    let entry = Entry { host: &host, user: "alice", password: &password };
    let names: Vec<String> = (0..size.namespaces).map(|number| format!("team-{number}")).collect();
    for namespace in &names {
        api.put_namespace(namespace, &serde_json::json!({}));
        api.put_pull_secret(namespace, "regcred", &[entry]);
    }
    let webhook = Launch::beside(&api).mode("enforce").start().await;
    // Until the labels are there, they are asked for one by one.
    api.log().until(1, |seen| seen.path == NAMESPACES && seen.query.contains("watch=true")).await;
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(Connection2::open(webhook.ca(), webhook.address()).await.unwrap());
    }

    let begun = Instant::now();
    // Every namespace's first pod before any second.
    let pods = (0..size.pods).flat_map(|pod| names.iter().map(move |namespace| (pod, namespace)));
    let reviews = pods.enumerate().map(|(number, (pod, namespace))| {
        let spec = pod_spec_with_secrets(&image, &["regcred"]);
        let object = POD.object(namespace, &format!("web-{pod}"), spec);
        let review = Review::create(&POD, &object).json().to_string();
        let connection = connections[number % CONNECTIONS].clone();
        async move {
            let begun = Instant::now();
            let answer = connection.post("/validate?timeout=10s", review).await.unwrap();
            let took = begun.elapsed();
            let text = answer.text();
            let plain = text.contains("\"allowed\":true") && !text.contains("\"warnings\"");
            (took, (answer.status != 200 || !plain).then_some(text))
        }
    });
    let answers: Vec<_> = stream::iter(reviews).buffer_unordered(AT_ONCE).collect().await;
    let took = begun.elapsed();

    let mut latencies: Vec<Duration> = answers.iter().map(|(took, _)| *took).collect();
    latencies.sort_unstable();
    let asked =
        registry.log().all().iter().map(|it| format!("{} {}", it.method, it.path)).collect();
    let missed = webhook.metric("pullcheck_deadline_missed_total").await;
    // A list here comes in very short pages.
    let all = api.log().count(|seen| !seen.query.contains("continue="));
    let mut reads = std::collections::HashMap::<String, usize>::new();
    for seen in api.log().all() {
        *reads.entry(seen.path).or_default() += 1;
    }
    let of = |namespace: &String| reads.get(&secret_path(namespace, "regcred")).copied();
    let secrets: Vec<usize> = names.iter().map(|name| of(name).unwrap_or_default()).collect();
    Run {
        latencies,
        took,
        others: answers.into_iter().filter_map(|(_, other)| other).collect(),
        asked,
        tokens: tokens.requests().len(),
        missed,
        other_reads: all - secrets.iter().sum::<usize>(),
        secrets,
    }
}
