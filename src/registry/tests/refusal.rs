//! Every shape of a refusal, and how long it stands.

use futures_util::future::join_all;
use rstest::rstest;

use super::fake::{Fake, Reply, Seen, answer, status};
use super::login::{ada, good_token, guarded, with_tokens};
use super::world::{APP, app, assert_found, certificate, client, look, look_as, refusal, registry};
use crate::credentials::Credential;
use crate::facts::{Evidence, Refusal, RefusedAt, SpecCode};

fn denied(message: &str) -> String {
    format!(r#"{{"errors":[{{"code":"DENIED","message":"{message}"}}]}}"#)
}

fn evidence(status: u16, code: Option<SpecCode>, host: &str) -> Evidence {
    Evidence::new(status, code, host)
}

#[tokio::test]
async fn docker_hub_hands_out_a_token_and_then_refuses_the_repository() {
    const CHALLENGE: &str =
        r#"Bearer realm="https://auth.test/token",service="reg.test",error="insufficient_scope""#;
    let registry = Fake::tls(certificate("reg.test"), guarded(CHALLENGE, "never")).await;
    let tokens = Fake::tls(certificate("auth.test"), |_| good_token()).await;
    let client = client(&[("reg.test", &registry), ("auth.test", &tokens)]);
    let expected = Refusal {
        at: RefusedAt::Repository,
        evidence: evidence(401, Some(SpecCode::InsufficientScope), "reg.test"),
        expired: false,
        no_basic: false,
        incomplete_login: false,
    };
    assert_eq!(refusal(look(&client, "reg.test/app:1").await), expected);
    assert_eq!(refusal(look_as(&client, "reg.test/app:1", Some(&ada())).await), expected);
    assert_eq!(registry.lines().len(), 3, "two 401s end it, and the challenge is remembered");
}

#[rstest]
#[case::login(401, RefusedAt::Login)]
#[case::ghcr(403, RefusedAt::Token)]
#[tokio::test]
async fn a_token_server_refuses_credentials_and_strangers(
    #[case] code: u16,
    #[case] at: RefusedAt,
) {
    let (registry, tokens, client) = with_tokens(move |_| answer(code, &[], denied("no"))).await;
    for credential in [None, Some(ada())] {
        let refused = refusal(look_as(&client, "reg.test/app:1", credential.as_ref()).await);
        let evidence = evidence(code, Some(SpecCode::Denied), "auth.test");
        let (expired, no_basic, incomplete_login) = (false, false, false);
        assert_eq!(refused, Refusal { at, evidence, expired, no_basic, incomplete_login });
    }
    assert_eq!(registry.lines().len(), 1);
    // One anonymous GET; POST and GET where a 401 may only mean that the form is not taken.
    assert_eq!(tokens.lines().len(), if code == 401 { 3 } else { 2 });
}

#[tokio::test]
async fn a_refused_login_is_not_sent_again_for_any_repository() {
    let (registry, tokens, client) = with_tokens(|_| status(401)).await;
    let first = refusal(look_as(&client, "reg.test/app:1", Some(&ada())).await);
    let (asked, logins) = (registry.lines().len(), tokens.logins());
    assert_eq!(refusal(look_as(&client, "reg.test/app:1", Some(&ada())).await), first);
    assert_eq!(registry.lines().len(), asked, "answered without any request");
    assert_eq!(refusal(look_as(&client, "reg.test/other:1", Some(&ada())).await), first);
    assert_eq!(tokens.logins(), logins, "no further login");
    // Another credential has its own standing.
    look_as(&client, "reg.test/app:1", Some(&Credential::new("ada", "new"))).await;
    assert!(tokens.logins() > logins);
}

#[tokio::test]
async fn a_403_at_the_token_server_stands_for_its_repository_only() {
    let (registry, tokens, client) = with_tokens(|seen| {
        if seen.body.contains("repository%3Aapp%3A") { status(403) } else { good_token() }
    })
    .await;
    assert_eq!(
        refusal(look_as(&client, "reg.test/app:1", Some(&ada())).await).at,
        RefusedAt::Token
    );
    look_as(&client, "reg.test/other:1", Some(&ada())).await;
    assert_eq!(tokens.logins(), 2);
    let asked = registry.lines().len();
    refusal(look_as(&client, "reg.test/app:1", Some(&ada())).await);
    assert_eq!((registry.lines().len(), tokens.logins()), (asked, 2), "without any request");
}

#[tokio::test]
async fn basic_that_is_refused_is_sent_once() {
    let (fake, client) = registry(guarded(r#"Basic realm="x""#, "never")).await;
    let refused = refusal(look_as(&client, "reg.test/app:1", Some(&ada())).await);
    assert_eq!((refused.at, refused.no_basic), (RefusedAt::Login, false));
    assert_eq!(fake.lines(), [format!("HEAD {APP}"), format!("HEAD {APP}")]);
    assert_eq!(refusal(look_as(&client, "reg.test/other:1", Some(&ada())).await), refused);
    assert_eq!(fake.logins(), 1);
}

#[rstest]
#[case::nobody(None, RefusedAt::Repository)]
#[case::no_user_name(Some(Credential::new("", "secret")), RefusedAt::Repository)]
#[case::no_password(Some(Credential::new("ada", "")), RefusedAt::Login)]
#[tokio::test]
async fn basic_without_a_whole_credential_is_not_even_tried(
    #[case] credential: Option<Credential>,
    #[case] at: RefusedAt,
) {
    let (fake, client) = registry(guarded(r#"Basic realm="x""#, "never")).await;
    let refused = refusal(look_as(&client, "reg.test/app:1", credential.as_ref()).await);
    assert_eq!((refused.at, refused.no_basic), (at, true));
    assert_eq!(refused.incomplete_login, at == RefusedAt::Login);
    assert_eq!(fake.lines().len(), 1);
}

#[tokio::test]
async fn a_refusal_says_that_a_login_without_a_password_was_not_sent_and_is_not_remembered() {
    let guid = Credential::new("00000000-0000-0000-0000-000000000000", "");
    let challenge = r#"Bearer realm="https://auth.test/token",error="insufficient_scope""#;
    for token in [403, 200] {
        let registry = Fake::tls(certificate("reg.test"), guarded(challenge, "never")).await;
        let tokens = Fake::tls(certificate("auth.test"), move |_| match token {
            200 => good_token(),
            _ => status(token),
        })
        .await;
        let client = client(&[("reg.test", &registry), ("auth.test", &tokens)]);
        let refused = refusal(look_as(&client, "reg.test/app:1", Some(&guid)).await);
        assert!(refused.incomplete_login, "{refused:?}");
        let before = tokens.lines().len() + registry.lines().len();
        refusal(look_as(&client, "reg.test/app:1", Some(&guid)).await);
        assert!(tokens.lines().len() + registry.lines().len() > before, "asked anew");
        assert!(!refusal(look(&client, "reg.test/app:1").await).incomplete_login);
        assert!(!refusal(look_as(&client, "reg.test/app:1", Some(&ada())).await).incomplete_login);
        assert_eq!(registry.logins(), 0);
    }
}

#[tokio::test]
async fn who_shares_a_refused_token_request_is_told_of_their_own_login() {
    let (registry, tokens, client) = with_tokens(|_| status(403)).await;
    let guid = Credential::new("00000000-0000-0000-0000-000000000000", "");
    let outcomes = join_all((0..6).map(|index| {
        let incomplete = (index % 2 == 0).then_some(&guid);
        look_as(&client, "reg.test/app:1", incomplete)
    }))
    .await;
    for (index, outcome) in outcomes.into_iter().enumerate() {
        assert_eq!(refusal(outcome).incomplete_login, index % 2 == 0, "{index}");
    }
    assert_eq!((registry.logins(), tokens.logins()), (0, 0));
}

/// ECR: Basic, and a 403 whose body says more than its status.
fn ecr(message: &'static str) -> impl Fn(&Seen) -> Reply {
    move |seen| match (&seen.authorization, seen.method.as_str()) {
        (None, _) => answer(401, &[("www-authenticate", r#"Basic realm="x""#)], ""),
        (Some(_), "HEAD") => status(403),
        (Some(_), _) => answer(403, &[], denied(message)),
    }
}

#[tokio::test]
async fn an_expired_credential_is_told_by_a_get_after_the_403() {
    let (fake, client) = registry(ecr("Your authorization token has expired.")).await;
    let refused = refusal(look_as(&client, "reg.test/app:1", Some(&ada())).await);
    assert_eq!(refused.at, RefusedAt::Repository);
    assert!(refused.expired);
    assert_eq!(refused.evidence, evidence(403, Some(SpecCode::Denied), "reg.test"));
    assert_eq!(fake.logins(), 2);
    // It is the credential that expired: the other images of the pod need no request with it.
    assert!(refusal(look_as(&client, "reg.test/other:1", Some(&ada())).await).expired);
    assert_eq!(fake.logins(), 2);
}

#[tokio::test]
async fn a_403_without_more_words_is_about_the_repository() {
    let (_fake, client) = registry(ecr("no rights")).await;
    let refused = refusal(look_as(&client, "reg.test/app:1", Some(&ada())).await);
    assert_eq!((refused.at, refused.expired), (RefusedAt::Repository, false));
}

#[tokio::test]
async fn a_403_to_a_stranger_is_not_asked_about_further() {
    let (fake, client) = registry(|_| answer(403, &[], denied("your trial expired"))).await;
    let refused = refusal(look(&client, "reg.test/app:1").await);
    assert_eq!((refused.at, refused.expired), (RefusedAt::Repository, false));
    assert_eq!(fake.lines().len(), 1);
}

#[tokio::test]
async fn an_accepted_login_is_not_charged_for_repositories_it_has_no_right_to() {
    let (_registry, _tokens, client) = with_tokens(|seen| {
        if seen.body.contains("repository%3Aother") { status(403) } else { good_token() }
    })
    .await;
    assert_found(&look_as(&client, "reg.test/app:1", Some(&ada())).await);
    for index in 0..5 {
        let outcome = look_as(&client, &format!("reg.test/other{index}:1"), Some(&ada())).await;
        assert_eq!(refusal(outcome).at, RefusedAt::Token);
    }
}

#[tokio::test]
async fn a_401_for_one_repository_does_not_speak_for_a_login_that_was_accepted() {
    let (_fake, client) = registry(|seen| {
        let good = guarded(r#"Basic realm="x""#, "Basic YWRhOnNlY3JldA==");
        if seen.path.starts_with("/v2/other/") {
            answer(401, &[("www-authenticate", r#"Basic realm="x""#)], "")
        } else {
            good(seen)
        }
    })
    .await;
    assert_found(&look_as(&client, "reg.test/app:1", Some(&ada())).await);
    refusal(look_as(&client, "reg.test/other:1", Some(&ada())).await);
    assert_found(&look_as(&client, "reg.test/app:1", Some(&ada())).await);
}

#[tokio::test]
async fn harbor_takes_the_token_and_then_asks_for_basic() {
    let harbor = |seen: &Seen| {
        let challenge = match &seen.authorization {
            None => r#"Bearer realm="https://auth.test/token",service="harbor""#,
            Some(_) => r#"Basic realm="harbor""#,
        };
        answer(401, &[("www-authenticate", challenge)], "")
    };
    let registry = Fake::tls(certificate("reg.test"), harbor).await;
    let tokens = Fake::tls(certificate("auth.test"), |_| good_token()).await;
    let client = client(&[("reg.test", &registry), ("auth.test", &tokens)]);
    // The second round starts from the remembered challenge and the kept token.
    for _ in 0..2 {
        let refused = refusal(look(&client, "reg.test/app:1").await);
        assert_eq!((refused.at, refused.no_basic), (RefusedAt::Repository, true));
        let refused = refusal(look_as(&client, "reg.test/app:1", Some(&ada())).await);
        assert_eq!((refused.at, refused.no_basic), (RefusedAt::Repository, false));
    }
    assert_eq!(registry.logins(), 0);
}

#[rstest]
#[case::none(&[])]
#[case::empty(&[("www-authenticate", "")])]
#[case::foreign(&[("www-authenticate", "Negotiate")])]
#[case::malformed(&[("www-authenticate", "Bearer realm=\"\u{fffd}")])]
#[tokio::test]
async fn a_401_that_asks_for_nothing_we_have_is_the_repositorys(
    #[case] headers: &'static [(&'static str, &'static str)],
) {
    let (fake, client) = registry(move |_| answer(401, headers, "")).await;
    for credential in [None, Some(ada())] {
        let refused = refusal(look_as(&client, "reg.test/app:1", credential.as_ref()).await);
        assert_eq!(refused.at, RefusedAt::Repository);
        assert_eq!(refused.evidence, evidence(401, None, "reg.test"));
    }
    assert_eq!(fake.logins(), 0);
}

#[tokio::test]
async fn ecr_publics_400_to_a_kept_token_gets_a_fresh_one() {
    let issued = std::sync::atomic::AtomicUsize::new(0);
    let tokens = Fake::tls(certificate("auth.test"), move |_| {
        let number = issued.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        answer(200, &[], format!(r#"{{"token":"token-{number}"}}"#))
    })
    .await;
    let valid = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let now_valid = valid.clone();
    let registry = Fake::tls(certificate("reg.test"), move |seen| {
        let wanted = format!("Bearer token-{}", valid.load(std::sync::atomic::Ordering::SeqCst));
        match &seen.authorization {
            Some(sent) if *sent == wanted => app(seen),
            Some(_) => status(400),
            None => {
                let realm = r#"Bearer realm="https://auth.test/token""#;
                answer(401, &[("www-authenticate", realm)], "")
            }
        }
    })
    .await;
    let client = client(&[("reg.test", &registry), ("auth.test", &tokens)]);
    assert_found(&look(&client, "reg.test/app:1").await);
    now_valid.store(1, std::sync::atomic::Ordering::SeqCst);
    assert_found(&look(&client, "reg.test/app:1").await);
    assert_eq!(tokens.lines().len(), 2);
}
