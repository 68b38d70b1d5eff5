//! What of a verdict the user reads: warnings, and the message of a denial.
//!
//! The API server drops a warning that holds a newline and cuts all of them once they pass 4,096
//! characters together; twelve of at most 256 stay below that.

use std::collections::{HashMap, HashSet};

use super::{Action, Verdict};
use crate::causes::{Certainty, Finding};
use crate::message::ADMITTED;

#[cfg(test)]
mod tests;

/// Longest warning, in characters.
pub const WARNING_LENGTH: usize = 256;
/// Most warnings of one review.
pub const MOST_WARNINGS: usize = 12;
/// Most findings spelled out in the message of a denial; `details.causes` holds every one.
pub const MOST_DENIALS: usize = 8;

/// What the user reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// At most [`MOST_WARNINGS`] lines of at most [`WARNING_LENGTH`] printable ASCII characters.
    /// What is denied is not repeated here.
    pub warnings: Vec<String>,
    /// One line of at most [`MOST_DENIALS`] messages, where anything is denied.
    pub denial: Option<String>,
}

/// Puts a verdict into words. `verdict` belongs to `findings`; an index beyond them shows nothing.
pub fn show(findings: &[Finding], verdict: &Verdict) -> Shown {
    show_after(None, findings, verdict)
}

/// The same behind a warning that is about no finding, within the same bound.
pub fn show_after(first: Option<String>, findings: &[Finding], verdict: &Verdict) -> Shown {
    let lines = |action| {
        let indices = verdict.with_action(action);
        grouped(indices.filter_map(|index| findings.get(index)))
    };
    // Nothing that is denied has been admitted, whatever is not known about it.
    let denial = denial(&lines(Action::Deny)).map(|text| text.replace(ADMITTED, ""));
    let mut warnings = warnings(&lines(Action::Warn), MOST_WARNINGS - usize::from(first.is_some()));
    warnings.splice(..0, first.map(|line| fit(&line, "")));
    Shown { warnings, denial }
}

/// One line for each finding, and one for all that could not be seen of a host: as many as there
/// are, where nobody limits them.
pub fn lines<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<String> {
    grouped(findings).iter().map(Group::line).collect()
}

/// Findings that share one line.
struct Group<'a> {
    first: &'a Finding,
    findings: usize,
    images: HashSet<&'a str>,
}

impl Group<'_> {
    fn line(&self) -> String {
        let more = self.images.len().saturating_sub(1);
        let suffix = match more {
            0 => String::new(),
            1 => " (and 1 more image of this host)".to_owned(),
            _ => format!(" (and {more} more images of this host)"),
        };
        fit(&self.first.message, &suffix)
    }
}

/// However many images, a host that we could not see is one line.
fn grouped<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut by_host: HashMap<&str, usize> = HashMap::new();
    for finding in findings {
        let image = finding.image.as_deref();
        let host = finding.host.as_deref().filter(|_| finding.certainty == Certainty::Unknown);
        let known = host.and_then(|host| by_host.get(host)).copied();
        if let Some(group) = known.and_then(|index| groups.get_mut(index)) {
            group.findings += 1;
            group.images.extend(image);
            continue;
        }
        by_host.extend(host.map(|host| (host, groups.len())));
        groups.push(Group { first: finding, findings: 1, images: image.into_iter().collect() });
    }
    groups
}

fn warnings(groups: &[Group<'_>], room: usize) -> Vec<String> {
    if groups.len() <= room {
        return groups.iter().map(Group::line).collect();
    }
    let (spelled, rest) = groups.split_at(room - 1);
    let more: usize = rest.iter().map(|group| group.findings).sum();
    let last = format!("and {more} more findings that are not shown here");
    spelled.iter().map(Group::line).chain([last]).collect()
}

fn denial(groups: &[Group<'_>]) -> Option<String> {
    let more: usize = groups.iter().skip(MOST_DENIALS).map(|group| group.findings).sum();
    let mut lines: Vec<String> = groups.iter().take(MOST_DENIALS).map(Group::line).collect();
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    (!lines.is_empty()).then(|| lines.join("; "))
}

/// The message with the suffix before its ` [code]`, cut in the middle if it is too long, so that
/// the code always stays last; nothing but printable ASCII.
fn fit(message: &str, suffix: &str) -> String {
    let message: String =
        message.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect();
    let (body, code) = message.split_at(message.rfind(" [").unwrap_or(message.len()));
    let kept = suffix.len() + code.len();
    if body.len() + kept <= WARNING_LENGTH {
        return format!("{body}{suffix}{code}");
    }
    let room = WARNING_LENGTH.saturating_sub(kept + "...".len());
    let cut: String = body.chars().take(room).collect();
    format!("{cut}...{suffix}{code}").chars().take(WARNING_LENGTH).collect()
}
