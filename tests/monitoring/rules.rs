//! promtool takes the alerts, and they fire when they should and not otherwise.

use super::files::RULES;
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
