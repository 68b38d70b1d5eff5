//! What one repository's way in tells of the next, and what it never does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rstest::rstest;

use super::fake::{Fake, Reply, Seen, answer, status};
use super::login::{ADA, ada, good_token};
use super::world::{app, assert_found, certificate, client, look_as, look_for, refusal};
use crate::credentials::Credential;
use crate::facts::{Outcome, RefusedAt, TroubleKind};
use crate::registry::RegistryClient;

/// The repository that is asked for something.
fn repository(seen: &Seen) -> &str {
    let rest = seen.path.strip_prefix("/v2/").unwrap_or_default();
    let end = rest.find("/manifests/").or_else(|| rest.find("/blobs/"));
    rest.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// The good image, whatever its repository is called.
fn image(seen: &Seen) -> Reply {
    let mut seen = seen.clone();
    seen.path = seen.path.replacen(repository(&seen), "app", 1);
    app(&seen)
}

/// 401 that names a token server.
fn challenge(seen: &Seen, realm: &str) -> Reply {
    let (realm, name) = (format!("https://{realm}/token"), repository(seen));
    let line =
        format!(r#"Bearer realm="{realm}",service="reg.test",scope="repository:{name}:pull""#);
    answer(401, &[("www-authenticate", &line)], "")
}

/// A registry whose every repository wants the token `good` of `auth.test`.
fn guarded(seen: &Seen) -> Reply {
    if seen.authorization.as_deref() == Some("Bearer good") {
        image(seen)
    } else {
        challenge(seen, "auth.test")
    }
}

struct World {
    registry: Fake,
    tokens: Fake,
    client: RegistryClient,
}

impl World {
    async fn new(
        registry: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
        tokens: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let registry = Fake::tls(certificate("reg.test"), registry).await;
        let tokens = Fake::tls(certificate("auth.test"), tokens).await;
        let client = client(&[("reg.test", &registry), ("auth.test", &tokens)]);
        Self { registry, tokens, client }
    }

    async fn look(&self, repository: &str) -> Outcome {
        look_as(&self.client, &format!("reg.test/{repository}:1"), Some(&ada())).await
    }

    /// How many requests for a repository came without any login.
    fn unasked(&self, name: &str) -> usize {
        let seen = self.registry.seen();
        let bare = seen.iter().filter(|seen| seen.authorization.is_none());
        bare.filter(|seen| repository(seen) == name).count()
    }
}

#[rstest]
#[case::anonymous(None)]
#[case::ada(Some(ada()))]
#[tokio::test]
async fn the_second_repository_of_a_host_is_not_asked_how_it_wants_to_be_asked(
    #[case] credential: Option<Credential>,
) {
    let world = World::new(guarded, |_| good_token()).await;
    for (repository, unasked) in [("app", 1), ("team/other", 0)] {
        let image = format!("reg.test/{repository}:1");
        assert_found(&look_as(&world.client, &image, credential.as_ref()).await);
        assert_eq!(world.unasked(repository), unasked, "{repository}");
    }
    assert_eq!(world.registry.lines().len(), 4 + 3);
    assert_eq!(world.tokens.lines().len(), 2, "a token is for one repository");
    assert!(world.tokens.lines()[1].contains("team%2Fother") || credential.is_some());
}

#[tokio::test]
async fn basic_goes_to_the_second_repository_of_a_host_at_once() {
    let basic = |seen: &Seen| match seen.authorization.as_deref() {
        Some(ADA) => image(seen),
        _ => answer(401, &[("www-authenticate", "Basic realm=\"x\"")], ""),
    };
    let world = World::new(basic, |_| status(404)).await;
    for (repository, unasked) in [("app", 1), ("other", 0)] {
        assert_found(&world.look(repository).await);
        assert_eq!(world.unasked(repository), unasked, "{repository}");
    }
}

#[tokio::test]
async fn a_hostile_repository_leads_no_other_namespace_and_no_other_credential_astray() {
    // On this host, whoever owns `evil` names a token server of their own.
    let shared = |seen: &Seen| match (repository(seen), seen.authorization.as_deref()) {
        (_, Some("Bearer good")) => image(seen),
        ("evil", _) => challenge(seen, "evil.test"),
        _ => challenge(seen, "auth.test"),
    };
    let registry = Fake::tls(certificate("reg.test"), shared).await;
    let tokens = Fake::tls(certificate("auth.test"), |_| good_token()).await;
    let evil = Fake::tls(certificate("evil.test"), |_| good_token()).await;
    let names = [("reg.test", &registry), ("auth.test", &tokens), ("evil.test", &evil)];
    let client = client(&names);

    assert_found(&look_for(&client, "trapped", "reg.test/evil:1", Some(&ada())).await);
    assert_found(&look_for(&client, "trapped", "reg.test/evil:1", None).await);
    let had = evil.lines().len();
    let bob = Credential::new("bob", "other");
    for (tenant, credential) in
        [("shop", Some(ada())), ("shop", None), ("trapped", Some(bob)), ("shop", Some(ada()))]
    {
        assert_found(&look_for(&client, tenant, "reg.test/good:1", credential.as_ref()).await);
        assert_eq!(evil.lines().len(), had, "{tenant} with {credential:?}");
    }
}

#[tokio::test]
async fn what_the_realm_refuses_may_be_had_without_a_login() {
    // `public` wants no login, and the token server gives no token for it.
    let open = |seen: &Seen| match repository(seen) {
        "public" | "free" if seen.authorization.is_none() => image(seen),
        _ => guarded(seen),
    };
    for code in [401, 403, 500] {
        let world =
            World::new(
                open,
                move |seen| {
                    if seen.body.contains("app") { good_token() } else { status(code) }
                },
            )
            .await;
        assert_found(&world.look("app").await);
        assert_found(&world.look("public").await);
        let logins = world.tokens.logins();
        assert_found(&world.look("free").await);
        assert_eq!(world.tokens.logins(), logins, "a guess that failed is the last: {code}");
        assert_found(&world.look("app").await);
    }
}

#[rstest]
#[case::hidden(404)]
#[case::denied(403)]
#[case::malformed(400)]
#[tokio::test]
async fn what_is_said_to_a_guess_is_no_proof(#[case] code: u16) {
    let open = move |seen: &Seen| match (repository(seen), seen.authorization.is_some()) {
        ("public", true) => status(code),
        ("public", false) => image(seen),
        _ => guarded(seen),
    };
    let world = World::new(open, |_| good_token()).await;
    assert_found(&world.look("app").await);
    assert_found(&world.look("public").await);
}

#[tokio::test]
async fn a_login_that_a_guess_was_refused_with_is_not_sent_twice() {
    let revoked = Arc::new(AtomicBool::new(false));
    let state = revoked.clone();
    let tokens =
        move |_: &Seen| if state.load(Ordering::SeqCst) { status(401) } else { good_token() };
    let world = World::new(guarded, tokens).await;
    assert_found(&world.look("app").await);
    revoked.store(true, Ordering::SeqCst);
    let logins = world.tokens.logins();
    assert_eq!(refusal(world.look("other").await).at, RefusedAt::Login);
    assert_eq!(world.tokens.logins(), logins + 1);
    assert_eq!(world.unasked("other"), 1, "the registry itself has asked for it");
    assert_eq!(refusal(world.look("third").await).at, RefusedAt::Login);
    assert_eq!(world.tokens.logins(), logins + 1, "it stands");
}

#[tokio::test]
async fn basic_that_a_guess_was_refused_with_is_not_sent_twice() {
    let revoked = Arc::new(AtomicBool::new(false));
    let state = revoked.clone();
    let basic = move |seen: &Seen| match seen.authorization.as_deref() {
        Some(ADA) if !state.load(Ordering::SeqCst) => image(seen),
        _ => answer(401, &[("www-authenticate", "Basic realm=\"x\"")], ""),
    };
    let world = World::new(basic, |_| status(404)).await;
    assert_found(&world.look("app").await);
    revoked.store(true, Ordering::SeqCst);
    let logins = world.registry.logins();
    assert_eq!(refusal(world.look("other").await).at, RefusedAt::Login);
    assert_eq!(world.registry.logins(), logins + 1);
}

#[tokio::test]
async fn a_host_that_wants_less_is_not_asked_for_more() {
    let limited = |seen: &Seen| match repository(seen) {
        "other" => status(429),
        _ => guarded(seen),
    };
    let world = World::new(limited, |_| good_token()).await;
    assert_found(&world.look("app").await);
    let asked = world.registry.lines().len();
    let Outcome::Trouble(trouble) = world.look("other").await else { panic!("no trouble") };
    assert_eq!(trouble.kind, TroubleKind::RateLimited);
    assert_eq!(world.registry.lines().len(), asked + 1);
}

#[tokio::test]
async fn repositories_that_name_different_realms_are_each_asked_themselves() {
    let various = |seen: &Seen| match (repository(seen), seen.authorization.as_deref()) {
        ("app", Some("Bearer good")) => image(seen),
        ("app", _) => challenge(seen, "auth.test"),
        (_, Some("Bearer better")) => image(seen),
        _ => challenge(seen, "second.test"),
    };
    let registry = Fake::tls(certificate("reg.test"), various).await;
    let first = Fake::tls(certificate("auth.test"), |_| good_token()).await;
    let second = Fake::tls(certificate("second.test"), |_| {
        answer(200, &[], r#"{"token":"better","access_token":"better"}"#)
    })
    .await;
    let names = [("reg.test", &registry), ("auth.test", &first), ("second.test", &second)];
    let client = client(&names);
    for repository in ["app", "one", "two"] {
        let image = format!("reg.test/{repository}:1");
        assert_found(&look_as(&client, &image, Some(&ada())).await);
    }
    assert_eq!(first.lines().len(), 2, "one guess, and no other");
    assert_eq!(second.lines().len(), 2);
}
