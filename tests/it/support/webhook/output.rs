//! What a child process prints, kept and waited for line by line.

use std::io::{BufRead as _, BufReader, Read};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::Value;
use tokio::sync::watch;

/// Both streams of a child, in the order of arrival.
pub struct Output {
    lines: Arc<Mutex<Vec<String>>>,
    /// How many lines there are, and how many streams are still open.
    state: watch::Receiver<(usize, usize)>,
    readers: Vec<JoinHandle<()>>,
}

impl Output {
    /// Takes the piped streams; standard error may lead elsewhere.
    pub fn of(child: &mut Child) -> Self {
        let lines = Arc::default();
        let stderr = child.stderr.take();
        let (sender, state) = watch::channel((0, 1 + usize::from(stderr.is_some())));
        let sender = Arc::new(sender);
        let mut readers = vec![read(child.stdout.take().unwrap(), &lines, &sender)];
        readers.extend(stderr.map(|stderr| read(stderr, &lines, &sender)));
        Self { lines, state, readers }
    }

    /// Everything so far.
    pub fn text(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// The lines that are JSON.
    pub fn lines(&self) -> Vec<Value> {
        let lines = self.lines.lock().unwrap();
        lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The first log line with this message; `None` if the child ended without it.
    pub async fn line(&self, message: &str) -> Option<Value> {
        let mut state = self.state.clone();
        loop {
            // Before the look at the lines, so that none can slip in between.
            let open = state.borrow_and_update().1;
            let found = |line: &Value| line["message"] == message;
            if let Some(line) = self.lines().into_iter().find(found) {
                return Some(line);
            }
            if open == 0 {
                return None;
            }
            state.changed().await.ok()?;
        }
    }

    /// Waits until the child has closed its output.
    pub async fn end(&self) {
        let _ = self.state.clone().wait_for(|(_, open)| *open == 0).await;
    }

    /// Reads what is left of a child that has ended.
    pub fn finish(&mut self) {
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
    }
}

fn read(
    stream: impl Read + Send + 'static,
    lines: &Arc<Mutex<Vec<String>>>,
    state: &Arc<watch::Sender<(usize, usize)>>,
) -> JoinHandle<()> {
    let (lines, state) = (lines.clone(), state.clone());
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n') {
            let Ok(line) = line else { break };
            lines.lock().unwrap().push(String::from_utf8_lossy(&line).into_owned());
            state.send_modify(|(count, _)| *count += 1);
        }
        state.send_modify(|(_, open)| *open -= 1);
    })
}
