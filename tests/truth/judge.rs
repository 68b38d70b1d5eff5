//! A container runtime and what asks it over CRI.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::oneshot;

use crate::parts::containerd::Containerd;

use super::case::Login;

/// Seconds after which a pull counts as failed. A kubelet would wait on.
const PATIENCE: u64 = 75;

/// A judge; stopped when dropped.
pub struct Judge {
    containerd: Containerd,
    input: tokio::sync::Mutex<ChildStdin>,
    waiting: Waiting,
    next: AtomicU64,
    _client: Child,
}

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Pulled>>>>;

/// The type `answer` in `main.go`.
#[derive(Debug, Clone, Deserialize)]
pub struct Pulled {
    id: u64,
    pub ok: bool,
    pub code: String,
    pub error: String,
}

impl Pulled {
    /// Whether our patience ended before the pull did.
    pub fn is_unfinished(&self) -> bool {
        self.code == "Unfinished"
    }
}

impl Judge {
    pub fn start(containerd: Containerd, client: &Path) -> Self {
        let mut child = Command::new(client)
            .arg(containerd.socket())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = tokio::sync::Mutex::new(child.stdin.take().unwrap());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let waiting = Waiting::default();
        let answers = waiting.clone();
        tokio::spawn(async move {
            while let Some(line) = lines.next_line().await.unwrap() {
                let pulled: Pulled = serde_json::from_str(&line).unwrap();
                if let Some(sender) = answers.lock().unwrap().remove(&pulled.id) {
                    // Whoever asked may have failed meanwhile.
                    let _ = sender.send(pulled);
                }
            }
            // Those who still wait see that nobody will answer.
            answers.lock().unwrap().clear();
        });
        Self { containerd, input, waiting, next: AtomicU64::new(0), _client: child }
    }

    /// `2.4.2`.
    pub fn version(&self) -> &str {
        self.containerd.version()
    }

    /// As `--runtime` has it: `containerd/2.4`.
    pub fn runtime(&self) -> String {
        let end = self.version().rfind('.').unwrap();
        format!("containerd/{}", &self.version()[..end])
    }

    pub fn log(&self) -> String {
        self.containerd.log()
    }

    /// Asks it to pull an image as a kubelet with these credentials would.
    pub async fn pull(&self, image: &str, logins: &[Login]) -> Pulled {
        let id = self.next.fetch_add(1, Ordering::SeqCst);
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().unwrap().insert(id, sender);
        let auths: Vec<_> = logins
            .iter()
            .map(|(user, password)| json!({ "username": user, "password": password }))
            .collect();
        let question = json!({ "id": id, "image": image, "auths": auths, "timeout": PATIENCE });
        self.input.lock().await.write_all(format!("{question}\n").as_bytes()).await.unwrap();
        receiver.await.expect("the client of containerd has ended")
    }
}
