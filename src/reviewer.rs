//! One review: plan, gather, judge, answer. Both fronts go through [`Reviewer::judge`].
//!
//! Never here: HTTP, files, and what any single cause means.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod older;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::causes::{self, Basis, Certainty, Finding, Severity};
use crate::dns_name::is_subdomain;
use crate::events::{Events, Note};
use crate::facts::{Conclusion, Facts, Front, Obstacle};
use crate::gather::{Ask, Gatherer};
use crate::image::Digest;
use crate::message::printable;
use crate::policy::{Action, Mode, Subject, UnknownLabel, Verdict, display};
use crate::review::request::{DecodeError, Plan, Request};
use crate::review::response::{Answer, Denial, Judged, encode};
use crate::room::{Full, Room, Share};
use crate::shares::Shares;
use crate::telemetry::{Metrics, OTHER_NAMESPACES};
use crate::workload::{PodAt, Workload};

/// The API server itself waits no longer than this.
const LONGEST: Duration = Duration::from_secs(30);
/// Length, in bytes, beyond which a log line names no further finding.
const LONGEST_SUMMARY: usize = 4_000;
/// Most findings that a denial lists for machines.
const MOST_CAUSES: usize = 64;
/// How long a review that can only be audited waits for what may be in the cache.
const AT_ONCE: Duration = Duration::from_millis(50);
/// How many such reviews are looked up at one time.
const AUDITS: usize = 512;
/// How many of those for one namespace.
const AUDITS_PER_NAMESPACE: usize = 64;
/// How long such a review goes on in the background.
const BACKGROUND: Duration = Duration::from_secs(30);
/// How many images all reviews under way may have together: each takes memory for as long as its
/// review lasts, more than its part of the request did.
const IMAGES: usize = 32 << 10;
/// Of these, what objects may have beyond [`SMALL`] each.
const IMAGES_OF_LARGE: usize = 16 << 10;
/// Images that no object needs more of.
const SMALL: usize = 64;

/// What the audit log is told where a namespace's label is not known.
const LABEL_UNREAD: &str = "not read, so the configured mode is used and nothing is denied that a \
                            label could have softened";

/// Judges objects; shared by every request.
#[derive(Debug)]
pub struct Reviewer {
    gatherer: Gatherer,
    metrics: Arc<Metrics>,
    timeout: Duration,
    /// Leave to look up for the audit only, in all and for one namespace.
    audits: Arc<Semaphore>,
    audits_of: Shares,
    /// Room for the images of all objects that are being judged.
    room: Room,
    /// Where what only the audit sees is told, if anywhere.
    events: Option<Events>,
}

/// Why there is no answer to a review.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// It cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The reviews under way have as many images as there is room for.
    #[error("too many images are being looked at")]
    Busy,
}

/// One object to be judged, and by whom it was sent.
#[derive(Debug, Clone)]
pub struct Case {
    /// The object, reduced to the images that are to be judged.
    pub workload: Workload,
    /// Its namespace.
    pub namespace: String,
    /// The user as the API server authenticated them; empty in `check`.
    pub user: String,
    /// The mode that holds for it.
    pub mode: Mode,
    /// Why it is not known whether the namespace's label chooses another.
    pub label_gap: Option<Obstacle>,
    /// Who asks.
    pub front: Front,
    /// Nothing will be stored, so nothing may be written on its behalf.
    pub dry_run: bool,
}

/// What was found and decided about one object.
#[derive(Debug)]
pub struct Judgement {
    /// Every finding.
    pub findings: Vec<Finding>,
    /// What is done about each.
    pub verdict: Verdict,
    /// Each image that was judged, for `check`, which reports them; the webhook's answer does not.
    pub images: Vec<JudgedImage>,
    /// Which images were judged by older answers, in words; empty where none was.
    pub older: String,
}

/// One image that was judged.
#[derive(Debug)]
pub struct JudgedImage {
    /// Field path.
    pub field: String,
    /// As written.
    pub image: String,
    /// Normalised name with tag and digest; none if the reference is invalid.
    pub reference: Option<String>,
    /// The digest a node would get now, where the registry told.
    pub digest: Option<Digest>,
}

impl Reviewer {
    /// A reviewer that answers within `timeout` where the request names none.
    pub fn new(gatherer: Gatherer, metrics: Arc<Metrics>, timeout: Duration) -> Self {
        Self {
            gatherer,
            metrics,
            timeout,
            audits: Arc::new(Semaphore::new(AUDITS)),
            audits_of: Shares::new(AUDITS_PER_NAMESPACE),
            room: Room::new(IMAGES, IMAGES_OF_LARGE, SMALL),
            events: None,
        }
    }

    /// Tells of pods that only the audit sees by Kubernetes Events, too.
    #[must_use]
    pub fn telling(mut self, events: Events) -> Self {
        self.events = Some(events);
        self
    }

    /// Answers an AdmissionReview. `asked` is the API server's own deadline, from the request's
    /// `timeout` parameter.
    pub async fn review(
        self: &Arc<Self>,
        body: &[u8],
        asked: Option<Duration>,
    ) -> Result<Bytes, ReviewError> {
        let started = Instant::now();
        let deadline = started + within(asked.map_or(self.timeout, |t| t.min(LONGEST)));
        let mut request = Request::decode(body)?;
        let plan = request.plan()?;
        let uid = &request.uid;
        let workload = match plan {
            Plan::Skip(reason) => {
                self.metrics.skipped(reason.label());
                return Ok(encode(uid, &Answer::default()).into());
            }
            Plan::Judge(workload) => *workload,
        };
        // Each costs memory for as long as it is judged, whether it is looked at or not.
        let mut share = Share::default();
        let images = workload.images.len();
        self.room.take(images, &mut share).map_err(|Full| ReviewError::Busy)?;
        let policy = &self.gatherer.policy;
        let namespace = workload.namespace.clone().unwrap_or_default();
        if policy.exempts_object(&namespace, &request.user.name) {
            self.metrics.skipped("exempt");
            return Ok(encode(uid, &Answer::default()).into());
        }
        let label_by = label_by(workload.controller_owned, started, deadline);
        let label = self.gatherer.objects.mode_label(&namespace, label_by).await;
        let (label, label_gap) = label.map_or_else(|gap| (None, Some(gap)), |label| (label, None));
        let (mode, mut unknown_label) = policy.effective_mode(label.as_deref());
        let case = Case {
            workload,
            namespace,
            user: request.user.name.to_string(),
            mode,
            label_gap,
            front: Front::Serve,
            dry_run: request.dry_run,
        };
        if !policy.looks_at(&case.subject()) {
            self.metrics.skipped("off");
            let mut answer = Answer::default();
            if case.label_gap.is_some() {
                answer.audit_annotations.insert("mode-label", LABEL_UNREAD.to_owned());
            }
            return Ok(encode(uid, &answer).into());
        }
        let only_audited = policy.can_only_audit(&case.subject());
        let mut case = Arc::new(case);
        let judged = if only_audited {
            self.at_once(case.clone(), share).await
        } else {
            let mut judgement = self.judge(&case, deadline).await;
            if let Some((mode, unknown)) = self.mode_now(&case, &judgement, deadline).await {
                Arc::make_mut(&mut case).mode = mode;
                unknown_label = unknown;
                judgement.verdict = policy.decide(&case.subject(), &judgement.findings);
            }
            self.report(&case, &judgement);
            drop(share);
            Ok(judgement)
        };
        let (judgement, later) = judged.map_or_else(
            |later| (self.judge_written(&case), Some(later)),
            |judgement| (judgement, None),
        );
        self.metrics.review_done(judgement.verdict.outcome().as_str(), started.elapsed());
        // In `audit` and `off` the user sees nothing.
        let shown_label = unknown_label.as_ref().filter(|_| case.mode >= Mode::Warn);
        let mut answer = answer(&case, &judgement, shown_label.map(ToString::to_string));
        if let Some(later) = later {
            answer.audit_annotations.insert("looked-up", later.to_owned());
        }
        if let Some(label) = unknown_label {
            answer.audit_annotations.insert("mode-label", label.to_string());
        } else if case.label_gap.is_some() {
            answer.audit_annotations.insert("mode-label", LABEL_UNREAD.to_owned());
        }
        Ok(encode(uid, &answer).into())
    }

    /// Judges one object with what is known at `deadline`.
    pub async fn judge(&self, case: &Case, deadline: Instant) -> Judgement {
        let ask = case.ask(deadline);
        let mut facts = self.gatherer.gather(ask).await;
        facts.gaps.mode_label.clone_from(&case.label_gap);
        older::images(&facts).for_each(|(_, host, _)| self.metrics.stale_answer(host));
        self.decide(case, &facts, causes::findings(&facts))
    }

    /// The mode by the namespace's label as it is now, where a denial rests on what it was: a watch
    /// can hang without a word. `None` where nothing depends on it, or it cannot be read.
    async fn mode_now(
        &self,
        case: &Case,
        judgement: &Judgement,
        deadline: Instant,
    ) -> Option<(Mode, Option<UnknownLabel>)> {
        let policy = &self.gatherer.policy;
        let mildest = Subject { mode: policy.minimum_mode, ..case.subject() };
        let denied = judgement.verdict.denied();
        if !denied || policy.decide(&mildest, &judgement.findings).denied() {
            return None;
        }
        let label = self.gatherer.objects.mode_label_now(&case.namespace, deadline).await.ok()?;
        Some(policy.effective_mode(label.as_deref()))
    }

    /// Judges what needs no I/O: the rules about what is written, and no more.
    fn judge_written(&self, case: &Case) -> Judgement {
        let ask = case.ask(Instant::now());
        let facts = self.gatherer.written(ask);
        self.decide(case, &facts, causes::findings_on(Basis::Rule, &facts))
    }

    fn decide(&self, case: &Case, facts: &Facts<'_>, findings: Vec<Finding>) -> Judgement {
        let verdict = self.gatherer.policy.decide(&case.subject(), &findings);
        let images = match case.front {
            Front::Check => judged_images(facts),
            Front::Serve => Vec::new(),
        };
        let older = older::words(facts);
        Judgement { findings, verdict, images, older }
    }

    /// What can only be audited holds nobody up: an answer that is at hand is used, else the work
    /// goes on alone, and log and metrics get the findings. The `Err` says which.
    async fn at_once(
        self: &Arc<Self>,
        case: Arc<Case>,
        share: Share,
    ) -> Result<Judgement, &'static str> {
        let namespace = self.audits_of.of(&case.namespace).try_acquire_owned();
        let all = self.audits.clone().try_acquire_owned();
        let (Ok(namespace), Ok(all)) = (namespace, all) else {
            return Err("not, too many lookups for the audit are under way");
        };
        let this = self.clone();
        let work = tokio::spawn(async move {
            let judgement = this.judge(&case, Instant::now() + BACKGROUND).await;
            this.report(&case, &judgement);
            drop((namespace, all, share));
            judgement
        });
        match timeout(AT_ONCE, work).await {
            Ok(Ok(judgement)) => Ok(judgement),
            Ok(Err(_)) => Err("not, pullcheck failed inside"),
            Err(_) => Err("in the background, see the log"),
        }
    }

    /// Metrics for every finding, one line in the log if there is any, and Events where the user
    /// could not see it otherwise.
    fn report(&self, case: &Case, judgement: &Judgement) {
        for (finding, action) in judgement.decided() {
            self.metrics.finding(finding.code.as_str(), action.as_str());
        }
        let known = self.gatherer.objects.may_exist(&case.namespace);
        for finding in judgement.would_deny() {
            let namespace = if known { &case.namespace } else { OTHER_NAMESPACES };
            self.metrics.would_deny(namespace, finding.code.as_str());
        }
        if let Some(events) = self.events.as_ref().filter(|_| known) {
            case.notes(judgement).for_each(|note| events.tell(note));
        }
        if !judgement.findings.is_empty() {
            tracing::info!(
                namespace = %printable(&case.namespace, 63),
                kind = case.workload.kind.kind,
                name = %printable(&case.workload.name, 253),
                user = %printable(&case.user, 128),
                mode = case.mode.as_str(),
                verdict = judgement.verdict.outcome().as_str(),
                findings = %judgement.summary(),
                "reviewed"
            );
        }
    }
}

impl Case {
    fn ask(&self, deadline: Instant) -> Ask<'_> {
        Ask { workload: &self.workload, namespace: &self.namespace, front: self.front, deadline }
    }

    fn subject(&self) -> Subject<'_> {
        Subject {
            namespace: &self.namespace,
            user: &self.user,
            mode: self.mode,
            label_unread: self.label_gap.is_some(),
            controller_owned: self.workload.controller_owned,
        }
    }

    /// What is worth an Event: that a pod which a controller made will not run, on what made it,
    /// because the pod does not exist yet. Its template's author was told of the template alone.
    fn notes<'a>(&'a self, judgement: &'a Judgement) -> impl Iterator<Item = Note> + 'a {
        let workload = &self.workload;
        let is_pod = workload.kind.pod == PodAt::Spec;
        let owner = workload.owner.as_ref().filter(|_| is_pod && !self.dry_run);
        owner.into_iter().flat_map(move |owner| {
            judgement
                .untold()
                .filter(|finding| finding.severity == Severity::WontPull)
                // What is only our own view is no news about the pod.
                .filter(|finding| finding.certainty != Certainty::Unknown)
                .map(|finding| Note {
                    namespace: self.namespace.clone(),
                    owner: owner.clone(),
                    code: finding.code.as_str(),
                    field: finding.field.clone(),
                    message: finding.message.clone(),
                })
        })
    }
}

impl Judgement {
    /// What the user would have been told if no controller had made the object.
    fn untold(&self) -> impl Iterator<Item = &Finding> {
        self.verdict.untold.iter().filter_map(|index| self.findings.get(*index))
    }

    /// What mode `enforce` would have denied.
    pub fn would_deny(&self) -> impl Iterator<Item = &Finding> {
        self.verdict.would_deny.iter().filter_map(|index| self.findings.get(*index))
    }

    /// The findings and what is done about each.
    pub fn decided(&self) -> impl Iterator<Item = (&Finding, Action)> {
        let decided = self.verdict.decided.iter();
        decided.filter_map(|(index, action)| Some((self.findings.get(*index)?, *action)))
    }

    /// Every finding that is not ignored: action, then message.
    fn summary(&self) -> String {
        let mut text = String::new();
        for (finding, action) in self.decided().filter(|(_, action)| *action != Action::Ignore) {
            if text.len() > LONGEST_SUMMARY {
                text.push_str(" | and more");
                break;
            }
            let separator = if text.is_empty() { "" } else { " | " };
            // Writing to a String cannot fail.
            let _ = write!(text, "{separator}{}: {}", action.as_str(), finding.message);
        }
        text
    }
}

fn judged_images(facts: &Facts<'_>) -> Vec<JudgedImage> {
    let images = facts.images.iter().map(|image| JudgedImage {
        field: image.field.to_owned(),
        image: image.image.to_owned(),
        reference: image.reference.as_ref().ok().map(ToString::to_string),
        digest: match image.conclusion() {
            Conclusion::Pulls(found) => Some(found.digest.clone()),
            _ => None,
        },
    });
    images.collect()
}

fn answer<'a>(case: &'a Case, judgement: &'a Judgement, first: Option<String>) -> Answer<'a> {
    let shown = display::show_after(first, &judgement.findings, &judgement.verdict);
    let mut answer = Answer { warnings: shown.warnings, ..Answer::default() };
    let findings = judgement.summary();
    if !findings.is_empty() {
        answer.audit_annotations.insert("findings", findings);
    }
    let would_deny: Vec<&str> = judgement.would_deny().map(|f| f.code.as_str()).collect();
    if !would_deny.is_empty() {
        answer.audit_annotations.insert("would-deny", would_deny.join(","));
    }
    if !judgement.older.is_empty() {
        answer.audit_annotations.insert("stale-answers", judgement.older.clone());
    }
    answer.denial = shown.denial.map(|message| Denial {
        object: Judged {
            name: real_name(&case.workload.name),
            group: case.workload.kind.group,
            kind: case.workload.kind.kind,
        },
        message,
        findings: judgement
            .decided()
            .filter(|(_, action)| *action == Action::Deny)
            .map(|(finding, _)| finding)
            .take(MOST_CAUSES)
            .collect(),
    });
    answer
}

/// The object's name, unless no object can have it: an API server sends none of those.
fn real_name(name: &str) -> &str {
    if is_subdomain(name) { name } else { "" }
}

/// The time to answer in, less what the way back takes: a tenth, between 50 and 500 ms.
fn within(timeout: Duration) -> Duration {
    let margin = (timeout / 10).clamp(Duration::from_millis(50), Duration::from_millis(500));
    timeout.saturating_sub(margin)
}

/// Until when to wait for the namespace's label: what a controller makes is mostly audited only,
/// and that holds nobody up.
fn label_by(controller_owned: bool, started: Instant, deadline: Instant) -> Instant {
    if controller_owned { deadline.min(started + AT_ONCE) } else { deadline }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_controller_makes_does_not_wait_for_a_label() {
        let started = Instant::now();
        let deadline = started + Duration::from_secs(5);
        assert_eq!(label_by(true, started, deadline), started + AT_ONCE);
        assert_eq!(label_by(true, started, started), started);
        assert_eq!(label_by(false, started, deadline), deadline);
    }
}
