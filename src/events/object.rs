//! An Event as the API server takes it: `events.k8s.io/v1`.
//!
//! What `kubectl describe` shows is on the owner, because the pod has no `uid` while it is judged.
//! Bounds are those of K pkg/apis/core/validation/events.go.

use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Note;
use crate::message::printable;

const CONTROLLER: &str = "pullcheck.dev";
/// Longest note, in bytes.
const NOTE: usize = 1_024;
/// Longest name of an instance.
const INSTANCE: usize = 128;
/// Longest part of an owner's name in an Event's: the rest, of 253, is the hash.
const OWNER: usize = 200;
/// Longest part of a reference to an owner, in bytes.
const LONGEST: usize = 253;

/// An Event's name and its JSON; `None` where no API server would take it, or where the owner is
/// none that it would have let anybody name.
///
/// The name is made of the owner, the field and the cause alone, so that replicas cannot tell the
/// same twice.
pub(super) fn event(note: &Note, instance: &str, now: Timestamp) -> Option<(String, Vec<u8>)> {
    let owner = &note.owner;
    if [&owner.api_version, &owner.kind, &owner.name, &owner.uid]
        .iter()
        .any(|it| it.len() > LONGEST || !it.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        return None;
    }
    let name = name(note);
    let event = json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": { "namespace": note.namespace, "name": name },
        // A MicroTime has exactly six digits.
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        "reportingController": CONTROLLER,
        "reportingInstance": instance,
        "action": "Audited",
        "reason": reason(note.code),
        "type": "Warning",
        "regarding": {
            "apiVersion": owner.api_version,
            "kind": owner.kind,
            "namespace": note.namespace,
            "name": owner.name,
            "uid": owner.uid,
        },
        "note": printable(&note.message, NOTE),
    });
    Some((name, event.to_string().into_bytes()))
}

/// Which process reports; an Event without one is refused.
pub(super) fn instance(text: &str) -> String {
    match printable(text, INSTANCE) {
        empty if empty.is_empty() => "pullcheck".to_owned(),
        instance => instance,
    }
}

fn name(note: &Note) -> String {
    let mut hash = Sha256::new();
    for part in [&note.owner.uid, note.code, &note.field] {
        hash.update(part);
        hash.update([0]);
    }
    let hash = hash.finalize().iter().take(8).fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
    // Names of objects are ASCII; what is not could not be the start of a name.
    let start: String = note.owner.name.chars().take(OWNER).collect();
    let start = start.trim_end_matches(['-', '.']);
    format!("{start}.{hash:016x}")
}

/// `TagNotFound` of `tag-not-found`.
fn reason(code: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
    };
    code.split('-').map(capital).collect::<Vec<String>>().concat()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::workload::Owner;

    fn note(name: &str) -> Note {
        let owner = Owner {
            api_version: "apps/v1".to_owned(),
            kind: "ReplicaSet".to_owned(),
            name: name.to_owned(),
            uid: "u-1".to_owned(),
        };
        let message = "spec.containers[0].image \"a:1\": gone [tag-not-found]".to_owned();
        let field = "spec.containers[0].image".to_owned();
        Note { namespace: "shop".to_owned(), owner, code: "tag-not-found", field, message }
    }

    fn made(note: &Note) -> Value {
        let now = "2026-11-21T08:09:10.5Z".parse().unwrap();
        serde_json::from_slice(&event(note, "pullcheck-0", now).unwrap().1).unwrap()
    }

    #[test]
    fn it_is_on_the_owner_and_says_the_findings_line() {
        let event = made(&note("web-5d"));
        assert_eq!(event["reason"], "TagNotFound");
        assert_eq!(event["eventTime"], "2026-11-21T08:09:10.500000Z");
        assert_eq!(event["note"], "spec.containers[0].image \"a:1\": gone [tag-not-found]");
        let regarding = &event["regarding"];
        assert_eq!((&regarding["kind"], &regarding["uid"]), (&json!("ReplicaSet"), &json!("u-1")));
    }

    #[test]
    fn its_name_is_of_owner_field_and_cause_whatever_the_message_says() {
        let first = note("web-5d");
        let mut other = Note { message: "another line".to_owned(), ..first.clone() };
        assert_eq!(name(&first), name(&other));
        assert!(name(&first).starts_with("web-5d."));
        other.code = "access-denied";
        assert_ne!(name(&first), name(&other));
        other = first.clone();
        other.field = "spec.containers[1].image".to_owned();
        assert_ne!(name(&first), name(&other));
        other = first.clone();
        other.owner.uid = "u-2".to_owned();
        assert_ne!(name(&first), name(&other));
    }

    #[test]
    fn what_is_long_is_cut_and_what_is_too_long_is_no_reference() {
        let mut long = note(&format!("{}-x{}", "a".repeat(199), "b".repeat(40)));
        long.message = "x".repeat(5_000);
        let event = made(&long);
        assert_eq!(event["note"].as_str().unwrap().len(), NOTE);
        let name = event["metadata"]["name"].as_str().unwrap();
        assert!(name.starts_with(&format!("{}.", "a".repeat(199))), "{name}");
        let too_long = note(&"a".repeat(254));
        assert_eq!(super::event(&too_long, "pullcheck-0", Timestamp::UNIX_EPOCH), None);
        assert_eq!(instance("").len(), 9);
        assert!(instance(&"x".repeat(500)).len() <= INSTANCE);
    }

    #[test]
    fn every_code_makes_a_reason_in_camel_case() {
        for cause in crate::causes::ALL {
            let reason = reason(cause.code.as_str());
            assert!(reason.chars().all(|c| c.is_ascii_alphanumeric()), "{reason}");
            assert!(reason.starts_with(|c: char| c.is_ascii_uppercase()), "{reason}");
            assert!(reason.len() <= 128, "{reason}");
        }
        assert_eq!(reason("access-denied"), "AccessDenied");
    }
}
