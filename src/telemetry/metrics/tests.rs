use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use super::*;

fn lines(metrics: &Metrics) -> Vec<String> {
    metrics.encode().unwrap().lines().map(str::to_owned).collect()
}

#[track_caller]
fn has(metrics: &Metrics, line: &str) {
    let lines = lines(metrics);
    assert!(lines.iter().any(|other| other == line), "{line} is not in\n{}", lines.join("\n"));
}

#[test]
fn a_fresh_process_shows_its_version_and_zeros() {
    let metrics = Metrics::new();
    has(&metrics, &format!("pullcheck_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION")));
    for verdict in ["allow", "warn", "deny"] {
        has(&metrics, &format!("pullcheck_reviews_total{{verdict=\"{verdict}\"}} 0"));
    }
    has(&metrics, "pullcheck_tls_reloads_total{result=\"reloaded\"} 0");
    has(&metrics, "pullcheck_tls_reloads_total{result=\"refused\"} 0");
    has(&metrics, "pullcheck_deadline_missed_total 0");
    has(&metrics, "pullcheck_panics_total 0");
    has(&metrics, "pullcheck_in_flight_reviews 0");
    assert_eq!(lines(&metrics).last().unwrap(), "# EOF");
}

#[test]
fn every_event_is_counted_under_its_name_and_labels() {
    let metrics = Metrics::new();
    metrics.review_done("deny", Duration::from_millis(3));
    metrics.review_done("deny", Duration::from_secs(20));
    metrics.review_done("unheard-of", Duration::ZERO);
    metrics.finding("tag-not-found", "deny");
    metrics.would_deny("shop", "tag-not-found");
    metrics.lookup("ghcr.io", "absent");
    metrics.cache("hit");
    metrics.stale_answer("ghcr.io");
    metrics.breaker("ghcr.io", "opened");
    metrics.refreshed();
    metrics.deadline_missed();
    metrics.panicked();
    metrics.tls_reloaded();
    metrics.tls_refused();
    metrics.watch("nodes", true);
    metrics.watch("nodes", false);
    metrics.event("dropped");
    for line in [
        "pullcheck_reviews_total{verdict=\"deny\"} 2",
        "pullcheck_reviews_total{verdict=\"unheard-of\"} 1",
        "pullcheck_review_duration_seconds_count 3",
        "pullcheck_review_duration_seconds_bucket{le=\"0.0025\"} 1",
        "pullcheck_review_duration_seconds_bucket{le=\"0.005\"} 2",
        "pullcheck_review_duration_seconds_bucket{le=\"10.0\"} 2",
        "pullcheck_findings_total{code=\"tag-not-found\",action=\"deny\"} 1",
        "pullcheck_would_deny_total{namespace=\"shop\",code=\"tag-not-found\"} 1",
        "pullcheck_lookups_total{outcome=\"absent\",registry=\"other\"} 1",
        "pullcheck_cache_total{result=\"hit\"} 1",
        "pullcheck_stale_answers_total{registry=\"other\"} 1",
        "pullcheck_refreshes_total 1",
        "pullcheck_deadline_missed_total 1",
        "pullcheck_panics_total 1",
        "pullcheck_tls_reloads_total{result=\"reloaded\"} 1",
        "pullcheck_tls_reloads_total{result=\"refused\"} 1",
        "pullcheck_watch_up{resource=\"nodes\"} 0",
        "pullcheck_events_total{outcome=\"dropped\"} 1",
        "pullcheck_events_total{outcome=\"forbidden\"} 0",
    ] {
        has(&metrics, line);
    }
}

#[test]
fn a_review_is_in_flight_until_it_is_dropped_even_by_a_panic() {
    let metrics = Metrics::new();
    let first = metrics.in_flight();
    has(&metrics, "pullcheck_in_flight_reviews 1");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _second = metrics.in_flight();
        panic!("as asked");
    }));
    assert!(panicked.is_err());
    has(&metrics, "pullcheck_in_flight_reviews 1");
    drop(first);
    has(&metrics, "pullcheck_in_flight_reviews 0");
}

#[test]
fn namespaces_beyond_the_bound_share_one_series() {
    let metrics = Metrics::with_namespaces(1);
    for namespace in ["shop", "pr-1", "pr-2", "shop"] {
        metrics.would_deny(namespace, "access-denied");
    }
    has(&metrics, "pullcheck_would_deny_total{namespace=\"shop\",code=\"access-denied\"} 2");
    has(&metrics, "pullcheck_would_deny_total{namespace=\"other\",code=\"access-denied\"} 2");
    let series = lines(&metrics)
        .iter()
        .filter(|line| line.starts_with("pullcheck_would_deny_total"))
        .count();
    assert_eq!(series, 2);
}

#[test]
fn a_registry_is_named_only_if_the_operator_named_it() {
    let hosts = ["reg.corp:5000", "*.azurecr.io"].map(Glob::new).to_vec();
    let metrics = Metrics::for_hosts(hosts);
    for host in ["reg.corp:5000", "acme.azurecr.io", "bank.azurecr.io", "evil.example"] {
        metrics.lookup(host, "found");
    }
    for (registry, count) in [("reg.corp:5000", 1), ("*.azurecr.io", 2), ("other", 1)] {
        let labels = format!("{{outcome=\"found\",registry=\"{registry}\"}}");
        has(&metrics, &format!("pullcheck_lookups_total{labels} {count}"));
    }
    assert!(!lines(&metrics).iter().any(|line| line.contains("evil.example")));
}

#[test]
fn a_label_cannot_break_out_of_its_quotes() {
    let metrics = Metrics::new();
    metrics.would_deny("a\"} 1\nevil 1", "access-denied");
    assert!(!lines(&metrics).iter().any(|line| line.starts_with("evil")));
}

/// Every label that a metric is scraped with, by the metric's name.
fn scraped(metrics: &Metrics) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in lines(metrics).iter().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let part = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
        let found = all.entry(part.unwrap_or(name).to_owned()).or_default();
        let labels = labels.trim_end_matches('}').split(',').filter_map(|it| it.split_once('='));
        found.extend(labels.map(|(label, _)| label.to_owned()).filter(|label| label != "le"));
    }
    all
}

/// Run with `PULLCHECK_BLESS=1` to write the table anew.
#[test]
fn the_page_lists_every_metric_with_the_labels_that_it_has() {
    const BEGIN: &str = "<!-- metrics -->\n";
    const END: &str = "<!-- /metrics -->\n";

    let metrics = Metrics::new();
    metrics.review_done("deny", Duration::ZERO);
    metrics.skipped("exempt");
    metrics.finding("tag-not-found", "deny");
    metrics.would_deny("shop", "tag-not-found");
    metrics.lookup("ghcr.io", "absent");
    metrics.cache("hit");
    metrics.stale_answer("ghcr.io");
    metrics.breaker("ghcr.io", "opened");
    metrics.watch("nodes", true);
    let described = metrics.catalogue.described();
    let listed: BTreeMap<String, BTreeSet<String>> = described
        .iter()
        .map(|it| (it.name.clone(), it.labels.iter().map(ToString::to_string).collect()))
        .collect();
    assert_eq!(listed, scraped(&metrics));

    let mut table = String::from("| metric | kind | labels | what |\n|---|---|---|---|\n");
    for catalogue::Described { name, kind, labels, help } in described {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        writeln!(table, "| `{name}` | {kind} | {} | {help} |", labels.join(", ")).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/monitoring.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    if std::env::var_os("PULLCHECK_BLESS").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(written, table, "run the tests once with PULLCHECK_BLESS=1");
}
