//! The misbehaving registry does what it is told.

use http::Method;
use rstest::rstest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{ask, get};
use crate::support::http::{Answer, Http};
use crate::support::images::{self, Image};
use crate::support::misbehaving::{Access, Fault, Logins, Registry, faults};
use crate::support::secrets;
use crate::support::server::{ClosedPort, Gate, Greeting};
use crate::support::tls::Ca;
use crate::support::token_server::TokenServer;

async fn with(fault: Fault) -> (Registry, Image) {
    let registry = Registry::start(Access::anonymous()).await;
    let image = images::simple("good");
    registry.add("team/app", "1.0", &image);
    registry.misbehave("team/app", fault);
    (registry, image)
}

async fn head(registry: &Registry) -> Answer {
    try_ask(registry, Method::HEAD).await.unwrap()
}

async fn try_ask(registry: &Registry, method: Method) -> anyhow::Result<Answer> {
    let url = format!("{}/v2/team/app/manifests/1.0", registry.url());
    ask(&Http::plain(), method, &url, None).await
}

#[rstest]
#[case::forbidden(faults::forbidden(), 403, "DENIED")]
#[case::ecr(faults::ecr_expired(), 403, "has expired")]
#[case::html(faults::html_not_found(), 404, "<html>")]
#[case::name_unknown(faults::name_unknown(), 404, "NAME_UNKNOWN")]
#[case::too_many(faults::too_many_requests(None), 429, "TOOMANYREQUESTS")]
#[case::bad_gateway(faults::server_error(502), 502, "UNKNOWN")]
#[case::no_challenge(faults::no_challenge(), 401, "UNAUTHORIZED")]
#[case::portal(faults::captive_portal(), 200, "guest network")]
#[case::loops(faults::redirect_loop(), 307, "")]
#[case::empty(faults::empty_manifest(), 200, "")]
#[tokio::test]
async fn it_answers_with(#[case] fault: Fault, #[case] status: u16, #[case] text: &str) {
    let (registry, _) = with(fault).await;
    assert_eq!(head(&registry).await.status, status);
    let answer = try_ask(&registry, Method::GET).await.unwrap();
    assert_eq!(answer.status, status);
    assert!(answer.text().contains(text), "{}", answer.text());
    assert_eq!(answer.text().is_empty(), text.is_empty());
    assert_eq!(registry.manifest_requests("team/app"), 2);
}

#[rstest]
#[case::retry_after_seconds(faults::too_many_requests(Some("30")), "retry-after", Some("30"))]
#[case::empty_challenge(faults::empty_challenge(), "www-authenticate", Some(""))]
#[case::no_challenge(faults::no_challenge(), "www-authenticate", None)]
#[case::redirect(
    faults::redirect("http://169.254.169.254/latest/"),
    "location",
    Some("http://169.254.169.254/latest/")
)]
#[case::round(faults::redirect_loop(), "location", Some("/v2/team/app/manifests/1.0?round=1"))]
#[case::no_digest(faults::without_header("Docker-Content-Digest"), "docker-content-digest", None)]
#[case::bad_digest(
    faults::bad_digest_header(),
    "docker-content-digest",
    Some("sha256:not-a-digest")
)]
#[case::no_type(faults::without_header("Content-Type"), "content-type", None)]
#[case::no_length(faults::without_header("Content-Length"), "content-length", None)]
#[case::zero_length(faults::empty_manifest(), "content-length", Some("0"))]
#[case::schema_one(faults::schema_one(), "content-type", Some(images::media::DOCKER_SCHEMA1))]
#[case::quota(faults::rate_limit(100, 3), "ratelimit-remaining", Some("3;w=21600"))]
#[tokio::test]
async fn it_sends_the_header(
    #[case] fault: Fault,
    #[case] name: &str,
    #[case] value: Option<&str>,
) {
    let (registry, _) = with(fault).await;
    assert_eq!(head(&registry).await.header(name), value);
}

#[tokio::test]
async fn what_is_for_get_leaves_head_alone_and_what_is_for_once_ends() {
    let (registry, image) = with(faults::too_many_requests(None).on_get().times(1)).await;
    assert_eq!(head(&registry).await.status, 200);
    assert_eq!(try_ask(&registry, Method::GET).await.unwrap().status, 429);
    let answer = try_ask(&registry, Method::GET).await.unwrap();
    assert_eq!((answer.status, answer.body), (200, image.top.bytes));
}

async fn ask_blob(registry: &Registry, method: Method, digest: &str) -> Answer {
    let url = format!("{}/v2/team/app/blobs/{digest}", registry.url());
    ask(&Http::plain(), method, &url, None).await.unwrap()
}

#[tokio::test]
async fn head_of_blobs_fails_where_get_is_good() {
    for status in [404, 401, 403] {
        let (registry, image) = with(faults::head_of_blobs(status)).await;
        assert_eq!(head(&registry).await.status, 200);
        for blob in &image.blobs {
            assert_eq!(ask_blob(&registry, Method::HEAD, &blob.digest).await.status, status);
            let answer = ask_blob(&registry, Method::GET, &blob.digest).await;
            assert_eq!((answer.status, &answer.body), (200, &blob.bytes));
        }
    }
}

#[tokio::test]
async fn one_blob_is_damaged_and_the_others_are_good() {
    let (registry, image) = with(faults::rate_limit(1, 1)).await;
    let (bad, good) = (&image.blobs[0], &image.blobs[1]);
    registry.misbehave("team/app", faults::missing_blob(&bad.digest).times(1));
    registry.misbehave("team/app", faults::longer_blob(&bad.digest));
    let missing = ask_blob(&registry, Method::GET, &bad.digest).await;
    assert_eq!(missing.status, 404);
    assert!(String::from_utf8_lossy(&missing.body).contains("BLOB_UNKNOWN"));
    let length = (bad.bytes.len() + 1).to_string();
    for method in [Method::HEAD, Method::GET] {
        let longer = ask_blob(&registry, method.clone(), &bad.digest).await;
        assert_eq!(longer.header("content-length"), Some(length.as_str()));
        assert_eq!(ask_blob(&registry, method, &good.digest).await.status, 200);
    }
}

#[tokio::test]
async fn too_many_pulls_leave_head_and_blobs_alone() {
    let (registry, image) = with(faults::too_many_pulls()).await;
    assert_eq!(head(&registry).await.status, 200);
    assert_eq!(try_ask(&registry, Method::GET).await.unwrap().status, 429);
    let digest = &image.blobs[0].digest;
    assert_eq!(ask_blob(&registry, Method::GET, digest).await.status, 200);
}

#[tokio::test]
async fn wrong_bytes_have_the_right_length_and_digest_header() {
    let (registry, image) = with(faults::wrong_bytes()).await;
    let answer = try_ask(&registry, Method::GET).await.unwrap();
    assert_eq!(answer.header("docker-content-digest"), Some(image.digest()));
    assert_eq!(answer.body.len(), image.top.bytes.len());
    assert_ne!(images::digest(&answer.body), image.digest());
}

#[tokio::test]
async fn a_head_that_is_not_allowed_leaves_get() {
    let (registry, _) = with(faults::head_not_allowed()).await;
    assert_eq!(head(&registry).await.status, 405);
    assert_eq!(try_ask(&registry, Method::GET).await.unwrap().status, 200);
}

#[rstest]
#[case::reset(faults::reset(), "reset")]
#[case::close(faults::close(), "connection closed")]
#[case::garbage(faults::garbage(), "invalid HTTP")]
#[tokio::test]
async fn it_breaks_the_connection(#[case] fault: Fault, #[case] complaint: &str) {
    let (registry, _) = with(fault).await;
    let error = format!("{:#}", try_ask(&registry, Method::GET).await.unwrap_err());
    assert!(error.contains(complaint), "{error}");
    registry.heal("team/app");
    assert_eq!(head(&registry).await.status, 200, "and only that one");
}

/// Sends a GET by hand and gives the connection back.
async fn raw_get(registry: &Registry) -> TcpStream {
    let mut tcp = TcpStream::connect(registry.host()).await.unwrap();
    tcp.write_all(b"GET /v2/team/app/manifests/1.0 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    tcp
}

async fn read_head(tcp: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tcp.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn a_drip_comes_byte_by_byte_and_promises_much_more() {
    let (registry, image) = with(faults::drip()).await;
    let mut tcp = raw_get(&registry).await;
    let head = read_head(&mut tcp).await;
    assert!(head.contains("content-length: 1000000"), "{head}");
    for byte in &image.top.bytes[..3] {
        assert_eq!(tcp.read_u8().await.unwrap(), *byte);
    }
}

#[tokio::test]
async fn headers_come_before_a_body_that_does_not() {
    let (registry, image) = with(faults::hang_in_body()).await;
    let mut tcp = raw_get(&registry).await;
    let head = read_head(&mut tcp).await;
    assert!(head.contains(&format!("content-length: {}", image.top.bytes.len())), "{head}");
    let mut byte = [0];
    assert!(tcp.try_read(&mut byte).is_err(), "something of the body came");
}

#[tokio::test]
async fn a_hang_is_seen_and_ends_with_the_client() {
    let gate = Gate::closed();
    let (registry, _) = with(faults::gate(&gate)).await;
    let tcp = raw_get(&registry).await;
    gate.until_waiting(1).await;
    assert_eq!(registry.manifest_requests("team/app"), 1);
    drop(tcp);
    gate.until_nobody_waits().await;

    let (registry, _) = with(faults::hang()).await;
    let _tcp = raw_get(&registry).await;
    registry.log().until(1, |seen| seen.path.contains("/manifests/")).await;
}

#[tokio::test]
async fn a_gate_lets_everybody_through_when_it_opens() {
    let gate = Gate::closed();
    let (registry, _) = with(faults::gate(&gate)).await;
    let (first, second, ()) = tokio::join!(head(&registry), head(&registry), async {
        gate.until_waiting(2).await;
        gate.open();
    });
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(registry.connections(), 2);
}

#[tokio::test]
async fn a_huge_body_is_made_only_as_it_is_read() {
    for told in [true, false] {
        let (registry, _) = with(faults::huge_manifest(told)).await;
        let mut tcp = raw_get(&registry).await;
        let head = read_head(&mut tcp).await;
        assert_eq!(head.contains("content-length: 314572800"), told, "{head}");
        tcp.read_u8().await.unwrap();
        drop(tcp);
        assert!(registry.streamed() < 100 * 1024 * 1024, "{}", registry.streamed());
    }
}

#[tokio::test]
async fn a_basic_login_counts_once_and_is_told_from_a_missing_right() {
    let logins = Logins::default();
    let password = logins.add("alice", &["team/app"]);
    let registry = Registry::start(Access::basic(&logins)).await;
    registry.add("team/app", "1.0", &images::simple("a"));
    registry.add("team/other", "1.0", &images::simple("b"));
    registry.misbehave("team/app", faults::rate_limit(100, 50));
    let status = async |repository: &str, password: Option<&str>| {
        let url = format!("{}/v2/{repository}/manifests/1.0", registry.url());
        let basic = password.map(|it| format!("Basic {}", secrets::basic("alice", it)));
        get(&Http::plain(), &url, basic.as_deref()).await.unwrap().status
    };
    assert_eq!(status("team/app", None).await, 401);
    assert_eq!(status("team/app", Some(&password)).await, 200);
    assert_eq!(status("team/other", Some(&password)).await, 403);
    assert_eq!(status("team/app", Some(&secrets::fresh())).await, 401);
    assert_eq!((logins.accepted().len(), logins.refused().len()), (2, 1));
    let authorized: Vec<bool> =
        registry.log().all().iter().map(crate::support::server::Seen::is_authorized).collect();
    assert_eq!(authorized, [false, true, true, true]);
}

#[tokio::test]
async fn a_token_opens_its_repository_and_no_other() {
    let tokens = TokenServer::start().await;
    let registry = Registry::start(Access::bearer(&tokens)).await;
    for repository in ["team/app", "team/other"] {
        registry.add(repository, "1.0", &images::simple(repository));
    }
    let bearer = format!("Bearer {}", tokens.mint("alice", "team/app", &["pull"]));
    let ask = async |repository: &str, authorization: Option<&str>| {
        let url = format!("{}/v2/{repository}/manifests/1.0", registry.url());
        let answer = get(&Http::plain(), &url, authorization).await.unwrap();
        (answer.status, answer.header("www-authenticate").unwrap_or_default().to_owned())
    };
    assert_eq!(ask("team/app", None).await, (401, tokens.challenge("team/app")));
    assert_eq!(ask("team/app", Some(&bearer)).await.0, 200);
    assert!(ask("team/other", Some(&bearer)).await.1.ends_with("error=\"insufficient_scope\""));
    tokens.forget_tokens();
    assert!(ask("team/app", Some(&bearer)).await.1.ends_with("error=\"invalid_token\""));
}

#[tokio::test]
async fn two_challenges_come_in_one_header_or_in_two() {
    let tokens = TokenServer::start().await;
    for (fault, lines) in [
        (faults::two_challenges_in_one_header(&tokens, "team/app"), 1),
        (faults::two_challenges_in_two_headers(&tokens, "team/app"), 2),
    ] {
        let registry = Registry::start(Access::either(&Logins::default(), &tokens)).await;
        registry.add("team/app", "1.0", &images::simple("a"));
        registry.misbehave("team/app", fault);
        let headers = head(&registry).await.headers;
        let challenges: Vec<_> = headers.get_all("www-authenticate").iter().collect();
        assert_eq!(challenges.len(), lines);
        let url = format!("{}/v2/team/app/manifests/1.0", registry.url());
        let bearer = format!("Bearer {}", tokens.mint("alice", "team/app", &["pull"]));
        assert_eq!(get(&Http::plain(), &url, Some(&bearer)).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn lists_of_tags_can_be_long_empty_or_endless() {
    let (registry, _) = with(faults::endless_tag_pages()).await;
    let mut path = "/v2/team/app/tags/list".to_owned();
    for page in 0..3 {
        let answer = Http::plain().get(&format!("{}{path}", registry.url()), &[]).await.unwrap();
        assert_eq!(answer.json()["tags"][0], format!("t{page}"));
        let link = answer.header("link").unwrap();
        path = link[1..].split('>').next().unwrap().to_owned();
    }
    for (fault, count) in [(faults::many_tags(5000), 5000), (faults::no_tags(), 0)] {
        registry.heal("team/app");
        registry.misbehave("team/app", fault);
        let url = format!("{}/v2/team/app/tags/list", registry.url());
        let answer = Http::plain().get(&url, &[]).await.unwrap().json();
        assert_eq!(answer["tags"].as_array().unwrap().len(), count);
    }
}

#[tokio::test]
async fn over_tls_both_versions_of_http_are_spoken_and_broken() {
    let ca = Ca::mint();
    let registry = Registry::start_tls(Access::anonymous(), &ca.good()).await;
    let image = images::simple("good");
    registry.add("team/app", "1.0", &image);
    let url = format!("{}/v2/team/app/manifests/1.0", registry.url());
    for (http, version2) in [(Http::trusting(&ca), false), (Http::trusting_http2(&ca), true)] {
        let head = ask(&http, Method::HEAD, &url, None).await.unwrap();
        assert_eq!(head.header("content-length").unwrap(), image.top.bytes.len().to_string());
        assert_eq!(get(&http, &url, None).await.unwrap().body, image.top.bytes);
        assert_eq!(registry.log().all().last().unwrap().http2, version2);
        for fault in [faults::reset(), faults::garbage()] {
            registry.misbehave("team/app", fault);
            assert!(get(&http, &url, None).await.is_err());
            registry.heal("team/app");
        }
    }
}

#[tokio::test]
async fn a_mute_server_accepts_and_a_closed_port_refuses() {
    let silent = Registry::start_mute(Greeting::Silence).await;
    TcpStream::connect(silent.host()).await.unwrap();
    let rude = Registry::start_mute(Greeting::HangUp).await;
    assert!(try_ask(&rude, Method::HEAD).await.is_err());
    let port = ClosedPort::reserve();
    let refused = TcpStream::connect(port.host()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}
