//! The real registry takes pushes and serves pulls in every flavour, and the tests' own answers
//! as it does.

use http::Method;
use rstest::rstest;

use super::{ask, get};
use crate::support::http::Http;
use crate::support::images::{self, Format, Image};
use crate::support::misbehaving::{Access, Registry};
use crate::support::real_registry::{self, Flavour, MISSING, PASSWORD, RealRegistry, USER};
use crate::support::secrets;
use crate::support::skip;
use crate::support::tls::{Ca, Kind};
use crate::support::token_server::{Post, TokenServer};

/// Every manifest and blob of an image can be had, with the bytes that were pushed.
async fn pull_everything(registry: &RealRegistry, image: &Image, authorization: Option<&str>) {
    let base = format!("{}/v2/team/app", registry.url());
    let by_tag = format!("{base}/manifests/1.0");
    let head = ask(registry.http(), Method::HEAD, &by_tag, authorization).await.unwrap();
    assert_eq!(head.status, 200);
    assert_eq!(head.header("docker-content-digest"), Some(image.digest()));

    for manifest in image.children.iter().chain([&image.top]) {
        let url = format!("{base}/manifests/{}", manifest.digest);
        let answer = get(registry.http(), &url, authorization).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some(manifest.media_type));
        assert_eq!(answer.body, manifest.bytes);
    }
    for blob in &image.blobs {
        let url = format!("{base}/blobs/{}", blob.digest);
        let answer = get(registry.http(), &url, authorization).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.body, blob.bytes);
    }
}

#[rstest]
#[case::an_oci_image(images::image(Format::Oci, "linux/amd64", "a"))]
#[case::a_docker_image(images::image(Format::Docker, "linux/arm64/v8", "b"))]
#[case::an_oci_index(images::index(&[
    images::image(Format::Oci, "linux/amd64", "c"),
    images::image(Format::Oci, "linux/arm/v7", "d"),
]))]
#[case::a_docker_manifest_list(images::index(&[
    images::image(Format::Docker, "linux/amd64", "e"),
    images::image(Format::Docker, "linux/s390x", "f"),
]))]
#[tokio::test]
async fn an_anonymous_registry_takes_and_gives(#[case] image: Image) {
    let Some(binary) = real_registry::binary() else { skip!(MISSING) };
    let registry = RealRegistry::start(&binary, Flavour::Anonymous).await;
    registry.push("team/app", "1.0", &image).await;
    pull_everything(&registry, &image, None).await;
}

#[tokio::test]
async fn a_basic_registry_lets_in_who_knows_the_password() {
    let Some(binary) = real_registry::binary() else { skip!(MISSING) };
    let registry = RealRegistry::start(&binary, Flavour::Basic).await;
    let image = images::simple("basic");
    registry.push("team/app", "1.0", &image).await;

    let url = format!("{}/v2/team/app/manifests/1.0", registry.url());
    let anonymous = get(registry.http(), &url, None).await.unwrap();
    assert_eq!(anonymous.status, 401);
    assert!(anonymous.header("www-authenticate").unwrap().starts_with("Basic realm="));
    let wrong = format!("Basic {}", secrets::basic(USER, &secrets::fresh()));
    assert_eq!(get(registry.http(), &url, Some(&wrong)).await.unwrap().status, 401);
    let right = format!("Basic {}", secrets::basic(USER, PASSWORD));
    pull_everything(&registry, &image, Some(&right)).await;
}

#[tokio::test]
async fn a_token_registry_lets_in_whom_the_token_server_sends() {
    let Some(binary) = real_registry::binary() else { skip!(MISSING) };
    let tokens = TokenServer::start().await;
    let password = tokens.add_user("alice", &["team/app"]);
    let registry = RealRegistry::start(&binary, Flavour::Bearer(&tokens)).await;
    let image = images::simple("bearer");
    registry.push("team/app", "1.0", &image).await;
    registry.push("team/other", "1.0", &image).await;

    let url = format!("{}/v2/team/app/manifests/1.0", registry.url());
    let anonymous = get(registry.http(), &url, None).await.unwrap();
    assert_eq!(anonymous.status, 401);
    // What the tests' own registry sends is what the real one sends.
    assert_eq!(anonymous.header("www-authenticate").unwrap(), tokens.challenge("team/app"));

    for post in [Post::Works, Post::Unsupported(404)] {
        tokens.post(post);
        let token = super::tokens::log_in(&tokens, "alice", &password, "team/app").await;
        pull_everything(&registry, &image, Some(&format!("Bearer {token}"))).await;
        let other = format!("{}/v2/team/other/manifests/1.0", registry.url());
        let refused = get(registry.http(), &other, Some(&format!("Bearer {token}"))).await.unwrap();
        assert_eq!(refused.status, 401);
        let challenge = refused.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
    }
}

#[tokio::test]
async fn a_tls_registry_convinces_only_those_who_know_its_authority() {
    let Some(binary) = real_registry::binary() else { skip!(MISSING) };
    let ca = Ca::mint();
    let leaf = ca.good();
    let registry = RealRegistry::start_tls(&binary, Flavour::Anonymous, &ca, &leaf).await;
    let image = images::simple("tls");
    registry.push("team/app", "1.0", &image).await;
    pull_everything(&registry, &image, None).await;
    let error = Http::trusting(&Ca::mint()).get(&registry.url(), &[]).await.unwrap_err();
    assert!(format!("{error:#}").contains("UnknownIssuer"), "{error:#}");
}

#[rstest]
#[case::unknown_authority(Kind::Good, "UnknownIssuer")]
#[case::expired(Kind::Expired, "expired")]
#[case::wrong_name(Kind::WrongName, "not valid for name")]
#[tokio::test]
async fn a_bad_certificate_is_bad_in_its_own_way(#[case] kind: Kind, #[case] complaint: &str) {
    let ca = Ca::mint();
    let registry = Registry::start_tls(Access::anonymous(), &ca.leaf(kind, &[])).await;
    let stranger = Ca::mint();
    let http = Http::trusting(if kind == Kind::Good { &stranger } else { &ca });
    let error = http.get(&registry.url(), &[]).await.unwrap_err();
    assert!(format!("{error:#}").contains(complaint), "{error:#}");
    assert_eq!(registry.log().all().len(), 0);
}

/// What of an answer matters to a puller.
#[derive(Debug, PartialEq, Eq)]
struct Essence {
    status: u16,
    digest: Option<String>,
    length: Option<String>,
    content_type: Option<String>,
    code: Option<String>,
}

async fn essence(url: &str, method: Method) -> Essence {
    let answer = ask(&Http::plain(), method, url, None).await.unwrap();
    let failed = answer.status >= 400;
    let header = |name: &str| answer.header(name).map(str::to_owned);
    Essence {
        status: answer.status,
        digest: header("docker-content-digest"),
        // Error documents differ in their words.
        length: header("content-length").filter(|_| !failed),
        content_type: header("content-type").map(|it| it.replace("; charset=utf-8", "")),
        code: serde_json::from_slice::<serde_json::Value>(&answer.body)
            .ok()
            .and_then(|json| json["errors"][0]["code"].as_str().map(str::to_owned)),
    }
}

#[tokio::test]
async fn the_tests_own_registry_answers_as_the_real_one() {
    let Some(binary) = real_registry::binary() else { skip!(MISSING) };
    let real = RealRegistry::start(&binary, Flavour::Anonymous).await;
    let own = Registry::start(Access::anonymous()).await;
    let image = images::index(&[images::simple("x"), images::simple("y")]);
    real.push("team/app", "1.0", &image).await;
    own.add("team/app", "1.0", &image);

    let absent = images::digest(b"absent");
    let questions = [
        "/v2/".to_owned(),
        "/v2/team/app/manifests/1.0".to_owned(),
        format!("/v2/team/app/manifests/{}", image.digest()),
        format!("/v2/team/app/manifests/{}", image.children[0].digest),
        "/v2/team/app/manifests/2.0".to_owned(),
        format!("/v2/team/app/manifests/{absent}"),
        "/v2/team/absent/manifests/1.0".to_owned(),
        format!("/v2/team/app/blobs/{}", image.blobs[0].digest),
        format!("/v2/team/app/blobs/{absent}"),
        "/v2/team/app/tags/list".to_owned(),
        "/v2/team/absent/tags/list".to_owned(),
    ];
    for path in questions {
        for method in [Method::GET, Method::HEAD] {
            // The real one allows only GET of a list; nobody asks otherwise.
            if path.ends_with("/tags/list") && method == Method::HEAD {
                continue;
            }
            assert_eq!(
                essence(&format!("{}{path}", own.url()), method.clone()).await,
                essence(&format!("{}{path}", real.url()), method.clone()).await,
                "own against real: {method} {path}"
            );
        }
    }
}

/// Layers are real archives: the system's `tar` can read them.
#[test]
fn a_layer_is_a_gzipped_tar() {
    let image = images::simple("what is inside");
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("layer");
    std::fs::write(&path, &image.blobs[1].bytes).unwrap();
    let tar = std::process::Command::new("tar").arg("-xzOf").arg(&path).arg("marker").output();
    let Ok(output) = tar else { skip!("tar is not installed") };
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"what is inside");
}
