//! The shipped manifests keep the promises that no code can: they are read as a cluster would
//! read them, and what must hold is asserted.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The port that `serve` listens on unless told otherwise: the webhook, over TLS.
const WEBHOOK_PORT: u16 = 8443;
/// The same for probes and metrics, plain.
const METRICS_PORT: u16 = 8080;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn documents(file: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&read(&format!("deploy/base/{file}")))
        .unwrap_or_else(|error| panic!("deploy/base/{file}: {error}"))
}

fn kustomization() -> Value {
    documents("kustomization.yaml").remove(0)
}

/// Every object that `kubectl apply -k deploy/base` creates from a file.
fn objects() -> Vec<Value> {
    strings(&kustomization()["resources"]).iter().flat_map(|file| documents(file)).collect()
}

/// The one object of this kind and name.
fn object(kind: &str, name: &str) -> Value {
    let mut found: Vec<Value> = objects()
        .into_iter()
        .filter(|object| object["kind"] == kind && object["metadata"]["name"] == name)
        .collect();
    assert_eq!(found.len(), 1, "{kind} {name}");
    found.remove(0)
}

fn strings(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap_or_else(|| panic!("not a list: {list}"));
    list.iter()
        .map(|item| item.as_str().unwrap_or_else(|| panic!("not a string: {item}")).to_owned())
        .collect()
}

fn webhook() -> Value {
    let configuration = object("ValidatingWebhookConfiguration", "pullcheck");
    assert_eq!(configuration["webhooks"].as_array().map(Vec::len), Some(1));
    configuration["webhooks"][0].clone()
}

fn pod_spec() -> Value {
    object("Deployment", "pullcheck")["spec"]["template"]["spec"].clone()
}

fn container() -> Value {
    let spec = pod_spec();
    assert_eq!(spec["containers"].as_array().map(Vec::len), Some(1));
    spec["containers"][0].clone()
}

#[test]
fn the_kustomization_lists_every_file() {
    let kustomization = kustomization();
    let mut listed: BTreeSet<String> = strings(&kustomization["resources"]).into_iter().collect();
    listed.extend(strings(&kustomization["configMapGenerator"][0]["files"]));
    let present: BTreeSet<String> = fs::read_dir(root().join("deploy/base"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "kustomization.yaml")
        .collect();
    assert_eq!(listed, present);
}

#[test]
fn the_plain_install_is_the_base_as_it_stands() {
    let overlay: Vec<Value> =
        serde_saphyr::from_multiple(&read("deploy/overlays/warn/kustomization.yaml")).unwrap();
    assert_eq!(
        overlay,
        [json!({
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": ["../../base"],
        })]
    );
}

#[test]
fn every_namespaced_object_lives_in_the_namespace_of_its_own() {
    let cluster_wide =
        ["Namespace", "ClusterRole", "ClusterRoleBinding", "ValidatingWebhookConfiguration"];
    for object in objects() {
        let kind = object["kind"].as_str().unwrap();
        let expected = if cluster_wide.contains(&kind) { Value::Null } else { json!("pullcheck") };
        assert_eq!(object["metadata"]["namespace"], expected, "{kind}");
    }
    assert_eq!(kustomization()["configMapGenerator"][0]["namespace"], "pullcheck");
    object("Namespace", "pullcheck");
}

#[test]
fn the_namespace_admits_only_restricted_pods() {
    let labels = object("Namespace", "pullcheck")["metadata"]["labels"].clone();
    assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted");
}

#[test]
fn a_webhook_that_is_down_or_slow_admits_everything() {
    let webhook = webhook();
    assert_eq!(webhook["failurePolicy"], "Ignore");
    assert_eq!(webhook["timeoutSeconds"], 5);
}

#[test]
fn the_webhook_takes_dry_runs_and_the_one_review_version_it_speaks() {
    let webhook = webhook();
    assert_eq!(webhook["sideEffects"], "None");
    assert_eq!(webhook["admissionReviewVersions"], json!(["v1"]));
    assert_eq!(webhook["matchPolicy"], "Equivalent");
    assert_eq!(webhook["objectSelector"], Value::Null, "users could leave the check by a label");
}

#[test]
fn the_rules_cover_exactly_the_kinds_that_are_judged() {
    let mut covered = BTreeSet::new();
    for rule in webhook()["rules"].as_array().unwrap() {
        assert_eq!(rule["apiVersions"], json!(["v1"]));
        assert_eq!(rule["scope"], "Namespaced");
        for group in strings(&rule["apiGroups"]) {
            for resource in strings(&rule["resources"]) {
                for operation in strings(&rule["operations"]) {
                    assert!(covered.insert(format!("{operation} {group}/{resource}")));
                }
            }
        }
    }

    let mut expected = BTreeSet::from(["UPDATE /pods/ephemeralcontainers".to_owned()]);
    for resource in [
        "/pods",
        "/replicationcontrollers",
        "/podtemplates",
        "apps/deployments",
        "apps/replicasets",
        "apps/statefulsets",
        "apps/daemonsets",
        "batch/jobs",
        "batch/cronjobs",
    ] {
        expected.insert(format!("CREATE {resource}"));
        expected.insert(format!("UPDATE {resource}"));
    }
    assert_eq!(covered, expected);
}

#[test]
fn its_own_namespace_the_control_plane_and_switched_off_namespaces_are_left_alone() {
    assert_eq!(
        webhook()["namespaceSelector"],
        json!({ "matchExpressions": [
            {
                "key": "kubernetes.io/metadata.name",
                "operator": "NotIn",
                "values": ["pullcheck", "kube-system"],
            },
            // A string: unquoted, a YAML 1.1 reader takes it for a boolean.
            { "key": "pullcheck.dev/mode", "operator": "NotIn", "values": ["off"] },
        ]})
    );
    assert!(read("deploy/base/validatingwebhookconfiguration.yaml").contains("\"off\""));
}

#[test]
fn the_match_conditions_guard_every_field_that_may_be_absent() {
    let optional = [
        "object.metadata.deletionTimestamp",
        "object.metadata.annotations",
        "request.userInfo.groups",
        "object.spec",
        "oldObject.spec",
        "object.template",
        "oldObject.template",
        "object.spec.template",
        "oldObject.spec.template",
        "object.spec.jobTemplate",
        "oldObject.spec.jobTemplate",
    ];
    let webhook = webhook();
    let conditions = webhook["matchConditions"].as_array().unwrap();
    let names: Vec<&str> =
        conditions.iter().map(|condition| condition["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["not-being-deleted", "not-a-mirror-pod", "not-from-a-node", "spec-changed"]);
    let mut guarded = BTreeSet::new();
    for condition in conditions {
        let expression = condition["expression"].as_str().unwrap();
        for field in optional.into_iter().filter(|field| expression.contains(field)) {
            assert!(expression.contains(&format!("has({field})")), "{expression}");
            guarded.insert(field);
        }
    }
    assert_eq!(guarded, BTreeSet::from(optional));
}

#[test]
fn the_annotation_of_mirror_pods_lets_no_other_kind_escape() {
    let webhook = webhook();
    let condition = webhook["matchConditions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|condition| condition["name"] == "not-a-mirror-pod")
        .unwrap();
    let expression = condition["expression"].as_str().unwrap();
    assert!(expression.starts_with("request.resource.resource != 'pods'"), "{expression}");
}

#[test]
fn the_webhook_reaches_the_pods_through_the_service() {
    let client = webhook()["clientConfig"].clone();
    assert_eq!(
        client,
        json!({ "service": {
            "namespace": "pullcheck",
            "name": "pullcheck",
            "path": "/validate",
            "port": 443,
        }}),
        "caBundle is the installer's"
    );

    let service = object("Service", "pullcheck")["spec"].clone();
    assert_eq!(
        service["ports"],
        json!([{ "name": "webhook", "port": 443, "targetPort": "webhook" }])
    );
    assert_eq!(
        container()["ports"],
        json!([
            { "name": "webhook", "containerPort": WEBHOOK_PORT },
            { "name": "metrics", "containerPort": METRICS_PORT },
        ])
    );
    // Nothing in the arguments moves the listeners away from their defaults.
    for argument in strings(&container()["args"]) {
        assert!(!argument.contains("listen"), "{argument}");
    }
}

#[test]
fn every_selector_finds_the_pods() {
    let deployment = object("Deployment", "pullcheck");
    let labels = deployment["spec"]["template"]["metadata"]["labels"].clone();
    let mut selectors = vec![
        deployment["spec"]["selector"]["matchLabels"].clone(),
        object("Service", "pullcheck")["spec"]["selector"].clone(),
        object("PodDisruptionBudget", "pullcheck")["spec"]["selector"]["matchLabels"].clone(),
        object("NetworkPolicy", "pullcheck")["spec"]["podSelector"]["matchLabels"].clone(),
    ];
    for constraint in pod_spec()["topologySpreadConstraints"].as_array().unwrap() {
        selectors.push(constraint["labelSelector"]["matchLabels"].clone());
    }
    for selector in selectors {
        let selector = selector.as_object().unwrap();
        assert!(!selector.is_empty());
        for (key, value) in selector {
            assert_eq!(labels[key], *value, "{key}");
        }
    }
}

#[test]
fn probes_ask_the_plain_port() {
    let container = container();
    for (probe, path) in [("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
        assert_eq!(container[probe]["httpGet"], json!({ "path": path, "port": "metrics" }));
    }
}

#[test]
fn names_resolve_as_they_do_for_the_node() {
    assert_eq!(pod_spec()["dnsPolicy"], "Default");
}

#[test]
fn the_kubelet_sets_no_variables_that_look_like_flags() {
    // For a Service called pullcheck it would set PULLCHECK_PORT, PULLCHECK_SERVICE_HOST, ...
    assert_eq!(pod_spec()["enableServiceLinks"], false);
}

#[test]
fn one_of_two_replicas_always_answers() {
    let deployment = object("Deployment", "pullcheck")["spec"].clone();
    assert_eq!(deployment["replicas"], 2);
    assert_eq!(deployment["strategy"]["rollingUpdate"]["maxUnavailable"], 0);
    assert_eq!(object("PodDisruptionBudget", "pullcheck")["spec"]["minAvailable"], 1);
}

#[test]
fn the_pod_runs_without_any_privilege() {
    let pod = pod_spec();
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["runAsUser"], 65532);
    assert_eq!(pod["securityContext"]["seccompProfile"], json!({ "type": "RuntimeDefault" }));
    for name in ["hostNetwork", "hostPID", "hostIPC", "initContainers"] {
        assert_eq!(pod[name], Value::Null, "{name}");
    }
    assert_eq!(
        container()["securityContext"],
        json!({
            "allowPrivilegeEscalation": false,
            "privileged": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        })
    );
}

#[test]
fn every_file_the_arguments_name_is_mounted_read_only() {
    let container = container();
    let mounts: Vec<(&str, &str)> = container["volumeMounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| {
            assert_eq!(mount["readOnly"], true);
            assert_eq!(mount["subPath"], Value::Null, "it would never see a renewed file");
            (mount["name"].as_str().unwrap(), mount["mountPath"].as_str().unwrap())
        })
        .collect();
    assert_eq!(mounts, [("config", "/etc/pullcheck/config"), ("tls", "/etc/pullcheck/tls")]);
    assert_eq!(
        container["args"],
        json!([
            "serve",
            "--config=/etc/pullcheck/config/config.yaml",
            "--tls-cert=/etc/pullcheck/tls/tls.crt",
            "--tls-key=/etc/pullcheck/tls/tls.key",
        ])
    );
    assert_eq!(
        pod_spec()["volumes"],
        json!([
            { "name": "config", "configMap": { "name": "pullcheck-config" } },
            // 288 is 0440: with fsGroup the process may read the key, and nobody else.
            { "name": "tls", "secret": { "secretName": "pullcheck-tls", "defaultMode": 288 } },
        ])
    );
    assert_eq!(kustomization()["configMapGenerator"][0]["name"], "pullcheck-config");
}

#[test]
fn the_bound_roles_may_get_what_a_pod_names_and_watch_what_holds_no_secret_and_nothing_else() {
    assert_eq!(
        object("ClusterRole", "pullcheck-cluster")["rules"],
        json!([
            { "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch"] },
            { "apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "watch"] },
            { "apiGroups": ["node.k8s.io"], "resources": ["runtimeclasses"], "verbs": ["get"] },
            {
                "apiGroups": ["networking.k8s.io"],
                "resources": ["servicecidrs"],
                "verbs": ["list", "watch"],
            },
            {
                "apiGroups": ["discovery.k8s.io"],
                "resources": ["endpointslices"],
                "resourceNames": ["kubernetes"],
                "verbs": ["get"],
            },
        ])
    );
    assert_eq!(
        object("ClusterRole", "pullcheck")["rules"],
        json!([{
            "apiGroups": [""],
            "resources": ["secrets", "serviceaccounts"],
            "verbs": ["get"],
        }])
    );
}

#[test]
fn listing_names_is_bound_to_nobody() {
    assert_eq!(
        object("ClusterRole", "pullcheck-suggest-names")["rules"],
        json!([{
            "apiGroups": [""],
            "resources": ["secrets", "serviceaccounts"],
            "verbs": ["list"],
        }])
    );
    let bindings: Vec<Value> = objects()
        .into_iter()
        .filter(|object| object["kind"].as_str().unwrap().ends_with("Binding"))
        .collect();
    let bound: Vec<&str> =
        bindings.iter().map(|binding| binding["roleRef"]["name"].as_str().unwrap()).collect();
    assert_eq!(bound, ["pullcheck", "pullcheck-cluster"]);
    for binding in &bindings {
        assert_eq!(
            binding["subjects"],
            json!([{ "kind": "ServiceAccount", "name": "pullcheck", "namespace": "pullcheck" }])
        );
    }
    assert_eq!(pod_spec()["serviceAccountName"], "pullcheck");
    object("ServiceAccount", "pullcheck");
}

#[test]
fn the_network_policy_opens_both_ports_and_keeps_metadata_services_out_of_reach() {
    let policy = object("NetworkPolicy", "pullcheck")["spec"].clone();
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    let ingress = policy["ingress"].as_array().unwrap();
    assert_eq!(ingress.len(), 2);
    // No `from`: the API server may come from any address.
    assert_eq!(ingress[0], json!({ "ports": [{ "protocol": "TCP", "port": "webhook" }] }));
    assert_eq!(ingress[1]["ports"], json!([{ "protocol": "TCP", "port": "metrics" }]));

    let egress = policy["egress"].as_array().unwrap();
    let anywhere: Vec<&Value> = egress.iter().filter(|rule| rule["to"].is_null()).collect();
    // Cilium matches no node by an address, and the API server is on one in many clusters.
    for port in [443, 6443] {
        assert!(anywhere.iter().any(|rule| opens(rule, port)), "{port}");
    }
    // Metadata services listen on port 80.
    assert!(!anywhere.iter().any(|rule| opens(rule, 80)));
    let peers: Vec<&Value> = egress
        .iter()
        .filter(|rule| opens(rule, 80))
        .flat_map(|rule| rule["to"].as_array().unwrap())
        .collect();
    assert_eq!(peers.len(), 3);
    assert_eq!(*peers[0], json!({ "namespaceSelector": {} }), "registries that are pods");
    for (peer, services) in [
        (peers[1], &["169.254.0.0/16", "168.63.129.16/32", "100.100.100.200/32"][..]),
        (peers[2], &["fe80::/10", "fd00:ec2::254/128"][..]),
    ] {
        assert_eq!(strings(&peer["ipBlock"]["except"]), services);
    }
}

/// Whether a rule of a NetworkPolicy lets this TCP port through.
fn opens(rule: &Value, port: u64) -> bool {
    let Some(ports) = rule["ports"].as_array() else { return true };
    ports.iter().filter(|entry| entry["protocol"] != "UDP").any(|entry| {
        let Some(first) = entry["port"].as_u64() else { return true };
        (first..=entry["endPort"].as_u64().unwrap_or(first)).contains(&port)
    })
}

#[test]
fn the_shipped_configuration_denies_nothing() {
    assert_eq!(documents("config.yaml"), [json!({ "mode": "warn" })]);
}

#[test]
fn the_image_has_the_version_of_the_package() {
    let version = env!("CARGO_PKG_VERSION");
    let images = kustomization()["images"].clone();
    assert_eq!(images.as_array().map(Vec::len), Some(1));
    assert_eq!(images[0]["name"], container()["image"]);
    assert_eq!(images[0]["newTag"], version);
    assert!(read("Dockerfile").contains(&format!("\nARG VERSION={version}\n")));
}

#[test]
fn the_container_image_is_locked_non_root_and_listens_where_the_manifests_say() {
    let dockerfile = read("Dockerfile");
    let lines: Vec<&str> = dockerfile.lines().collect();
    let expose = format!("EXPOSE {WEBHOOK_PORT} {METRICS_PORT}");
    for line in ["USER 65532:65532", &expose, "ENTRYPOINT [\"/pullcheck\"]", "CMD [\"serve\"]"] {
        assert!(lines.contains(&line), "{line}");
    }
    let builds: Vec<&&str> = lines.iter().filter(|line| line.contains("cargo build")).collect();
    assert_eq!(builds.len(), 2);
    for build in builds {
        assert!(build.contains("--locked --release"), "{build}");
    }
    // The last stage starts from the base without a shell or a compiler.
    let last = lines.iter().rfind(|line| line.starts_with("FROM ")).unwrap();
    assert_eq!(*last, "FROM ${RUNTIME_IMAGE}");
}

#[test]
fn the_build_context_is_a_list_of_what_goes_in() {
    let ignore = read(".dockerignore");
    let rules: BTreeSet<&str> =
        ignore.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(rules, BTreeSet::from(["*", "!Cargo.toml", "!Cargo.lock", "!LICENSE", "!src"]));
}
