//! One question to the API server each: what its answer means, and for how long it holds.
//!
//! What is absent, forbidden or failed holds for nobody but those who wait for the same answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::answers::{AccountObject, Labels, SecretObject};
use super::api::{Accept, Failure};
use super::memory::Kept;
use super::names::Listed;
use super::{Inner, ModeLabel, ServiceAccountAnswer};
use crate::credentials::SecretState;
use crate::facts::{MODE_LABEL, Obstacle};
use crate::nodes::Scheduling;

/// For how long a label that was seen stands in while the API server fails.
const LABEL_OUTLIVES: Duration = Duration::from_secs(600);

pub(super) async fn secret(
    inner: Arc<Inner>,
    namespace: String,
    path: String,
) -> Kept<SecretState> {
    match inner.api.get::<SecretObject>(&namespace, &path, Accept::Object).await {
        Ok((secret, size)) => match secret.decode() {
            Some(decoded) => Kept::new(SecretState::Read(decoded), inner.options.found_for, size),
            None => Kept::never(SecretState::Unreadable(
                "API server answered with a Secret whose data is not base64".to_owned(),
            )),
        },
        Err(Failure::Absent) => Kept::never(SecretState::Absent { similar: None }),
        Err(Failure::Forbidden) => Kept::never(SecretState::Forbidden),
        Err(Failure::Trouble(why)) => Kept::never(SecretState::Unreadable(why)),
    }
}

pub(super) async fn service_account(
    inner: Arc<Inner>,
    namespace: String,
    path: String,
) -> Kept<ServiceAccountAnswer> {
    match inner.api.get::<AccountObject>(&namespace, &path, Accept::Object).await {
        Ok((account, size)) => {
            let pull_secrets = account.pull_secrets();
            let answer = ServiceAccountAnswer::Present { pull_secrets };
            Kept::new(answer, inner.options.found_for, size)
        }
        Err(Failure::Absent) => Kept::never(ServiceAccountAnswer::Absent { similar: None }),
        Err(Failure::Forbidden) => Kept::never(ServiceAccountAnswer::Forbidden),
        Err(Failure::Trouble(why)) => Kept::never(ServiceAccountAnswer::Unreadable(why)),
    }
}

pub(super) async fn mode_label(
    inner: Arc<Inner>,
    namespace: String,
    path: String,
) -> Kept<ModeLabel> {
    let keep_for = inner.options.labels_for;
    match inner.api.get::<Labels>(&namespace, &path, Accept::Metadata).await {
        Ok((labels, _)) => {
            let label = labels.into_value(MODE_LABEL);
            let size = label.as_ref().map_or(0, String::len);
            let seen = Kept::new((label.clone(), Instant::now()), LABEL_OUTLIVES, size);
            inner.last_labels.remember(&path, seen).await;
            Kept::new(ModeLabel::Known(label), keep_for, size)
        }
        // A namespace that is not there yet must not have its mode fixed for later.
        Err(Failure::Absent) => Kept::never(ModeLabel::Known(None)),
        // Otherwise every review would wait for the limit while the API server is in trouble.
        Err(failure) => Kept::new(ModeLabel::Unknown(failure.into()), inner.options.failed_for, 0),
    }
}

pub(super) async fn runtime_class(
    inner: Arc<Inner>,
    namespace: String,
    path: String,
) -> Kept<Result<Scheduling, Obstacle>> {
    match inner.api.get::<Scheduling>(&namespace, &path, Accept::Object).await {
        Ok((class, size)) => Kept::new(Ok(class), inner.options.labels_for, size),
        Err(Failure::Absent) => Kept::never(Ok(Scheduling::default())),
        // Otherwise every review would wait for the limit while the API server is in trouble.
        Err(failure) => {
            let obstacle = Obstacle::from(failure);
            let forbidden = obstacle == Obstacle::Forbidden;
            if forbidden && !inner.classes_forbidden.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    "pullcheck may not get runtimeclasses, so they do not narrow a pod's nodes"
                );
            }
            Kept::new(Err(obstacle), inner.options.failed_for, 0)
        }
    }
}

pub(super) async fn names(inner: Arc<Inner>, namespace: String, path: String) -> Kept<Listed> {
    match inner.api.get::<Listed>(&namespace, &path, Accept::MetadataList).await {
        Ok((names, size)) => Kept::new(names, inner.options.labels_for, size),
        // Without the right to list nothing is suggested, and asking each time is no use.
        Err(Failure::Forbidden) => Kept::new(Listed::default(), inner.options.labels_for, 0),
        Err(Failure::Absent | Failure::Trouble(_)) => Kept::never(Listed::default()),
    }
}
