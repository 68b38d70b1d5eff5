//! The image, run without a cluster.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::root::Root;
use crate::parts::image::{Built, built};
use crate::parts::process::Process;
use crate::support::http::Http;
use crate::support::images::{layout, simple};
use crate::support::misbehaving::{Access, Registry};
use crate::support::reviews::{POD, Review, pod_spec};
use crate::support::skip;
use crate::support::tls::Ca;

/// How often and how many times something is looked for: a minute in all.
const POLL: Duration = Duration::from_millis(50);
const POLLS: usize = 1200;

#[test]
fn it_runs_from_its_own_root_as_a_user_who_may_write_nothing() {
    let built = match built() {
        Ok(built) => built,
        Err(why) => skip!(&why),
    };
    let root = Root::of(&layout::read(&built.layout, Built::PULLCHECK));
    let output = root.command(&["--version"]).output().unwrap();
    assert_eq!(text(&output), format!("pullcheck {}\n", env!("CARGO_PKG_VERSION")));

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let registry = Registry::start(Access::anonymous()).await;
        let good = registry.add("team/app", "1.0", &simple("app"));
        let bad = good.replace(":1.0", ":1.1");
        checks(&root, &good, &bad).await;
        serves(&root, &good, &bad).await;
    });
}

async fn checks(root: &Root, good: &str, bad: &str) {
    let check = |image: &str| {
        let mut command = root.command(&["check", "-"]);
        let pod = POD.object("shop", "web", pod_spec(image)).to_string();
        // Away from the threads that serve the registry.
        tokio::task::spawn_blocking(move || fed(&mut command, &pod))
    };
    let output = check(good).await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let output = check(bad).await.unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("has no tag 1.1"), "{}", text(&output));
}

async fn serves(root: &Root, good: &str, bad: &str) {
    let ca = Ca::mint();
    let leaf = ca.good();
    root.put("/etc/pullcheck/tls/tls.crt", leaf.pem());
    root.put("/etc/pullcheck/tls/tls.key", &leaf.key_pem());
    let folder = tempfile::TempDir::new().unwrap();
    // Without arguments, so by the environment.
    let mut command = root.command(&[]);
    command.envs([
        ("PULLCHECK_LISTEN", "127.0.0.1:0"),
        ("PULLCHECK_METRICS_LISTEN", "127.0.0.1:0"),
        ("PULLCHECK_TLS_CERT", "/etc/pullcheck/tls/tls.crt"),
        ("PULLCHECK_TLS_KEY", "/etc/pullcheck/tls/tls.key"),
        ("PULLCHECK_NO_CLUSTER", "true"),
        ("PULLCHECK_ALLOW_ADDRESS", "127.0.0.0/8"),
        ("PULLCHECK_MODE", "enforce"),
    ]);
    let mut process = Process::start("pullcheck", folder.path(), &mut command);
    let line = listening(&mut process).await;
    let address = |key: &str| -> SocketAddr { line[key].as_str().unwrap().parse().unwrap() };

    let http = Http::trusting(&ca);
    for (image, is_allowed) in [(good, true), (bad, false)] {
        let review = Review::of_pod(image);
        let url = format!("https://{}/validate?timeout=10s", address("webhook"));
        let headers = [("content-type", "application/json")];
        let answer = http.send(Method::POST, &url, &headers, review.json().to_string()).await;
        let answer = answer.unwrap().json();
        assert_eq!(answer["response"]["uid"], review.uid());
        assert_eq!(answer["response"]["allowed"], json!(is_allowed), "{answer}");
    }
    let ready = http.get(&format!("http://{}/readyz", address("metrics")), &[]).await.unwrap();
    assert_eq!(ready.status, 200, "{}", ready.text());
}

/// The line that says where it listens.
async fn listening(process: &mut Process) -> Value {
    let mut pace = tokio::time::interval(POLL);
    for _ in 0..POLLS {
        pace.tick().await;
        process.assert_running();
        let log = process.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        if let Some(line) = lines.into_iter().find(|line| line["message"] == "listening") {
            return line;
        }
    }
    panic!("it does not say where it listens:\n{}", process.log());
}

/// Runs it to its end with something to read.
fn fed(command: &mut Command, stdin: &str) -> Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
