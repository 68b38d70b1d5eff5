//! Kubernetes Events: the one thing that is written while pods are judged. Never here: what is
//! told by them (`events`).

use super::api::{Failure, Sending, Written};
use super::{Cluster, Inner, names};

/// What came of sending an Event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    /// It is stored.
    Created,
    /// One of that name is there already.
    Exists,
    /// pullcheck has no right to it, or the namespace is being deleted: 403 is both.
    Forbidden,
    /// It is not stored; why, in our own words.
    Failed(String),
}

impl Cluster {
    /// Stores a new Event of `events.k8s.io/v1`, in JSON, in a namespace.
    pub async fn post_event(&self, namespace: &str, event: Vec<u8>) -> Posted {
        let Some(path) = names::events_path(namespace) else {
            return Posted::Failed("no namespace has such a name".to_owned());
        };
        let Inner { api, options, .. } = &*self.inner;
        match api.write(Sending::Create, &path, event, options.call_limit).await {
            Ok(Written::Stored(_)) => Posted::Created,
            Ok(Written::Conflict) => Posted::Exists,
            Err(Failure::Forbidden) => Posted::Forbidden,
            Err(Failure::Absent) => Posted::Failed("API server answered 404".to_owned()),
            Err(Failure::Trouble(why)) => Posted::Failed(why),
        }
    }
}
