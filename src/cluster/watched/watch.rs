//! What changes: one JSON object a line, for as long as the API server lets the answer go on.

use std::time::Duration;

use http_body_util::BodyExt as _;
use kube::client::Body;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep, timeout_at};

use super::Watched;
use super::list::{Listed, escaped};
use super::store::Store;
use crate::cluster::api::{Accept, Api, BROKEN_OFF, Failure};
use crate::pause::Pause;
use crate::workload::tolerant::{Map, Text, object};

/// After how many seconds the API server ends the answer, so that a new one starts elsewhere.
const ENDS_AFTER: u64 = 290;
/// A connection that is gone without a word is noticed this much later.
const GRACE: Duration = Duration::from_secs(30);
/// Longest that the beginning of an answer may take.
const BEGINS_WITHIN: Duration = Duration::from_secs(20);
/// Longest line: etcd holds objects of up to 1.5 MiB.
const LONGEST_LINE: usize = 8 << 20;
/// An answer that went on for as long is one that works.
const SETTLED: Duration = Duration::from_secs(30);

/// Why a watch does not go on: a new list is needed.
#[derive(Debug)]
pub(super) enum Ended {
    /// The version is too old (410), or something else that a new list puts right.
    Gone,
    /// Something failed.
    Failed(Failure),
}

/// Follows what changes after a list, until that is no longer possible.
pub(super) async fn follow<W: Watched>(
    api: &Api,
    store: &Store<W>,
    mut listed: Listed<W>,
    pause: &mut Pause,
) -> Ended {
    let accept = if W::METADATA { Accept::Metadata } else { Accept::Object };
    loop {
        let begun = Instant::now();
        let version = escaped(&listed.version);
        let path = format!(
            "{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={ENDS_AFTER}\
             &resourceVersion={version}",
            W::PATH
        );
        let ended = match api.open(&path, accept, BEGINS_WITHIN).await {
            Ok(body) => {
                store.is_watched();
                events(body, store, &mut listed).await
            }
            Err(failure) => Err(Ended::Failed(failure)),
        };
        if begun.elapsed() > SETTLED {
            pause.reset();
        }
        match ended {
            Ok(()) => sleep(pause.draw()).await,
            Err(ended) => return ended,
        }
    }
}

/// Reads one answer; `Ok` where it ended in order.
async fn events<W: Watched>(
    mut body: Body,
    store: &Store<W>,
    listed: &mut Listed<W>,
) -> Result<(), Ended> {
    let deadline = Instant::now() + Duration::from_secs(ENDS_AFTER) + GRACE;
    let mut pending: Vec<u8> = Vec::new();
    loop {
        let frame = match timeout_at(deadline, body.frame()).await {
            Err(_) => return Err(failed::<W>("fell silent")),
            Ok(None) => return Ok(()),
            Ok(Some(Err(_))) => return Err(Ended::Failed(Failure::Trouble(BROKEN_OFF.to_owned()))),
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else { continue };
        store.heard();
        pending.extend_from_slice(&data);
        let Some(end) = pending.iter().rposition(|byte| *byte == b'\n') else {
            if pending.len() > LONGEST_LINE {
                return Err(failed::<W>("holds too long a line"));
            }
            continue;
        };
        let rest = pending.split_off(end + 1);
        let mut changed = false;
        for line in pending.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            changed |= listed.take(line)?;
        }
        pending = rest;
        if changed {
            listed.reader.tidy();
            store.publish(listed);
        }
    }
}

impl<W: Watched> Listed<W> {
    /// Takes one event, and says whether it changes anything.
    fn take(&mut self, line: &[u8]) -> Result<bool, Ended> {
        let event = std::str::from_utf8(line).ok().and_then(|line| {
            let Map(event) = serde_json::from_str::<Map<Event<'_>>>(line).ok()?;
            Some(event)
        });
        let Some(event) = event else {
            return Err(failed::<W>("holds a line that is no event"));
        };
        let about = serde_json::from_str::<Map<About<'_>>>(event.object.get()).ok();
        let metadata = about.and_then(|Map(about)| about.metadata).unwrap_or_default();
        let name = Text::or_empty(metadata.name);
        let changed = match event.type_.0.as_ref() {
            "ADDED" | "MODIFIED" => self.set(event.object.get()).map_err(Ended::Failed)?,
            "DELETED" => self.objects.remove(&name).is_some(),
            "BOOKMARK" => false,
            "ERROR" => return Err(Ended::Gone),
            // Of a newer Kubernetes: nothing that is known depends on it.
            _ => return Ok(false),
        };
        if let Some(version) = Text::non_empty(metadata.resource_version) {
            self.version = version;
        }
        Ok(changed)
    }
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    type_: Text<'a>,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct About<'a> {
    #[serde(borrow, default, deserialize_with = "object")]
    metadata: Option<Metadata<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    resource_version: Option<Text<'a>>,
}

fn failed<W: Watched>(what: &str) -> Ended {
    Ended::Failed(Failure::Trouble(format!("API server's watch of {} {what}", W::PLURAL)))
}
