//! One review: plan, gather, judge, answer. Both fronts go through [`Reviewer::judge`].
//!
//! Never here: HTTP, files, and what any single cause means.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout};

use crate::causes::{self, Finding};
use crate::facts::{Conclusion, Facts, Front};
use crate::gather::{Ask, Gatherer};
use crate::image::Digest;
use crate::message::printable;
use crate::policy::{Action, Mode, Subject, UnknownLabel, Verdict, display};
use crate::review::request::{DecodeError, Plan, Request};
use crate::review::response::{Answer, Denial, Judged, encode};
use crate::telemetry::Metrics;
use crate::workload::Workload;

/// How long a review that can only be audited waits for what may be in the cache.
const AT_ONCE: Duration = Duration::from_millis(50);
/// How long such a review goes on in the background.
const BACKGROUND: Duration = Duration::from_secs(30);

/// Judges objects; shared by every request.
#[derive(Debug)]
pub struct Reviewer {
    gatherer: Gatherer,
    metrics: Arc<Metrics>,
    timeout: Duration,
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
    /// Who asks.
    pub front: Front,
}

/// What was found and decided about one object.
#[derive(Debug)]
pub struct Judgement {
    /// Every finding.
    pub findings: Vec<Finding>,
    /// What is done about each.
    pub verdict: Verdict,
    /// Each image that was judged.
    pub images: Vec<JudgedImage>,
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
    /// A reviewer that answers within `timeout` where the request asks for no less.
    pub fn new(gatherer: Gatherer, metrics: Arc<Metrics>, timeout: Duration) -> Self {
        Self { gatherer, metrics, timeout }
    }

    /// Answers an AdmissionReview. `asked` is the API server's own deadline, from the request's
    /// `timeout` parameter.
    pub async fn review(
        self: &Arc<Self>,
        body: &[u8],
        asked: Option<Duration>,
    ) -> Result<Bytes, DecodeError> {
        let deadline = Instant::now() + within(asked.map_or(self.timeout, |t| t.min(self.timeout)));
        let request = Request::decode(body)?;
        let uid = &request.uid;
        let workload = match request.plan()? {
            Plan::Skip(reason) => {
                self.metrics.skipped(reason.label());
                return Ok(encode(uid, &Answer::default()).into());
            }
            Plan::Judge(workload) => *workload,
        };
        let policy = &self.gatherer.policy;
        let namespace = workload.namespace.clone().unwrap_or_default();
        if policy.exempts_object(&namespace, &request.user.name) {
            self.metrics.skipped("exempt");
            return Ok(encode(uid, &Answer::default()).into());
        }
        let label = self.gatherer.objects.mode_label(&namespace, deadline).await;
        let (mode, unknown_label) = policy.effective_mode(label.as_deref());
        let case = Case {
            workload,
            namespace,
            user: request.user.name.to_string(),
            mode,
            front: Front::Serve,
        };
        let subject = case.subject();
        if !policy.looks_at(&subject) {
            self.metrics.skipped("off");
            return Ok(encode(uid, &Answer::default()).into());
        }
        let only_audited = policy.can_only_audit(&subject);
        let case = Arc::new(case);
        let (judgement, pending) = if only_audited {
            match self.at_once(case.clone()).await {
                Some(judgement) => (judgement, false),
                None => (self.judged(&case, &self.gatherer.written(case.ask(deadline))), true),
            }
        } else {
            (self.judge_and_report(&case, deadline).await, false)
        };
        let mut answer = answer(&case, &judgement, unknown_label);
        if pending {
            let text = || "looked up in the background; see pullcheck's log".to_owned();
            answer.audit_annotations.entry("findings").or_insert_with(text);
        }
        Ok(encode(uid, &answer).into())
    }

    /// Judges one object with what is known at `deadline`.
    pub async fn judge(&self, case: &Case, deadline: Instant) -> Judgement {
        self.judged(case, &self.gatherer.gather(case.ask(deadline)).await)
    }

    fn judged(&self, case: &Case, facts: &Facts<'_>) -> Judgement {
        let findings = causes::findings(facts);
        let images = judged_images(facts);
        let verdict = self.gatherer.policy.decide(&case.subject(), &findings);
        Judgement { findings, verdict, images }
    }

    /// What can only be audited holds nobody up: an answer that is at hand is used, else the work
    /// goes on alone, log and metrics get the findings, and only what is written is judged now: an
    /// operator's deny for it is softened by nothing.
    async fn at_once(self: &Arc<Self>, case: Arc<Case>) -> Option<Judgement> {
        let this = self.clone();
        let work =
            tokio::spawn(
                async move { this.judge_and_report(&case, Instant::now() + BACKGROUND).await },
            );
        timeout(AT_ONCE, work).await.ok()?.ok()
    }

    async fn judge_and_report(&self, case: &Case, deadline: Instant) -> Judgement {
        let started = Instant::now();
        let judgement = self.judge(case, deadline).await;
        let outcome = judgement.verdict.outcome();
        self.metrics.review_done(outcome.as_str(), started.elapsed());
        for (index, action) in &judgement.verdict.decided {
            if let Some(finding) = judgement.findings.get(*index) {
                self.metrics.finding(finding.code.as_str(), action.as_str());
            }
        }
        for finding in judgement.would_deny() {
            self.metrics.would_deny(&case.namespace, finding.code.as_str());
        }
        if !judgement.findings.is_empty() {
            tracing::info!(
                namespace = %printable(&case.namespace, 63),
                kind = case.workload.kind.kind,
                name = %printable(&case.workload.name, 253),
                user = %printable(&case.user, 128),
                mode = case.mode.as_str(),
                verdict = outcome.as_str(),
                findings = %judgement.summary(),
                ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                "reviewed"
            );
        }
        judgement
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
            controller_owned: self.workload.controller_owned,
        }
    }
}

impl Judgement {
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

fn answer<'a>(
    case: &'a Case,
    judgement: &'a Judgement,
    unknown_label: Option<UnknownLabel>,
) -> Answer<'a> {
    let others = unknown_label.iter().map(ToString::to_string).collect();
    let shown = display::show_after(others, &judgement.findings, &judgement.verdict);
    let mut answer = Answer { warnings: shown.warnings, ..Answer::default() };
    let findings = judgement.summary();
    if !findings.is_empty() {
        answer.audit_annotations.insert("findings", findings);
    }
    let would_deny: Vec<&str> = judgement.would_deny().map(|f| f.code.as_str()).collect();
    if !would_deny.is_empty() {
        answer.audit_annotations.insert("would-deny", would_deny.join(","));
    }
    answer.denial = shown.denial.map(|message| Denial {
        object: Judged {
            name: &case.workload.name,
            group: case.workload.kind.group,
            kind: case.workload.kind.kind,
        },
        message,
        findings: judgement
            .decided()
            .filter(|(_, action)| *action == Action::Deny)
            .map(|(finding, _)| finding)
            .collect(),
    });
    answer
}

/// The time to answer in, less what the way back takes: a tenth, between 50 and 500 ms.
fn within(timeout: Duration) -> Duration {
    let margin = (timeout / 10).clamp(Duration::from_millis(50), Duration::from_millis(500));
    timeout.saturating_sub(margin)
}
