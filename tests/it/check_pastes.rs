//! What people paste from tutorials, by `pullcheck check`: each is named for what it is, with what
//! to do about it. The registry that the manifests name is never needed for that.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;

use crate::support::check::{Ran, check};
use crate::support::contract::{Action, Certainty, Report};
use crate::support::secrets;

/// A pod with the pull secret `regcred`. Nothing listens at its registry.
const POD: &str = "---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  imagePullSecrets: [{name: regcred}]
  containers:
  - {name: web, image: 127.0.0.1:1/app:v1}
";

/// A pull secret with `body` below its type, in a stream with a pod that names it. In `body`,
/// `JSON` is a docker config with a login, `AUTH` is that login, `B64` the config as base64.
fn manifest(body: &str) -> String {
    let auth = secrets::basic("alice", &secrets::fresh());
    let json = format!(r#"{{"auths":{{"127.0.0.1:1":{{"auth":"{auth}"}}}}}}"#);
    let encoded = STANDARD.encode(&json);
    secrets::register(&encoded);
    let folded = format!("{} {}", &encoded[..40], &encoded[40..]);
    let body = body
        .replace("FOLDED", &folded)
        .replace("TWICE", &STANDARD.encode(&encoded))
        .replace("B64", &encoded)
        .replace("JSON", &json)
        .replace("AUTH", &auth);
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: regcred}}\n\
         type: kubernetes.io/dockerconfigjson\n{body}\n{POD}"
    )
}

async fn judge(manifest: &str) -> (Ran, Report) {
    let ran = check(&["-", "--output", "json"]).stdin(manifest).run().await;
    let report = Report::of(&ran);
    (ran, report)
}

#[rstest]
#[case::base64_in_data("data:\n  .dockerconfigjson: B64")]
#[case::base64_in_a_block("data:\n  .dockerconfigjson: |\n    B64")]
#[case::json_in_a_block("stringData:\n  .dockerconfigjson: |\n    JSON")]
#[case::json_in_quotes("stringData:\n  .dockerconfigjson: 'JSON'")]
#[case::string_data_over_data(
    "data:\n  .dockerconfigjson: e30=\nstringData:\n  .dockerconfigjson: 'JSON'"
)]
#[tokio::test]
async fn what_is_right_is_taken(#[case] body: &str) {
    let (ran, report) = judge(&manifest(body)).await;
    ran.expect_code(0);
    // The secret covers the image's registry, else there would be a word of it.
    let codes: Vec<&str> = report.objects[0].findings.iter().map(|it| it.code.as_str()).collect();
    assert_eq!(codes, ["registry-refused"]);
}

/// The API server would not store any of these.
#[rstest]
#[case::json_in_quotes_under_data(
    "data:\n  .dockerconfigjson: 'JSON'",
    "data holds raw JSON, not base64; move it from data to stringData"
)]
#[case::json_as_a_flow_mapping_under_data(
    "data:\n  .dockerconfigjson: JSON",
    "data holds raw JSON, not base64"
)]
#[case::json_with_a_comment_after_it(
    "data:\n  .dockerconfigjson: JSON # base64 this",
    "data holds raw JSON, not base64"
)]
#[case::json_in_a_block_under_data(
    "data:\n  .dockerconfigjson: |\n    JSON # base64 this",
    "data holds raw JSON, not base64"
)]
#[case::a_placeholder("data:\n  .dockerconfigjson: <base64 here>", "data is not base64; encode it")]
#[case::folded_base64("data:\n  .dockerconfigjson: FOLDED", "on one line (base64 -w0)")]
#[case::a_number("data:\n  .dockerconfigjson: 1234", "is not text; write it as text")]
#[case::encoded_twice("data:\n  .dockerconfigjson: TWICE", "base64 of base64; encode it once")]
#[case::base64_in_string_data(
    "stringData:\n  .dockerconfigjson: B64",
    "stringData holds base64, which belongs under data; move it to data"
)]
#[case::a_flow_mapping_in_string_data(
    "stringData:\n  .dockerconfigjson: JSON",
    "stringData holds a mapping, not text; write it as a block of text after |"
)]
#[case::base64_of_no_json("data:\n  .dockerconfigjson: aGVsbG8=", "the data is not JSON; make it")]
#[case::a_list("stringData:\n  .dockerconfigjson: '[]'", "the document is a list, not an object")]
#[case::the_key_beside_data("data:\n.dockerconfigjson: B64", "outside data and stringData; indent")]
#[case::the_key_below_nothing("data: B64", "data is not a mapping of keys to values; write")]
#[case::no_data("", "needs the key .dockerconfigjson, which is not there; make it")]
#[case::the_other_key("data:\n  .dockercfg: e30=", "needs the key .dockerconfigjson")]
#[tokio::test]
async fn what_the_api_server_would_refuse_is_named(#[case] body: &str, #[case] words: &str) {
    let (ran, report) = judge(&manifest(body)).await;
    ran.expect_code(1);
    let finding = &report.objects[0].findings[0];
    assert_eq!(finding.code, "pull-secret-malformed", "{report:?}");
    assert_eq!((finding.certainty, finding.action), (Certainty::Proven, Action::Deny));
    assert_eq!(finding.field, "spec.imagePullSecrets[0]");
    let told = "Secret default/regcred is refused by the API server: ";
    assert!(finding.message.contains(told), "{}", finding.message);
    assert!(finding.message.contains(words), "{}", finding.message);
}

/// The API server stores these, and no pull works.
#[rstest]
#[case::auth_in_plain(r#"{"127.0.0.1:1":{"auth":"alice:of-the-lagoon"}}"#, "auth is not base64")]
#[case::auth_without_colon(r#"{"127.0.0.1:1":{"auth":"aGVsbG8="}}"#, "without a colon between")]
#[case::auth_encoded_twice(
    r#"{"127.0.0.1:1":{"auth":"ZFhObGNqcHdZWE56ZDI5eVpBPT0K"}}"#,
    "auth is base64 of base64; encode user:password once"
)]
#[case::auths_as_a_list("[]", "auths is a list, not an object")]
#[case::a_number_as_password(
    r#"{"127.0.0.1:1":{"username":"a","password":12345}}"#,
    "entry 127.0.0.1:1: password is a number, not a string"
)]
#[case::for_another_host(r#"{"quay.io":{"auth":"!"}}"#, "entry quay.io: auth is not base64")]
#[tokio::test]
async fn what_the_kubelet_cannot_decode_fails_every_pull(#[case] auths: &str, #[case] words: &str) {
    let body = format!("stringData:\n  .dockerconfigjson: '{{\"auths\":{auths}}}'");
    let (ran, report) = judge(&manifest(&body)).await;
    ran.expect_code(1);
    let message = report.message("pull-secret-malformed");
    assert!(message.contains("Secret default/regcred fails every pull of the pod: "), "{message}");
    assert!(message.contains(words), "{message}");
}

/// Text that should have been indented below its key is no YAML.
#[rstest]
#[case::at_the_key("stringData:\n  .dockerconfigjson: |\n  JSON")]
#[case::at_the_margin("stringData:\n  .dockerconfigjson: |\nJSON")]
#[case::over_lines("stringData:\n  .dockerconfigjson: |-\n{\n  \"auths\": {}\n}")]
#[tokio::test]
async fn a_block_that_is_not_indented_is_said_to_be(#[case] body: &str) {
    let ran = check(&["-"]).stdin(manifest(body)).run().await;
    ran.expect_code(2);
    assert!(ran.stderr.starts_with("error: -:7: not YAML: "), "{ran}");
    assert!(ran.stderr.contains("indent the text below the | by two more spaces"), "{ran}");
    // The pod is judged all the same.
    assert!(ran.stdout.contains("-:"), "{ran}");
}

#[tokio::test]
async fn a_secret_that_nothing_names_is_noted_when_nobody_could_use_it() {
    let manifest = manifest("data:\n  .dockerconfigjson: JSON");
    let (secret, _) = manifest.split_once("---").unwrap();
    let ran = check(&["-"]).stdin(secret).run().await;
    ran.expect_code(0);
    let told = "note: -:1: Secret regcred: data holds raw JSON, not base64; move it from data";
    assert!(ran.stderr.starts_with(told), "{ran}");
}

#[tokio::test]
async fn pull_secrets_in_the_wrong_place_are_said_to_be_dropped() {
    let ran = check(&["-", "-o", "json"])
        .stdin(
            "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
      - name: web
        image: 127.0.0.1:1/app:v1
        imagePullPolicy: Never
        imagePullSecrets:
        - name: regcred
",
        )
        .run()
        .await;
    ran.expect_code(0);
    let report = Report::of(&ran);
    let message = report.message("pull-secret-misplaced");
    assert!(
        message.starts_with("spec.template.spec.containers[0].imagePullSecrets: "),
        "{message}"
    );
    assert!(message.contains("the API server drops it; write imagePullSecrets in"), "{message}");
}

#[rstest]
#[case("spec:\n  imagePullSecrets: [{name: x}]\n  template: {spec: {}}", "spec.imagePullSecrets")]
#[case("spec: {template: {imagePullSecrets: [{name: x}]}}", "spec.template.imagePullSecrets")]
#[case("spec: {template: {spec: {imagePullSecret: x}}}", "spec.template.spec.imagePullSecret")]
#[tokio::test]
async fn pull_secrets_beside_the_pods_spec_are_too(#[case] body: &str, #[case] field: &str) {
    let text = format!("apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\n{body}\n");
    let ran = check(&["-", "-o", "json"]).stdin(text).run().await;
    let report = Report::of(ran.expect_code(0));
    assert!(report.message("pull-secret-misplaced").starts_with(&format!("{field}: not a field")));
}

/// Fields of a wrong type, as the API server would refuse them: named by path, and the rest of
/// the stream is judged.
#[rstest]
#[case("Pod", "spec: {imagePullSecrets: [regcred]}", "spec.imagePullSecrets[0]: must be an object")]
#[case("Pod", "spec: {imagePullSecrets: {name: x}}", "spec.imagePullSecrets: must be a list")]
#[case("Pod", "spec: {containers: {name: x}}", "spec.containers: must be a list")]
#[case("Pod", "spec: {containers: [{image: 1.2}]}", "spec.containers[0].image: must be a string")]
#[case("Pod", "spec: []", "spec: must be an object")]
#[case("ServiceAccount", "imagePullSecrets: x", "imagePullSecrets: must be a list")]
#[case("ServiceAccount", "imagePullSecrets: [x]", "imagePullSecrets[0]: must be an object")]
#[tokio::test]
async fn a_wrong_type_is_named_by_its_path(
    #[case] kind: &str,
    #[case] body: &str,
    #[case] problem: &str,
) {
    let text =
        format!("# first\napiVersion: v1\nkind: {kind}\nmetadata: {{name: x}}\n{body}\n{POD}");
    let ran = check(&["-", "-o", "json"]).stdin(text).run().await;
    ran.expect_code(2);
    assert_eq!(ran.stderr, format!("error: -:2: {kind} x: {problem}\n"));
    assert_eq!(Report::of(&ran).summary.objects, 1);
}
