//! The keys that hold more than a value or a list: `actions`, `overrides`, `exempt`.

use std::collections::BTreeMap;

use super::problem::{Problem, escaped};
use super::raw::{Entry, Node, Value};
use super::resolve::{At, many, one, problem};
use super::values::{self, Parsed, word};
use crate::causes::Code;
use crate::glob::Glob;
use crate::policy::{Action, Exemptions, Override, Selectors};

/// Keys of `exempt` and of one of the `overrides`.
const EXEMPT_KEYS: [&str; 3] = ["images", "namespaces", "users"];
const OVERRIDE_KEYS: [&str; 4] = ["users", "images", "namespaces", "actions"];

/// A mapping of codes to actions.
pub(super) fn actions(at: &At<'_>, problems: &mut Vec<Problem>) -> Option<BTreeMap<Code, Action>> {
    let before = problems.len();
    let mut actions = BTreeMap::new();
    for entry in entries(at, problems)? {
        let path = format!("{}.{}", at.path, escaped(&entry.key));
        let code = values::code(&entry.key)
            .map_err(|said| problems.push(problem(&entry.origin, &at.path, &said)));
        let action = one(&At { path, node: &entry.node }, problems, action);
        if let (Ok(code), Some(action)) = (code, action) {
            actions.insert(code, action);
        }
    }
    (problems.len() == before).then_some(actions)
}

fn action(text: &str) -> Parsed<Action> {
    if text == "off" {
        return Err("\"off\" is a mode; the action is called ignore".to_owned());
    }
    word(&Action::ALL.map(|action| (action.as_str(), action)))(text)
}

/// The list of overrides.
pub(super) fn overrides(at: &At<'_>, problems: &mut Vec<Problem>) -> Option<Vec<Override>> {
    let Value::List(nodes) = &at.node.value else {
        problems.push(at.problem("must be a list"));
        return None;
    };
    let mut list = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        list.push(one_override(&At { path: format!("{}[{index}]", at.path), node }, problems));
    }
    list.into_iter().collect()
}

fn one_override(at: &At<'_>, problems: &mut Vec<Problem>) -> Option<Override> {
    let known = known_entries(at, problems, &OVERRIDE_KEYS)?;
    let before = problems.len();
    let selectors = Selectors {
        users: selector(at, &known, "users", problems, values::user_glob),
        images: selector(at, &known, "images", problems, values::image_glob),
        namespaces: selector(at, &known, "namespaces", problems, values::namespace_glob),
    };
    let actions = match child(at, &known, "actions") {
        Some(child) => actions(&child, problems),
        None => None,
    };
    if problems.len() > before {
        return None;
    }
    let Some(actions) = actions.filter(|actions| !actions.is_empty()) else {
        problems.push(at.problem("has no actions; write such as actions: {tag-not-found: audit}"));
        return None;
    };
    let found = Override::new(selectors, actions);
    if found.is_none() {
        problems.push(at.problem(
            "selects nobody; write users, images or namespaces, or use actions at the top",
        ));
    }
    found
}

/// A selector that is there must select somebody: an empty list is a mistake of templating.
fn selector<T>(
    at: &At<'_>,
    known: &[&Entry],
    key: &str,
    problems: &mut Vec<Problem>,
    parse: impl Fn(&str) -> Parsed<T>,
) -> Option<Vec<T>> {
    let child = child(at, known, key)?;
    let list = many(&child, problems, parse)?;
    if list.is_empty() {
        problems.push(child.problem("is empty and selects nobody; write patterns or leave it out"));
    }
    Some(list)
}

/// What is never judged.
pub(super) fn exempt(at: &At<'_>, problems: &mut Vec<Problem>) -> Option<Exemptions> {
    let known = known_entries(at, problems, &EXEMPT_KEYS)?;
    let globs = |key, problems: &mut Vec<Problem>, parse: fn(&str) -> Parsed<Glob>| {
        child(at, &known, key).and_then(|child| many(&child, problems, parse)).unwrap_or_default()
    };
    Some(Exemptions {
        namespaces: globs("namespaces", problems, values::namespace_glob),
        users: globs("users", problems, values::user_glob),
        images: child(at, &known, "images")
            .and_then(|child| many(&child, problems, values::image_glob))
            .unwrap_or_default(),
    })
}

fn child<'a>(at: &At<'_>, known: &[&'a Entry], key: &str) -> Option<At<'a>> {
    let entry = known.iter().find(|entry| entry.key == key)?;
    let node: &Node = &entry.node;
    (node.value != Value::Null).then(|| At { path: format!("{}.{key}", at.path), node })
}

/// The entries of a mapping whose keys are known; the others are problems.
fn known_entries<'a>(
    at: &At<'a>,
    problems: &mut Vec<Problem>,
    known: &[&str],
) -> Option<Vec<&'a Entry>> {
    let found = entries(at, problems)?;
    for entry in found {
        if !known.contains(&entry.key.as_str()) {
            let said = values::unknown(&entry.key, known, &format!("write {}", known.join(", ")));
            problems.push(problem(&entry.origin, &at.path, &format!("key {said}")));
        }
    }
    Some(found.iter().filter(|entry| known.contains(&entry.key.as_str())).collect())
}

fn entries<'a>(at: &At<'a>, problems: &mut Vec<Problem>) -> Option<&'a [Entry]> {
    if let Value::Map(entries) = &at.node.value {
        return Some(entries);
    }
    problems.push(at.problem("must be a mapping, \"key: value\" one a line"));
    None
}
