//! What token servers and registries say of a login, in pullcheck's words.

use crate::support::api_server::{ApiServer, Entry};
use crate::support::images;
use crate::support::misbehaving::{Access, Answer, Logins, Registry, faults};
use crate::support::real_registry::{self, Flavour, MISSING, PASSWORD, RealRegistry, USER};
use crate::support::reviews::{POD, Review, pod_spec, pod_spec_with_secrets};
use crate::support::secrets;
use crate::support::skip;
use crate::support::token_server::{Mood, Post, TokenServer};
use crate::support::webhook::{Launch, Reviewed, Webhook};

const REPOSITORY: &str = "team/app";

/// `serve` in mode `enforce`, and a Secret `shop/regcred` for one host.
struct Scene {
    webhook: Webhook,
    _api: ApiServer,
}

impl Scene {
    async fn with(host: &str, user: &str, password: &str) -> Self {
        let api = ApiServer::start(&["shop"]).await;
        api.put_pull_secret("shop", "regcred", &[Entry { host, user, password }]);
        let webhook = Launch::beside(&api).mode("enforce").start().await;
        Self { webhook, _api: api }
    }

    async fn pull(&self, image: &str) -> Reviewed {
        let spec = pod_spec_with_secrets(image, &["regcred"]);
        self.webhook.review(&Review::create(&POD, &POD.object("shop", "web", spec))).await
    }

    async fn pull_without(&self, image: &str) -> Reviewed {
        self.webhook
            .review(&Review::create(&POD, &POD.object("shop", "web", pod_spec(image))))
            .await
    }
}

#[track_caller]
fn quiet(answer: &Reviewed) {
    assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
}

#[track_caller]
fn denied(answer: &Reviewed, code: &str, words: &str) {
    assert_eq!(answer.denied_codes(), [code], "{:#}", answer.json);
    assert!(answer.message().contains(words), "no {words:?} in {}", answer.message());
}

#[tokio::test]
async fn a_token_server_in_any_mood_is_called_what_it_is() {
    let moods: [(Mood, &str, &str); 9] = [
        (
            Mood::Refuses(401),
            "credential-rejected",
            "the login in Secret shop/regcred was refused (401",
        ),
        (Mood::Refuses(403), "credential-rejected", "or it may not pull there (403 DENIED"),
        (Mood::Refuses(500), "registry-error", "500"),
        (Mood::TooMany(None), "registry-rate-limited", "429"),
        (Mood::TooMany(Some("7")), "registry-rate-limited", "429"),
        (Mood::NewlineInToken, "registry-error", "cannot be sent"),
        (Mood::NoToken, "registry-error", "no token"),
        (Mood::BadJson, "registry-error", "cannot be read"),
        (Mood::ExpiresInString, "registry-error", "cannot be read"),
    ];
    for (mood, code, words) in moods {
        let tokens = TokenServer::start().await;
        let password = tokens.add_user("alice", &[REPOSITORY]);
        let registry = Registry::start(Access::bearer(&tokens)).await;
        let image = registry.add(REPOSITORY, "1.0", &images::simple("moods"));
        tokens.mood(mood);
        let scene = Scene::with(&registry.host(), "alice", &password).await;
        let answer = scene.pull(&image).await;
        if code.starts_with("registry-") {
            assert!(answer.allowed(), "{:#}", answer.json);
            assert_eq!(answer.warned_codes(), [code], "{:#}", answer.json);
            let warning = &answer.warnings()[0];
            assert!(warning.contains(words), "no {words:?} in {warning}");
            assert!(warning.contains(&tokens.host()), "who said so: {warning}");
        } else {
            denied(&answer, code, words);
            assert!(answer.message().contains(&tokens.host()), "{}", answer.message());
        }
    }
}

#[tokio::test]
async fn a_token_server_that_knows_only_get_is_no_obstacle() {
    for post in
        [Post::Works, Post::Unsupported(404), Post::Unsupported(405), Post::Unsupported(401)]
    {
        let tokens = TokenServer::start().await;
        tokens.post(post);
        let password = tokens.add_user("alice", &[REPOSITORY]);
        let registry = Registry::start(Access::bearer(&tokens)).await;
        let image = registry.add(REPOSITORY, "1.0", &images::simple("get only"));
        let scene = Scene::with(&registry.host(), "alice", &password).await;
        quiet(&scene.pull(&image).await);
        denied(&scene.pull_without(&image).await, "access-denied", "private or absent (401");
    }
}

#[tokio::test]
async fn who_may_log_in_and_not_pull_is_told_so() {
    let tokens = TokenServer::start().await;
    let password = tokens.add_user("alice", &["team/other"]);
    let registry = Registry::start(Access::bearer(&tokens)).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("no right"));
    let scene = Scene::with(&registry.host(), "alice", &password).await;
    let words = "Secret shop/regcred may log in but not pull the repository";
    denied(&scene.pull(&image).await, "access-denied", words);

    let logins = Logins::default();
    let password = logins.add("alice", &["team/other"]);
    let registry = Registry::start(Access::basic(&logins)).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("no right"));
    let scene = Scene::with(&registry.host(), "alice", &password).await;
    denied(&scene.pull(&image).await, "access-denied", words);
}

/// Like GHCR and GitLab: a token server that refuses instead of issuing less.
#[tokio::test]
async fn a_strict_token_server_leaves_open_which_it_is() {
    let tokens = TokenServer::start().await;
    tokens.refuse_with(403);
    let password = tokens.add_user("alice", &["team/other"]);
    let registry = Registry::start(Access::bearer(&tokens)).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("strict"));
    let scene = Scene::with(&registry.host(), "alice", &password).await;
    denied(&scene.pull(&image).await, "credential-rejected", "or it may not pull there (403");
    denied(&scene.pull_without(&image).await, "access-denied", "private or absent (403");
}

#[tokio::test]
async fn a_wrong_password_breaks_a_public_image_too() {
    let tokens = TokenServer::start().await;
    tokens.add_user("alice", &["*"]);
    tokens.publish(REPOSITORY);
    let registry = Registry::start(Access::bearer(&tokens)).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("public"));
    let scene = Scene::with(&registry.host(), "alice", &secrets::fresh()).await;
    quiet(&scene.pull_without(&image).await);
    denied(&scene.pull(&image).await, "credential-rejected", "or drop it if the image is public");
}

#[tokio::test]
async fn ecrs_word_for_an_expired_token_is_understood() {
    let logins = Logins::default();
    let password = logins.add("AWS", &["*"]);
    let registry = Registry::start(Access::basic(&logins)).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("ecr"));
    registry.misbehave(REPOSITORY, faults::ecr_expired());
    let scene = Scene::with(&registry.host(), "AWS", &password).await;
    let words = "the login in Secret shop/regcred has expired (403 DENIED)";
    denied(&scene.pull(&image).await, "credential-expired", words);
    // Of the credential, so it is not sent for another image either.
    let sent = logins.accepted().len();
    let other = registry.add("team/other", "1.0", &images::simple("ecr"));
    denied(&scene.pull(&other).await, "credential-expired", words);
    assert_eq!(logins.accepted().len(), sent);
}

#[tokio::test]
async fn a_token_that_has_expired_is_renewed_and_nobody_notices() {
    let tokens = TokenServer::start().await;
    let password = tokens.add_user("alice", &["*"]);
    let registry = Registry::start(Access::bearer(&tokens)).await;
    let scene = Scene::with(&registry.host(), "alice", &password).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("one"));
    quiet(&scene.pull(&image).await);
    tokens.forget_tokens();
    let again = registry.add(REPOSITORY, "2.0", &images::simple("two"));
    quiet(&scene.pull(&again).await);
    assert_eq!(tokens.requests().len(), 2);
}

#[tokio::test]
async fn basic_and_bearer_offered_together_are_understood_in_one_header_and_in_two() {
    let logins = Logins::default();
    let tokens = TokenServer::start().await;
    let password = tokens.add_user("alice", &["*"]);
    for fault in [faults::two_challenges_in_one_header, faults::two_challenges_in_two_headers] {
        let registry = Registry::start(Access::either(&logins, &tokens)).await;
        let image = registry.add(REPOSITORY, "1.0", &images::simple("two challenges"));
        registry.misbehave(REPOSITORY, fault(&tokens, REPOSITORY));
        let scene = Scene::with(&registry.host(), "alice", &password).await;
        quiet(&scene.pull(&image).await);
    }
    assert!(logins.refused().is_empty());
}

#[tokio::test]
async fn a_credential_never_goes_along_a_redirect() {
    let logins = Logins::default();
    let password = logins.add("alice", &["*"]);
    let registry = Registry::start(Access::basic(&logins)).await;
    let elsewhere = Registry::start(Access::anonymous()).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("redirect"));
    elsewhere.add(REPOSITORY, "1.0", &images::simple("redirect"));
    registry.misbehave(
        REPOSITORY,
        faults::Fault::new(faults::Act::Script(std::sync::Arc::new({
            let base = elsewhere.url();
            move |seen| Answer::new(307, "").with("Location", &format!("{base}{}", seen.path))
        }))),
    );
    let scene = Scene::with(&registry.host(), "alice", &password).await;
    quiet(&scene.pull(&image).await);
    assert!(elsewhere.log().count(|seen| seen.path.contains("/manifests/")) > 0);
    assert_eq!(elsewhere.log().count(crate::support::server::Seen::is_authorized), 0);
}

#[tokio::test]
async fn the_real_registry_in_every_flavour() {
    let Some(binary) = real_registry::binary() else { skip!(MISSING) };
    let image = images::simple("real");

    let open = RealRegistry::start(&binary, Flavour::Anonymous).await;
    let name = open.push(REPOSITORY, "1.0", &image).await;
    let scene = Scene::with(&open.host(), "alice", &secrets::fresh()).await;
    quiet(&scene.pull_without(&name).await);
    let absent = scene.pull_without(&name.replace("1.0", "1.1")).await;
    denied(&absent, "tag-not-found", "did you mean 1.0?");
    let unknown = scene.pull_without(&name.replace("app:", "ap:")).await;
    denied(&unknown, "repository-not-found", "404 NAME_UNKNOWN");

    let basic = RealRegistry::start(&binary, Flavour::Basic).await;
    let name = basic.push(REPOSITORY, "1.0", &image).await;
    quiet(&Scene::with(&basic.host(), USER, PASSWORD).await.pull(&name).await);
    let scene = Scene::with(&basic.host(), USER, &secrets::fresh()).await;
    denied(&scene.pull(&name).await, "credential-rejected", "401");
    denied(&scene.pull_without(&name).await, "access-denied", "private or absent (401");

    let tokens = TokenServer::start().await;
    let password = tokens.add_user("alice", &[REPOSITORY]);
    let bearer = RealRegistry::start(&binary, Flavour::Bearer(&tokens)).await;
    let name = bearer.push(REPOSITORY, "1.0", &image).await;
    let scene = Scene::with(&bearer.host(), "alice", &password).await;
    quiet(&scene.pull(&name).await);
    denied(&scene.pull_without(&name).await, "access-denied", "private or absent (401");
}
