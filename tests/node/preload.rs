//! Images that come to the node without its kubelet, as those that are baked into a machine.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// Seconds.
const PATIENCE: u64 = 60;

/// Makes a runtime pull an image with a login, past the kubelet. `client` is what speaks CRI.
pub fn preload(client: &Path, socket: &Path, image: &str, user: &str, password: &str) {
    let auths = [json!({ "username": user, "password": password })];
    let question = json!({ "id": 0, "image": image, "auths": auths, "timeout": PATIENCE });
    let mut child = Command::new(client)
        .arg(socket)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It ends with its input.
    writeln!(child.stdin.take().unwrap(), "{question}").unwrap();
    let output = child.wait_with_output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["ok"], true, "{answer}");
}
