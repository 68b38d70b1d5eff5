//! A server that nobody asks anything: how soon it is ready, and what it holds.
#![expect(clippy::cast_precision_loss, reason = "figures to be read")]

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::Plan;
use super::figures::{mb_text, median, ms};
use super::page::Table;
use crate::support::api_server::{ApiServer, node};
use crate::support::check::{PULLCHECK, clean_env};
use crate::support::http::Http;
use crate::support::memory;
use crate::support::tls::{Ca, Leaf};

/// How long it is left alone before its memory is looked at.
const REST: Duration = Duration::from_millis(300);

/// Nobody waits for this long.
const NEVER: Duration = Duration::from_secs(60);

/// The table of starts.
pub async fn measure(plan: &Plan) -> String {
    let mut table = Table::new([
        "surroundings",
        "ready after, ms (median)",
        "at most",
        "resident, MB (median)",
        "at most",
        "of it no file's, MB",
    ]);
    let api = ApiServer::start(&["shop"]).await;
    for number in 0..10 {
        api.put_node(node(&format!("worker-{number}"), "linux/amd64", &[]));
        api.put_namespace(&format!("team-{number}"), &serde_json::json!({ "team": "checkout" }));
    }
    let kubeconfig = api.kubeconfig();
    let cluster = ["--kubeconfig", kubeconfig.to_str().unwrap()];
    for (name, args) in
        [("no cluster", &["--no-cluster"][..]), ("a cluster of 10 nodes", &cluster[..])]
    {
        let (mut ready, mut resident, mut anonymous) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..plan.starts {
            let started = start(args).await;
            ready.push(ms(started.after));
            resident.push(started.resident);
            anonymous.push(started.anonymous as f64);
        }
        let most = ready.iter().copied().fold(0.0, f64::max);
        table.row([
            name.to_owned(),
            format!("{:.0}", median(ready)),
            format!("{most:.0}"),
            format!("{:.1}", median(resident.iter().map(|bytes| *bytes as f64)) / 1e6),
            mb_text(resident.into_iter().max().unwrap_or_default()),
            format!("{:.1}", median(anonymous) / 1e6),
        ]);
    }
    table.markdown()
}

/// How soon after its start it was ready, and the bytes of memory that it held a while later.
struct Started {
    after: Duration,
    resident: u64,
    anonymous: u64,
}

async fn start(args: &[&str]) -> Started {
    let home = TempDir::new().unwrap();
    let leaf = Ca::mint().good();
    let begun = Instant::now();
    let mut child = spawn(&leaf, &home, args);
    let ready = tokio::time::timeout(NEVER, ready(&mut child)).await;
    assert!(ready.is_ok(), "it was not ready in {NEVER:?}");
    let after = begun.elapsed();
    tokio::time::sleep(REST).await;
    let id = child.id().unwrap();
    Started { after, resident: memory::resident(id), anonymous: memory::anonymous(id) }
}

fn spawn(leaf: &Leaf, home: &TempDir, args: &[&str]) -> Child {
    Command::new(PULLCHECK)
        .arg("serve")
        .arg("--tls-cert")
        .arg(leaf.cert_file())
        .arg("--tls-key")
        .arg(leaf.key_file())
        .args(["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"])
        .args(args)
        .env_clear()
        .envs(clean_env(home))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Until it says where it listens, and that it is ready.
async fn ready(child: &mut Child) {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let probes = loop {
        let Some(line) = lines.next_line().await.unwrap() else { panic!("it has ended") };
        let line: Value = serde_json::from_str(&line).unwrap_or_default();
        if let Some(probes) = line["metrics"].as_str() {
            break format!("http://{probes}/readyz");
        }
    };
    while Http::plain().get(&probes, &[]).await.unwrap().status != 200 {}
    // It must not fail for want of a reader.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
}
