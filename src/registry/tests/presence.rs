//! Images that are there, and what is wrong with some manifests. What they lead to is not looked
//! at here.

use std::sync::atomic::{AtomicUsize, Ordering};

use rstest::rstest;

use super::fake::{Fake, Reply, Seen, answer, head, status};
use super::world::{
    APP, OCI, app, assert_found, certificate, client, digest, look, manifest, settings, trouble,
};
use crate::facts::{
    Content, Damage, Evidence, Found, ImageConfig, ImageContent, LeftOut, ManifestFault, Outcome,
    Part, PartFault, Quota, SpecCode, TroubleKind, Unread,
};
use crate::registry::{ClientConfig, RegistryClient};

async fn registry(
    behave: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> (Fake, RegistryClient) {
    let fake = Fake::tls(certificate("reg.test"), behave).await;
    let settings = ClientConfig { layers: false, ..settings(&[("reg.test", &fake)]) };
    let client = RegistryClient::new(settings).unwrap();
    (fake, client)
}

fn whole() -> Content {
    let config = ImageConfig::Unread;
    Content::Image(
        ImageContent { config, size: 0, behind_inline: None, left_out: Some(LeftOut::Depth) }
            .into(),
    )
}

#[tokio::test]
async fn a_good_image_is_found_by_head_and_get_without_a_ping() {
    let (fake, client) = registry(app).await;
    let found = Found { digest: digest(), quota: None, content: whole() };
    assert_eq!(look(&client, "reg.test/app:1").await, Outcome::Found(found));
    let by_digest = format!("GET /v2/app/manifests/{}", digest());
    assert_eq!(fake.lines(), [format!("HEAD {APP}"), by_digest]);
}

#[tokio::test]
async fn every_manifest_question_accepts_what_containerd_accepts_and_carries_no_credential() {
    let (fake, client) = registry(app).await;
    assert_found(&look(&client, "reg.test/app:1").await);
    for seen in fake.seen() {
        assert_eq!(
            seen.accept.as_deref(),
            Some(
                "application/vnd.docker.distribution.manifest.v2+json, \
                 application/vnd.docker.distribution.manifest.list.v2+json, \
                 application/vnd.oci.image.manifest.v1+json, \
                 application/vnd.oci.image.index.v1+json, */*"
            )
        );
        assert_eq!(seen.authorization, None);
    }
}

#[tokio::test]
async fn a_tag_beside_a_digest_is_never_asked_for() {
    let (fake, client) = registry(app).await;
    assert_found(&look(&client, &format!("reg.test/app:nonsense@{}", digest())).await);
    assert!(
        fake.lines().iter().all(|line| line.ends_with(digest().as_str())),
        "{:?}",
        fake.lines()
    );
}

#[tokio::test]
async fn a_registry_without_head_is_asked_by_get() {
    let (fake, client) = registry(|seen| match seen.method.as_str() {
        "HEAD" => status(405),
        _ => app(seen),
    })
    .await;
    assert_found(&look(&client, "reg.test/app:1").await);
    assert_eq!(fake.lines(), [format!("HEAD {APP}"), format!("GET {APP}")]);
}

#[tokio::test]
async fn a_head_without_a_digest_is_followed_by_a_get_that_is_hashed() {
    let (fake, client) = registry(|seen| match seen.method.as_str() {
        "HEAD" => answer(200, &[("content-type", OCI), ("content-length", "9")], ""),
        _ => answer(200, &[("content-type", OCI)], manifest()),
    })
    .await;
    let found = Found { digest: digest(), quota: None, content: whole() };
    assert_eq!(look(&client, "reg.test/app:1").await, Outcome::Found(found));
    assert_eq!(fake.lines(), [format!("HEAD {APP}"), format!("GET {APP}")]);
}

/// A registry that has `app:1`, and tells nonsense of its digest.
fn misleading(told: &'static str, length: bool) -> impl Fn(&Seen) -> Reply {
    move |seen| {
        let length = length.then(|| manifest().len().to_string());
        let mut headers = vec![("content-type", OCI), ("docker-content-digest", told)];
        headers.extend(length.as_deref().map(|length| ("content-length", length)));
        answer(200, &headers, if seen.method == "HEAD" { b"" } else { manifest() })
    }
}

#[rstest]
#[case::malformed("sha256:nope")]
#[case::of_something_else(SOME_DIGEST)]
#[tokio::test]
async fn what_the_header_says_of_a_digest_is_not_believed_against_the_references_own(
    #[case] told: &'static str,
) {
    for length in [true, false] {
        let (_fake, client) = registry(misleading(told, length)).await;
        assert_found(&look(&client, &format!("reg.test/app@{}", digest())).await);
    }
}

#[rstest]
#[case::malformed("sha256:nope")]
#[case::of_something_else(SOME_DIGEST)]
#[tokio::test]
async fn without_a_length_a_tags_manifest_is_hashed_whatever_the_header_says(
    #[case] told: &'static str,
) {
    let (fake, client) = registry(misleading(told, false)).await;
    let found = Found { digest: digest(), quota: None, content: whole() };
    assert_eq!(look(&client, "reg.test/app:1").await, Outcome::Found(found));
    assert_eq!(fake.lines(), [format!("HEAD {APP}"), format!("GET {APP}")]);
}

#[rstest]
#[case("0")]
#[case("99999999")]
#[tokio::test]
async fn a_length_without_a_digest_proves_nothing(#[case] length: &'static str) {
    let (_fake, client) = registry(move |seen| match seen.method.as_str() {
        "HEAD" => answer(200, &[("content-type", OCI), ("content-length", length)], ""),
        _ => answer(200, &[("content-type", OCI)], manifest()),
    })
    .await;
    assert_found(&look(&client, "reg.test/app:1").await);
}

#[tokio::test]
async fn a_get_instead_of_head_is_held_to_its_headers_digest() {
    for (told, fault) in [
        ("sha256:nope", ManifestFault::BadDigestHeader),
        (SOME_DIGEST, ManifestFault::DigestMismatch),
    ] {
        let told = misleading(told, true);
        let (_fake, client) = registry(move |seen| match seen.method.as_str() {
            "HEAD" => status(405),
            _ => told(seen),
        })
        .await;
        assert_eq!(look(&client, "reg.test/app:1").await, Outcome::Invalid(fault));
        assert_found(&look(&client, &format!("reg.test/app@{}", digest())).await);
    }
}

fn with_quota(remaining: &'static str) -> impl Fn(&Seen) -> Reply {
    move |seen| match app(seen) {
        Reply::Now(mut response) => {
            let headers = response.headers_mut();
            headers.insert("ratelimit-limit", "100;w=21600".parse().unwrap());
            headers.insert("ratelimit-remaining", remaining.parse().unwrap());
            response.into()
        }
        other => other,
    }
}

#[rstest]
#[case::plenty("50;w=21600", 50, whole(), 2)]
#[case::low("49;w=21600", 49, Content::Unread(Unread::Quota), 1)]
#[case::none_left("0;w=21600", 0, Content::Unread(Unread::Quota), 1)]
#[tokio::test]
async fn a_low_quota_is_left_to_the_nodes(
    #[case] header: &'static str,
    #[case] remaining: u32,
    #[case] content: Content,
    #[case] requests: usize,
) {
    let (fake, client) = registry(with_quota(header)).await;
    let quota = Some(Quota { limit: 100, remaining });
    let found = Found { digest: digest(), quota, content };
    assert_eq!(look(&client, "reg.test/app:1").await, Outcome::Found(found));
    assert_eq!(fake.lines().len(), requests);
}

#[tokio::test]
async fn a_429_that_only_the_get_meets_is_a_rate_limit() {
    let (_fake, client) = registry(|seen| match seen.method.as_str() {
        "GET" => answer(429, &[("retry-after", "30")], ""),
        _ => app(seen),
    })
    .await;
    let trouble = trouble(look(&client, "reg.test/app:1").await);
    assert_eq!(trouble.kind, TroubleKind::RateLimited);
    assert_eq!(trouble.retry_after.map(|wait| wait.as_secs()), Some(30));
}

async fn with_head(headers: &'static [(&'static str, &'static str)]) -> (Fake, RegistryClient) {
    registry(move |seen| match seen.method.as_str() {
        "HEAD" => answer(200, headers, ""),
        _ => Reply::Stream(head(200, headers), 300 * 1024 * 1024),
    })
    .await
}

const SOME_DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";

#[rstest]
#[case::empty(&[("content-type", DOCKER), ("docker-content-digest", SOME_DIGEST), ("content-length", "0")], ManifestFault::Empty)]
#[case::large(&[("content-type", DOCKER), ("docker-content-digest", SOME_DIGEST), ("content-length", "4393217")], ManifestFault::TooLarge(Some(4_393_217)))]
#[case::bad_digest(&[("content-type", DOCKER), ("docker-content-digest", "sha256:nope"), ("content-length", "5")], ManifestFault::BadDigestHeader)]
#[case::html(&[("content-type", "text/html"), ("docker-content-digest", SOME_DIGEST), ("content-length", "5")], ManifestFault::MediaType)]
#[case::untyped(&[("docker-content-digest", SOME_DIGEST), ("content-length", "5")], ManifestFault::MediaType)]
#[case::schema1(&[("content-type", SCHEMA1), ("docker-content-digest", SOME_DIGEST), ("content-length", "5")], ManifestFault::SchemaOne)]
#[tokio::test]
async fn what_a_head_shows_to_be_unusable_is_not_fetched(
    #[case] headers: &'static [(&'static str, &'static str)],
    #[case] fault: ManifestFault,
) {
    let (fake, client) = with_head(headers).await;
    assert_eq!(look(&client, "reg.test/app:1").await, Outcome::Invalid(fault));
    assert_eq!(fake.lines(), [format!("HEAD {APP}")]);
}

#[tokio::test]
async fn three_hundred_mebibytes_are_not_read_to_the_end() {
    let (_fake, client) = registry(|seen| match seen.method.as_str() {
        "HEAD" => status(405),
        _ => Reply::Stream(head(200, &[("content-type", OCI)]), 300 * 1024 * 1024),
    })
    .await;
    let outcome = look(&client, "reg.test/app:1").await;
    assert_eq!(outcome, Outcome::Invalid(ManifestFault::TooLarge(None)));
}

#[rstest]
#[case::other_bytes(OCI, "{}", ManifestFault::DigestMismatch)]
#[case::nothing(OCI, "", ManifestFault::Empty)]
#[tokio::test]
async fn bytes_that_are_not_what_the_digest_names_are_a_fault(
    #[case] content_type: &'static str,
    #[case] body: &'static str,
    #[case] fault: ManifestFault,
) {
    let (_fake, client) = registry(move |seen| match seen.method.as_str() {
        "HEAD" => app(seen),
        _ => answer(200, &[("content-type", content_type)], body),
    })
    .await;
    assert_eq!(look(&client, "reg.test/app:1").await, Outcome::Invalid(fault));
    let by_digest = format!("reg.test/app@{}", digest());
    assert_eq!(look(&client, &by_digest).await, Outcome::Invalid(fault));
}

#[tokio::test]
async fn a_captive_portals_page_is_no_manifest() {
    let page = [("content-type", "text/html")];
    let (_fake, client) = registry(move |_| answer(200, &page, "<html>log in</html>")).await;
    let outcome = look(&client, "reg.test/app:1").await;
    assert_eq!(outcome, Outcome::Invalid(ManifestFault::MediaType));
}

#[tokio::test]
async fn a_manifest_that_its_tag_names_and_its_digest_does_not_is_missing_at_the_second_look() {
    let error = r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#;
    let (fake, client) = registry(move |seen| match seen.method.as_str() {
        "HEAD" => app(seen),
        _ => answer(404, &[], error),
    })
    .await;
    let code = Some(SpecCode::ManifestUnknown);
    let evidence = Evidence::new(404, code, "reg.test");
    let fault = PartFault::Missing(evidence);
    let damage = Damage { part: Part::Manifest, digest: digest(), fault };
    assert_eq!(look(&client, "reg.test/app:1").await, Outcome::Broken(damage));
    let by_digest = format!("GET /v2/app/manifests/{}", digest());
    let head = format!("HEAD {APP}");
    assert_eq!(fake.lines(), [&head, &by_digest, &head, &by_digest].map(Clone::clone));
}

/// A registry whose tag names a missing manifest at first, and then what `then` says.
fn moving(then: impl Fn(&Seen) -> Reply) -> impl Fn(&Seen) -> Reply {
    let heads = AtomicUsize::new(0);
    move |seen| match seen.method.as_str() {
        "HEAD" if heads.fetch_add(1, Ordering::SeqCst) == 0 => {
            let headers = [("docker-content-digest", SOME_DIGEST), ("content-length", "9")];
            answer(200, &[&headers[..], &[("content-type", OCI)]].concat(), "")
        }
        _ => then(seen),
    }
}

#[tokio::test]
async fn a_tag_that_moves_between_head_and_get_is_followed_once() {
    let (_fake, client) = registry(moving(app)).await;
    assert_found(&look(&client, "reg.test/app:1").await);
    let (fake, client) = registry(moving(|seen| match seen.method.as_str() {
        "HEAD" => app(seen),
        _ => status(404),
    }))
    .await;
    assert_eq!(trouble(look(&client, "reg.test/app:1").await).kind, TroubleKind::Error);
    assert_eq!(fake.lines().len(), 4);
    let (_fake, client) = registry(moving(|_| status(404))).await;
    assert_eq!(trouble(look(&client, "reg.test/app:1").await).kind, TroubleKind::Error);
}

#[tokio::test]
async fn an_answer_in_an_encoding_nobody_asked_for_proves_nothing() {
    let (_fake, client) = registry(|seen| match seen.method.as_str() {
        "HEAD" => app(seen),
        _ => answer(200, &[("content-type", OCI), ("content-encoding", "gzip")], "junk"),
    })
    .await;
    assert_eq!(trouble(look(&client, "reg.test/app:1").await).kind, TroubleKind::Error);
}

#[rstest]
#[case(500)]
#[case(502)]
#[case(418)]
#[case(400)]
#[tokio::test]
async fn an_unexpected_status_is_our_trouble_and_is_quoted(#[case] code: u16) {
    let (fake, client) = registry(move |_| status(code)).await;
    let trouble = trouble(look(&client, "reg.test/app:1").await);
    assert_eq!((trouble.kind, trouble.detail), (TroubleKind::Error, code.to_string()));
    assert_eq!(fake.lines().len(), 1);
}

#[tokio::test]
async fn a_connection_that_breaks_before_an_answer_is_tried_once_more() {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let (_fake, client) =
        registry(
            |seen| {
                if COUNT.fetch_add(1, Ordering::SeqCst) == 0 { Reply::Close } else { app(seen) }
            },
        )
        .await;
    assert_found(&look(&client, "reg.test/app:1").await);

    let (fake, client) = registry(|_| Reply::Close).await;
    let trouble = trouble(look(&client, "reg.test/app:1").await);
    assert_eq!(trouble.kind, TroubleKind::Error);
    assert_eq!(trouble.detail, "connection closed before an answer");
    assert_eq!(fake.lines().len(), 2);
}

#[tokio::test]
async fn http_1_registries_are_spoken_to_as_well() {
    let mut tls = rustls::ServerConfig::clone(&certificate("reg.test"));
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let fake = Fake::tls(tls.into(), app).await;
    assert_found(&look(&client(&[("reg.test", &fake)]), "reg.test/app:1").await);
}

#[tokio::test]
async fn docker_io_is_asked_at_its_real_host() {
    let fake = Fake::tls(super::world::certificate("registry-1.docker.io"), |seen| {
        assert!(seen.path.starts_with("/v2/library/app/"), "{}", seen.path);
        status(500)
    })
    .await;
    let client = RegistryClient::new(settings(&[("registry-1.docker.io", &fake)])).unwrap();
    assert_eq!(trouble(look(&client, "app:1").await).host, "registry-1.docker.io");
}
