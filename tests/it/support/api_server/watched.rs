//! Nodes or namespaces: listed in pages, and watched from a version that may be too old.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::super::misbehaving::Answer;
use super::super::server::{Body, Reply, Seen, body};
use super::{document, status};

/// Where nodes are.
pub const NODES: &str = "/api/v1/nodes";
/// Where namespaces are.
pub const NAMESPACES: &str = "/api/v1/namespaces";

/// Where the ranges of Services are, in clusters that have such objects.
pub const SERVICE_CIDRS: &str = "/apis/networking.k8s.io/v1/servicecidrs";

/// A node of a system and a processor, with its taints as `KEY=VALUE:EFFECT`.
pub fn node(name: &str, platform: &str, taints: &[&str]) -> Value {
    let (os, architecture) = platform.split_once('/').unwrap();
    let taint = |taint: &&str| {
        let (taint, effect) = taint.split_once(':').unwrap();
        let (key, value) = taint.split_once('=').unwrap();
        json!({ "key": key, "value": value, "effect": effect })
    };
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": name, "labels": {
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": os,
            "kubernetes.io/arch": architecture,
        } },
        "spec": { "taints": taints.iter().map(taint).collect::<Vec<Value>>() },
        "status": {
            "allocatable": { "cpu": "4", "ephemeral-storage": "50625216Ki" },
            "conditions": [{ "type": "Ready", "status": "True" }],
            "images": [{ "names": ["registry.k8s.io/pause:3.10"], "sizeBytes": 300_000 }],
            "nodeInfo": {
                "operatingSystem": os,
                "architecture": architecture,
                "kernelVersion": if os == "windows" { "10.0.20348.2582" } else { "6.1.0-18" },
                "containerRuntimeVersion": "containerd://2.1.4",
                "kubeletVersion": "v1.36.3",
            },
        },
    })
}

/// What happens to all watches that are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    GoesOn,
    /// The connection breaks.
    Breaks,
}

/// All objects of a kind, and what became of them.
pub(super) struct Collection {
    state: Mutex<State>,
    /// Counts changes, and says what becomes of watches older than the last of them.
    changes: watch::Sender<(u64, Fate)>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    version: u64,
    /// Watches from before this version are told that it is gone.
    oldest: u64,
    events: Vec<(u64, String)>,
}

impl Default for Collection {
    fn default() -> Self {
        let state = State { version: 100, ..State::default() };
        Self { state: Mutex::new(state), changes: watch::Sender::new((0, Fate::GoesOn)) }
    }
}

impl Collection {
    pub(super) fn put(&self, mut object: Value) {
        self.change(|state| {
            object["metadata"]["resourceVersion"] = state.version.to_string().into();
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            let known = state.objects.insert(name, object.clone()).is_some();
            state.tell(if known { "MODIFIED" } else { "ADDED" }, &object);
        });
    }

    pub(super) fn delete(&self, name: &str) {
        self.change(|state| {
            let mut object = state.objects.remove(name).unwrap();
            object["metadata"]["resourceVersion"] = state.version.to_string().into();
            state.tell("DELETED", &object);
        });
    }

    /// Forgets the past: whoever watches from there is told so (410), and has to list again.
    pub(super) fn compact(&self) {
        self.change(|state| {
            state.oldest = state.version;
            state.events.clear();
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state.lock().unwrap().objects.is_empty()
    }

    /// Breaks all watches.
    pub(super) fn cut(&self) {
        self.changes.send_modify(|(count, fate)| (*count, *fate) = (*count + 1, Fate::Breaks));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap();
        state.version += 1;
        change(&mut state);
        drop(state);
        self.changes.send_modify(|(count, fate)| (*count, *fate) = (*count + 1, Fate::GoesOn));
    }

    pub(super) fn reply(self: &Arc<Self>, seen: &Seen) -> Reply {
        let query: HashMap<&str, &str> =
            seen.query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        if query.get("watch") != Some(&"true") {
            return self.list(&query).into_reply(false);
        }
        let from: u64 = query["resourceVersion"].parse().unwrap();
        if from < self.state.lock().unwrap().oldest {
            return status(410).into_reply(false);
        }
        let response = http::Response::builder().header("Content-Type", "application/json");
        Reply::Http(response.body(self.events(from)).unwrap())
    }

    /// Two objects a page, whatever the limit: the API server may give less than was asked for.
    fn list(&self, query: &HashMap<&str, &str>) -> Answer {
        let state = self.state.lock().unwrap();
        let skip: usize = query.get("continue").map_or(0, |token| token.parse().unwrap());
        let items: Vec<&Value> = state.objects.values().skip(skip).take(2).collect();
        let more = state.objects.len() > skip + items.len();
        document(&json!({
            "apiVersion": "v1",
            "kind": "List",
            "metadata": {
                "resourceVersion": state.version.to_string(),
                "continue": if more { (skip + items.len()).to_string() } else { String::new() },
            },
            "items": items,
        }))
    }

    fn events(self: &Arc<Self>, from: u64) -> Body {
        let changes = self.changes.subscribe();
        let start = (Arc::clone(self), changes, from, false);
        body::streamed(stream::unfold(start, |(all, mut changes, from, ended)| async move {
            if ended {
                return None;
            }
            loop {
                if let Some((lines, from, ended)) = all.since(from) {
                    return Some((Ok(lines), (all, changes, from, ended)));
                }
                changes.changed().await.ok()?;
                if changes.borrow_and_update().1 == Fate::Breaks {
                    let broken = Err(io::ErrorKind::ConnectionReset.into());
                    return Some((broken, (all, changes, from, true)));
                }
            }
        }))
    }

    /// The lines that tell what happened after a version, up to which, and whether no more come.
    fn since(&self, from: u64) -> Option<(Bytes, u64, bool)> {
        let state = self.state.lock().unwrap();
        if from < state.oldest {
            let gone = json!({ "kind": "Status", "code": 410, "reason": "Expired" });
            return Some((line("ERROR", &gone).into(), from, true));
        }
        let new = state.events.iter().filter(|(version, _)| *version > from);
        let lines: String = new.map(|(_, line)| line.as_str()).collect();
        (!lines.is_empty()).then(|| (lines.into(), state.version, false))
    }
}

impl State {
    fn tell(&mut self, what: &str, object: &Value) {
        self.events.push((self.version, line(what, object)));
    }
}

fn line(what: &str, object: &Value) -> String {
    format!("{}\n", json!({ "type": what, "object": object }))
}
