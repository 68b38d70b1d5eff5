//! Many namespaces at once that want one image, each with a copy of one credential of its own: the
//! registry is asked as for one of them.
//!
//! The ordinary run takes fewer. `PULLCHECK_TEST_STAMPEDE=600x30 cargo test --test it stampede`
//! takes 600 namespaces with 30 pods each.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};

use crate::support::api_server::{ApiServer, Entry, secret_path};
use crate::support::http::Connection2;
use crate::support::images;
use crate::support::misbehaving::{Access, Registry};
use crate::support::reviews::{POD, Review, pod_spec_with_secrets};
use crate::support::tls::Ca;
use crate::support::token_server::TokenServer;
use crate::support::webhook::Launch;

/// Set to `NAMESPACESxPODS`.
const SIZE: &str = "PULLCHECK_TEST_STAMPEDE";
/// Connections that an API server might have open.
const CONNECTIONS: usize = 4;
/// Reviews that wait for their answers at one time.
const AT_ONCE: usize = 256;
/// How long a Secret that was found is taken as still the same.
const SECRET_HOLDS: Duration = Duration::from_secs(5);

fn size() -> (usize, usize) {
    let size = std::env::var(SIZE).unwrap_or_else(|_| "600x2".to_owned());
    let (namespaces, pods) = size.split_once('x').expect("NAMESPACESxPODS");
    (namespaces.parse().unwrap(), pods.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stampede_of_namespaces_asks_the_registry_once() {
    let (namespaces, pods) = size();
    let leaf = Ca::mint().good();
    let tokens = TokenServer::start_tls(&leaf).await;
    let password = tokens.add_user("alice", &["*"]);
    let registry = Registry::start_tls(Access::bearer(&tokens), &leaf).await;
    let image = registry.add("team/app", "1.0", &images::simple("stampede"));
    let api = ApiServer::start(&[]).await;
    let host = registry.host();
    let entry = Entry { host: &host, user: "alice", password: &password };
    let names: Vec<String> = (0..namespaces).map(|number| format!("team-{number}")).collect();
    for namespace in &names {
        api.put_pull_secret(namespace, "regcred", &[entry]);
    }
    let webhook = Launch::beside(&api).mode("enforce").start().await;
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(Connection2::open(webhook.ca(), webhook.address()).await.unwrap());
    }

    let begun = Instant::now();
    let reviews = (0..pods).flat_map(|pod| names.iter().map(move |namespace| (pod, namespace)));
    let answered = stream::iter(reviews.enumerate().map(|(number, (pod, namespace))| {
        let spec = pod_spec_with_secrets(&image, &["regcred"]);
        let object = POD.object(namespace, &format!("web-{pod}"), spec);
        let review = Review::create(&POD, &object).json().to_string();
        let connection = connections[number % CONNECTIONS].clone();
        async move {
            let answer = connection.post("/validate?timeout=10s", review).await.unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text());
            let response = &answer.json()["response"];
            assert_eq!(response["allowed"], true, "{response:#}");
            assert!(response["warnings"].is_null(), "{response:#}");
        }
    }));
    let answered = answered.buffer_unordered(AT_ONCE).count().await;
    let took = begun.elapsed();
    assert_eq!(answered, namespaces * pods);
    println!("{answered} reviews in {took:.1?}");

    // 401, then HEAD and GET of the manifest, the config and one layer.
    let asked = registry.log().all();
    assert_eq!(asked.len(), 5, "{:#?}", asked.iter().map(|seen| &seen.path).collect::<Vec<_>>());
    assert_eq!(tokens.requests().len(), 1);
    assert_eq!(webhook.metric("pullcheck_deadline_missed_total").await, 0);
    let times = 1 + took.as_secs() / SECRET_HOLDS.as_secs();
    for namespace in &names {
        let read = api.asked(&secret_path(namespace, "regcred"));
        assert!((1..=usize::try_from(times).unwrap()).contains(&read), "{read} times: {namespace}");
    }
    let others = api.log().count(|seen| !seen.path.ends_with("/secrets/regcred"));
    assert!(others <= 8, "{others} requests for anything else");
}
