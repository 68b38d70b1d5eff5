//! promtool takes the alerts, and they fire when they should and not otherwise; what says whether to
//! enforce is counted from the first.

use serde_json::Value;

use super::files::{RULES, read};
use super::prometheus::{printed, promtool, run};
use crate::support::skip;

#[test]
fn promtool_finds_no_fault_with_the_rules() {
    let promtool = match promtool() {
        Ok(promtool) => promtool,
        Err(why) => skip!(&why),
    };
    let arguments = ["check", "rules", "--lint=all", "--lint-fatal", RULES];
    let checked = run(&promtool, &arguments, "");
    assert!(checked.status.success(), "{}", printed(&checked));
}

#[test]
fn each_alert_fires_on_its_series_and_on_no_others() {
    let promtool = match promtool() {
        Ok(promtool) => promtool,
        Err(why) => skip!(&why),
    };
    let tested = run(&promtool, &["test", "rules", "tests/prometheus/alerts.yaml"], "");
    assert!(tested.status.success(), "{}", printed(&tested));
}

#[test]
fn the_queries_before_enforcement_are_those_of_the_dashboard() {
    let dashboard = read("deploy/components/monitoring/dashboard.json");
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let series = read("tests/prometheus/alerts.yaml");
    for title in ["Enforce would deny", "Enforce would have denied, by namespace and code"] {
        let panels = dashboard["panels"].as_array().unwrap();
        let panel = panels.iter().find(|panel| panel["title"] == title).unwrap();
        let query = panel["targets"][0]["expr"].as_str().unwrap();
        let query = query.replace("$__range", "1h").replace("$namespace", ".*");
        assert!(series.contains(&format!("- expr: {query}\n")), "{title}: {query}");
    }
}
