//! Which answers the kubelet uses, and what they come to.

use std::time::Duration;

use super::{USUAL, provider};
use crate::credentials::provider::{CacheKeyType, ResponseFault, Version};

const ANSWER: &str = r#"{
    "kind": "CredentialProviderResponse",
    "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
    "cacheKeyType": "Registry",
    "cacheDuration": "6h",
    "auth": {"*.corp.example": {"username": "AWS", "password": "pw"}}
}"#;

#[test]
fn a_good_answer_is_read() {
    let response = provider(USUAL).response(ANSWER.as_bytes()).unwrap();
    assert_eq!(response.cache_key_type, CacheKeyType::Registry);
    assert_eq!(response.cache_duration, Duration::from_secs(6 * 3_600));
    let [entry] = response.auth.entries.as_ref() else { panic!("{response:?}") };
    assert_eq!(entry.key, "*.corp.example");
    assert_eq!(entry.credential.username(), b"AWS");
    assert_eq!(entry.credential.password(), b"pw");
    assert!(!format!("{response:?}").contains("pw\""));
}

#[test]
fn each_version_answers_in_its_own() {
    for version in Version::ALL {
        let own =
            provider(&USUAL.replace("credentialprovider.kubelet.k8s.io/v1", version.as_str()));
        for other in Version::ALL {
            let answer = ANSWER.replace("credentialprovider.kubelet.k8s.io/v1", other.as_str());
            let response = own.response(answer.as_bytes());
            if version == other {
                assert!(response.is_ok());
            } else {
                assert_eq!(response.unwrap_err(), ResponseFault::OtherVersion);
            }
        }
    }
}

#[test]
fn the_cache_duration_is_the_answers_else_the_default() {
    let hours = |hours: u64| Duration::from_secs(hours * 3_600);
    for (written, expected) in [
        ("\"cacheDuration\": \"6h\",", hours(6)),
        ("\"cacheDuration\": null,", hours(12)),
        ("", hours(12)),
        ("\"cacheDuration\": \"0s\",", Duration::ZERO),
        ("\"cacheDuration\": \"0\",", Duration::ZERO),
        ("\"cacheDuration\": \"-1h\",", Duration::ZERO),
    ] {
        let answer = ANSWER.replace("\"cacheDuration\": \"6h\",", written);
        let response = provider(USUAL).response(answer.as_bytes()).unwrap();
        assert_eq!(response.cache_duration, expected, "{written}");
    }
}

#[test]
fn each_cache_key_type_is_known() {
    for (word, expected) in [
        ("Image", CacheKeyType::Image),
        ("Registry", CacheKeyType::Registry),
        ("Global", CacheKeyType::Global),
    ] {
        let answer = ANSWER.replace("\"Registry\"", &format!("\"{word}\""));
        let response = provider(USUAL).response(answer.as_bytes()).unwrap();
        assert_eq!(response.cache_key_type, expected);
    }
}

#[test]
fn no_login_and_an_empty_login_are_answers() {
    let auth = r#"{"*.corp.example": {"username": "AWS", "password": "pw"}}"#;
    for (written, entries) in [
        ("null", 0),
        ("{}", 0),
        (r#"{"r.io": null}"#, 1),
        (r#"{"r.io": {}}"#, 1),
        (r#"{"r.io": {"username": null, "password": null}, "": {}}"#, 2),
    ] {
        let answer = ANSWER.replace(auth, written);
        let response = provider(USUAL).response(answer.as_bytes()).unwrap();
        assert_eq!(response.auth.entries.len(), entries, "{written}");
    }
    let without = ANSWER.replace(&format!("\"6h\",\n    \"auth\": {auth}"), "\"6h\"");
    assert!(provider(USUAL).response(without.as_bytes()).unwrap().auth.entries.is_empty());
}

#[test]
fn what_the_kubelet_drops_is_dropped() {
    use ResponseFault as F;
    let many: Vec<String> = (0..1_001).map(|n| format!("\"r{n}.io\":{{}}")).collect();
    let many = format!("\"auth\": {{{}}}", many.join(","));
    for (from, to, fault) in [
        ("{\n", "", F::NotJson),
        ("}\n}", "}\n}}", F::NotJson),
        ("}\n}", "}\n} {}", F::NotJson),
        ("\"6h\",", "\"6h\"", F::NotJson),
        ("kubelet.k8s.io/v1", "kubelet.k8s.io/v2", F::OtherVersion),
        ("apiVersion", "apiversion", F::OtherVersion),
        ("\"credentialprovider.kubelet.k8s.io/v1\"", "1", F::OtherVersion),
        ("CredentialProviderResponse", "CredentialProviderRequest", F::OtherKind),
        ("\"kind\": \"CredentialProviderResponse\",", "", F::OtherKind),
        ("\"kind\"", "\"Kind\"", F::UnknownField),
        ("\"kind\"", "\"extra\": 1, \"kind\"", F::UnknownField),
        ("\"username\"", "\"auth\"", F::UnknownField),
        ("\"username\"", "\"Username\"", F::UnknownField),
        ("\"kind\"", "\"cacheKeyType\": \"Image\", \"kind\"", F::Twice),
        ("\"username\"", "\"username\": \"x\", \"username\"", F::Twice),
        ("{\"*", "{\"*.corp.example\": {}, \"*", F::Twice),
        ("\"AWS\"", "1", F::WrongType),
        ("\"pw\"", "[\"pw\"]", F::WrongType),
        ("{\"username\": \"AWS\", \"password\": \"pw\"}", "\"pw\"", F::WrongType),
        ("\"6h\"", "6", F::WrongType),
        ("\"6h\"", "\"6\"", F::CacheDuration),
        ("\"6h\"", "\"\"", F::CacheDuration),
        ("\"6h\"", "\"--6h\"", F::CacheDuration),
        ("\"6h\"", "\"-+6h\"", F::CacheDuration),
        ("\"Registry\"", "\"registry\"", F::CacheKeyType),
        ("\"Registry\"", "\"Host\"", F::CacheKeyType),
        ("\"cacheKeyType\": \"Registry\",", "", F::CacheKeyType),
        (
            "\"auth\": {\"*.corp.example\": {\"username\": \"AWS\", \"password\": \"pw\"}}",
            &many,
            F::TooMany,
        ),
    ] {
        let answer = ANSWER.replacen(from, to, 1);
        assert_ne!(answer, ANSWER, "{from}");
        let response = provider(USUAL).response(answer.as_bytes());
        assert_eq!(response.unwrap_err(), fault, "{from} -> {to}");
        assert!(!fault.to_string().contains("pw"));
    }
    for output in [&b""[..], b"null", b"[]", b"hello", b"\xff", b"apiVersion: x"] {
        assert_eq!(provider(USUAL).response(output).unwrap_err(), F::NotJson);
    }
}
