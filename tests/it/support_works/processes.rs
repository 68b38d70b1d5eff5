//! Output of child processes is kept whole and can be waited for.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use crate::support::check::Run;
use crate::support::reviews::{self, KINDS, Review};
use crate::support::webhook::{Output, signal};

fn output(script: &str) -> Output {
    let mut child = Command::new("sh")
        .args(["-c", script])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    Output::of(&mut child)
}

#[tokio::test]
async fn a_log_line_is_awaited_by_its_message() {
    let output = output(r#"echo noise; echo '{"message":"listening","webhook":"here"}' >&2"#);
    let line = output.line("listening").await.unwrap();
    assert_eq!(line["webhook"], "here");
    output.end().await;
    assert!(output.text().contains("noise"));
}

#[tokio::test]
async fn the_end_of_a_process_ends_the_wait_for_a_line() {
    assert!(output("echo something else").line("listening").await.is_none());
}

#[tokio::test]
async fn a_large_input_does_not_block_the_binary() {
    // Whatever it says to this, it must end.
    let ran = Run::of(&["--version"]).stdin("x".repeat(1 << 20)).run().await;
    assert!(ran.code.is_some(), "{ran}");
}

#[test]
fn a_signal_arrives() {
    let mut child = Command::new("sh").args(["-c", "exec sleep 1000"]).spawn().unwrap();
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().signal(), Some(15));
}

#[test]
fn every_kind_holds_its_pod_where_it_says() {
    for kind in &KINDS {
        let object = kind.object("shop", "web", reviews::pod_spec("nginx:1"));
        assert_eq!(object.pointer(kind.pod_spec).unwrap()["containers"][0]["image"], "nginx:1");
        assert_eq!(object["kind"], kind.name);
        let review = Review::create(kind, &object);
        assert_eq!(review.json()["request"]["resource"]["resource"], kind.resource);
        assert_eq!(review.uid().len(), 36);
    }
    assert_eq!(reviews::CRON_JOB.field(), "spec.jobTemplate.spec.template.spec");
    assert_eq!(reviews::CRON_JOB.api_version(), "batch/v1");
}
