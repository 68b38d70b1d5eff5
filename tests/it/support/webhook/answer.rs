//! The answer to a review, and what must hold for every one.

use std::time::Duration;

use serde_json::Value;

/// An answer to a review.
#[derive(Debug)]
pub struct Reviewed {
    pub json: Value,
    pub elapsed: Duration,
}

/// A cause in a denial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    pub code: String,
    pub field: String,
    pub message: String,
}

impl Reviewed {
    /// Whether the object may pass.
    pub fn allowed(&self) -> bool {
        self.json["response"]["allowed"] == true
    }

    /// The warnings that the user would see.
    pub fn warnings(&self) -> Vec<String> {
        strings(&self.json["response"]["warnings"])
    }

    /// The cause codes that end the warnings, in their order.
    pub fn warned_codes(&self) -> Vec<String> {
        self.warnings().iter().filter_map(|line| code_of(line)).collect()
    }

    /// The denial's message, empty if there is none.
    pub fn message(&self) -> String {
        self.json["response"]["status"]["message"].as_str().unwrap_or_default().to_owned()
    }

    /// The denial's causes.
    pub fn causes(&self) -> Vec<Cause> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let causes = self.json["response"]["status"]["details"]["causes"].as_array();
        causes
            .into_iter()
            .flatten()
            .map(|cause| Cause {
                code: text(&cause["reason"]),
                field: text(&cause["field"]),
                message: text(&cause["message"]),
            })
            .collect()
    }

    /// The denial's cause codes.
    pub fn denied_codes(&self) -> Vec<String> {
        self.causes().into_iter().map(|cause| cause.code).collect()
    }

    /// The audit annotations.
    pub fn annotations(&self) -> Vec<(String, String)> {
        let annotations = self.json["response"]["auditAnnotations"].as_object();
        annotations
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect()
    }

    /// What the API server asks of every answer, and house style of every warning: it drops a
    /// warning with a control character without a word, and cuts long ones.
    #[track_caller]
    pub fn assert_well_formed(&self, uid: &str) {
        let json = &self.json;
        assert_eq!(json["apiVersion"], "admission.k8s.io/v1", "{json}");
        assert_eq!(json["kind"], "AdmissionReview", "{json}");
        assert_eq!(json["response"]["uid"], uid, "{json}");
        assert!(json["response"]["allowed"].is_boolean(), "{json}");
        assert!(
            json["response"]["patch"].is_null(),
            "a validating webhook patches nothing: {json}"
        );
        let warnings = self.warnings();
        assert!(warnings.len() <= 12, "{warnings:#?}");
        for warning in &warnings {
            assert!(warning.len() <= 256, "{} characters: {warning}", warning.len());
            let printable = warning.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            assert!(printable, "not printable ASCII: {warning:?}");
        }
        if !self.allowed() {
            assert_eq!(json["response"]["status"]["code"], 403, "{json}");
            assert!(json["response"]["status"]["reason"].is_string(), "{json}");
            assert!(!self.causes().is_empty(), "a denial names its causes: {json}");
        }
    }
}

fn strings(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    list.map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// `... [code]` at the end of a message.
fn code_of(line: &str) -> Option<String> {
    let (_, code) = line.strip_suffix(']')?.rsplit_once('[')?;
    Some(code.to_owned())
}
