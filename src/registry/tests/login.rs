//! Logging in: what is asked, in which order, and what goes where.

use std::sync::atomic::{AtomicUsize, Ordering};

use rstest::rstest;

use super::fake::{Fake, Reply, Seen, answer, status};
use super::world::{
    APP, OCI, app, assert_found, certificate, client, look, look_as, look_for, manifest, refusal,
    registry, trouble,
};
use crate::credentials::Credential;
use crate::facts::{Outcome, RefusedAt, TroubleKind, Unchecked};
use crate::image::{Algorithm, Digest};
use crate::registry::RegistryClient;

/// `Bearer` at `https://auth.test/token`, for the repository `app`.
const BEARER: &str =
    r#"Bearer realm="https://auth.test/token",service="reg.test",scope="repository:app:pull""#;

/// base64 of `ada:secret`.
pub(super) const ADA: &str = "Basic YWRhOnNlY3JldA==";

pub(super) fn ada() -> Credential {
    Credential::new("ada", "secret")
}

/// A registry that wants this `Authorization`, and else challenges like this.
pub(super) fn guarded(
    challenge: &'static str,
    wanted: &'static str,
) -> impl Fn(&Seen) -> Reply + Send + Sync {
    move |seen| {
        if seen.authorization.as_deref() == Some(wanted) {
            app(seen)
        } else {
            answer(401, &[("www-authenticate", challenge)], "")
        }
    }
}

/// A registry under `reg.test` that takes the token `good`, and a token server under `auth.test`.
pub(super) async fn with_tokens(
    tokens: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> (Fake, Fake, RegistryClient) {
    let registry = Fake::tls(certificate("reg.test"), guarded(BEARER, "Bearer good")).await;
    let tokens = Fake::tls(certificate("auth.test"), tokens).await;
    let client = client(&[("reg.test", &registry), ("auth.test", &tokens)]);
    (registry, tokens, client)
}

pub(super) fn good_token() -> Reply {
    answer(200, &[], r#"{"token":"good","access_token":"good"}"#)
}

fn methods(fake: &Fake) -> Vec<String> {
    fake.seen().into_iter().map(|seen| seen.method).collect()
}

#[tokio::test]
async fn an_anonymous_token_is_got_by_get_with_service_and_scope() {
    let (registry, tokens, client) = with_tokens(|_| good_token()).await;
    assert_found(&look(&client, "reg.test/app:1").await);
    let ask = "GET /token?service=reg.test&scope=repository%3Aapp%3Apull";
    assert_eq!(tokens.lines(), [ask]);
    assert_eq!(tokens.seen()[0].authorization, None);
    let lines = registry.lines();
    assert_eq!(lines[..2], [format!("HEAD {APP}"), format!("HEAD {APP}")]);
    assert_eq!(lines.len(), 4);
}

#[tokio::test]
async fn a_credential_goes_nowhere_before_a_challenge_and_then_only_to_the_realm() {
    let (registry, tokens, client) = with_tokens(|_| good_token()).await;
    assert_found(&look_as(&client, "reg.test/app:1", Some(&ada())).await);
    assert_eq!(registry.logins(), 0);
    assert_eq!(registry.seen()[0].authorization, None);
    let asked = tokens.seen();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].is("POST", "/token"));
    assert_eq!(asked[0].authorization, None);
    assert_eq!(
        asked[0].body,
        "grant_type=password&client_id=containerd-client&username=ada&password=secret\
         &scope=repository%3Aapp%3Apull&service=reg.test"
    );
}

#[rstest]
#[case(401)]
#[case(404)]
#[case(400)]
#[case(405)]
#[tokio::test]
async fn a_realm_that_does_not_take_the_form_is_asked_by_get_and_remembered(#[case] code: u16) {
    let (_registry, tokens, client) = with_tokens(move |seen| match seen.method.as_str() {
        "GET" if seen.authorization.as_deref() == Some(ADA) => good_token(),
        _ => status(code),
    })
    .await;
    assert_found(&look_as(&client, "reg.test/app:1", Some(&ada())).await);
    assert_eq!(methods(&tokens), ["POST", "GET"]);
    // Another repository is another token, at a realm that is known by now.
    look_for(&client, "elsewhere", "reg.test/other:1", Some(&ada())).await;
    assert_eq!(methods(&tokens), ["POST", "GET", "GET"]);
}

#[tokio::test]
async fn a_login_that_was_taken_by_the_form_is_not_tried_by_get_when_it_is_refused() {
    let asked = AtomicUsize::new(0);
    let (_registry, tokens, client) = with_tokens(move |_| {
        if asked.fetch_add(1, Ordering::SeqCst) == 0 { good_token() } else { status(401) }
    })
    .await;
    assert_found(&look_as(&client, "reg.test/app:1", Some(&ada())).await);
    let refused = refusal(look_as(&client, "reg.test/other:1", Some(&ada())).await);
    assert_eq!(refused.at, RefusedAt::Login);
    assert_eq!(methods(&tokens), ["POST", "POST"]);
}

#[rstest]
#[case::refused(401)]
#[case::malformed(400)]
#[tokio::test]
async fn the_way_that_took_one_login_decides_nothing_for_another(#[case] code: u16) {
    // A realm that takes ada by the form and bob by GET only.
    let bob = Credential::new("bob", "secret");
    let taken = |seen: &Seen, name: &str, method: &str| {
        let login = format!("username={name}");
        let basic = seen.authorization.as_deref() == Some("Basic Ym9iOnNlY3JldA==");
        seen.method == method && (seen.body.contains(&login) || basic)
    };
    for ada_first in [true, false] {
        let (_registry, tokens, client) = with_tokens(move |seen| {
            let good = taken(seen, "ada", "POST") || taken(seen, "bob", "GET");
            if good { good_token() } else { status(code) }
        })
        .await;
        let (ada, bob) = (ada(), bob.clone());
        let order = if ada_first { [&ada, &bob] } else { [&bob, &ada] };
        for login in order {
            assert_found(&look_as(&client, "reg.test/app:1", Some(login)).await);
        }
        assert_eq!(tokens.lines().len(), 3);
    }
}

#[rstest]
#[case(404)]
#[case(405)]
#[tokio::test]
async fn a_realm_that_knows_no_form_is_known_for_every_login(#[case] code: u16) {
    let (_registry, tokens, client) = with_tokens(move |seen| match seen.method.as_str() {
        "GET" => good_token(),
        _ => status(code),
    })
    .await;
    let bob = Credential::new("bob", "secret");
    for login in [ada(), bob] {
        assert_found(&look_as(&client, "reg.test/app:1", Some(&login)).await);
    }
    assert_eq!(methods(&tokens), ["POST", "GET", "GET"]);
}

#[tokio::test]
async fn a_post_that_answers_without_an_access_token_is_final() {
    let (_registry, tokens, client) =
        with_tokens(|_| answer(200, &[], r#"{"token":"good"}"#)).await;
    let trouble = trouble(look_as(&client, "reg.test/app:1", Some(&ada())).await);
    assert_eq!(trouble.kind, TroubleKind::Error);
    assert_eq!(trouble.detail, "the token server's answer holds no token");
    assert_eq!(tokens.lines().len(), 1);
}

#[rstest]
#[case::newline(r#"{"token":"go\nod"}"#)]
#[case::html("<html>log in</html>")]
#[case::empty("")]
#[case::wrong_type(r#"{"token":"good","expires_in":"soon"}"#)]
#[case::long(format!(r#"{{"token":"{}"}}"#, "g".repeat(17_000)).leak())]
#[tokio::test]
async fn an_answer_without_a_usable_token_is_our_trouble(#[case] body: &'static str) {
    let (_registry, _tokens, client) = with_tokens(move |_| answer(200, &[], body)).await;
    let trouble = trouble(look(&client, "reg.test/app:1").await);
    assert_eq!((trouble.kind, trouble.host.as_str()), (TroubleKind::Error, "auth.test"));
}

#[tokio::test]
async fn a_token_server_that_is_broken_or_limits_us_is_our_trouble() {
    for (code, kind) in [(500, TroubleKind::Error), (429, TroubleKind::RateLimited)] {
        let (_registry, _tokens, client) = with_tokens(move |_| status(code)).await;
        for credential in [None, Some(ada())] {
            let outcome = look_as(&client, "reg.test/app:1", credential.as_ref()).await;
            let trouble = trouble(outcome);
            assert_eq!((trouble.kind, trouble.host.as_str()), (kind, "auth.test"));
        }
    }
}

#[tokio::test]
async fn basic_is_sent_to_the_registry_that_asks_for_it_and_remembered() {
    let (fake, client) = registry(guarded(r#"Basic realm="x""#, ADA)).await;
    assert_found(&look_as(&client, "reg.test/app:1", Some(&ada())).await);
    assert_eq!(fake.seen()[0].authorization, None);
    assert_eq!(fake.logins(), 3);
    assert_found(&look_as(&client, "reg.test/app:1", Some(&ada())).await);
    assert_eq!(fake.lines().len(), 5, "the second lookup is not challenged again");
}

#[tokio::test]
async fn bearer_is_preferred_over_basic() {
    let both = r#"Basic realm="x", Bearer realm="https://auth.test/token",service="reg.test""#;
    let registry = Fake::tls(certificate("reg.test"), guarded(both, "Bearer good")).await;
    let tokens = Fake::tls(certificate("auth.test"), |_| good_token()).await;
    let client = client(&[("reg.test", &registry), ("auth.test", &tokens)]);
    assert_found(&look_as(&client, "reg.test/app:1", Some(&ada())).await);
    assert_eq!(registry.logins(), 0);
}

#[tokio::test]
async fn the_scopes_of_the_challenge_are_added_sorted_and_once() {
    let challenge =
        r#"Bearer realm="https://auth.test/token?a=b",scope="z:y:x repository:app:pull""#;
    let registry = Fake::tls(certificate("reg.test"), guarded(challenge, "Bearer good")).await;
    let tokens = Fake::tls(certificate("auth.test"), |_| good_token()).await;
    let client = client(&[("reg.test", &registry), ("auth.test", &tokens)]);
    assert_found(&look(&client, "reg.test/app:1").await);
    let ask = "GET /token?a=b&scope=repository%3Aapp%3Apull&scope=z%3Ay%3Ax";
    assert_eq!(tokens.lines(), [ask]);
}

#[tokio::test]
async fn a_user_name_without_a_password_asks_for_a_token_anonymously() {
    let (_registry, tokens, client) = with_tokens(|_| good_token()).await;
    let guid = Credential::new("00000000-0000-0000-0000-000000000000", "");
    assert_found(&look_as(&client, "reg.test/app:1", Some(&guid)).await);
    assert_eq!((tokens.logins(), tokens.seen()[0].method.as_str()), (0, "GET"));
}

#[tokio::test]
async fn a_plain_http_realm_gets_no_credential_from_an_https_registry() {
    let plain = r#"Bearer realm="http://auth.test/token",service="x""#;
    let registry = Fake::tls(certificate("reg.test"), guarded(plain, "Bearer good")).await;
    let tokens = Fake::plain(|_| good_token()).await;
    let client = client(&[("reg.test", &registry), ("auth.test", &tokens)]);
    for credential in [None, Some(ada())] {
        let outcome = look_as(&client, "reg.test/app:1", credential.as_ref()).await;
        let what = "its token realm is plain http".to_owned();
        let declined = Unchecked::Declined { host: "reg.test".to_owned(), what };
        assert_eq!(outcome, Outcome::NotChecked(declined));
    }
    assert!(tokens.lines().is_empty());
}

#[rstest]
#[case::missing(r#"Bearer service="x""#)]
#[case::words(r#"Bearer realm="Registry Realm""#)]
#[tokio::test]
async fn a_realm_that_is_no_address_is_our_trouble(#[case] challenge: &'static str) {
    let (_fake, client) = registry(guarded(challenge, "never")).await;
    assert_eq!(trouble(look(&client, "reg.test/app:1").await).kind, TroubleKind::Error);
}

#[rstest]
#[case::service(format!(r#"service="{}""#, "s".repeat(3_000)))]
#[case::scope(format!(r#"scope="{}""#, "s".repeat(3_000)))]
#[case::scopes(format!(r#"scope="{}""#, "repository:app:pull ".repeat(300)))]
#[tokio::test]
async fn a_challenge_of_many_kilobytes_is_our_trouble_and_goes_nowhere(#[case] long: String) {
    let challenge = format!(r#"Bearer realm="https://auth.test/token",{long}"#).leak();
    let registry = Fake::tls(certificate("reg.test"), guarded(challenge, "Bearer good")).await;
    let tokens = Fake::tls(certificate("auth.test"), |_| good_token()).await;
    let client = client(&[("reg.test", &registry), ("auth.test", &tokens)]);
    let trouble = trouble(look(&client, "reg.test/app:1").await);
    let expected = (TroubleKind::Error, "its challenge is too long");
    assert_eq!((trouble.kind, trouble.detail.as_str()), expected);
    assert!(tokens.lines().is_empty());
}

#[tokio::test]
async fn a_token_server_that_redirects_gets_no_credential_and_leads_to_none() {
    let (_registry, tokens, client) = with_tokens(|seen| match seen.path.as_str() {
        "/elsewhere" => good_token(),
        _ => answer(307, &[("location", "/elsewhere")], ""),
    })
    .await;
    let outcome = look_as(&client, "reg.test/app:1", Some(&ada())).await;
    assert!(matches!(outcome, Outcome::NotChecked(Unchecked::Declined { .. })), "{outcome:?}");
    assert_eq!(tokens.lines(), ["POST /token"]);
    assert_found(&look(&client, "reg.test/app:1").await);
}

#[tokio::test]
async fn a_kept_token_that_is_refused_is_replaced_once() {
    let issued = AtomicUsize::new(0);
    let valid = std::sync::Arc::new(std::sync::Mutex::new("Bearer token-0".to_owned()));
    let now_valid = valid.clone();
    let tokens = Fake::tls(certificate("auth.test"), move |_| {
        let number = issued.fetch_add(1, Ordering::SeqCst);
        answer(200, &[], format!(r#"{{"token":"token-{number}"}}"#))
    })
    .await;
    let registry = Fake::tls(certificate("reg.test"), move |seen| {
        if seen.authorization.as_ref() == Some(&*valid.lock().unwrap()) {
            app(seen)
        } else {
            answer(401, &[("www-authenticate", BEARER)], "")
        }
    })
    .await;
    let client = client(&[("reg.test", &registry), ("auth.test", &tokens)]);
    assert_found(&look(&client, "reg.test/app:1").await);
    *now_valid.lock().unwrap() = "Bearer token-1".to_owned();
    assert_found(&look(&client, "reg.test/app:1").await);
    assert_eq!(tokens.lines().len(), 2);
    // Under another spelling of the host the challenge is not remembered, the token still is.
    *now_valid.lock().unwrap() = "Bearer token-2".to_owned();
    assert_found(&look(&client, "reg.test:443/app:1").await);
    assert_eq!(tokens.lines().len(), 3);
    *now_valid.lock().unwrap() = "Bearer never".to_owned();
    assert_eq!(refusal(look(&client, "reg.test/app:1").await).at, RefusedAt::Repository);
    assert_eq!(tokens.lines().len(), 4);
}

/// A registry that shows manifests and blobs to anybody, and asks for a login where no node asks
/// anything.
fn guarded_asides(challenge: &'static str) -> impl Fn(&Seen) -> Reply + Send + Sync {
    move |seen| {
        let aside = seen.path.contains("/tags/")
            || (seen.method == "HEAD" && seen.path.contains("/blobs/"));
        // Whoever comes with a login that is wrong is refused everywhere.
        if aside || seen.authorization.is_some() {
            answer(401, &[("www-authenticate", challenge)], "")
        } else if seen.path.contains(&layer().to_string()) {
            answer(
                200,
                &[("content-length", "5")],
                if seen.method == "HEAD" { "" } else { "layer" },
            )
        } else if seen.path.contains("/manifests/layered") {
            let length = layered().len().to_string();
            let headers = [("content-type", OCI), ("content-length", length.as_str())];
            answer(200, &headers, if seen.method == "HEAD" { String::new() } else { layered() })
        } else {
            app(seen)
        }
    }
}

fn layer() -> Digest {
    Digest::of(Algorithm::Sha256, b"layer")
}

/// The good image's manifest with one layer.
fn layered() -> String {
    let layer = layer();
    let media_type = "application/vnd.oci.image.layer.v1.tar";
    let layers =
        format!(r#""layers":[{{"mediaType":"{media_type}","digest":"{layer}","size":5}}]"#);
    String::from_utf8_lossy(manifest()).replace(r#""layers":[]"#, &layers)
}

#[rstest]
#[case::basic(r#"Basic realm="x""#)]
#[case::bearer(r#"Bearer realm="https://auth.test/token",service="reg.test""#)]
#[tokio::test]
async fn a_login_that_no_node_is_asked_for_is_nobodys(#[case] challenge: &'static str) {
    let registry = Fake::tls(certificate("reg.test"), guarded_asides(challenge)).await;
    let tokens = Fake::tls(certificate("auth.test"), |seen| {
        if seen.has_password() { status(401) } else { good_token() }
    })
    .await;
    let client = client(&[("reg.test", &registry), ("auth.test", &tokens)]);
    // One looks for a tag that is not there, and so reads the list of tags.
    for login in [None, Some(ada())] {
        let outcome = look_for(&client, "one", "reg.test/app:none", login.as_ref()).await;
        assert!(matches!(outcome, Outcome::Absent(_)), "{outcome:?}");
    }
    // Another has a stale secret, and a node that is never asked for it.
    let stale = Credential::new("bob", "stale");
    for _ in 0..2 {
        let image = "reg.test/app:layered";
        assert_found(&look_for(&client, "two", image, Some(&stale)).await);
        assert_found(&look_for(&client, "two", "reg.test/app:1", Some(&stale)).await);
        let outcome = look_for(&client, "two", "reg.test/app:none", Some(&stale)).await;
        assert!(matches!(outcome, Outcome::Absent(_)), "{outcome:?}");
    }
    let blob = format!("HEAD /v2/app/blobs/{}", layer());
    assert!(registry.lines().contains(&blob), "{:?}", registry.lines());
}
