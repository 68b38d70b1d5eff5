use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

fn pod(image: &str) -> Value {
    json!({
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"containers": [{"name": "web", "image": image, "imagePullPolicy": "Always"}]},
    })
}

fn review(changes: &Value) -> Value {
    let mut request = json!({
        "uid": "u-1",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "name": "web", "namespace": "shop", "operation": "CREATE",
        "userInfo": {"username": "jane", "uid": "7", "groups": ["dev", "system:authenticated"], "extra": {"a": ["b"]}},
        "object": pod("nginx:1"), "oldObject": null, "dryRun": false,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
    });
    for (key, value) in changes.as_object().expect("an object of changes") {
        request[key] = value.clone();
    }
    json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request})
}

/// A review as the API server writes it: the objects come after what is said of them.
fn in_order(review: &Value) -> String {
    let late = ["object", "oldObject", "dryRun", "options"];
    let Some(request) = review["request"].as_object() else { return review.to_string() };
    let (after, before): (Vec<_>, Vec<_>) =
        request.iter().partition(|(key, _)| late.contains(&key.as_str()));
    let fields = before.into_iter().chain(after);
    let fields: Vec<String> = fields.map(|(key, value)| format!("{key:?}:{value}")).collect();
    let mut text = review.clone();
    text["request"] = json!("REQUEST");
    text.to_string().replace("\"REQUEST\"", &format!("{{{}}}", fields.join(",")))
}

/// The plan for some bytes, which is the same however they are read.
fn plan_of(body: &[u8]) -> Result<Plan, DecodeError> {
    let plan = Request::decode(body).and_then(|mut request| request.plan());
    let in_two = Request::decode_in_two(body).and_then(|mut request| request.plan());
    assert_eq!(plan, in_two, "{}", String::from_utf8_lossy(body));
    plan
}

fn plan(changes: &Value) -> Result<Plan, DecodeError> {
    let review = review(changes);
    let plan = plan_of(in_order(&review).as_bytes());
    assert_eq!(plan_of(review.to_string().as_bytes()).is_ok(), plan.is_ok());
    plan
}

#[test]
fn the_objects_are_read_with_the_request_where_they_come_after_what_decides_it() {
    let update = json!({"operation": "UPDATE", "oldObject": pod("nginx:0")});
    let text = in_order(&review(&update));
    let request = Request::decode(text.as_bytes()).expect("a review");
    let objects = (&request.object, &request.old_object);
    assert!(matches!(objects, (Some(Object::Read(_)), Some(Object::Read(_)))));
    for changes in [
        json!({"operation": "DELETE"}),
        json!({"subResource": "status"}),
        json!({"kind": {"version": "v1", "kind": "ConfigMap"}}),
    ] {
        let text = in_order(&review(&changes));
        let request = Request::decode(text.as_bytes()).expect("a review");
        assert!(matches!(request.object, Some(Object::Sent(_))), "{changes}");
    }
}

#[test]
fn a_field_that_is_there_twice_is_told_of() {
    for field in ["uid", "kind", "object", "oldObject", "dryRun"] {
        let text = in_order(&review(&json!({})));
        let text =
            text.replacen("\"name\":", &format!("{field:?}:null,{field:?}:null,\"name\":"), 1);
        let message = plan_of(text.as_bytes()).expect_err("twice").to_string();
        assert!(message.contains("request: is there twice"), "{field}: {message}");
    }
}

fn judged(changes: &Value) -> Workload {
    match plan(changes) {
        Ok(Plan::Judge(workload)) => *workload,
        other => panic!("not judged but {other:?}"),
    }
}

fn images(workload: &Workload) -> Vec<&str> {
    workload.images.iter().map(|image| image.image.as_str()).collect()
}

#[test]
fn a_review_is_read() {
    let body = review(&json!({"subResource": "ephemeralcontainers", "dryRun": true})).to_string();
    let request = Request::decode(body.as_bytes()).expect("a review");
    assert_eq!(request.uid, "u-1");
    assert_eq!(
        (&*request.kind.group, &*request.kind.version, &*request.kind.name),
        ("", "v1", "Pod")
    );
    assert_eq!(request.resource.name, "pods");
    assert_eq!(request.sub_resource, "ephemeralcontainers");
    assert_eq!((&*request.name, &*request.namespace), ("web", "shop"));
    assert_eq!(request.operation, Operation::Create);
    assert_eq!(request.user.name, "jane");
    assert!(request.dry_run && request.object.is_some() && request.old_object.is_none());
}

#[test]
fn null_and_strangers_are_tolerated() {
    let changes = json!({
        "dryRun": null, "subResource": null, "userInfo": null, "name": null,
        "oldObject": null, "resource": null, "requestKind": null, "someday": {"a": 1},
    });
    assert_eq!(images(&judged(&changes)), ["nginx:1"]);
    assert_eq!(
        images(&judged(&json!({"userInfo": {"groups": null, "username": null}}))),
        ["nginx:1"]
    );
}

#[test]
fn the_objects_stay_out_of_debug_output() {
    let mut object = pod("nginx:1");
    object["spec"]["containers"][0]["env"] = json!([{"name": "PASSWORD", "value": "hunter2"}]);
    let body = review(&json!({"object": object, "oldObject": object})).to_string();
    let request = Request::decode(body.as_bytes()).expect("a review");
    assert!(!format!("{request:?}").contains("hunter2"));
}

#[rstest]
#[case::empty(b"", "the body is empty")]
#[case::blank(b" \n", "the body is empty")]
#[case::no_json(b"{\"a\":\nhunter2}", "the body is not JSON (line 2, column 1)")]
#[case::cut_short(b"{\"request\":{", "the body is not JSON (line 1, column 12)")]
#[case::more_after_it(b"{} {}", "the body is not JSON (line 1, column 4)")]
#[case::no_utf8(b"{\"kind\":\"\xff\"}", "the body is not JSON (line 1, column 10)")]
#[case::no_object(b"[]", "the body is not an AdmissionReview")]
#[case::a_text(b"\"hunter2\"", "the body is not an AdmissionReview")]
#[case::null(b"null", "the body is not an AdmissionReview")]
#[case::nothing(b"{}", "the body is not an AdmissionReview")]
#[case::a_pod(
    br#"{"kind":"Pod","apiVersion":"v1","spec":{}}"#,
    "the body is not an AdmissionReview"
)]
#[case::another_version(
    br#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v2","request":7}"#,
    "the body is not an AdmissionReview of admission.k8s.io/v1 "
)]
#[case::beta(
    br#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1","request":{"uid":"u"}}"#,
    "the body is an AdmissionReview of admission.k8s.io/v1beta1, pullcheck speaks v1 only; set admissionReviewVersions"
)]
#[case::an_answer(
    br#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"u"}}"#,
    "the AdmissionReview has no request"
)]
#[case::null_request(
    br#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":null}"#,
    "the AdmissionReview has no request"
)]
#[case::no_uid(
    br#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{}}"#,
    "request.uid is empty"
)]
#[case::null_uid(
    br#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":null}}"#,
    "request.uid is empty"
)]
#[case::wrong_type(br#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u","kind":"hunter2"}}"#, "the AdmissionReview cannot be read: request.kind: must be an object;")]
#[case::list_request(
    br#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":["u"]}"#,
    "the AdmissionReview cannot be read: request: must be an object;"
)]
fn a_body_that_is_no_request_is_told_why(#[case] body: &[u8], #[case] start: &str) {
    let message = Request::decode(body).expect_err("no request").to_string();
    assert!(message.starts_with(start), "{message}");
    assert!(!message.contains("hunter2") && !message.contains('\n'), "{message}");
    assert!(message.contains("; ") && message.len() < 256, "{message}");
}

#[rstest]
#[case::delete(json!({"operation": "DELETE", "object": null, "oldObject": pod("a")}), SkipReason::Operation)]
#[case::connect(json!({"operation": "CONNECT", "subResource": "exec"}), SkipReason::Operation)]
#[case::unknown_operation(json!({"operation": "UPSERT"}), SkipReason::Operation)]
#[case::no_operation(json!({"operation": null}), SkipReason::Operation)]
#[case::status(json!({"operation": "UPDATE", "subResource": "status"}), SkipReason::Subresource)]
#[case::resize(json!({"operation": "UPDATE", "subResource": "resize"}), SkipReason::Subresource)]
#[case::binding(json!({"subResource": "binding", "kind": {"version": "v1", "kind": "Binding"}}), SkipReason::Subresource)]
#[case::eviction(json!({"subResource": "eviction", "kind": {"group": "policy", "kind": "Eviction"}}), SkipReason::Subresource)]
#[case::scale(json!({
    "operation": "UPDATE", "subResource": "scale",
    "kind": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
    "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
}), SkipReason::Subresource)]
#[case::anothers_ephemeral_containers(json!({
    "subResource": "ephemeralcontainers", "resource": {"group": "example.com", "resource": "pods"},
}), SkipReason::Subresource)]
#[case::a_config_map(json!({"kind": {"version": "v1", "kind": "ConfigMap"}, "object": {"data": 7}}), SkipReason::UnknownKind)]
#[case::anothers_pod(json!({"kind": {"group": "example.com", "version": "v1", "kind": "Pod"}, "object": {"spec": 7}}), SkipReason::UnknownKind)]
#[case::no_kind(json!({"kind": null}), SkipReason::UnknownKind)]
#[case::no_object(json!({"object": null}), SkipReason::NoObject)]
#[case::deleting(json!({"object": {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}}), SkipReason::Deleting)]
#[case::a_mirror(json!({"object": {"metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}}}), SkipReason::MirrorPod)]
#[case::nothing_new(json!({"operation": "UPDATE", "oldObject": pod("nginx:1")}), SkipReason::NothingNew)]
fn what_is_never_judged_is_skipped(#[case] changes: Value, #[case] reason: SkipReason) {
    assert_eq!(plan(&changes), Ok(Plan::Skip(reason)));
}

#[test]
fn a_finalizer_taken_off_a_deleted_pod_is_skipped_by_the_new_object() {
    let mut object = pod("nginx:2");
    object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let update = json!({"operation": "UPDATE", "object": object, "oldObject": pod("nginx:1")});
    assert_eq!(plan(&update), Ok(Plan::Skip(SkipReason::Deleting)));
    // An old object that was being deleted says nothing about the new one.
    let update = json!({"operation": "UPDATE", "object": pod("nginx:1"), "oldObject": object});
    assert_eq!(images(&judged(&update)), ["nginx:1"]);
}

#[test]
fn a_deployment_with_the_mirror_annotation_is_judged() {
    let workload = judged(&json!({
        "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
        "object": {
            "metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}},
            "spec": {"template": {"spec": {"containers": [{"image": "a"}]}}},
        },
    }));
    assert_eq!(images(&workload), ["a"]);
}

#[rstest]
#[case("", "Pod", "spec")]
#[case("", "ReplicationController", "spec.template.spec")]
#[case("", "PodTemplate", "template.spec")]
#[case("apps", "Deployment", "spec.template.spec")]
#[case("apps", "ReplicaSet", "spec.template.spec")]
#[case("apps", "StatefulSet", "spec.template.spec")]
#[case("apps", "DaemonSet", "spec.template.spec")]
#[case("batch", "Job", "spec.template.spec")]
#[case("batch", "CronJob", "spec.jobTemplate.spec.template.spec")]
fn every_kind_is_judged_when_created(#[case] group: &str, #[case] kind: &str, #[case] path: &str) {
    let mut object = json!({"containers": [{"image": "a"}]});
    for field in path.rsplit('.') {
        object = json!({field: object});
    }
    let changes =
        json!({"kind": {"group": group, "version": "v1", "kind": kind}, "object": object});
    assert_eq!(judged(&changes).images[0].field.as_str(), format!("{path}.containers[0].image"));
}

#[test]
fn an_update_without_the_old_object_is_judged_whole() {
    assert_eq!(images(&judged(&json!({"operation": "UPDATE"}))), ["nginx:1"]);
}

#[test]
fn a_create_is_judged_whole_whatever_comes_with_it() {
    assert_eq!(images(&judged(&json!({"oldObject": pod("nginx:1")}))), ["nginx:1"]);
}

#[test]
fn repairing_one_of_two_broken_containers_is_judged_by_that_one() {
    let two = |first: &str| json!({"spec": {"containers": [{"image": first}, {"image": "bad:2"}]}});
    let update = json!({"operation": "UPDATE", "object": two("good:1"), "oldObject": two("bad:1")});
    assert_eq!(images(&judged(&update)), ["good:1"]);
}

#[test]
fn a_debug_container_is_judged_without_the_rest_of_its_pod() {
    let mut object = pod("nginx:1");
    object["spec"]["ephemeralContainers"] = json!([{"name": "debug", "image": "busybox"}]);
    let workload = judged(&json!({
        "operation": "UPDATE", "subResource": "ephemeralcontainers",
        "object": object, "oldObject": pod("nginx:1"),
    }));
    assert_eq!(workload.images.len(), 1);
    assert_eq!(workload.images[0].field.as_str(), "spec.ephemeralContainers[0].image");
}

#[test]
fn a_dry_run_is_judged_too() {
    assert_eq!(images(&judged(&json!({"dryRun": true}))), ["nginx:1"]);
}

#[test]
fn namespace_and_name_come_from_the_request_where_the_object_lacks_them() {
    let workload = judged(&json!({"object": {"spec": {}}}));
    assert_eq!((workload.namespace.as_deref(), workload.name.as_str()), (Some("shop"), "web"));
    let workload = judged(&json!({"name": "", "object": {"metadata": {"generateName": "web-"}}}));
    assert_eq!(workload.name, "web-");
    let workload = judged(&json!({"namespace": null}));
    assert_eq!(workload.namespace.as_deref(), Some("shop"));
}

#[test]
fn secrets_are_never_looked_for_in_a_namespace_the_request_is_not_about() {
    let mut object = pod("nginx:1");
    object["metadata"]["namespace"] = json!("victim");
    assert_eq!(judged(&json!({"object": object})).namespace.as_deref(), Some("shop"));
}

#[rstest]
#[case(json!({"object": {"spec": {"containers": "hunter2"}}}), "request.object cannot be read: spec.containers: must be a list; ")]
#[case(json!({"object": "hunter2"}), "request.object cannot be read: .: must be an object; ")]
#[case(json!({"operation": "UPDATE", "oldObject": {"spec": ["hunter2"]}}), "request.oldObject cannot be read: spec: must be an object; ")]
fn an_object_of_the_wrong_shape_is_told_where(#[case] changes: Value, #[case] start: &str) {
    let message = plan(&changes).expect_err("a wrong shape").to_string();
    assert!(message.starts_with(start) && !message.contains("hunter2"), "{message}");
}

#[test]
fn every_skip_reason_has_a_label_of_its_own() {
    let labels: std::collections::HashSet<_> =
        SkipReason::ALL.iter().map(|reason| reason.label()).collect();
    assert_eq!(labels.len(), SkipReason::ALL.len());
}

/// One piece of damage to a text: bytes taken out, put in, or replaced.
fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, Vec<u8>)>> {
    let scrap = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..4),
        prop::sample::select(vec![
            "null", "[", "]", "{", "}", "\"", ",", ":", "\\u", "1e999", "{}"
        ])
        .prop_map(|scrap| scrap.as_bytes().to_vec()),
    ];
    prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, scrap), 1..4)
}

proptest! {
    #[test]
    fn a_damaged_review_is_answered_and_never_panics(damages in damage(), update in any::<bool>()) {
        let changes = if update {
            json!({"operation": "UPDATE", "oldObject": pod("nginx:0")})
        } else {
            json!({})
        };
        let mut body = in_order(&review(&changes)).into_bytes();
        for (at, taken, put) in damages {
            let at = at.index(body.len());
            let end = (at + usize::from(taken)).min(body.len());
            body.splice(at..end, put);
        }
        match plan_of(&body) {
            Ok(_) => {}
            Err(error) => {
                let message = error.to_string();
                prop_assert!(message.len() < 400 && !message.contains('\n'), "{}", message);
            }
        }
    }
}
