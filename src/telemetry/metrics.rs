//! Every metric of pullcheck, with its name and what it counts.
//!
//! Labels hold codes, verdicts, namespaces and configured hosts only, never an image, a user or
//! anything else that a stranger chooses freely.

mod catalogue;

use std::fmt;
use std::time::{Duration, SystemTime};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Unit;

use self::catalogue::Catalogue;
use super::namespaces::{Namespaces, OTHER};
use crate::glob::Glob;

/// The media type of what [`Metrics::encode`] writes.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Namespaces beyond this many share the label `other`.
const NAMESPACES: usize = 2_000;

/// Upper bounds in seconds: a warm review takes well under a millisecond, and the API server waits
/// for 30 seconds at most.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The verdicts of [`Metrics::review_done`], counted from zero so that a rate over them exists
/// before the first one.
const VERDICTS: [&str; 3] = ["allow", "warn", "deny"];

/// The outcomes of [`Metrics::event`], likewise from zero.
const EVENTS: [&str; 5] = ["created", "repeated", "dropped", "forbidden", "failed"];

/// What happens to the breaker of a registry, likewise.
const BREAKER_EVENTS: [&str; 3] = ["opened", "closed", "spared"];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByReason {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByVerdict {
    verdict: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByFinding {
    code: &'static str,
    action: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByNamespace {
    namespace: String,
    code: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByLookup {
    outcome: &'static str,
    registry: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByRegistry {
    registry: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByBreaker {
    event: &'static str,
    registry: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByResult {
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByResource {
    resource: &'static str,
}

/// All counters of one process. Methods take plain values and can be called from anywhere.
pub struct Metrics {
    catalogue: Catalogue,
    namespaces: Namespaces,
    /// The hosts that the operator named, patterns as they are.
    hosts: Vec<Glob>,
    reviews: Family<ByVerdict, Counter>,
    skipped: Family<ByReason, Counter>,
    verdicts: [(&'static str, Counter); VERDICTS.len()],
    review_duration: Histogram,
    findings: Family<ByFinding, Counter>,
    would_deny: Family<ByNamespace, Counter>,
    lookups: Family<ByLookup, Counter>,
    breaker: Family<ByBreaker, Counter>,
    cache: Family<ByResult, Counter>,
    stale_answers: Family<ByRegistry, Counter>,
    refreshes: Counter,
    deadline_missed: Counter,
    in_flight: Gauge,
    panics: Counter,
    tls_reloaded: Counter,
    tls_refused: Counter,
    certificate_expiry: Gauge,
    watches: Family<ByResource, Gauge>,
    events: Family<ByOutcome, Counter>,
}

impl Metrics {
    /// Metrics that all stand at zero.
    pub fn new() -> Self {
        Self::with_namespaces(NAMESPACES)
    }

    /// The same, with a label for each of these hosts: those that the operator named, and no other.
    pub fn for_hosts(hosts: Vec<Glob>) -> Self {
        let metrics = Self { hosts, ..Self::new() };
        // They are there from the start, so that a rate sees the first of what is rare.
        let named = metrics.hosts.iter().map(ToString::to_string);
        for registry in named.chain([OTHER.to_owned()]) {
            let label = ByRegistry { registry: registry.clone() };
            drop(metrics.stale_answers.get_or_create(&label));
            for event in BREAKER_EVENTS {
                let label = ByBreaker { event, registry: registry.clone() };
                drop(metrics.breaker.get_or_create(&label));
            }
        }
        metrics
    }

    fn with_namespaces(bound: usize) -> Self {
        let reviews = Family::<ByVerdict, Counter>::default();
        let tls_reloads = Family::<ByResult, Counter>::default();
        let metrics = Self {
            verdicts: VERDICTS
                .map(|verdict| (verdict, reviews.get_or_create_owned(&ByVerdict { verdict }))),
            tls_reloaded: tls_reloads.get_or_create_owned(&ByResult { result: "reloaded" }),
            tls_refused: tls_reloads.get_or_create_owned(&ByResult { result: "refused" }),
            catalogue: Catalogue::default(),
            namespaces: Namespaces::new(bound),
            hosts: Vec::new(),
            reviews,
            skipped: Family::default(),
            review_duration: Histogram::new(SECONDS),
            findings: Family::default(),
            would_deny: Family::default(),
            lookups: Family::default(),
            breaker: Family::default(),
            cache: Family::default(),
            stale_answers: Family::default(),
            refreshes: Counter::default(),
            deadline_missed: Counter::default(),
            in_flight: Gauge::default(),
            panics: Counter::default(),
            certificate_expiry: Gauge::default(),
            watches: Family::default(),
            events: Family::default(),
        };
        for outcome in EVENTS {
            metrics.event_counter(outcome);
        }
        metrics.registered(tls_reloads)
    }

    fn registered(mut self, tls_reloads: Family<ByResult, Counter>) -> Self {
        let all = &mut self.catalogue;
        all.add(
            "pullcheck_build",
            &["version"],
            "The running version",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        all.add(
            "pullcheck_reviews",
            &["verdict"],
            "Reviews answered, by verdict",
            self.reviews.clone(),
        );
        all.add(
            "pullcheck_skipped",
            &["reason"],
            "Requests allowed without looking, by reason",
            self.skipped.clone(),
        );
        all.add_with_unit(
            "pullcheck_review_duration",
            &Unit::Seconds,
            "Time from a review's bytes to its answer's bytes",
            self.review_duration.clone(),
        );
        all.add(
            "pullcheck_findings",
            &["code", "action"],
            "Findings, by cause code and by what was done about them",
            self.findings.clone(),
        );
        all.add(
            "pullcheck_would_deny",
            &["namespace", "code"],
            "Reviews that the mode enforce would have denied, by namespace and cause code",
            self.would_deny.clone(),
        );
        all.add(
            "pullcheck_lookups",
            &["outcome", "registry"],
            "Images asked for at a registry, by outcome and by the configured host it matches",
            self.lookups.clone(),
        );
        all.add(
            "pullcheck_registry_breaker",
            &["event", "registry"],
            "Registries that fail again and again: when they are no longer asked by all (opened), when they answer again (closed), and lookups answered without asking (spared)",
            self.breaker.clone(),
        );
        all.add(
            "pullcheck_cache",
            &["result"],
            "Questions to the cache of answers, by result",
            self.cache.clone(),
        );
        all.add(
            "pullcheck_stale_answers",
            &["registry"],
            "Images judged by the last good answer, because their registry failed, by the configured host it matches",
            self.stale_answers.clone(),
        );
        all.add(
            "pullcheck_refreshes",
            &[],
            "Answers in use that were asked for again before their time was over",
            self.refreshes.clone(),
        );
        all.add(
            "pullcheck_deadline_missed",
            &[],
            "Images that a review had to do without, because its deadline came first",
            self.deadline_missed.clone(),
        );
        all.add(
            "pullcheck_in_flight_reviews",
            &[],
            "Reviews being worked on now",
            self.in_flight.clone(),
        );
        all.add("pullcheck_panics", &[], "Reviews that failed inside", self.panics.clone());
        all.add(
            "pullcheck_tls_reloads",
            &["result"],
            "Changes of the serving certificate, taken up or refused",
            tls_reloads,
        );
        all.add_with_unit(
            "pullcheck_certificate_expiry_timestamp",
            &Unit::Seconds,
            "End of the serving certificate in seconds since 1970, 0 while there is none",
            self.certificate_expiry.clone(),
        );
        all.add(
            "pullcheck_watch_up",
            &["resource"],
            "1 from when the API server's watch of a resource has said something, 0 before that and while it fails",
            self.watches.clone(),
        );
        all.add(
            "pullcheck_events",
            &["outcome"],
            "Kubernetes Events about audited pods of controllers, by what became of them",
            self.events.clone(),
        );
        self
    }

    /// A review was answered with `verdict` (`allow`, `warn` or `deny`) after `took`.
    pub fn review_done(&self, verdict: &'static str, took: Duration) {
        self.review_duration.observe(took.as_secs_f64());
        match self.verdicts.iter().find(|(known, _)| *known == verdict) {
            Some((_, counter)) => counter.inc(),
            None => self.reviews.get_or_create(&ByVerdict { verdict }).inc(),
        };
    }

    /// A request was allowed without looking, for this `reason`.
    pub fn skipped(&self, reason: &'static str) {
        self.skipped.get_or_create(&ByReason { reason }).inc();
    }

    /// A finding with this cause code led to this action.
    pub fn finding(&self, code: &'static str, action: &'static str) {
        self.findings.get_or_create(&ByFinding { code, action }).inc();
    }

    /// The mode `enforce` would have denied a review in `namespace` for `code`.
    pub fn would_deny(&self, namespace: &str, code: &'static str) {
        let namespace = self.namespaces.label(namespace).to_owned();
        self.would_deny.get_or_create(&ByNamespace { namespace, code }).inc();
    }

    /// The host as it is configured, if it is.
    fn registry(&self, host: &str) -> String {
        let named = self.hosts.iter().find(|pattern| pattern.matches(host));
        named.map_or_else(|| OTHER.to_owned(), ToString::to_string)
    }

    /// The breaker of the registry `host`: it `opened`, it `closed`, or it `spared` a lookup.
    pub fn breaker(&self, host: &str, event: &'static str) {
        let registry = self.registry(host);
        self.breaker.get_or_create(&ByBreaker { event, registry }).inc();
    }

    /// The registry `host` was asked for an image, and it ended in `outcome`.
    pub fn lookup(&self, host: &str, outcome: &'static str) {
        let registry = self.registry(host);
        self.lookups.get_or_create(&ByLookup { outcome, registry }).inc();
    }

    /// An image of the registry `host` was judged by an older answer, because the registry fails.
    pub fn stale_answer(&self, host: &str) {
        let registry = self.registry(host);
        self.stale_answers.get_or_create(&ByRegistry { registry }).inc();
    }

    /// An answer near its end was asked for again.
    pub fn refreshed(&self) {
        self.refreshes.inc();
    }

    /// The cache was asked, with this `result` (`hit`, `miss` and the like).
    pub fn cache(&self, result: &'static str) {
        self.cache.get_or_create(&ByResult { result }).inc();
    }

    /// A review had to be answered before everything was known.
    pub fn deadline_missed(&self) {
        self.deadline_missed.inc();
    }

    /// A review panicked.
    pub fn panicked(&self) {
        self.panics.inc();
    }

    /// A changed certificate was taken up.
    pub fn tls_reloaded(&self) {
        self.tls_reloaded.inc();
    }

    /// A changed certificate was refused, and the old pair stays.
    pub fn tls_refused(&self) {
        self.tls_refused.inc();
    }

    /// The certificate that is served ends then.
    pub fn certificate_expires(&self, at: SystemTime) {
        let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.certificate_expiry.set(since.as_secs().try_into().unwrap_or(i64::MAX));
    }

    /// The API server's watch of `resource` works, or fails.
    pub fn watch(&self, resource: &'static str, works: bool) {
        self.watches.get_or_create(&ByResource { resource }).set(works.into());
    }

    /// There is nothing to be watched: the API server has no such resource.
    pub fn no_watch(&self, resource: &'static str) {
        self.watches.remove(&ByResource { resource });
    }

    /// A Kubernetes Event was made, or was not, as `outcome` says: one of `created`, `repeated`
    /// (told within the hour), `dropped` (too many), `forbidden`, `failed`.
    pub fn event(&self, outcome: &'static str) {
        self.event_counter(outcome).inc();
    }

    fn event_counter(&self, outcome: &'static str) -> Counter {
        self.events.get_or_create_owned(&ByOutcome { outcome })
    }

    /// Counts a review as in flight until the answer is dropped, in a panic too.
    pub fn in_flight(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Everything as OpenMetrics text, to be served as [`CONTENT_TYPE`].
    ///
    /// # Errors
    ///
    /// Only if a metric refuses to be written, which none of these do.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, self.catalogue.registry())?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// One review in flight.
#[derive(Debug)]
#[must_use = "the review counts as in flight only while this lives"]
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests;
