//! Every query of the alerts and of the dashboard asks for what there is: it is parsed by
//! Prometheus' own parser and held against the scrape of a running pullcheck.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

use super::files::{alerts, read};
use super::prometheus::{printed, queries, run};
use crate::support::api_server::ApiServer;
use crate::support::images;
use crate::support::misbehaving::{Access, Registry, faults};
use crate::support::reviews::Review;
use crate::support::skip;
use crate::support::webhook::Launch;

/// Metrics of others, with the labels that may be asked for. `apiserver_*` are held against a real
/// API server in `tests/cluster`; kube-state-metrics documents the last two.
const FOREIGN: [(&str, &[&str]); 6] = [
    ("up", &["job", "instance"]),
    ("apiserver_admission_webhook_fail_open_count", &["name", "type"]),
    (
        "apiserver_admission_webhook_rejection_count",
        &["name", "type", "operation", "error_type", "rejection_code"],
    ),
    (
        "apiserver_admission_webhook_admission_duration_seconds_bucket",
        &["name", "type", "operation", "rejected", "le"],
    ),
    (
        "kube_pod_container_status_waiting_reason",
        &["namespace", "pod", "uid", "container", "reason"],
    ),
    (
        "kube_pod_init_container_status_waiting_reason",
        &["namespace", "pod", "uid", "container", "reason"],
    ),
];

/// What Prometheus adds to every series.
const TARGET: [&str; 2] = ["job", "instance"];

#[derive(Deserialize)]
struct Answer {
    error: String,
    selectors: Option<Vec<Selector>>,
}

#[derive(Deserialize)]
struct Selector {
    metric: String,
    served: bool,
    selected: usize,
    labels: Vec<String>,
    missing: Vec<String>,
}

/// What is wrong with each of these queries, in the light of a scrape.
fn faults(program: &PathBuf, scrape: &str, queries: &[String]) -> Vec<Vec<String>> {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("metrics");
    std::fs::write(&file, scrape).unwrap();
    let lines: Vec<String> = queries.iter().map(|query| json!(query).to_string()).collect();
    let ran = run(program, &[file.to_str().unwrap()], &lines.join("\n"));
    assert!(ran.status.success(), "{}", printed(&ran));
    let answers = String::from_utf8(ran.stdout).unwrap();
    let answers: Vec<Answer> =
        answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), queries.len());
    answers.into_iter().map(faults_of).collect()
}

fn faults_of(answer: Answer) -> Vec<String> {
    if !answer.error.is_empty() {
        return vec![answer.error];
    }
    let selectors = answer.selectors.unwrap_or_default();
    assert!(!selectors.is_empty(), "a query that asks for nothing");
    selectors.iter().filter_map(fault).collect()
}

fn fault(selector: &Selector) -> Option<String> {
    let Selector { metric, served, selected, labels, missing } = selector;
    if let Some((_, known)) = FOREIGN.iter().find(|(foreign, _)| foreign == metric) {
        let unknown = labels.iter().find(|label| !known.contains(&label.as_str()))?;
        return Some(format!("{metric} has no label {unknown}"));
    }
    if !served {
        return Some(format!("{metric} is not served"));
    }
    if let Some(label) = missing.iter().find(|label| !TARGET.contains(&label.as_str())) {
        return Some(format!("{metric} has no label {label}"));
    }
    (*selected == 0).then(|| format!("{metric} has no series with such labels"))
}

/// What a pullcheck serves that has seen a little of everything.
async fn scrape() -> String {
    let registry = Registry::start(Access::anonymous()).await;
    let good = registry.add("team/app", "1.0", &images::simple("watched"));
    for (repository, fault) in
        [("team/away", faults::server_error(500)), ("team/busy", faults::too_many_requests(None))]
    {
        registry.misbehave(repository, fault);
    }
    let api = ApiServer::start(&["shop"]).await;
    let webhook = Launch::beside(&api).mode("enforce").start().await;
    let other = |repository: &str| good.replace("team/app", repository);
    for (image, allowed) in [
        (good.clone(), true),
        (good.clone(), true),
        (good.replace("1.0", "1.1"), false),
        (other("team/away"), true),
        (other("team/busy"), true),
    ] {
        let answer = webhook.review(&Review::of_pod(&image)).await;
        assert_eq!(answer.allowed(), allowed, "{:#}", answer.json);
    }
    assert!(webhook.review(&Review::of_pod(&good).deleting()).await.allowed());
    webhook.until_metric("pullcheck_watch_up{resource=\"nodes\"}", 1).await;
    webhook.probe("/metrics").await.text()
}

/// Every query of the dashboard, as Grafana would send it.
fn of_dashboard() -> Vec<String> {
    let dashboard: Value =
        serde_json::from_str(&read("deploy/components/monitoring/dashboard.json")).unwrap();
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            found.push(target["expr"].as_str().unwrap().to_owned());
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        if let Some(query) = variable["query"]["query"].as_str() {
            let values = query.strip_prefix("label_values(").unwrap().strip_suffix(')').unwrap();
            let (metric, label) = values.split_once(", ").unwrap();
            found.push(format!("group by ({label}) ({metric})"));
        }
    }
    let filled = |query: String| {
        let query = query.replace("$__rate_interval", "5m").replace("$__range", "1h");
        let query = query.replace("$namespace", ".*");
        assert!(!query.contains('$'), "{query}");
        query
    };
    found.into_iter().map(filled).collect()
}

#[test]
fn every_query_asks_for_series_that_are_served() {
    let program = match queries() {
        Ok(program) => program,
        Err(why) => skip!(&why),
    };
    let mut queries: Vec<String> =
        alerts().iter().map(|alert| alert["expr"].as_str().unwrap().to_owned()).collect();
    queries.extend(of_dashboard());
    assert!(queries.len() > 30);
    let scrape = tokio::runtime::Runtime::new().unwrap().block_on(scrape());
    let faults = faults(&program, &scrape, &queries);
    let wrong: Vec<String> = queries
        .iter()
        .zip(&faults)
        .filter(|(_, faults)| !faults.is_empty())
        .map(|(query, faults)| format!("{query}\n    {}", faults.join("\n    ")))
        .collect();
    assert!(wrong.is_empty(), "{}\n\n{scrape}", wrong.join("\n"));

    // The other way round: what nobody looks at need not be served.
    let asked = queries.join("\n");
    let names: BTreeSet<&str> = scrape
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    for name in names {
        assert!(asked.contains(name), "{name} is in no alert and in no panel");
    }
}

#[test]
fn what_there_is_not_is_found_fault_with() {
    let program = match queries() {
        Ok(program) => program,
        Err(why) => skip!(&why),
    };
    let scrape = "# TYPE pullcheck_reviews counter\n\
                  pullcheck_reviews_total{verdict=\"deny\"} 1\n# EOF\n";
    for (query, expected) in [
        ("sum by (verdict) (rate(pullcheck_reviews_total[5m]))", ""),
        ("sum by (instance) (rate(pullcheck_reviews_total{verdict=~\"d.+\"}[5m]))", ""),
        ("sum(rate(pullcheck_made_up_total[5m])) > 0", "pullcheck_made_up_total is not served"),
        (
            "sum by (code) (rate(pullcheck_reviews_total[5m]))",
            "pullcheck_reviews_total has no label code",
        ),
        (
            "pullcheck_reviews_total{verdict=\"denied\"}",
            "pullcheck_reviews_total has no series with such labels",
        ),
        ("up{cluster=\"a\"}", "up has no label cluster"),
        ("apiserver_made_up == 1", "apiserver_made_up is not served"),
    ] {
        let found = faults(&program, scrape, &[query.to_owned()]).remove(0);
        assert_eq!(found.join("; "), expected, "{query}");
    }
    let unreadable = faults(&program, scrape, &["sum(rate(up[5m])".to_owned()]).remove(0);
    assert!(unreadable[0].contains("unclosed"), "{unreadable:?}");
}
