//! Keeps the webhook's own certificates: an authority and a serving certificate in a Secret that
//! all replicas share, and the authority in the webhook configuration, for the API server.
//!
//! Every replica does the same, about once a minute: it reads both objects, does what
//! [`certificates`](crate::certificates) says is next, and shows what the Secret holds. A write
//! rests on what was read, so that of several replicas one succeeds and the others read again.
//! The configuration is read before the Secret: whoever then replaces its list of authorities
//! cannot bring back an older one unnoticed. Never here: what is due when, and how certificates
//! are made (`certificates`), requests (`cluster`), TLS (`server::tls`).

mod round;
mod tellings;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;

use self::round::{Round, Trouble};
use self::tellings::Tellings;
use crate::certificates::Certificate;
use crate::cluster::{Cluster, ServiceWebhook};
use crate::config::TlsSecret;
use crate::pause::{self, Pause};
use crate::server::Shutdown;
use crate::server::probes::Readiness;
use crate::server::tls::Certificates;
use crate::telemetry::Metrics;

/// How often the objects are looked at; drawn from the upper half of this.
const EVERY: Duration = Duration::from_secs(60);

/// When they are looked at again after the configuration was changed. By then the API server has
/// heard of the change, which takes it a moment.
const SETTLED: Duration = Duration::from_secs(5);

/// The first pause after a conflict or a failure.
const AGAIN: Duration = Duration::from_millis(200);

/// Under this name it keeps reviews away.
const READINESS: &str = "certificate";

/// Keeps the certificates of one replica.
pub struct Keeper {
    cluster: Cluster,
    wanted: TlsSecret,
    certificates: Arc<Certificates>,
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
    /// The chain that is shown; empty while none is.
    shown: Vec<Certificate>,
    /// The webhooks of the configuration as last read, none if there is none; `None` before that.
    asked_for: Option<Vec<ServiceWebhook>>,
    /// Once whoever calls this webhook accepted what is shown. From then on no trouble
    /// keeps reviews away: what is shown is good for a month at least.
    was_accepted: bool,
    tellings: Tellings,
    /// What the log was last told is in the way.
    told: String,
    /// What it was last told besides.
    remarked: String,
}

impl Keeper {
    /// Reviews are kept away until there is a certificate that whoever calls accepts.
    pub fn new(
        cluster: Cluster,
        wanted: TlsSecret,
        readiness: Arc<Readiness>,
        metrics: Arc<Metrics>,
    ) -> Self {
        readiness.block(READINESS, "there is none yet");
        Self {
            cluster,
            wanted,
            certificates: Certificates::none(),
            readiness,
            metrics,
            shown: Vec::new(),
            asked_for: None,
            was_accepted: false,
            tellings: Tellings::default(),
            told: String::new(),
            remarked: String::new(),
        }
    }

    /// What is shown to clients; nothing as yet.
    pub fn certificates(&self) -> Arc<Certificates> {
        Arc::clone(&self.certificates)
    }

    /// Keeps the certificates until `shutdown`, and looks at once when `nudged`.
    pub async fn run(mut self, nudged: Arc<Notify>, mut shutdown: Shutdown) {
        let mut failed = Pause::new(AGAIN);
        loop {
            let round = tokio::select! {
                () = shutdown.fired() => return,
                round = self.round(SystemTime::now()) => round,
            };
            let wait = match round {
                Err(Trouble::Conflict) => failed.draw(),
                Err(Trouble::Other(why)) => {
                    self.report(&why);
                    failed.draw()
                }
                Ok(Round { trouble, unsettled, remark }) => {
                    self.report(&trouble);
                    self.remark_once(remark);
                    if trouble.is_empty() {
                        failed.reset();
                        if unsettled { SETTLED } else { pause::drawn(EVERY) }
                    } else {
                        failed.draw()
                    }
                }
            };
            tokio::select! {
                () = shutdown.fired() => return,
                () = nudged.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Says what is in the way, once, and whether reviews should come here; an empty text is
    /// nothing.
    fn report(&mut self, trouble: &str) {
        let ready = !self.shown.is_empty() && self.was_accepted;
        if ready {
            self.readiness.clear(READINESS);
        } else {
            let why = match (trouble, self.shown.is_empty()) {
                ("", true) => "there is none yet",
                ("", false) => "the API server is being told of it",
                (trouble, _) => trouble,
            };
            self.readiness.block(READINESS, why);
        }
        if self.told == trouble {
            return;
        }
        trouble.clone_into(&mut self.told);
        if trouble.is_empty() {
            tracing::info!("the certificates in the Secret are in order again");
        } else if ready {
            tracing::warn!(reason = %trouble, "the certificates cannot be kept in order");
        } else {
            tracing::error!(reason = %trouble, "the certificates cannot be kept in order");
        }
    }

    /// Says what is worth a word, once; an empty text is nothing.
    fn remark_once(&mut self, remark: String) {
        if remark != self.remarked && !remark.is_empty() {
            tracing::warn!("{remark}");
        }
        self.remarked = remark;
    }
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}
