//! Whatever is fed to `pullcheck check`: it ends, says what it could not read, and judges the
//! rest.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use rstest::rstest;
use tempfile::TempDir;

use crate::support::check::{PULLCHECK, Ran, check};
use crate::support::contract::Report;

/// A pod that is refused without any registry.
const BAD: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: bad}\nspec: {containers: [{image: Upper}]}\n";
/// A pod about which there is nothing to say.
const EMPTY: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: empty}\n";

async fn of_stdin(text: impl Into<String>) -> Ran {
    check(&["-"]).stdin(text).run().await
}

async fn of_file(bytes: impl AsRef<[u8]>) -> (Ran, String) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x.yaml");
    fs::write(&path, bytes).unwrap();
    let name = path.to_str().unwrap().to_owned();
    (check(&[&name, "-o", "json"]).run().await, name)
}

#[rstest]
#[case::empty("", "standard input: holds no manifest")]
#[case::comments("# a\n---\n# b\n--- # c\n", "standard input: holds no manifest")]
#[case::null("null\n---\n~\n", "standard input: holds no manifest")]
#[case::words("Error: chart not found\n", "-:1: not a Kubernetes object")]
#[case::a_scalar("hello\n", "-:1: not a Kubernetes object")]
#[case::a_list("- a\n- b\n", "-:1: not a Kubernetes object")]
#[case::values("# chart\nimage: nginx\nreplicas: 1\n", "-:2: not a Kubernetes object")]
#[tokio::test]
async fn input_without_any_object_is_no_success(#[case] text: &str, #[case] problem: &str) {
    let ran = of_stdin(text).await;
    ran.expect_code(2);
    assert!(ran.stderr.starts_with(&format!("error: {problem}")), "{ran}");
    assert_eq!(ran.stdout, "no object runs a pod, nothing was checked\n");
}

#[rstest]
#[case::crlf(BAD.replace('\n', "\r\n"), "bad")]
#[case::bom(format!("\u{feff}{BAD}"), "bad")]
#[case::no_newline_at_the_end(BAD.trim_end().to_owned(), "bad")]
#[case::directives(format!("%YAML 1.2\n--- \n{BAD}...\n"), "bad")]
#[case::on_the_marker_line(
    "--- {apiVersion: v1, kind: Pod, metadata: {name: bad}, spec: {containers: [{image: Upper}]}}"
        .to_owned(),
    "bad"
)]
#[case::anchors_and_merges(
    "apiVersion: v1\nkind: Pod\nx-c: &c {image: Upper}\nmetadata: {name: bad}\n\
     spec:\n  containers:\n  - <<: *c\n    name: a\n"
        .to_owned(),
    "bad"
)]
#[case::json_with_tabs(
    "{\n\t\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"generateName\": \"bad-\"},\n\
     \t\"spec\": {\"containers\": [{\"image\": \"Upper\"}]}\n}"
        .to_owned(),
    "bad-"
)]
#[case::odd_scalars(
    format!("{BAD}x: [0o17, 1e999, .nan, 99999999999999999999999, 2020-01-01, !t y, !!binary aGk=]\n1: 2\n"),
    "bad"
)]
#[tokio::test]
async fn every_spelling_of_a_manifest_is_read(#[case] text: String, #[case] name: &str) {
    let ran = check(&["-", "-o", "json"]).stdin(text).run().await;
    ran.expect_code(1);
    assert_eq!(ran.stderr, "");
    let object = &Report::of(&ran).objects[0];
    assert_eq!((object.name.as_str(), object.images[0].image.as_str()), (name, "Upper"));
}

#[tokio::test]
async fn every_problem_is_listed_and_the_rest_is_judged() {
    let text = format!(
        "{EMPTY}---\nkind: Pod\nspec: {{}}\n---\na: [\n---\napiVersion: v1\nkind: Pod\nspec: 1\n---\n{BAD}"
    );
    let ran = of_stdin(text).await;
    ran.expect_code(2);
    assert_eq!(
        ran.stdout,
        "-:1 Pod default/empty: ok\n\
         -:14 Pod default/bad: would be denied\n\
         \x20 error: spec.containers[0].image \"Upper\": repository names must be lowercase; \
         write upper [reference-invalid]\n\
         2 objects, 1 image: 1 would be denied\n"
    );
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), 3, "{ran}");
    assert!(lines[0].starts_with("error: -:8: not YAML: "), "{ran}");
    assert_eq!(lines[1], "error: -:5: no Kubernetes object, apiVersion is missing");
    assert_eq!(lines[2], "error: -:10: Pod: spec: must be an object");
}

#[rstest]
#[case::no_text(b"apiVersion: v1\n\xff\n".to_vec(), ":2: not UTF-8 text")]
#[case::utf_16(b"\xff\xfea\0:\0".to_vec(), ":1: UTF-16 text; save it as UTF-8")]
#[case::tabs(b"apiVersion: v1\nkind: Pod\nspec:\n\tx: 1\n".to_vec(), ":4: not YAML")]
#[case::a_template(b"spec:\n  x: {{ .Values.x }}\n".to_vec(), ":2: not YAML")]
#[case::broken_json(b"{\"kind\": \"Pod\",\n\"spec\" 1}".to_vec(), ":2: not JSON")]
#[case::deep_flow("[".repeat(1_000_000).into_bytes(), ":1: nested deeper than")]
#[case::deep_json("{\"a\":".repeat(1_000_000).into_bytes(), ":1: nested deeper than")]
#[case::no_anchor(b"a: *b\n".to_vec(), ":1: not YAML: an alias (*) without its anchor (&)")]
#[case::no_list(b"apiVersion: v1\nkind: List\nitems: 5\n".to_vec(), ":1: items: must be a list")]
#[case::no_string(b"apiVersion: 1\nkind: Pod\n".to_vec(), ":1: no Kubernetes object, apiVersion must be")]
#[tokio::test]
async fn what_cannot_be_read_is_told_with_its_line(#[case] bytes: Vec<u8>, #[case] problem: &str) {
    let (ran, name) = of_file(bytes).await;
    ran.expect_code(2);
    assert!(ran.stderr.starts_with(&format!("error: {name}{problem}")), "{ran}");
    assert_eq!(Report::of(&ran).objects, []);
}

/// A few hundred bytes that stand for 9^25 scalars.
#[tokio::test]
async fn a_billion_laughs_are_not_laughed() {
    let mut text = format!("{BAD}---\na: &a [x, x, x, x, x, x, x, x, x]\n");
    for pair in ('a'..='z').collect::<Vec<_>>().windows(2) {
        let many = vec![format!("*{}", pair[0]); 9].join(", ");
        writeln!(text, "{}: &{} [{many}]", pair[1], pair[1]).unwrap();
    }
    let (ran, _) = of_file(text).await;
    ran.expect_code(2);
    assert!(ran.stderr.contains("its aliases stand for more than any manifest holds"), "{ran}");
    assert_eq!(Report::of(&ran).summary.denied, 1);
}

#[tokio::test]
async fn size_is_bounded_and_large_files_are_fine() {
    let mut large = format!("{BAD}---\napiVersion: v1\nkind: ConfigMap\ndata:\n  a: |\n");
    let line = format!("    {}\n", "x".repeat(1023));
    large.extend(std::iter::repeat_n(line.as_str(), 30_000));
    let (ran, _) = of_file(large).await;
    ran.expect_code(1);
    let (ran, name) = of_file("#".repeat((64 << 20) + 1)).await;
    ran.expect_code(2);
    assert_eq!(ran.stderr, format!("error: {name}: larger than 64 MiB, which no manifest is\n"));
}

#[tokio::test]
async fn a_thousand_objects_and_a_long_list_are_read() {
    let mut stream = String::new();
    for number in 0..1000 {
        write!(stream, "---\n{}", BAD.replace("bad", &format!("p{number}"))).unwrap();
    }
    let ran = check(&["-", "-o", "json"]).stdin(stream).run().await;
    let report = Report::of(ran.expect_code(1));
    assert_eq!((report.summary.objects, report.objects[999].name.as_str()), (1000, "p999"));

    let pod = serde_json::json!({ "metadata": { "name": "p" }, "spec": { "containers": [{ "image": "Upper" }] } });
    let list =
        serde_json::json!({ "apiVersion": "v1", "kind": "PodList", "items": vec![pod; 1000] });
    let ran = check(&["-", "-o", "json"]).stdin(list.to_string()).run().await;
    assert_eq!(Report::of(ran.expect_code(1)).summary.denied, 1000);
}

#[tokio::test]
async fn a_key_that_is_there_twice_is_noted_and_the_last_one_counts_as_for_kubectl() {
    let ran = of_stdin(format!("{BAD}spec: {{}}\n")).await;
    ran.expect_code(0);
    assert_eq!(ran.stderr, "note: -:5: spec is there twice; the last one counts\n");
}

#[tokio::test]
async fn an_empty_list_is_a_success() {
    let ran = of_stdin("apiVersion: v1\nkind: List\nitems: []\n").await;
    ran.expect_code(0);
    assert_eq!(ran.stdout, "no object runs a pod, nothing was checked\n");
    assert_eq!(ran.stderr, "");
}

#[tokio::test]
async fn a_kind_of_ours_under_a_wrong_api_version_is_not_passed_over_silently() {
    let ran =
        of_stdin("apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: x}\n").await;
    ran.expect_code(0);
    let note = "not checked, no API has a Deployment in extensions/v1beta1; did you mean apiVersion: apps/v1?";
    assert_eq!(ran.stderr, format!("note: -:1: {note}\n"));
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A chart's folder, a repository's: what is no manifest in it does not fail the run.
#[tokio::test]
async fn a_folder_may_hold_other_things() {
    let dir = TempDir::new().unwrap();
    let folder = dir.path();
    write(folder, "Chart.yaml", "apiVersion: v2\nname: x\n");
    write(folder, "values.yaml", "image: nginx\nkind: DaemonSet\n");
    write(folder, "empty.yaml", "# nothing\n");
    write(folder, "kustomization.yaml", "resources: [pod.yaml]\n");
    write(folder, ".github/workflows/ci.yml", "on: push\n");
    write(folder, ".git/x.yaml", "a: [\n");
    write(folder, "readme.md", "a: [\n");
    write(folder, "sub/deeper/pod.yml", EMPTY);
    symlink(folder, folder.join("sub/loop")).unwrap();
    symlink(folder.join("sub/deeper/pod.yml"), folder.join("link.yaml")).unwrap();
    let ran = check(&[folder.to_str().unwrap()]).run().await;
    ran.expect_code(0);
    assert!(ran.stdout.ends_with("2 objects, 0 images: nothing would be denied\n"), "{ran}");
    let told: Vec<&str> = ran.stderr.lines().map(|line| line.rsplit_once('/').unwrap().1).collect();
    assert_eq!(
        told,
        [
            "loop: a link to a folder, not followed",
            "Chart.yaml:1: not a Kubernetes object, skipped",
            "kustomization.yaml:1: not a Kubernetes object, skipped",
            "values.yaml:1: not a Kubernetes object, skipped",
        ]
    );
}

#[tokio::test]
async fn what_of_a_folder_cannot_be_read_fails_the_run() {
    let dir = TempDir::new().unwrap();
    let folder = dir.path();
    write(folder, "pod.yaml", BAD);
    symlink("nowhere.yaml", folder.join("broken.yaml")).unwrap();
    symlink("itself.yaml", folder.join("itself.yaml")).unwrap();
    write(folder, "template.yaml", "spec: {{ .Values.x }}\n");
    let ran = check(&[folder.to_str().unwrap()]).run().await;
    ran.expect_code(2);
    assert!(ran.stdout.contains("1 would be denied"), "{ran}");
    for problem in [
        "/broken.yaml: No such file",
        "/itself.yaml: Too many levels of symbolic links",
        "/template.yaml:1: not YAML",
        "it is a template, check what helm template prints",
    ] {
        assert!(ran.stderr.contains(problem), "{problem}: {ran}");
    }
    let empty = TempDir::new().unwrap();
    let name = empty.path().to_str().unwrap();
    let ran = check(&[name]).run().await;
    ran.expect_code(2);
    assert_eq!(ran.stderr, format!("error: {name}: holds no manifest\n"));
}

#[tokio::test]
async fn a_named_file_must_hold_an_object_unless_it_is_empty_beside_others() {
    let dir = TempDir::new().unwrap();
    write(dir.path(), "pod.yaml", EMPTY);
    write(dir.path(), "values.yaml", "a: 1\n");
    write(dir.path(), "empty.yaml", "# nothing rendered\n");
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (pod, values, empty) = (path("pod.yaml"), path("values.yaml"), path("empty.yaml"));
    let ran = check(&[&pod, &values]).run().await;
    ran.expect_code(2);
    assert!(ran.stderr.contains("values.yaml:1: not a Kubernetes object, which has"), "{ran}");
    let ran = check(&[&pod, &empty]).run().await;
    ran.expect_code(0);
    assert_eq!(ran.stderr, format!("note: {empty}: holds no manifest\n"));
    let ran = check(&[&empty]).run().await;
    ran.expect_code(2);
    assert_eq!(ran.stderr, format!("error: {empty}: holds no manifest\n"));
}

#[tokio::test]
async fn an_unreadable_file_is_told() {
    let dir = TempDir::new().unwrap();
    write(dir.path(), "pod.yaml", EMPTY);
    let path = dir.path().join("pod.yaml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).unwrap();
    if fs::File::open(&path).is_ok() {
        return; // Root may read it all the same.
    }
    let ran = check(&[path.to_str().unwrap()]).run().await;
    ran.expect_code(2);
    assert!(ran.stderr.contains("Permission denied"), "{ran}");
}

/// What a stranger has written never reaches a terminal as control characters.
#[tokio::test]
async fn names_are_escaped_before_they_are_shown() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: \"\\e[31mred\\n::error\", namespace: \"\\u202e\"}\nspec: {containers: [{image: \"a\\e]0;x\\a\"}], imagePullSecrets: [{name: \"\\e[2J\"}], serviceAccountName: \"\\r\"}\n---\napiVersion: \"v1\\e[1m\"\nkind: \"\\e[1m\"\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: \"\\e[0m\"}\nspec: 1\n---\napiVersion: \"\\e/v1\"\nkind: Deployment\n";
    for format in ["human", "json"] {
        let ran = check(&["-", "-o", format]).stdin(text).run().await;
        ran.expect_code(2);
        for shown in [&ran.stdout, &ran.stderr] {
            let control = shown.chars().find(|c| !matches!(c, ' '..='~' | '\n'));
            assert!(control.is_none(), "{control:?} in {ran}");
        }
    }
    let dir = TempDir::new().unwrap();
    write(dir.path(), "\u{1b}[31m.yaml", "a: [\n");
    let ran = check(&[dir.path().to_str().unwrap()]).run().await;
    assert!(ran.stderr.contains("/\\u{1b}[31m.yaml:"), "{ran}");
}

/// `pullcheck check ... | head -1`.
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let dir = TempDir::new().unwrap();
    let many = format!("---\n{BAD}").repeat(20_000);
    write(dir.path(), "many.yaml", &many);
    let mut child = Command::new(PULLCHECK)
        .arg("check")
        .arg(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_report_that_cannot_be_written_is_told() {
    let Ok(full) = fs::File::create("/dev/full") else { return };
    let dir = TempDir::new().unwrap();
    write(dir.path(), "pod.yaml", EMPTY);
    let output =
        Command::new(PULLCHECK).arg("check").arg(dir.path()).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.starts_with("error: the report cannot be written: "), "{told}");
}
