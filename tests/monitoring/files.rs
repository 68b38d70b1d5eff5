//! The files agree with each other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// Set to rewrite what is made of another file instead of comparing it.
const BLESS: &str = "PULLCHECK_BLESS";
const COMPONENT: &str = "deploy/components/monitoring";
/// The alerts, from the package's root.
pub const RULES: &str = "deploy/components/monitoring/rules.yaml";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

pub fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every alert.
pub fn alerts() -> Vec<Value> {
    let rules = yaml(RULES);
    let groups = rules["groups"].as_array().unwrap();
    let alerts: Vec<Value> =
        groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).cloned().collect();
    assert!(alerts.len() > 10);
    alerts
}

fn name(alert: &Value) -> &str {
    alert["alert"].as_str().unwrap()
}

/// Run with `PULLCHECK_BLESS=1` to write the object anew.
#[test]
fn the_object_of_the_operator_holds_the_same_rules() {
    let file = format!("{COMPONENT}/prometheusrule.yaml");
    let rules = read(RULES);
    let (_, groups) = rules.split_once("\ngroups:\n").unwrap();
    let mut object = String::from(
        "# Made of rules.yaml; refresh it with PULLCHECK_BLESS=1 cargo test --test monitoring\n\
         apiVersion: monitoring.coreos.com/v1\n\
         kind: PrometheusRule\n\
         metadata:\n  name: pullcheck\n  namespace: pullcheck\n  labels:\n    \
         app.kubernetes.io/name: pullcheck\n\
         spec:\n  groups:\n",
    );
    for line in groups.lines() {
        object.push_str(if line.is_empty() { "" } else { "  " });
        object.push_str(line);
        object.push('\n');
    }
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(path(&file), &object).unwrap();
    }
    assert_eq!(read(&file), object);
    assert_eq!(yaml(&file)["spec"], yaml(RULES), "the same to whoever reads YAML");
}

#[test]
fn each_alert_says_what_it_is_and_has_a_section_on_what_to_do() {
    let page = read("docs/monitoring.md");
    let sections: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let alerts = alerts();
    let names: BTreeSet<&str> = alerts.iter().map(name).collect();
    assert_eq!(sections, names);
    for alert in &alerts {
        let said = |key: &str| alert["annotations"][key].as_str().unwrap_or_default();
        let link = format!("docs/monitoring.md#{}", name(alert).to_ascii_lowercase());
        assert_eq!(said("runbook"), link);
        for key in ["summary", "description"] {
            assert!(said(key).ends_with('.'), "{} has no {key}", name(alert));
        }
        let severity = alert["labels"]["severity"].as_str().unwrap_or_default();
        assert!(["critical", "warning", "info"].contains(&severity), "{}", name(alert));
    }
}

#[test]
fn for_each_alert_there_are_series_on_which_it_fires() {
    let series = read("tests/prometheus/alerts.yaml");
    for alert in alerts() {
        let firing = format!("- labels: 'ALERTS{{alertname=\"{}\", ", name(&alert));
        assert!(series.contains(&firing), "{}", name(&alert));
    }
}

#[test]
fn the_component_has_every_file_and_scrapes_every_pod() {
    let kustomization = yaml(&format!("{COMPONENT}/kustomization.yaml"));
    let mut named: BTreeSet<String> = ["kustomization.yaml", "rules.yaml"].map(Into::into).into();
    let texts = |list: &Value| list.as_array().unwrap().clone();
    for file in texts(&kustomization["resources"]) {
        named.insert(file.as_str().unwrap().to_owned());
    }
    let dashboard = &kustomization["configMapGenerator"][0];
    for file in texts(&dashboard["files"]) {
        named.insert(file.as_str().unwrap().split_once('=').unwrap().1.to_owned());
    }
    let present: BTreeSet<String> = std::fs::read_dir(path(COMPONENT))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(named, present);

    let monitor = yaml(&format!("{COMPONENT}/podmonitor.yaml"));
    let label = json!({ "app.kubernetes.io/name": "pullcheck" });
    assert_eq!(monitor["spec"]["selector"]["matchLabels"], label);
    let endpoint = &monitor["spec"]["podMetricsEndpoints"][0];
    assert_eq!(endpoint["port"], "metrics");
    assert_eq!(endpoint["honorLabels"], true, "or the label namespace is the scrape's own");
    // PullcheckReplicaDown asks for it.
    let job = json!([{ "targetLabel": "job", "replacement": "pullcheck" }]);
    assert_eq!(endpoint["relabelings"], job);
}

#[test]
fn panels_have_names_of_their_own_and_say_what_they_show() {
    let dashboard: Value =
        serde_json::from_str(&read(&format!("{COMPONENT}/dashboard.json"))).unwrap();
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}", panel["title"]);
        if panel["type"] != "row" {
            assert!(panel["description"].as_str().unwrap().ends_with('.'), "{}", panel["title"]);
            assert!(!panel["targets"].as_array().unwrap().is_empty(), "{}", panel["title"]);
        }
    }
}
