//! The JSON of `check --output json` as its contract says: a field more, less or of another type
//! does not deserialise.

use serde::Deserialize;

use super::check::Ran;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    pub version: u32,
    pub objects: Vec<Object>,
    pub summary: Summary,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Object {
    pub source: Source,
    pub api_version: String,
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub verdict: Verdict,
    pub images: Vec<Image>,
    pub findings: Vec<Finding>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub file: String,
    pub document: usize,
    pub line: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names are the contract's")]
pub struct Image {
    pub field: String,
    pub image: String,
    #[serde(deserialize_with = "there")]
    pub reference: Option<String>,
    #[serde(deserialize_with = "there")]
    pub digest: Option<String>,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    pub code: String,
    pub severity: Severity,
    pub certainty: Certainty,
    pub action: Action,
    pub field: String,
    #[serde(deserialize_with = "there")]
    pub image: Option<String>,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    pub objects: usize,
    pub images: usize,
    pub denied: usize,
    pub warned: usize,
    pub unknown: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Allow,
    Warn,
    Deny,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Severity {
    WontPull,
    Advice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Certainty {
    Proven,
    Likely,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Deny,
    Warn,
    Audit,
    Ignore,
}

/// `null` is not the same as a field left out.
fn there<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

impl Report {
    /// The report of a run; whatever holds for every report is asserted.
    #[track_caller]
    pub fn of(ran: &Ran) -> Self {
        let report: Self = match serde_json::from_str(&ran.stdout) {
            Ok(report) => report,
            Err(error) => panic!("not the document of the contract ({error}):\n{ran}"),
        };
        report.assert_consistent();
        report
    }

    #[track_caller]
    fn assert_consistent(&self) {
        let Self { version, objects, summary } = self;
        let with = |verdict| objects.iter().filter(|object| object.verdict == verdict).count();
        let findings = || objects.iter().flat_map(|object| &object.findings);
        assert_eq!(*version, 1);
        assert_eq!(summary.objects, objects.len());
        assert_eq!(summary.images, objects.iter().map(|object| object.images.len()).sum::<usize>());
        assert_eq!(summary.denied, with(Verdict::Deny));
        assert_eq!(summary.warned, with(Verdict::Warn));
        let unknown = findings().filter(|finding| finding.certainty == Certainty::Unknown);
        assert_eq!(summary.unknown, unknown.count());
        for finding in findings() {
            let Finding { code, message, .. } = finding;
            assert!(message.ends_with(&format!(" [{code}]")), "{message}");
            assert!(message.len() <= 256, "{message}");
            assert!(message.chars().all(|c| matches!(c, ' '..='~')), "{message:?}");
        }
        for object in objects {
            let verdict = |findings: &mut dyn Iterator<Item = &Finding>| {
                let of = |finding: &Finding| match finding.action {
                    Action::Deny => Verdict::Deny,
                    Action::Warn => Verdict::Warn,
                    Action::Audit | Action::Ignore => Verdict::Allow,
                };
                findings.map(of).max().unwrap_or(Verdict::Allow)
            };
            assert_eq!(object.verdict, verdict(&mut object.findings.iter()), "{object:?}");
            for image in &object.images {
                // A secret that fails every pull of the pod fails this one.
                let of_all = |it: &Finding| it.image.is_none() && it.severity == Severity::WontPull;
                let own = |it: &&Finding| it.field == image.field || of_all(it);
                let mut own = object.findings.iter().filter(own);
                assert_eq!(image.verdict, verdict(&mut own), "{object:?}");
            }
            for finding in object.findings.iter().filter(|finding| finding.image.is_some()) {
                let is_there = object.images.iter().any(|image| {
                    image.field == finding.field && Some(&image.image) == finding.image.as_ref()
                });
                assert!(is_there, "{finding:?} is about an image of {object:?}");
            }
        }
    }

    /// The findings of the only object that is shown to a user or decides: code, certainty and
    /// action; those that are only audited are left out.
    #[track_caller]
    pub fn shown(&self) -> Vec<(&str, Certainty, Action)> {
        let [object] = self.objects.as_slice() else { panic!("not one object: {self:?}") };
        let shown = object.findings.iter().filter(|it| it.action != Action::Audit);
        shown.map(|it| (it.code.as_str(), it.certainty, it.action)).collect()
    }

    /// The message of the only object's finding of this code.
    #[track_caller]
    pub fn message(&self, code: &str) -> &str {
        let [object] = self.objects.as_slice() else { panic!("not one object: {self:?}") };
        let Some(finding) = object.findings.iter().find(|finding| finding.code == code) else {
            panic!("no {code} in {object:?}");
        };
        &finding.message
    }
}
