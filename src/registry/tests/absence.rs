//! Images that are not there, and what is said about them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rstest::rstest;
use tokio::time::Instant;

use super::fake::{Reply, Seen, answer, status};
use super::world::{
    APP, OCI, app, assert_found, config_path, digest, look, manifest, registry, settings, trouble,
};
use crate::facts::{Absent, Evidence, ManifestFault, Missing, Outcome, SpecCode, TroubleKind};
use crate::image::Reference;
use crate::registry::{Lookup, Progress, RegistryClient};

const LIST: &str = "/v2/app/tags/list?n=1000";

fn error(code: &str) -> String {
    format!(r#"{{"errors":[{{"code":"{code}","message":"anything"}}]}}"#)
}

fn absent(outcome: Outcome) -> Absent {
    match outcome {
        Outcome::Absent(absent) => absent,
        other => panic!("not absent: {other:?}"),
    }
}

/// A registry whose repository `app` has these tags.
fn tagged(list: &'static str) -> impl Fn(&Seen) -> Reply {
    move |seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("GET", LIST) => answer(200, &[("content-type", "application/json")], list),
        ("GET", _) => answer(404, &[], error("MANIFEST_UNKNOWN")),
        _ => status(404),
    }
}

#[tokio::test]
async fn a_missing_tag_comes_with_its_nearest_neighbour() {
    let (fake, client) = registry(tagged(r#"{"name":"app","tags":["1.27","latest","dev"]}"#)).await;
    let expected = Absent {
        what: Missing::Tag,
        evidence: Evidence::new(404, Some(SpecCode::ManifestUnknown), "reg.test"),
        suggestion: Some("latest".to_owned()),
        listed: true,
        no_tags: false,
        served_by_get: false,
    };
    assert_eq!(look(&client, "reg.test/app:latests").await, Outcome::Absent(expected));
    let path = "/v2/app/manifests/latests";
    assert_eq!(
        fake.lines(),
        [format!("HEAD {path}"), format!("GET {path}"), format!("GET {LIST}")]
    );
}

#[rstest]
#[case::none(r#"{"tags":[]}"#)]
#[case::null(r#"{"tags":null}"#)]
#[tokio::test]
async fn a_repository_without_tags_may_not_exist_either(#[case] list: &'static str) {
    let (_fake, client) = registry(tagged(list)).await;
    let absent = absent(look(&client, "reg.test/app:1").await);
    assert_eq!((absent.what, absent.no_tags, absent.suggestion), (Missing::Tag, true, None));
}

#[tokio::test]
async fn name_unknown_is_a_missing_repository_at_once() {
    let (fake, client) = registry(|seen| match seen.method.as_str() {
        "GET" => answer(404, &[], error("NAME_UNKNOWN")),
        _ => status(404),
    })
    .await;
    let absent = absent(look(&client, "reg.test/app:1").await);
    assert_eq!(absent.what, Missing::Repository);
    assert_eq!(absent.evidence.code, Some(SpecCode::NameUnknown));
    assert_eq!(fake.lines(), [format!("HEAD {APP}"), format!("GET {APP}")]);
}

#[tokio::test]
async fn only_the_tag_list_may_know_that_the_repository_is_missing() {
    let (_fake, client) = registry(|seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("GET", LIST) => answer(404, &[], error("NAME_UNKNOWN")),
        ("GET", _) => answer(404, &[], error("MANIFEST_UNKNOWN")),
        _ => status(404),
    })
    .await;
    for image in ["reg.test/app:1".to_owned(), format!("reg.test/app@{}", digest())] {
        let absent = absent(look(&client, &image).await);
        assert_eq!(absent.what, Missing::Repository);
        assert_eq!(absent.evidence.code, Some(SpecCode::NameUnknown));
    }
}

#[rstest]
#[case::refused(401)]
#[case::forbidden(403)]
#[case::broken(500)]
#[tokio::test]
async fn a_tag_list_that_cannot_be_had_changes_nothing(#[case] code: u16) {
    let (_fake, client) = registry(move |seen| match seen.path.as_str() {
        LIST => status(code),
        _ => status(404),
    })
    .await;
    let absent = absent(look(&client, "reg.test/app:1").await);
    assert_eq!((absent.what, absent.suggestion), (Missing::Tag, None));
    assert!(!absent.no_tags);
}

#[rstest]
#[case::bare(String::new())]
#[case::html("<html>404</html>".to_owned())]
#[case::unsupported(error("UNSUPPORTED"))]
#[case::foreign(error("NOT_HERE"))]
#[tokio::test]
async fn a_registry_that_cannot_list_says_nothing_about_the_repository(#[case] body: String) {
    let (_fake, client) = registry(move |seen| match seen.path.as_str() {
        LIST => answer(404, &[], body.clone()),
        _ => status(404),
    })
    .await;
    let absent = absent(look(&client, "reg.test/app:1").await);
    assert_eq!((absent.what, absent.listed, absent.no_tags), (Missing::Tag, false, false));
}

#[tokio::test]
async fn a_404_in_html_is_still_the_registrys_404_and_nothing_of_it_is_quoted() {
    let (_fake, client) = registry(|seen| match seen.path.as_str() {
        LIST => status(500),
        _ => answer(404, &[("content-type", "text/html")], "<html>nope</html>"),
    })
    .await;
    let absent = absent(look(&client, "reg.test/app:1").await);
    assert_eq!((absent.what, absent.evidence.code), (Missing::Tag, None));
}

#[tokio::test]
async fn the_tag_list_is_read_over_its_pages_on_its_own_host_only() {
    let (fake, client) = registry(|seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("GET", LIST) => {
            let next = r#"</v2/app/tags/list?n=1000&last=b>; rel="next""#;
            answer(200, &[("link", next)], r#"{"tags":["a","b"]}"#)
        }
        ("GET", "/v2/app/tags/list?n=1000&last=b") => {
            let away = r#"<https://evil.test/v2/app/tags/list>; rel="next""#;
            answer(200, &[("link", away)], r#"{"tags":["stable"]}"#)
        }
        _ => status(404),
    })
    .await;
    let absent = absent(look(&client, "reg.test/app:stabel").await);
    assert_eq!(absent.suggestion.as_deref(), Some("stable"));
    assert_eq!(fake.lines().len(), 4);
}

#[tokio::test]
async fn an_endless_tag_list_ends_after_five_pages() {
    let (fake, client) = registry(|seen| {
        let next = r#"</v2/app/tags/list?n=1000>; rel="next""#;
        if seen.path == LIST {
            answer(200, &[("link", next)], r#"{"tags":["a"]}"#)
        } else {
            status(404)
        }
    })
    .await;
    assert_eq!(absent(look(&client, "reg.test/app:1").await).what, Missing::Tag);
    assert_eq!(fake.seen().iter().filter(|seen| seen.path == LIST).count(), 5);
}

#[tokio::test]
async fn a_tag_list_page_is_bounded() {
    let (_fake, client) = registry(|seen| match seen.path.as_str() {
        LIST => Reply::Stream(super::fake::head(200, &[]), 3 * 1024 * 1024),
        _ => status(404),
    })
    .await;
    assert_eq!(absent(look(&client, "reg.test/app:1").await).suggestion, None);
}

#[tokio::test]
async fn the_tags_of_a_proxy_cache_are_not_asked_for() {
    let (fake, _) = registry(tagged(r#"{"tags":["latest"]}"#)).await;
    let mut settings = settings(&[("reg.test", &fake)]);
    settings.pull_through = vec![crate::glob::Glob::new("reg.test")];
    let client = RegistryClient::new(settings).unwrap();
    assert_eq!(absent(look(&client, "reg.test/app:latests").await).suggestion, None);
    assert!(!fake.lines().contains(&format!("GET {LIST}")));
}

#[tokio::test]
async fn an_image_that_comes_while_we_ask_is_found() {
    let count = AtomicUsize::new(0);
    let (_fake, client) = registry(move |seen| {
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        if first { status(404) } else { app(seen) }
    })
    .await;
    let (progress, reference) = (Progress::new(), Reference::parse("reg.test/app:1").unwrap());
    let lookup = Lookup { reference: &reference, credential: None, tenant: "shop", entry: None };
    assert_found(&client.lookup(lookup, &progress).await);
    assert_eq!(progress.absent_since(), None);
}

#[tokio::test]
async fn what_get_serves_and_head_denies_is_absent_for_some_runtimes_only() {
    for again in [404, 503] {
        let heads = AtomicUsize::new(0);
        let (fake, client) = registry(move |seen| match seen.method.as_str() {
            "HEAD" if heads.fetch_add(1, Ordering::SeqCst) == 0 => status(404),
            "HEAD" => status(again),
            _ => app(seen),
        })
        .await;
        let absent = absent(look(&client, "reg.test/app:1").await);
        assert_eq!((absent.evidence.status, absent.served_by_get), (404, true), "{again}");
        assert_eq!(fake.lines().len(), 3, "its tags are of no interest");
    }
}

#[tokio::test]
async fn an_absence_is_as_old_as_the_first_404() {
    let (heard, answered) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(None)));
    let (first, second) = (heard.clone(), answered.clone());
    let (_fake, client) = registry(move |seen| {
        let which = if seen.method == "HEAD" { &first } else { &second };
        which.lock().unwrap().get_or_insert_with(Instant::now);
        status(404)
    })
    .await;
    let (progress, reference) = (Progress::new(), Reference::parse("reg.test/app:1").unwrap());
    assert_eq!(progress.absent_since(), None);
    let lookup = Lookup { reference: &reference, credential: None, tenant: "shop", entry: None };
    absent(client.lookup(lookup, &progress).await);
    let since = progress.absent_since().unwrap();
    assert!(since >= heard.lock().unwrap().unwrap(), "not before the question");
    assert!(since <= answered.lock().unwrap().unwrap(), "not when it was explained");
}

#[tokio::test]
async fn a_missing_digest_is_looked_for_among_the_blobs_first() {
    let (fake, client) = registry(|_| status(404)).await;
    let image = format!("reg.test/app@{}", digest());
    assert_eq!(absent(look(&client, &image).await).what, Missing::Digest);
    assert_eq!(fake.lines()[1], format!("HEAD /v2/app/blobs/{}", digest()));
}

#[rstest]
#[case::as_a_manifest(OCI, None)]
#[case::as_bytes("application/octet-stream", Some(ManifestFault::MediaType))]
#[tokio::test]
async fn a_digest_among_the_blobs_counts_if_it_is_typed_as_a_manifest(
    #[case] content_type: &'static str,
    #[case] fault: Option<ManifestFault>,
) {
    let (_fake, client) = registry(move |seen| {
        let length = manifest().len().to_string();
        let headers = [("content-type", content_type), ("content-length", length.as_str())];
        if seen.path == config_path() {
            return app(seen);
        }
        match (seen.method.as_str(), seen.path.contains("/blobs/")) {
            ("HEAD", true) => answer(200, &headers, ""),
            (_, true) => answer(200, &headers, manifest()),
            _ => status(404),
        }
    })
    .await;
    let outcome = look(&client, &format!("reg.test/app@{}", digest())).await;
    match fault {
        None => assert_found(&outcome),
        Some(fault) => assert_eq!(outcome, Outcome::Invalid(fault)),
    }
}

#[tokio::test]
async fn blobs_that_cannot_be_asked_for_leave_a_missing_digest_open() {
    let (_fake, client) =
        registry(|seen| status(if seen.path.contains("/blobs/") { 503 } else { 404 })).await;
    let outcome = look(&client, &format!("reg.test/app@{}", digest())).await;
    assert_eq!(trouble(outcome).kind, TroubleKind::Error);
}
