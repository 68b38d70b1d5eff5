//! Pull secrets as the cluster has them: corrected, malformed, of the wrong type, not to be read.

use crate::support::api_server::{
    ApiServer, ENDPOINTS, Entry, Mood, NAMESPACES, NODES, SERVICE_CIDRS, secret_path,
    service_account_path,
};
use crate::support::images;
use crate::support::misbehaving::{Access, Logins, Registry};
use crate::support::reviews::{DEPLOYMENT, POD, Review, pod_spec, pod_spec_with_secrets};
use crate::support::secrets;
use crate::support::token_server::TokenServer;
use crate::support::webhook::{Launch, Reviewed, Webhook};

const REPOSITORY: &str = "team/app";

/// A private registry where alice may pull `team/app:1.0`, an API server, and `serve`.
struct Scene {
    registry: Registry,
    api: ApiServer,
    webhook: Webhook,
    image: String,
    password: String,
}

impl Scene {
    async fn set() -> Self {
        let logins = Logins::default();
        let password = logins.add("alice", &["*"]);
        Self::at(Registry::start(Access::basic(&logins)).await, password).await
    }

    async fn at(registry: Registry, password: String) -> Self {
        let image = registry.add(REPOSITORY, "1.0", &images::simple("rotation"));
        let api = ApiServer::start(&["shop"]).await;
        let webhook = Launch::beside(&api).mode("enforce").start().await;
        Self { registry, api, webhook, image, password }
    }

    fn put(&self, name: &str, password: &str) {
        let entry = Entry { host: &self.registry.host(), user: "alice", password };
        self.api.put_pull_secret("shop", name, &[entry]);
    }

    async fn pod(&self, secrets: &[&str]) -> Reviewed {
        let spec = pod_spec_with_secrets(&self.image, secrets);
        self.webhook.review(&Review::create(&POD, &POD.object("shop", "web", spec))).await
    }

    async fn deployment(&self, account: &str) -> Reviewed {
        let mut spec = pod_spec(&self.image);
        spec["serviceAccountName"] = account.into();
        let review = Review::create(&DEPLOYMENT, &DEPLOYMENT.object("shop", "web", spec));
        self.webhook.review(&review).await
    }
}

#[track_caller]
fn quiet(answer: &Reviewed) {
    assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
}

#[tokio::test]
async fn a_corrected_password_is_taken_up_by_the_very_next_review() {
    let tokens = TokenServer::start().await;
    let password = tokens.add_user("alice", &[REPOSITORY]);
    let bearer = Scene::at(Registry::start(Access::bearer(&tokens)).await, password).await;
    for scene in [Scene::set().await, bearer] {
        scene.put("regcred", &secrets::fresh());
        let answer = scene.pod(&["regcred"]).await;
        assert_eq!(answer.denied_codes(), ["credential-rejected"], "{:#}", answer.json);
        assert!(answer.message().contains("Secret shop/regcred"), "{}", answer.message());
        scene.put("regcred", &scene.password);
        quiet(&scene.pod(&["regcred"]).await);
        // By way of a ServiceAccount too.
        scene.api.put_service_account("shop", "builder", &["regcred"]);
        quiet(&scene.deployment("builder").await);
    }
}

#[tokio::test]
async fn a_secret_that_names_another_host_is_said_to() {
    let scene = Scene::set().await;
    let entry = Entry { host: "ghcr.io", user: "alice", password: &scene.password };
    scene.api.put_pull_secret("shop", "regcred", &[entry]);
    let answer = scene.pod(&["regcred"]).await;
    assert_eq!(answer.denied_codes(), ["access-denied"], "{:#}", answer.json);
    assert!(answer.message().contains("its secrets cover ghcr.io"), "{}", answer.message());
    assert!(scene.registry.log().all().iter().all(|seen| !seen.is_authorized()));
}

#[tokio::test]
async fn the_first_credential_that_works_decides_wherever_it_stands() {
    let scene = Scene::set().await;
    scene.put("wrong", &secrets::fresh());
    scene.put("right", &scene.password);
    for order in [["wrong", "right"], ["right", "wrong"]] {
        quiet(&scene.pod(&order).await);
    }
    // A secret that does not exist is advice beside one that works.
    let answer = scene.pod(&["absent", "right"]).await;
    assert!(answer.allowed(), "{:#}", answer.json);
    assert_eq!(answer.warned_codes(), ["pull-secret-not-found"]);
}

#[tokio::test]
async fn a_secret_that_does_not_exist_brings_the_name_that_was_meant() {
    let scene = Scene::set().await;
    scene.put("reg-cred", &scene.password);
    let answer = scene.pod(&["regcred"]).await;
    assert!(answer.allowed(), "{:#}", answer.json);
    let words = answer.warnings().join("\n");
    assert!(
        words.contains("Secret shop/regcred does not exist, did you mean reg-cred?"),
        "{words}"
    );
}

#[tokio::test]
async fn a_malformed_secret_fails_the_pod_and_one_of_the_wrong_type_is_ignored() {
    let scene = Scene::set().await;
    let auth = secrets::basic("alice", &scene.password);
    let config =
        |auth: &str| format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, scene.registry.host());
    let json = "kubernetes.io/dockerconfigjson";
    let key = ".dockerconfigjson";
    scene.put("right", &scene.password);

    scene.api.put_secret("shop", "broken", json, &[(key, &config("no base64!"))]);
    let answer = scene.pod(&["right", "broken"]).await;
    assert_eq!(answer.denied_codes(), ["pull-secret-malformed"], "{:#}", answer.json);
    assert_eq!(answer.causes()[0].field, "spec.imagePullSecrets[1]");

    scene.api.put_secret("shop", "opaque", "Opaque", &[(key, &config(&auth))]);
    let answer = scene.pod(&["opaque"]).await;
    assert_eq!(answer.denied_codes(), ["access-denied"], "{:#}", answer.json);
    assert_eq!(answer.warned_codes(), ["pull-secret-wrong-type"], "{:#}", answer.json);

    // The old format under its own type is as good as the new one.
    let old = format!(r#"{{"{}":{{"auth":"{auth}"}}}}"#, scene.registry.host());
    scene.api.put_secret("shop", "old", "kubernetes.io/dockercfg", &[(".dockercfg", &old)]);
    quiet(&scene.pod(&["old"]).await);

    // Corrected, it is taken up at once.
    scene.put("broken", &scene.password);
    quiet(&scene.pod(&["right", "broken"]).await);
}

#[tokio::test]
async fn a_missing_right_is_named_and_makes_no_verdict() {
    for (path, right) in [
        (secret_path("shop", "regcred"), "pullcheck may not get secrets in namespace shop"),
        (
            service_account_path("shop", "builder"),
            "pullcheck may not get serviceaccounts in namespace shop",
        ),
    ] {
        let scene = Scene::set().await;
        scene.put("regcred", &scene.password);
        scene.api.put_service_account("shop", "builder", &["regcred"]);
        scene.api.mood(&path, Mood::Status(403));
        let answer = scene.deployment("builder").await;
        assert!(answer.allowed(), "{:#}", answer.json);
        assert_eq!(answer.warned_codes(), ["access-denied", "not-checked"], "{:#}", answer.json);
        assert!(answer.warnings()[1].contains(right), "{:?}", answer.warnings());
        assert!(answer.warnings()[0].contains("may not be read by pullcheck"));
        // A right that is granted holds at once.
        scene.api.cheer_up(&path);
        quiet(&scene.deployment("builder").await);
    }
}

#[tokio::test]
async fn an_api_server_in_trouble_makes_no_verdict() {
    for (code, words) in [(500, "API server answered 500"), (401, "login (401)"), (429, "429")] {
        let scene = Scene::set().await;
        scene.put("regcred", &scene.password);
        scene.api.mood(&secret_path("shop", "regcred"), Mood::Status(code));
        let answer = scene.pod(&["regcred"]).await;
        assert!(answer.allowed(), "{:#}", answer.json);
        assert_eq!(answer.warned_codes(), ["access-denied", "not-checked"], "{:#}", answer.json);
        assert!(answer.warnings()[1].contains(words), "{:?}", answer.warnings());
        assert!(!answer.json.to_string().contains("said by the API server"));
        scene.api.cheer_up(&secret_path("shop", "regcred"));
        quiet(&scene.pod(&["regcred"]).await);
    }
}

#[tokio::test]
async fn a_secret_is_not_read_for_every_pod_again() {
    let scene = Scene::set().await;
    scene.put("regcred", &scene.password);
    for _ in 0..5 {
        quiet(&scene.pod(&["regcred"]).await);
    }
    // Five reviews take far less than the five seconds for which a Secret is remembered; on a
    // machine where they do not, it is read again, and still not for every pod.
    assert!(scene.api.asked(&secret_path("shop", "regcred")) < 5);
}

#[tokio::test]
async fn a_name_that_leads_out_of_its_namespace_is_never_asked_for() {
    let scene = Scene::set().await;
    scene.api.put_pull_secret(
        "other",
        "theirs",
        &[Entry { host: &scene.registry.host(), user: "alice", password: &scene.password }],
    );
    for name in
        ["../../other/secrets/theirs", "theirs?x=../../other", "..%2f..%2fother%2fsecrets%2ftheirs"]
    {
        let answer = scene.pod(&[name]).await;
        assert!(!answer.warnings().is_empty(), "{:#}", answer.json);
    }
    let own = |path: &str| {
        path.starts_with("/api/v1/namespaces/shop")
            || [NODES, NAMESPACES, SERVICE_CIDRS, ENDPOINTS].contains(&path)
    };
    let strayed = scene.api.log().count(|seen| !own(&seen.path));
    assert_eq!(strayed, 0, "{:?}", scene.api.log().all());
}
