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
use crate::telemetry::Metrics;
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
/// One that says nothing, but does not end either, is told to work after so long.
const HOLDS: Duration = Duration::from_secs(5);
/// So many answers in a row that ended in order but sooner are a failure, too.
const SHORT: u32 = 4;
/// What the API server says of a version that it no longer has.
const GONE: i64 = 410;

/// How the watches of one kind have gone so far, lists aside.
#[derive(Debug)]
pub(super) struct Course<'a> {
    /// How long to wait before the next one.
    pub(super) pause: Pause,
    /// Answers in a row that ended in order, and too soon.
    short: u32,
    metrics: &'a Metrics,
}

impl<'a> Course<'a> {
    pub(super) fn new(pause: Pause, metrics: &'a Metrics) -> Self {
        Self { pause, short: 0, metrics }
    }

    /// How long an answer has to stay open to be one that works, whatever it says.
    fn trial(&self) -> Duration {
        if self.is_trusted() { HOLDS } else { SETTLED }
    }

    /// Whether one that says something works. After many that ended at once it has to last, too.
    fn is_trusted(&self) -> bool {
        self.short < SHORT
    }

    /// The answer that is open works.
    fn works<W: Watched>(&self, store: &Store<W>) {
        store.is_watched();
        self.metrics.watch(W::PLURAL, true);
    }
}

/// Why a watch does not go on: a new list is needed.
#[derive(Debug)]
pub(super) enum Ended {
    /// The version is too old (410), which a new list puts right.
    Gone,
    /// Something failed.
    Failed(Failure),
}

/// Follows what changes after a list, until that is no longer possible.
pub(super) async fn follow<W: Watched>(
    api: &Api,
    store: &Store<W>,
    mut listed: Listed<W>,
    course: &mut Course<'_>,
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
            Ok(body) => events(body, store, &mut listed, course).await,
            Err(failure) => Err(Ended::Failed(failure)),
        };
        if begun.elapsed() > SETTLED {
            course.short = 0;
            course.pause.reset();
        } else if ended.is_ok() {
            course.short = course.short.saturating_add(1);
        }
        match ended {
            Ok(()) if !course.is_trusted() => return failed::<W>("ends at once, again and again"),
            Ok(()) => sleep(course.pause.draw()).await,
            Err(ended) => return ended,
        }
    }
}

/// Reads one answer; `Ok` where it ended in order.
async fn events<W: Watched>(
    mut body: Body,
    store: &Store<W>,
    listed: &mut Listed<W>,
    course: &Course<'_>,
) -> Result<(), Ended> {
    let begun = Instant::now();
    let deadline = begun + Duration::from_secs(ENDS_AFTER) + GRACE;
    let mut works = false;
    let mut pending: Vec<u8> = Vec::new();
    loop {
        let until = if works { deadline } else { begun + course.trial() };
        let frame = match timeout_at(until, body.frame()).await {
            Err(_) if !works => {
                course.works(store);
                works = true;
                continue;
            }
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
        if !works && course.is_trusted() {
            course.works(store);
            works = true;
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
        let (metadata, code) =
            about.map_or((None, None), |Map(about)| (about.metadata, about.code));
        let metadata = metadata.unwrap_or_default();
        let name = Text::or_empty(metadata.name);
        let changed = match event.type_.0.as_ref() {
            "ADDED" | "MODIFIED" => self.set(event.object.get()).map_err(Ended::Failed)?,
            "DELETED" => self.objects.remove(&name).is_some(),
            "BOOKMARK" => false,
            "ERROR" if code == Some(GONE) => return Err(Ended::Gone),
            "ERROR" => {
                let code = code.map_or_else(|| "an error".to_owned(), |code| code.to_string());
                return Err(failed::<W>(&format!("ended with {code}")));
            }
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
    /// Of a Status.
    #[serde(default)]
    code: Option<i64>,
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
