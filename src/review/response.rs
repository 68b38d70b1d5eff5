//! A verdict to AdmissionReview bytes (admission.k8s.io/v1).
//!
//! Here: the shape of an answer. Never here: what is allowed, and the words of a finding.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::causes::Finding;
use crate::message::printable;

/// Longest audit annotation, in characters; the API server keeps longer ones, readers do not.
const LONGEST_ANNOTATION: usize = 4_096;

/// The object that was judged, as a denial names it.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// Object name; may be empty.
    pub name: &'a str,
    /// API group; empty for the core group.
    pub group: &'a str,
    /// Kind.
    pub kind: &'a str,
}

/// What to answer.
#[derive(Debug, Default)]
pub struct Answer<'a> {
    /// Shown to the user, each one line.
    pub warnings: Vec<String>,
    /// Keys of 1 to 63 of `[A-Za-z0-9._-]`; the API server puts the webhook's name before them.
    pub audit_annotations: BTreeMap<&'static str, String>,
    /// Present when the request is denied.
    pub denial: Option<Denial<'a>>,
}

/// Why a request is denied.
#[derive(Debug)]
pub struct Denial<'a> {
    /// What was judged.
    pub object: Judged<'a>,
    /// The one text that `kubectl` shows.
    pub message: String,
    /// The findings that deny.
    pub findings: Vec<&'a Finding>,
}

/// The bytes to send for the request with this uid.
pub fn encode(uid: &str, answer: &Answer<'_>) -> Vec<u8> {
    let annotations = answer
        .audit_annotations
        .iter()
        .map(|(key, text)| (*key, printable(text, LONGEST_ANNOTATION)))
        .collect();
    let review = Review {
        api_version: "admission.k8s.io/v1",
        kind: "AdmissionReview",
        response: Response {
            uid,
            allowed: answer.denial.is_none(),
            status: answer.denial.as_ref().map(Status::from),
            warnings: &answer.warnings,
            audit_annotations: annotations,
        },
    };
    // Strings, numbers and string-keyed maps always serialise.
    serde_json::to_vec(&review).unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Review<'a> {
    api_version: &'a str,
    kind: &'a str,
    response: Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    audit_annotations: BTreeMap<&'a str, String>,
}

/// metav1.Status; the API server forces `status: Failure` and shows `message`.
#[derive(Serialize)]
struct Status<'a> {
    #[serde(rename = "status")]
    outcome: &'a str,
    code: u16,
    reason: &'a str,
    message: &'a str,
    details: Details<'a>,
}

#[derive(Serialize)]
struct Details<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    group: &'a str,
    kind: &'a str,
    causes: Vec<Cause<'a>>,
}

#[derive(Serialize)]
struct Cause<'a> {
    reason: &'a str,
    message: &'a str,
    field: &'a str,
}

impl<'a> From<&'a Denial<'a>> for Status<'a> {
    fn from(denial: &'a Denial<'a>) -> Self {
        let causes = denial.findings.iter().map(|finding| Cause {
            reason: finding.code.as_str(),
            message: &finding.message,
            field: &finding.field,
        });
        Self {
            outcome: "Failure",
            code: 403,
            reason: "Forbidden",
            message: &denial.message,
            details: Details {
                name: denial.object.name,
                group: denial.object.group,
                kind: denial.object.kind,
                causes: causes.collect(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causes::{Basis, Certainty, Code, Severity, Standing};

    fn finding() -> Finding {
        Finding {
            code: Code::find("tag-not-found").unwrap(),
            severity: Severity::WontPull,
            certainty: Certainty::Proven,
            standing: Standing::ByMode,
            basis: Basis::Pull,
            field: "spec.containers[0].image".to_owned(),
            image: Some("nginx:latests".to_owned()),
            reference: None,
            host: None,
            message: "no such tag [tag-not-found]".to_owned(),
        }
    }

    fn json(answer: &Answer<'_>) -> serde_json::Value {
        serde_json::from_slice(&encode("u-1", answer)).unwrap()
    }

    #[test]
    fn a_plain_allow_says_nothing_else() {
        assert_eq!(
            json(&Answer::default()),
            serde_json::json!({
                "apiVersion": "admission.k8s.io/v1",
                "kind": "AdmissionReview",
                "response": {"uid": "u-1", "allowed": true}
            })
        );
    }

    #[test]
    fn a_denial_carries_403_a_reason_and_one_cause_per_finding() {
        let finding = finding();
        let answer = Answer {
            denial: Some(Denial {
                object: Judged { name: "web", group: "apps", kind: "Deployment" },
                message: "bad".to_owned(),
                findings: vec![&finding],
            }),
            ..Answer::default()
        };
        let response = &json(&answer)["response"];
        assert_eq!(response["allowed"], false);
        let status = &response["status"];
        assert_eq!(
            (status["code"].as_u64(), status["reason"].as_str()),
            (Some(403), Some("Forbidden"))
        );
        assert_eq!(status["message"], "bad");
        assert_eq!(
            status["details"],
            serde_json::json!({
                "name": "web", "group": "apps", "kind": "Deployment",
                "causes": [{
                    "reason": "tag-not-found",
                    "message": "no such tag [tag-not-found]",
                    "field": "spec.containers[0].image"
                }]
            })
        );
    }

    #[test]
    fn an_annotation_is_one_printable_line_of_bounded_length() {
        let mut answer = Answer::default();
        answer.audit_annotations.insert("findings", format!("a\nb{}", "x".repeat(10_000)));
        let response = &json(&answer)["response"];
        let text = response["auditAnnotations"]["findings"].as_str().unwrap();
        assert!(text.starts_with("a\\nb") && text.len() <= LONGEST_ANNOTATION);
    }
}
