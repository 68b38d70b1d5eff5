//! What of the cluster could not be read, and with which right it could have been: each missing
//! right is told once, and only where it could have changed what is said.

use super::super::platform_missing::runs;
use super::super::{Certainty, Finding, Severity, Standing, View, landing, words};
use super::CAUSE;
use crate::credentials::SecretState;
use crate::facts::{
    Conclusion, Content, Front, ImageConfig, ImageFact, MODE_LABEL, Obstacle, ServiceAccountState,
    Whose,
};
use crate::message::printable;
use crate::workload::Role;

/// Adds to the findings so far what they lack for want of a right.
pub(super) fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    let nodes = nodes(facts, findings);
    let class = runtime_class(facts, findings);
    let label = mode_label(facts, findings);
    secrets(facts, findings);
    service_account(facts, findings);
    findings.extend(nodes.into_iter().chain(class).chain(label));
}

fn unknown((field, object): (&str, &str), what: &str, fix: &str) -> Finding {
    let (severity, certainty) = (Severity::WontPull, Certainty::Unknown);
    Finding::of_object(&CAUSE, severity, certainty, (field, object), what, fix)
}

/// Every Secret that could not be read; of those that pullcheck may not read the first.
fn secrets(facts: &View<'_>, findings: &mut Vec<Finding>) {
    let forbidden = |state: &SecretState| matches!(state, SecretState::Forbidden);
    let count = facts.secrets.iter().filter(|fact| forbidden(&fact.secret.state)).count();
    let mut told = false;
    for fact in &facts.secrets {
        let at = (fact.field.as_str(), fact.secret.name.as_str());
        let secret = words::object("Secret", facts, &fact.secret.name, 40);
        let (why, fix) = match &fact.secret.state {
            SecretState::Forbidden if told => continue,
            SecretState::Forbidden => {
                told = true;
                let others = match count {
                    1 => String::new(),
                    more => format!(" (nor {} more)", more - 1),
                };
                let why = format!("{others}, {}", may_not("get secrets", facts));
                (why, "grant it get on secrets there")
            }
            SecretState::Unreadable(why) => (format!(", {}", printable(why, 100)), "try again"),
            _ => continue,
        };
        findings.push(unknown(at, &format!("{secret} was not checked{why}"), fix));
    }
}

fn service_account(facts: &View<'_>, findings: &mut Vec<Finding>) {
    let account = &facts.service_account;
    let (why, fix) = match &account.state {
        ServiceAccountState::Forbidden => {
            (may_not("get serviceaccounts", facts), "grant it get on serviceaccounts there")
        }
        ServiceAccountState::Unreadable(why) => (printable(why, 100), "try again"),
        _ => return,
    };
    let name = words::object("ServiceAccount", facts, &account.name, 40);
    let at = (account.field.as_str(), account.name.as_str());
    findings.push(unknown(at, &format!("{name} was not checked, {why}"), fix));
}

fn may_not(what: &str, facts: &View<'_>) -> String {
    format!("pullcheck may not {what} in namespace {}", printable(facts.namespace, 63))
}

/// What is in the way, and what to do about it; `forbidden` is both where a right is missing.
fn in_the_way(obstacle: &Obstacle, forbidden: (&str, &'static str)) -> (String, &'static str) {
    match obstacle {
        Obstacle::Forbidden => (forbidden.0.to_owned(), forbidden.1),
        Obstacle::Trouble(why) => (printable(why, 100), "try again"),
    }
}

/// Where nodes would have told what runs there, or that one of them holds the image already.
fn nodes(facts: &View<'_>, findings: &[Finding]) -> Option<Finding> {
    let obstacle = facts.gaps.nodes.as_ref()?;
    let softened = |image: &ImageFact<'_>| {
        facts.front == Front::Serve
            && findings.iter().any(|finding| {
                finding.field == image.field
                    && finding.severity == Severity::WontPull
                    && finding.certainty == Certainty::Likely
            })
    };
    let image = facts.images.iter().find(|image| softened(image) || is_partial(facts, image))?;
    let (why, fix) = in_the_way(
        obstacle,
        ("pullcheck may not list and watch nodes", "grant it list and watch on nodes"),
    );
    let what = format!("not checked against the cluster's nodes, {why}");
    let (severity, certainty) = (Severity::WontPull, Certainty::Unknown);
    Some(Finding::of_image(&CAUSE, severity, certainty, image, &what, fix))
}

/// Whether it is not for every platform that nodes commonly have, and nobody says which they have.
fn is_partial(facts: &View<'_>, image: &ImageFact<'_>) -> bool {
    let Conclusion::Pulls(found) = image.conclusion() else { return false };
    let assumed = |whose| whose == Whose::Assumed;
    match &found.content {
        Content::Index(_) => facts
            .fates(image)
            .filter(|(word, _)| assumed(word.whose))
            .any(|(_, fates)| fates.iter().any(landing::is_without_platform)),
        Content::Image(content) => {
            let ImageConfig::Platform(built) = &content.config else { return false };
            let words = facts.candidates().iter().filter(|word| assumed(word.whose));
            let mut kinds = words.flat_map(|word| &word.kinds);
            image.role != Role::Volume && kinds.any(|kind| !runs(&kind.platform, built))
        }
        Content::Unread(_) => false,
    }
}

/// A class narrows the nodes: what holds for more nodes than there are for the pod is told with
/// that reserve, and what is well on all of them is well on some.
fn runtime_class(facts: &View<'_>, findings: &[Finding]) -> Option<Finding> {
    let (name, obstacle) = facts.gaps.runtime_class.as_ref()?;
    let by_nodes =
        |finding: &Finding| finding.image.is_some() && finding.certainty == Certainty::Likely;
    let about = findings.iter().find(|finding| by_nodes(finding))?;
    let (why, fix) = in_the_way(
        obstacle,
        ("pullcheck may not get runtimeclasses", "grant it get on runtimeclasses"),
    );
    let class = printable(name, 60);
    let what = format!("which nodes RuntimeClass {class} leaves was not checked, {why}");
    let at = (about.field.as_str(), about.image.as_deref().unwrap_or_default());
    Some(unknown(at, &what, fix))
}

/// The label could have made something of what was found stricter or milder.
fn mode_label(facts: &View<'_>, findings: &[Finding]) -> Option<Finding> {
    let obstacle = facts.gaps.mode_label.as_ref()?;
    let hangs_on_mode = |finding: &Finding| finding.standing == Standing::ByMode;
    if !findings.iter().any(hangs_on_mode) {
        return None;
    }
    let (why, fix) = in_the_way(
        obstacle,
        ("pullcheck may not get namespaces", "grant it get, list and watch on namespaces"),
    );
    let what = format!("its label {MODE_LABEL} was not read, {why}");
    Some(unknown(("metadata.namespace", facts.namespace), &what, fix))
}

#[cfg(test)]
mod tests;
