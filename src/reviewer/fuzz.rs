//! What must hold for any AdmissionReview: it is refused with a reason, or answered.

mod world;

use super::{Case, Judgement, answer, older};
use crate::causes;
use crate::facts::{Front, Settings};
use crate::fuzzing::assert_line;
use crate::policy::{Mode, Policy};
use crate::review::request::{DecodeError, Operation, Plan, Request};
use crate::review::response::{Answer, encode};
use crate::workload::{NodeConstraints, Workload};

/// Any body: refused in one printable line, or decoded, planned and answered. What is kept of an
/// object is no larger than it; whatever is found of its images, the answer is JSON with the uid
/// that was asked, and holds no line that is too long or cannot be printed.
///
/// # Panics
/// Where that does not hold.
pub fn review(data: &[u8]) {
    let mut request = match Request::decode(data) {
        Ok(request) => request,
        Err(error) => return refused(&error),
    };
    let update = request.operation == Operation::Update && request.old_object.is_some();
    let workload = match request.plan() {
        Ok(Plan::Judge(workload)) => *workload,
        Ok(Plan::Skip(_)) => return answered(&request.uid, &Answer::default(), data.len()),
        Err(error) => return refused(&error),
    };
    assert!(!(update && workload.images.is_empty()), "an update brings something new");
    assert_small(&workload, data.len());
    for mode in [Mode::Enforce, Mode::Warn, Mode::Audit] {
        judged(&request, workload.clone(), mode, data.len());
    }
}

fn refused(error: &DecodeError) {
    assert_line(&error.to_string(), 420);
}

fn judged(request: &Request<'_>, workload: Workload, mode: Mode, length: usize) {
    let policy = Policy::default();
    // Any text stands for the label.
    let (_, unknown) = policy.effective_mode(Some(&workload.name));
    let case = Case {
        namespace: workload.namespace.clone().unwrap_or_default(),
        workload,
        user: request.user.name.to_string(),
        mode,
        label_gap: None,
        front: Front::Serve,
        dry_run: request.dry_run,
    };
    let settings = Settings::default();
    let facts = world::facts(&case, &settings);
    let findings = causes::findings(&facts);
    for finding in &findings {
        assert_line(&finding.message, 256);
        assert_line(&finding.field, 256);
        assert!(finding.message.ends_with(&format!("[{}]", finding.code)), "{}", finding.message);
    }
    let verdict = policy.decide(&case.subject(), &findings);
    let judgement =
        Judgement { findings, verdict, images: Vec::new(), older: older::words(&facts) };
    case.notes(&judgement).for_each(|note| assert_line(&note.message, 256));
    let answer = answer(&case, &judgement, unknown.map(|label| label.to_string()));
    assert!(mode == Mode::Enforce || answer.denial.is_none());
    answered(&request.uid, &answer, length);
}

fn answered(uid: &str, answer: &Answer<'_>, length: usize) {
    assert!(answer.warnings.len() <= 12);
    answer.warnings.iter().for_each(|warning| assert_line(warning, 256));
    answer.denial.iter().for_each(|denial| assert_line(&denial.message, 9 * 258));

    let bytes = encode(uid, answer);
    let read: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let response = &read["response"];
    assert_eq!(response["uid"].as_str(), Some(uid));
    assert_eq!(response["allowed"].as_bool(), Some(answer.denial.is_none()));
    assert_eq!(response["status"].is_null(), answer.denial.is_none());
    for annotation in response["auditAnnotations"].as_object().into_iter().flatten() {
        assert_line(annotation.1.as_str().unwrap_or_default(), 4_096);
    }
    // The uid and the object's name are repeated, six bytes for one at most.
    assert!(bytes.len() <= 64 * 1024 + 6 * length, "{} bytes", bytes.len());
}

/// Text of the object that is kept is text of the object, JSON as it stood there.
fn assert_small(workload: &Workload, length: usize) {
    let images = workload.images.iter().map(|image| image.image.len() + image.name.len());
    let secrets = workload.pull_secrets.iter().map(|secret| secret.name.len());
    let NodeConstraints { selector, node_name, os, runtime_class, required_affinity, tolerations } =
        &workload.node;
    let selector = selector.iter().map(|(label, value)| label.len() + value.len());
    let texts = [node_name, os, runtime_class, required_affinity, tolerations];
    let texts = texts.into_iter().flatten().map(String::len);
    let kept = images.chain(secrets).chain(selector).chain(texts).sum::<usize>();
    assert!(kept <= length, "{kept} of {length}");
    for field in workload.images.iter().map(|image| &image.field) {
        assert_line(field.as_str(), 100);
    }
}
