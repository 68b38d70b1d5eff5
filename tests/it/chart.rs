//! The chart says what the program is; that it renders to the same objects as the overlays is held
//! where Helm is.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value};

/// Settings that the chart makes itself, or that mean nothing to `serve` in a pod.
const NOT_CONFIGURED: &[&str] = &[
    "cluster",
    "events",
    "kubeconfig",
    "listen",
    "metricsListen",
    "namespace",
    "noCluster",
    "output",
    "tlsCert",
    "tlsHost",
    "tlsKey",
    "tlsSecret",
    "webhookConfiguration",
];

/// Values whose keys are Kubernetes' or the user's.
const OPEN: &[&str] = &[
    "/affinity",
    "/monitoring/labels",
    "/nodeSelector",
    "/podAnnotations",
    "/podLabels",
    "/podSecurityContext",
    "/resources",
];

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap()
}

fn schema() -> Value {
    serde_json::from_str(&read("deploy/chart/values.schema.json")).unwrap()
}

fn keys(object: &Value) -> BTreeSet<String> {
    let map: &Map<String, Value> = object.as_object().unwrap();
    map.keys().cloned().collect()
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn the_chart_has_the_version_of_the_package() {
    let chart = yaml("deploy/chart/Chart.yaml");
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_schema_knows_every_value_and_no_other() {
    let mut properties = schema()["properties"].as_object().unwrap().clone();
    // What Helm itself gives to charts within charts.
    assert!(properties.remove("global").is_some());
    assert_eq!(schema()["additionalProperties"], false);
    same_keys("", &yaml("deploy/chart/values.yaml"), &Value::Object(properties));
}

/// Walks down both; `config` is held against the program instead.
fn same_keys(at: &str, values: &Value, properties: &Value) {
    if at != "/config" {
        assert_eq!(keys(values), keys(properties), "{at}");
    }
    for (key, value) in values.as_object().unwrap() {
        let at = format!("{at}/{key}");
        let schema = &properties[key];
        if OPEN.contains(&at.as_str()) {
            assert_eq!(schema["type"], "object", "{at}");
        } else if schema["type"] == "object" {
            assert_eq!(schema["additionalProperties"], false, "{at}");
            // An object that is empty by default has its keys in the schema only.
            if !value.as_object().unwrap().is_empty() {
                same_keys(&at, value, &schema["properties"]);
            }
        }
    }
}

#[test]
fn every_value_is_explained() {
    let text = read("deploy/chart/values.yaml");
    let lines: Vec<&str> = text.lines().collect();
    // The keys that lead to a line, each with how far it is indented.
    let mut path: Vec<(usize, &str)> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let Some((key, value)) = line.trim_start().split_once(':') else { continue };
        if key.starts_with('#') {
            continue;
        }
        path.retain(|(outer, _)| *outer < indent);
        let inside: String = path.iter().flat_map(|(_, key)| ["/", *key]).collect();
        path.push((indent, key));
        let is_leaf = !value.trim().is_empty();
        if is_leaf && !OPEN.iter().any(|open| inside.starts_with(open)) {
            assert!(lines[index - 1].trim_start().starts_with('#'), "{inside}/{key}");
        }
    }
}

#[test]
fn the_schema_knows_every_setting_of_the_program() {
    let page = read("docs/configuration.md");
    let told = page.split_once("| key | flag |").unwrap().1.split_once("<!-- End").unwrap().0;
    let told: BTreeSet<String> = told
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()))
        .collect();
    let mut expected = keys(&schema()["properties"]["config"]["properties"]);
    for name in NOT_CONFIGURED {
        assert!(expected.insert((*name).to_owned()), "{name} is in the schema too");
    }
    assert_eq!(told, expected);
}

#[test]
fn the_schema_knows_every_cause() {
    let config = schema()["properties"]["config"]["properties"].clone();
    let codes = set(pullcheck::causes::ALL.iter().map(|cause| cause.code.as_str()));
    assert_eq!(keys(&config["actions"]["properties"]), codes);
    let enforced = config["enforced"]["items"]["enum"].as_array().unwrap();
    assert_eq!(set(enforced.iter().map(|code| code.as_str().unwrap())), codes);
}

/// Helm reads nothing outside of a chart's folder, and kustomize nothing outside of a component's.
/// Run with `PULLCHECK_BLESS=1` to copy them anew.
#[test]
fn the_files_of_the_chart_are_those_of_the_component() {
    for name in ["rules.yaml", "dashboard.json"] {
        let original = read(&format!("deploy/components/monitoring/{name}"));
        let copy = format!("deploy/chart/files/{name}");
        if std::env::var_os("PULLCHECK_BLESS").is_some() {
            std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(&copy), &original).unwrap();
        }
        assert!(read(&copy) == original, "{copy} is another one");
    }
}
