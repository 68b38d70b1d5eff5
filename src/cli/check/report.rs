//! What `check` prints: lines for people, or the JSON document that is a contract.

use std::io::{self, Write};

use serde::Serialize;

use super::documents::Source;
use super::inventory::Found;
use crate::causes::{Certainty, Finding, Severity};
use crate::message::printable;
use crate::policy::{Action, Outcome, display};
use crate::reviewer::Judgement;

/// The document of `--output json`, version 1.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    version: u32,
    objects: Vec<Object<'a>>,
    summary: Summary,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<'a> {
    source: At<'a>,
    api_version: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    verdict: Outcome,
    images: Vec<Image<'a>>,
    findings: Vec<Item<'a>>,
    #[serde(skip)]
    judgement: &'a Judgement,
}

#[derive(Debug, Serialize)]
struct At<'a> {
    file: &'a str,
    document: usize,
    line: usize,
}

#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are the contract's")]
struct Image<'a> {
    field: &'a str,
    image: &'a str,
    reference: Option<&'a str>,
    digest: Option<String>,
    verdict: Outcome,
}

#[derive(Debug, Serialize)]
struct Item<'a> {
    code: &'a str,
    severity: &'static str,
    certainty: &'static str,
    action: Action,
    field: &'a str,
    image: Option<&'a str>,
    message: &'a str,
}

/// Totals: `denied` and `warned` count objects, `unknown` counts findings.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Summary {
    objects: usize,
    images: usize,
    /// Objects that would be denied.
    pub denied: usize,
    warned: usize,
    unknown: usize,
}

impl<'a> Report<'a> {
    /// The report on every object that was judged.
    pub fn of(judged: impl IntoIterator<Item = (&'a Found, &'a Judgement)>) -> Self {
        let objects: Vec<Object<'a>> = judged.into_iter().map(object).collect();
        let mut summary = Summary { objects: objects.len(), ..Summary::default() };
        for object in &objects {
            summary.images += object.images.len();
            summary.denied += usize::from(object.verdict == Outcome::Deny);
            summary.warned += usize::from(object.verdict == Outcome::Warn);
            summary.unknown +=
                object.findings.iter().filter(|item| item.certainty == "Unknown").count();
        }
        Self { version: 1, objects, summary }
    }

    /// The totals.
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// Writes the JSON document, in ASCII: a terminal obeys more than the control characters that
    /// JSON has to escape.
    pub fn json(&self, out: &mut dyn Write) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        let mut rest = text.as_str();
        // Outside of strings JSON is ASCII, so that an escape is always in one.
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| !c.is_ascii() || *c == '\u{7f}')
        {
            let (plain, after) = rest.split_at(at);
            out.write_all(plain.as_bytes())?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = after.get(c.len_utf8()..).unwrap_or_default();
        }
        writeln!(out, "{rest}")
    }

    /// Writes lines for people.
    pub fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        for object in &self.objects {
            let name = if object.name.is_empty() { "(no name)" } else { object.name };
            writeln!(
                out,
                "{}:{} {} {}/{}: {}",
                printable(object.source.file, 200),
                object.source.line,
                printable(object.kind, 40),
                printable(object.namespace, 63),
                printable(name, 253),
                match object.verdict {
                    Outcome::Allow => "ok",
                    Outcome::Warn => "warnings",
                    Outcome::Deny => "would be denied",
                }
            )?;
            for (action, label) in [(Action::Deny, "error"), (Action::Warn, "warning")] {
                let with_action = object.judgement.decided().filter(|(_, is)| *is == action);
                for line in display::lines(with_action.map(|(finding, _)| finding)) {
                    writeln!(out, "  {label}: {line}")?;
                }
            }
        }
        let Summary { objects, images, denied, warned, unknown } = self.summary;
        if objects == 0 {
            return writeln!(out, "no object runs a pod, nothing was checked");
        }
        write!(out, "{}, {}: ", count(objects, "object"), count(images, "image"))?;
        match (denied, warned) {
            (0, 0) => write!(out, "nothing would be denied")?,
            (0, warned) => write!(out, "{warned} with warnings")?,
            (denied, 0) => write!(out, "{denied} would be denied")?,
            (denied, warned) => {
                write!(out, "{denied} would be denied, {warned} more with warnings")?;
            }
        }
        if unknown > 0 {
            write!(out, "; {unknown} could not be checked")?;
        }
        writeln!(out)
    }
}

/// `1 image`, `2 images`.
fn count(number: usize, thing: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{s}")
}

fn object<'a>((found, judgement): (&'a Found, &'a Judgement)) -> Object<'a> {
    let Source { file, document, line } = &found.source;
    let images = judgement.images.iter().map(|image| Image {
        field: &image.field,
        image: &image.image,
        reference: image.reference.as_deref(),
        digest: image.digest.as_ref().map(ToString::to_string),
        verdict: judgement
            .decided()
            // What is wrong with a pull secret, and fails pulls, fails every image's.
            .filter(|(finding, _)| {
                finding.field == image.field
                    || (finding.image.is_none() && finding.severity == Severity::WontPull)
            })
            .map(|(_, action)| Outcome::from(action))
            .max()
            .unwrap_or(Outcome::Allow),
    });
    Object {
        source: At { file, document: *document, line: *line },
        api_version: &found.api_version,
        kind: found.workload.kind.kind,
        namespace: &found.namespace,
        name: &found.workload.name,
        verdict: judgement.verdict.outcome(),
        images: images.collect(),
        findings: judgement.decided().map(item).collect(),
        judgement,
    }
}

fn item((finding, action): (&Finding, Action)) -> Item<'_> {
    Item {
        code: finding.code.as_str(),
        severity: match finding.severity {
            Severity::WontPull => "WontPull",
            Severity::Advice => "Advice",
        },
        certainty: match finding.certainty {
            Certainty::Proven => "Proven",
            Certainty::Likely => "Likely",
            Certainty::Unknown => "Unknown",
        },
        action,
        field: &finding.field,
        image: finding.image.as_deref(),
        message: &finding.message,
    }
}
