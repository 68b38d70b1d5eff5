//! The mode that a namespace chooses by its label: watched, and asked for where the watch does not
//! know it.
//!
//! Of every namespace the name is kept, with a label or without: one that was made a moment ago is
//! not among them yet, and must not count as one without a label.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant as StdInstant;

use serde::Deserialize;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::watched::{All, Watched};
use super::{Cluster, Freshness, ModeLabel, NO_ANSWER_IN_TIME, look, names};
use crate::facts::{MODE_LABEL, Obstacle};
use crate::telemetry::Metrics;
use crate::workload::tolerant::{Map, Text, object};

/// A namespace and its mode label as written.
#[derive(Debug, PartialEq)]
pub(super) struct Labelled {
    name: String,
    label: Option<String>,
}

/// Reads namespaces.
#[derive(Debug, Default)]
pub(super) struct AllNamespaces;

impl Watched for AllNamespaces {
    type Kept = Labelled;

    const PATH: &'static str = "/api/v1/namespaces";
    const PLURAL: &'static str = "namespaces";
    const METADATA: bool = true;
    /// So few that even the largest there can be fit: tenants write annotations, and must not end
    /// the watch for everybody.
    const PAGE: usize = 40;
    const LARGEST_PAGE: usize = 64 << 20;
    const MOST: usize = 50_000;
    const WITHOUT: &'static str = "a namespace's mode label may be half a minute old";

    fn read(&mut self, json: &str) -> Option<Labelled> {
        let Map(read) = serde_json::from_str::<Map<Object<'_>>>(json).ok()?;
        let metadata = read.metadata?;
        let name = Text::non_empty(metadata.name)?;
        let label = metadata.labels.and_then(|mut labels| labels.remove(MODE_LABEL).flatten());
        Some(Labelled { name, label: label.map(|Text(text)| text.into_owned()) })
    }

    fn name(kept: &Labelled) -> &str {
        &kept.name
    }
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow, default, deserialize_with = "object")]
    metadata: Option<Metadata<'a>>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    labels: Option<BTreeMap<String, Option<Text<'a>>>>,
}

impl Cluster {
    /// The namespace's `pullcheck.dev/mode` label as written; `None` where there is none. While the
    /// API server fails, the last one that was seen.
    pub async fn namespace_mode_label(
        &self,
        namespace: &str,
        deadline: Instant,
    ) -> Result<Option<String>, Obstacle> {
        let inner = &self.inner;
        // None can have such a name, hence none has such a label.
        let Some(path) = names::namespace_path(namespace) else { return Ok(None) };
        let watched = inner.namespaces.current();
        if let Some(found) = watched.and_then(|watched| find(&watched, namespace)) {
            return Ok(found.label.clone());
        }
        let read = self.read_mode_label(namespace, &path, Freshness::Cached, deadline).await;
        let Err(failed @ Obstacle::Trouble(_)) = read else { return read };
        let asked = inner.last_labels.recall(&path).await;
        let watched = inner.namespaces.known().and_then(|watched| find(&watched, namespace));
        let watched = watched.map(|found| found.label.clone());
        let watched = watched.zip(inner.namespaces.last_heard());
        let newest = asked.into_iter().chain(watched).max_by_key(|(_, at)| *at);
        newest.map(|(label, _)| label).ok_or(failed)
    }

    /// The same label as it is now, by asking: a watch that hangs without a word still says what
    /// was.
    pub async fn namespace_mode_label_now(
        &self,
        namespace: &str,
        deadline: Instant,
    ) -> Result<Option<String>, Obstacle> {
        let Some(path) = names::namespace_path(namespace) else { return Ok(None) };
        self.read_mode_label(namespace, &path, Freshness::Fresh, deadline).await
    }

    async fn read_mode_label(
        &self,
        namespace: &str,
        path: &str,
        freshness: Freshness,
        deadline: Instant,
    ) -> Result<Option<String>, Obstacle> {
        let inner = &self.inner;
        let look = look::mode_label(Arc::clone(inner), namespace.to_owned(), path.to_owned());
        match inner.labels.read(path, freshness, deadline, look).await {
            Some(ModeLabel::Known(label)) => Ok(label),
            Some(ModeLabel::Unknown(obstacle)) => Err(obstacle),
            None => Err(Obstacle::Trouble(NO_ANSWER_IN_TIME.to_owned())),
        }
    }

    /// Whether there is a namespace of this name; `None` where that is not known without asking.
    pub fn has_namespace(&self, namespace: &str) -> Option<bool> {
        let watched = self.inner.namespaces.current()?;
        Some(find(&watched, namespace).is_some())
    }

    /// Keeps the namespaces' labels up to date, and never ends. `first` is dropped when the first
    /// list has ended, well or badly.
    pub async fn watch_namespaces(self, first: oneshot::Sender<()>, metrics: Arc<Metrics>) {
        let inner = &self.inner;
        inner.namespaces.follow(&inner.api, inner.options.watch_again, first, &metrics).await;
    }
}

/// The namespace of this name, if it is among these.
fn find(all: &All<AllNamespaces>, namespace: &str) -> Option<Arc<Labelled>> {
    let at = all.binary_search_by(|one| one.name.as_str().cmp(namespace)).ok()?;
    all.get(at).map(Arc::clone)
}

/// A label that was read by asking, and when.
pub(super) type Asked = (Option<String>, StdInstant);

#[cfg(test)]
mod tests {
    use super::{AllNamespaces, Watched as _};

    #[test]
    fn of_a_namespace_its_name_is_kept_and_its_label_if_it_has_one() {
        for (labels, label) in [
            (r#"{"pullcheck.dev/mode":"enforce","a":"b"}"#, Some("enforce")),
            (r#"{"pullcheck.dev/mode":""}"#, Some("")),
            (r#"{"pullcheck.dev/mode":null}"#, None),
            (r#"{"a":"b"}"#, None),
            ("null", None),
        ] {
            let json = format!(r#"{{"metadata":{{"name":"shop","labels":{labels}}}}}"#);
            let read = AllNamespaces.read(&json).unwrap();
            assert_eq!((read.name.as_str(), read.label.as_deref()), ("shop", label), "{json}");
        }
    }

    #[test]
    fn a_page_of_the_largest_namespaces_is_read() {
        // What a request to etcd may be, by default.
        const LARGEST: usize = 3 << 19;
        let (page, bound) = (AllNamespaces::PAGE, AllNamespaces::LARGEST_PAGE);
        assert!(page * LARGEST <= bound, "{page} of them are more than {bound} bytes");
    }

    #[test]
    fn what_has_no_name_is_left_out() {
        for json in ["{}", "[]", r#"{"metadata":null}"#, r#"{"metadata":{"labels":{}}}"#] {
            assert!(AllNamespaces.read(json).is_none(), "{json}");
        }
    }
}
