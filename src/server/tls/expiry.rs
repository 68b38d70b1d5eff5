//! Tells how long the certificate in use still holds, wherever it is from.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Certificates;
use crate::server::Shutdown;
use crate::telemetry::Metrics;

/// What is left of a certificate when the log is told. Whoever renews it has failed by then:
/// cert-manager does at a third of its life, and so does what pullcheck keeps itself.
const SOON: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How often it is looked at without a change.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// Keeps the metric up to date, and warns once of each certificate that ends soon and once of each
/// that has ended, until `shutdown`.
pub async fn watch_expiry(
    certificates: Arc<Certificates>,
    metrics: Arc<Metrics>,
    mut shutdown: Shutdown,
) {
    let mut told = None;
    loop {
        if let Some(not_after) = certificates.not_after() {
            metrics.certificate_expires(not_after);
            let stage = stage(not_after, SystemTime::now());
            let news = Some((not_after, stage));
            if told != news {
                tell(not_after, stage);
                told = news;
            }
        }
        tokio::select! {
            () = shutdown.fired() => return,
            () = certificates.changed.notified() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Holds,
    EndsSoon,
    Ended,
}

fn stage(not_after: SystemTime, now: SystemTime) -> Stage {
    match not_after.duration_since(now) {
        Err(_) => Stage::Ended,
        Ok(left) if left < SOON => Stage::EndsSoon,
        Ok(_) => Stage::Holds,
    }
}

fn tell(not_after: SystemTime, stage: Stage) {
    let Ok(at) = jiff::Timestamp::try_from(not_after) else { return };
    let at = at.strftime("%Y-%m-%dT%H:%M:%SZ");
    match stage {
        Stage::Holds => {}
        Stage::EndsSoon => {
            tracing::warn!(not_after = %at, "the serving certificate ends soon; renew it");
        }
        Stage::Ended => tracing::error!(
            not_after = %at,
            "the serving certificate has ended and the API server refuses it; renew it"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_week_is_soon() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let second = Duration::from_secs(1);
        for (not_after, expected) in [
            (now - second, Stage::Ended),
            (now, Stage::EndsSoon),
            (now + SOON - second, Stage::EndsSoon),
            (now + SOON, Stage::Holds),
        ] {
            assert_eq!(stage(not_after, now), expected, "{not_after:?}");
        }
    }
}
