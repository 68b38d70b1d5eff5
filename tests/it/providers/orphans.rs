//! What plugins leave behind where pullcheck is the first process of its container.

use std::process::Command;
use std::time::{Duration, Instant};

use super::Scene;
use crate::support::reviews::Review;
use crate::support::skip;
use crate::support::webhook::Launch;

/// How long to wait for something that happens within seconds.
const NEVER: Duration = Duration::from_secs(60);

/// Leaves one process in its group and one in a session of its own, both of which outlive it.
const LEAVES_TWO: &str = "sleep 1 </dev/null >&2 &\nsetsid sleep 1 </dev/null >&2 &";

#[tokio::test]
async fn what_a_plugin_leaves_behind_stays_no_zombie_where_nobody_else_waits_for_it() {
    let unshared =
        Command::new("unshare").args(["--pid", "--fork", "--mount-proc", "true"]).output();
    if !unshared.is_ok_and(|output| output.status.success()) {
        skip!("a PID namespace of the test's own needs root");
    }
    let mut scene = Scene::new().await;
    let flood = "head -c 2000000 /dev/zero";
    for (name, script) in [
        // Killed with its group, because of what it writes.
        ("killed", format!("{LEAVES_TWO}\n{flood}")),
        // Ends by itself.
        ("ends", format!("{LEAVES_TWO}\nexit 1")),
        // Ends long before it is waited for: somebody holds its output open.
        ("early", "sleep 4 & exit 1".to_owned()),
    ] {
        scene.plugins.add(name, &scene.host, &script);
    }
    let webhook = Launch::alone().args(&scene.plugins.flags()).first_process().start().await;
    let first = children(webhook.id());
    let [(first, _)] = first[..] else { panic!("not one process: {first:?}") };

    let begun = Instant::now();
    let reviewed = webhook.review(&Review::of_pod(&scene.image)).await;
    assert_eq!(reviewed.warned_codes(), ["access-denied"], "{}", webhook.log());
    let failed = |line: &serde_json::Value| line["message"] == "a credential provider failed";
    let why: Vec<String> = webhook
        .log_lines()
        .iter()
        .filter(|line| failed(line))
        .map(|line| format!("{}: {}", line["provider"], line["error"]))
        .collect();
    // Each end was told as it was: nobody took it from whoever waits for it.
    for expected in [
        "\"killed\": \"it wrote more than 1048576 bytes\"",
        "\"ends\": \"it ended with exit code 1\"",
        "\"early\": \"it ended with exit code 1\"",
    ] {
        assert!(why.iter().any(|it| it == expected), "{why:?} lacks {expected}");
    }
    assert!(begun.elapsed() > Duration::from_secs(3), "the output was held open");

    let begun = Instant::now();
    loop {
        let left = children(first);
        if left.is_empty() {
            break;
        }
        assert!(begun.elapsed() < NEVER, "left behind: {left:?}\n{}", webhook.log());
        tokio::task::yield_now().await;
    }
}

/// The children of a process, and their states.
fn children(of: u32) -> Vec<(u32, String)> {
    let ids = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter_map(|id| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let state = fields.next()?.to_owned();
        (fields.next()? == of.to_string()).then_some((id, state))
    })
    .collect()
}
