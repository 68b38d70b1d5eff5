use std::fmt::Write as _;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

fn read(kind: &str, object: &Value) -> Workload {
    let kind = KINDS.iter().find(|row| row.kind == kind).expect("a kind of the table");
    extract(kind, &object.to_string()).expect("a readable object")
}

fn pod(spec: &Value) -> Workload {
    read("Pod", &json!({"metadata": {"name": "p"}, "spec": spec}))
}

/// Puts a pod's spec where the kind has it.
fn wrap(kind: &Kind, spec: &Value) -> Value {
    match kind.pod {
        PodAt::Spec => json!({"spec": spec}),
        PodAt::Template => json!({"template": {"spec": spec}}),
        PodAt::SpecTemplate => json!({"spec": {"template": {"spec": spec}}}),
        PodAt::JobTemplate => {
            json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}})
        }
    }
}

fn fields(workload: &Workload) -> Vec<(&str, &str)> {
    workload.images.iter().map(|image| (image.field.as_str(), image.image.as_str())).collect()
}

#[rstest]
#[case("v1", "Pod", "pods", "spec")]
#[case("v1", "ReplicationController", "replicationcontrollers", "spec.template.spec")]
#[case("v1", "PodTemplate", "podtemplates", "template.spec")]
#[case("apps/v1", "Deployment", "deployments", "spec.template.spec")]
#[case("apps/v1", "ReplicaSet", "replicasets", "spec.template.spec")]
#[case("apps/v1", "StatefulSet", "statefulsets", "spec.template.spec")]
#[case("apps/v1", "DaemonSet", "daemonsets", "spec.template.spec")]
#[case("batch/v1", "Job", "jobs", "spec.template.spec")]
#[case("batch/v1", "CronJob", "cronjobs", "spec.jobTemplate.spec.template.spec")]
fn every_kind_is_read_where_it_keeps_its_pod(
    #[case] api_version: &str,
    #[case] kind: &str,
    #[case] resource: &str,
    #[case] path: &str,
) {
    let row = Kind::of_manifest(api_version, kind).expect("a kind of the table");
    assert_eq!((row.kind, row.resource, row.pod.path()), (kind, resource, path));
    let spec = json!({
        "containers": [{"image": "a"}, {"image": "b"}],
        "initContainers": [{"image": "c"}],
        "ephemeralContainers": [{"image": "d"}],
        "volumes": [{"emptyDir": {}}, {"image": {"reference": "e"}}],
        "imagePullSecrets": [{"name": "one"}],
    });
    let workload = read(kind, &wrap(row, &spec));
    assert_eq!(workload.is_template, kind != "Pod");
    let expected = [
        (format!("{path}.initContainers[0].image"), "c", Role::InitContainer),
        (format!("{path}.containers[0].image"), "a", Role::Container),
        (format!("{path}.containers[1].image"), "b", Role::Container),
        (format!("{path}.ephemeralContainers[0].image"), "d", Role::EphemeralContainer),
        (format!("{path}.volumes[1].image.reference"), "e", Role::Volume),
    ];
    let found: Vec<_> = workload
        .images
        .iter()
        .map(|image| (image.field.to_string(), image.image.as_str(), image.role))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(workload.pull_secrets[0].field.as_str(), format!("{path}.imagePullSecrets[0]"));
}

#[test]
fn the_table_holds_nine_kinds_once_each() {
    assert_eq!(KINDS.len(), 9);
    for row in KINDS {
        assert_eq!(Kind::find(row.group, row.kind), Some(row));
    }
}

#[rstest]
#[case("", "Deployment")]
#[case("apps", "Pod")]
#[case("", "ConfigMap")]
#[case("argoproj.io", "Rollout")]
#[case("autoscaling", "Scale")]
#[case("apps", "deployment")]
#[case("", "")]
fn other_kinds_are_unknown(#[case] group: &str, #[case] kind: &str) {
    assert_eq!(Kind::find(group, kind), None);
}

#[test]
fn metadata_says_who_it_is_and_whose() {
    let workload = read(
        "Pod",
        &json!({"metadata": {
            "namespace": "shop", "name": "web-1", "generateName": "web-",
            "deletionTimestamp": "2026-01-01T00:00:00Z",
            "annotations": {"a": "b", "kubernetes.io/config.mirror": ""},
            "ownerReferences": [{"kind": "X"}, {"controller": false}, {"controller": true}],
        }}),
    );
    assert_eq!(workload.namespace.as_deref(), Some("shop"));
    assert_eq!(workload.name, "web-1");
    assert!(workload.deleting && workload.mirror && workload.controller_owned);
}

#[test]
fn without_metadata_it_is_nobodys() {
    for object in
        [json!({}), json!({"metadata": null}), json!({"metadata": {"annotations": {"x": "y"}}})]
    {
        let workload = read("Pod", &object);
        assert_eq!((workload.namespace, workload.name.as_str()), (None, ""));
        assert!(!workload.deleting && !workload.mirror && !workload.controller_owned);
        assert!(workload.images.is_empty() && !workload.names_secrets);
        assert_eq!(workload.node, NodeConstraints::default());
    }
}

#[test]
fn a_generated_name_stands_in_for_the_name() {
    assert_eq!(
        read("Job", &json!({"metadata": {"generateName": "run-", "name": ""}})).name,
        "run-"
    );
}

#[test]
fn an_owner_that_is_no_controller_does_not_count() {
    let owned =
        json!({"metadata": {"ownerReferences": [{"controller": false}, {"controller": null}]}});
    assert!(!read("Pod", &owned).controller_owned);
}

#[test]
fn the_controller_is_named_where_the_reference_is_complete() {
    let complete = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d", "uid": "u-1",
        "controller": true,
    });
    let owned = |owner: &Value| {
        let other = json!({ "kind": "Node", "name": "n", "uid": "u-0", "apiVersion": "v1" });
        read("Pod", &json!({ "metadata": { "ownerReferences": [other, owner] } }))
    };
    let owner = owned(&complete).owner.unwrap();
    assert_eq!((owner.api_version.as_str(), owner.kind.as_str()), ("apps/v1", "ReplicaSet"));
    assert_eq!((owner.name.as_str(), owner.uid.as_str()), ("web-5d", "u-1"));
    for missing in ["apiVersion", "kind", "name", "uid"] {
        let mut incomplete = complete.clone();
        incomplete[missing] = json!("");
        let workload = owned(&incomplete);
        assert!(workload.controller_owned, "{missing}");
        assert_eq!(workload.owner, None, "{missing}");
    }
}

#[test]
fn the_mirror_annotation_hides_pods_only() {
    let object = json!({"metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}});
    assert!(read("Pod", &object).mirror);
    assert!(!read("Deployment", &object).mirror);
}

#[rstest]
#[case(json!({"imagePullPolicy": "Always"}), Some(PullPolicy::Always))]
#[case(json!({"imagePullPolicy": "IfNotPresent"}), Some(PullPolicy::IfNotPresent))]
#[case(json!({"imagePullPolicy": "Never"}), Some(PullPolicy::Never))]
#[case(json!({"imagePullPolicy": "always"}), None)]
#[case(json!({"imagePullPolicy": ""}), None)]
#[case(json!({"imagePullPolicy": null}), None)]
#[case(json!({}), None)]
fn a_pull_policy_is_one_of_three_or_none(
    #[case] container: Value,
    #[case] policy: Option<PullPolicy>,
) {
    assert_eq!(pod(&json!({"containers": [container]})).images[0].pull_policy, policy);
}

#[test]
fn an_image_volume_has_its_own_pull_policy() {
    let workload = pod(&json!({"volumes": [
        {"name": "data", "image": {"reference": "data:1", "pullPolicy": "Never"}},
    ]}));
    assert_eq!(workload.images[0].pull_policy, Some(PullPolicy::Never));
    assert_eq!(workload.images[0].name, "data");
}

#[test]
fn only_a_template_may_leave_an_image_volume_empty() {
    let spec = json!({"volumes": [{"image": {}}, {"image": {"reference": ""}}, {"image": null}]});
    let deployment = KINDS.iter().find(|row| row.kind == "Deployment").expect("a kind");
    assert_eq!(read("Deployment", &wrap(deployment, &spec)).images, []);
    assert_eq!(
        fields(&pod(&spec)),
        [("spec.volumes[0].image.reference", ""), ("spec.volumes[1].image.reference", "")]
    );
}

#[test]
fn an_empty_secret_name_is_not_looked_up_and_still_replaces_the_accounts() {
    let workload = pod(&json!({"imagePullSecrets": [{"name": ""}, {}, null, {"name": "b"}]}));
    assert!(workload.names_secrets);
    let secrets: Vec<_> =
        workload.pull_secrets.iter().map(|s| (s.field.as_str(), s.name.as_str())).collect();
    assert_eq!(secrets, [("spec.imagePullSecrets[3]", "b")]);

    let only_empty = pod(&json!({"imagePullSecrets": [{"name": ""}]}));
    assert!(only_empty.names_secrets && only_empty.pull_secrets.is_empty());
    assert!(!pod(&json!({"imagePullSecrets": []})).names_secrets);
    assert!(!pod(&json!({"imagePullSecrets": null})).names_secrets);
}

#[rstest]
#[case(json!({"serviceAccountName": "a", "serviceAccount": "b"}), Some("a"))]
#[case(json!({"serviceAccountName": "", "serviceAccount": "b"}), Some("b"))]
#[case(json!({"serviceAccount": "b"}), Some("b"))]
#[case(json!({"serviceAccountName": null}), None)]
#[case(json!({}), None)]
fn the_service_account_has_an_alias(#[case] spec: Value, #[case] account: Option<&str>) {
    let workload = pod(&spec);
    assert_eq!(workload.service_account.as_deref(), account);
    assert_eq!(workload.effective_service_account(), account.unwrap_or("default"));
}

#[test]
fn node_constraints_are_kept() {
    let workload = pod(&json!({
        "nodeSelector": {"kubernetes.io/arch": "arm64", "x": null},
        "nodeName": "n1", "os": {"name": "linux"}, "runtimeClassName": "kata",
        "affinity": {"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []},
            "preferredDuringSchedulingIgnoredDuringExecution": [1],
        }, "podAffinity": []},
        "tolerations": [{"operator": "Exists"}],
    }));
    let expected = NodeConstraints {
        selector: [("kubernetes.io/arch", "arm64"), ("x", "")]
            .map(|(label, value)| (label.to_owned(), value.to_owned()))
            .into(),
        node_name: Some("n1".to_owned()),
        os: Some("linux".to_owned()),
        runtime_class: Some("kata".to_owned()),
        required_affinity: Some(r#"{"nodeSelectorTerms":[]}"#.to_owned()),
        tolerations: Some(r#"[{"operator":"Exists"}]"#.to_owned()),
    };
    assert_eq!(workload.node, expected);
}

#[test]
fn empty_node_constraints_are_none() {
    let workload = pod(&json!({
        "nodeSelector": {}, "nodeName": "", "os": {}, "tolerations": [],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": null}},
    }));
    assert_eq!(workload.node, NodeConstraints::default());
}

#[test]
fn pull_secrets_inside_containers_are_noticed() {
    let workload = pod(&json!({
        "initContainers": [{"image": "a", "imagePullSecrets": [{"name": "x"}]}],
        "containers": [{"image": "b"}, {"image": "c", "imagePullSecrets": "x"}, {"imagePullSecrets": null}],
    }));
    let misplaced: Vec<_> = workload.misplaced_pull_secrets.iter().map(FieldPath::as_str).collect();
    assert_eq!(
        misplaced,
        ["spec.initContainers[0].imagePullSecrets", "spec.containers[1].imagePullSecrets"]
    );
    assert!(!workload.names_secrets);
}

#[test]
fn escapes_and_foreign_letters_survive() {
    let kind = Kind::find("", "Pod").expect("a kind");
    let workload = extract(kind, r#"{"spec":{"containers":[{"image":"a\u002fb\n","name":"ü"}]}}"#)
        .expect("a readable object");
    assert_eq!(
        (workload.images[0].image.as_str(), workload.images[0].name.as_str()),
        ("a/b\n", "ü")
    );
}

#[rstest]
#[case(json!({"spec": {"containers": [{"image": "a"}, {"image": 7}]}}), "spec.containers[1].image: must be a string")]
#[case(json!({"spec": {"containers": {"image": "hunter2"}}}), "spec.containers: must be a list")]
#[case(json!({"spec": {"containers": ["hunter2"]}}), "spec.containers[0]: must be an object")]
#[case(json!({"spec": {"containers": [["hunter2"]]}}), "spec.containers[0]: must be an object")]
#[case(json!({"spec": []}), "spec: must be an object")]
#[case(json!({"metadata": []}), "metadata: must be an object")]
#[case(json!([]), ".: must be an object")]
#[case(json!("hunter2, expected a lot"), ".: must be an object")]
#[case(json!({"metadata": {"ownerReferences": [{"controller": "hunter2"}]}}), "metadata.ownerReferences[0].controller: must be a boolean")]
#[case(json!({"metadata": {"deletionTimestamp": true}}), "metadata.deletionTimestamp: must be a string")]
#[case(json!({"spec": {"nodeSelector": {"a\nb": 1}}}), "spec.nodeSelector.a?b: must be a string")]
#[case(json!({"spec": {"volumes": [{"image": {"reference": {"hunter2": 1}}}]}}), "spec.volumes[0].image.reference: must be a string")]
#[case(json!({"spec": {"affinity": "hunter2"}}), "spec.affinity: must be an object")]
fn a_wrong_type_names_its_field_and_quotes_nothing(#[case] object: Value, #[case] message: &str) {
    let kind = Kind::find("", "Pod").expect("a kind");
    let error = extract(kind, &object.to_string()).expect_err("a wrong type");
    assert_eq!(error.to_string(), message);
}

#[test]
fn deep_templates_name_the_whole_path() {
    let kind = Kind::find("batch", "CronJob").expect("a kind");
    let object = wrap(kind, &json!({"initContainers": [{"image": false}]}));
    assert_eq!(
        extract(kind, &object.to_string()).expect_err("a wrong type").to_string(),
        "spec.jobTemplate.spec.template.spec.initContainers[0].image: must be a string"
    );
}

#[rstest]
#[case("", "not valid JSON at line 1, column 0")]
#[case("{\"spec\":\n  nope}", "not valid JSON at line 2, column 4")]
#[case("{} {}", "not valid JSON at line 1, column 4")]
#[case("{\"spec\":{},\"spec\":{}}", ".: is there twice")]
fn broken_text_says_where(#[case] text: &str, #[case] message: &str) {
    let kind = Kind::find("", "Pod").expect("a kind");
    assert_eq!(extract(kind, text).expect_err("broken text").to_string(), message);
}

#[test]
fn a_foreign_key_in_a_path_is_bounded() {
    let kind = Kind::find("", "Pod").expect("a kind");
    let object = json!({"spec": {"nodeSelector": {"k".repeat(100_000): 1}}});
    let message = extract(kind, &object.to_string()).expect_err("a wrong type").to_string();
    assert!(message.len() < 256, "{} characters", message.len());
}

#[test]
fn an_object_of_three_mebibytes_is_read() {
    let mut managed = String::new();
    while managed.len() < 3 << 20 {
        write!(managed, r#"{{"f:spec":{{"f:containers":{{"k:{}":[1,2,null]}}}}}},"#, managed.len())
            .expect("room");
    }
    let text = format!(
        r#"{{"metadata":{{"managedFields":[{managed}0]}},"spec":{{"containers":[{{"image":"a"}}]}}}}"#
    );
    let kind = Kind::find("", "Pod").expect("a kind");
    assert_eq!(
        fields(&extract(kind, &text).expect("a readable object")),
        [("spec.containers[0].image", "a")]
    );
}

#[test]
fn nesting_in_fields_that_are_not_read_does_no_harm() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let text =
        format!(r#"{{"x":{deep},"spec":{{"tolerations":{deep},"containers":[{{"image":"a"}}]}}}}"#);
    let kind = Kind::find("", "Pod").expect("a kind");
    assert_eq!(extract(kind, &text).expect("a readable object").images.len(), 1);
}

// What an update brings.

fn base() -> Value {
    json!({
        "containers": [
            {"name": "a", "image": "a:1", "imagePullPolicy": "Always"},
            {"name": "b", "image": "b:1", "imagePullPolicy": "IfNotPresent"},
        ],
        "imagePullSecrets": [{"name": "one"}, {"name": "two"}],
        "serviceAccountName": "robot",
        "nodeSelector": {"x": "y"},
    })
}

fn changed(new: &Value) -> Vec<String> {
    let mut new = pod(new);
    new.retain_changed_images(&pod(&base()));
    new.images.into_iter().map(|image| image.image).collect()
}

fn with(pointer: &str, value: Value) -> Value {
    let mut spec = base();
    *spec.pointer_mut(pointer).expect("a field of the base") = value;
    spec
}

#[rstest]
#[case::nothing(base(), &[])]
#[case::one_image(with("/containers/1/image", json!("b:2")), &["b:2"])]
#[case::one_policy(with("/containers/1/imagePullPolicy", json!("Always")), &["b:1"])]
#[case::a_name(with("/containers/1/name", json!("c")), &[])]
#[case::a_secret(with("/imagePullSecrets/1/name", json!("three")), &["a:1", "b:1"])]
#[case::secrets_in_another_order(with("/imagePullSecrets", json!([{"name": "two"}, {"name": "one"}])), &["a:1", "b:1"])]
#[case::an_empty_secret_more(with("/imagePullSecrets", json!([{"name": "one"}, {"name": ""}, {"name": "two"}])), &[])]
#[case::no_secrets(with("/imagePullSecrets", json!(null)), &["a:1", "b:1"])]
#[case::an_account(with("/serviceAccountName", json!("other")), &["a:1", "b:1"])]
#[case::a_node_selector(with("/nodeSelector", json!({"x": "z"})), &["a:1", "b:1"])]
fn an_update_brings_what_no_image_had_before(#[case] new: Value, #[case] images: &[&str]) {
    assert_eq!(changed(&new), images);
}

#[test]
fn moving_an_image_to_another_role_brings_nothing_new() {
    let mut new = base();
    let moved = new["containers"][1].take();
    new["containers"].as_array_mut().expect("a list").pop();
    new["initContainers"] = json!([moved]);
    assert_eq!(changed(&new), [""; 0]);
}

#[test]
fn naming_only_an_empty_secret_is_a_change_from_naming_none() {
    let mut new = pod(&json!({"containers": [{"image": "a"}], "imagePullSecrets": [{"name": ""}]}));
    new.retain_changed_images(&pod(&json!({"containers": [{"image": "a"}]})));
    assert_eq!(new.images.len(), 1);
}

#[test]
fn the_default_account_may_be_written_out() {
    let mut new = pod(&json!({"containers": [{"image": "a"}], "serviceAccountName": "default"}));
    new.retain_changed_images(&pod(&json!({"containers": [{"image": "a"}]})));
    assert_eq!(new.images, []);
}

// null is nothing.

fn everything() -> Value {
    json!({
        "metadata": {
            "name": "n", "namespace": "ns", "generateName": "g", "deletionTimestamp": "t",
            "annotations": {"kubernetes.io/config.mirror": "m"},
            "ownerReferences": [{"controller": true, "name": "o"}],
        },
        "spec": {
            "containers": [{"name": "c", "image": "i", "imagePullPolicy": "Always", "env": [{}]}],
            "initContainers": [{"name": "c", "image": "i", "imagePullSecrets": []}],
            "ephemeralContainers": [{"image": "i"}],
            "volumes": [{"name": "v", "image": {"reference": "r", "pullPolicy": "Never"}}],
            "imagePullSecrets": [{"name": "s"}],
            "serviceAccountName": "a", "serviceAccount": "a", "nodeName": "n",
            "nodeSelector": {"k": "v"}, "os": {"name": "linux"}, "runtimeClassName": "r",
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"a": [1]}}},
            "tolerations": [{"key": "k"}],
        },
        "template": {"spec": {"containers": [{"image": "i"}]}},
    })
}

/// The JSON pointers of everything below `value`.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    let mut below = |key: &str, value: &Value| {
        let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        all.push(at.clone());
        pointers(value, &at, all);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| below(key, value)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| below(&index.to_string(), value));
        }
        _ => {}
    }
}

#[test]
fn null_anywhere_is_read_as_nothing() {
    let whole = everything();
    let mut all = Vec::new();
    pointers(&whole, "", &mut all);
    assert!(all.len() > 50, "{} places", all.len());
    for kind in KINDS {
        for at in &all {
            let mut object = whole.clone();
            *object.pointer_mut(at).expect("a pointer into it") = Value::Null;
            if let Err(error) = extract(kind, &wrap_all(kind, object).to_string()) {
                panic!("{kind} with null at {at}: {error}");
            }
        }
    }
}

/// The object above, with its spec where the kind has it.
fn wrap_all(kind: &Kind, object: Value) -> Value {
    if !kind.is_template() {
        return object;
    }
    let mut wrapped = wrap(kind, &object["spec"]);
    wrapped["metadata"] = object["metadata"].clone();
    wrapped
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}", kind in 0..KINDS.len()) {
        let _ = extract(&KINDS[kind], &text);
    }

    #[test]
    fn damage_anywhere_is_an_error_or_an_object(
        at in any::<prop::sample::Index>(),
        value in prop::sample::select(vec![json!(null), json!(1), json!("x"), json!([]), json!({}), json!([[]]), json!([{}]), json!(true)]),
        kind in 0..KINDS.len(),
    ) {
        let kind = &KINDS[kind];
        let mut object = wrap_all(kind, everything());
        let mut all = Vec::new();
        pointers(&object, "", &mut all);
        *object.pointer_mut(at.get::<String>(&all)).expect("a pointer into it") = value;
        if let Err(error) = extract(kind, &object.to_string()) {
            let named = matches!(&error, ExtractError::Field { field, .. } if field != ".");
            prop_assert!(named, "{}", error);
        }
    }
}

#[test]
fn a_list_longer_than_any_real_one_is_refused_before_it_takes_the_memory() {
    let pod = |containers: usize| {
        let list = vec!["{\"image\":\"a\"}"; containers].join(",");
        format!("{{\"spec\":{{\"containers\":[{list}]}}}}")
    };
    let kind = Kind::find("", "Pod").unwrap();
    assert_eq!(extract(kind, &pod(10_000)).unwrap().images.len(), 10_000);
    let error = extract(kind, &pod(10_001)).unwrap_err().to_string();
    assert_eq!(error, "spec.containers: must be a list of at most 10000 entries");
    let labels: Vec<String> = (0..10_001).map(|number| format!("\"{number}\":\"\"")).collect();
    let pod = format!("{{\"spec\":{{\"nodeSelector\":{{{}}}}}}}", labels.join(","));
    let error = extract(kind, &pod).unwrap_err().to_string();
    assert_eq!(error, "spec.nodeSelector: must be an object of at most 10000 entries");
}
