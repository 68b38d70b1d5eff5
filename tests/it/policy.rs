//! What an operator writes is what happens: modes, actions, exemptions, allowed registries,
//! overrides and namespace labels, from the configuration file to the answer.

use crate::support::api_server::ApiServer;
use crate::support::images;
use crate::support::misbehaving::{Access, Registry};
use crate::support::reviews::{POD, Review, owned, pod_spec, pod_spec_of};
use crate::support::webhook::{Launch, Reviewed, Webhook};

const REPOSITORY: &str = "team/app";

/// A registry with `team/app:1.0`, and the name of an image that it does not have.
async fn registry() -> (Registry, String) {
    let registry = Registry::start(Access::anonymous()).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("policy"));
    let absent = image.replace("1.0", "1.1");
    (registry, absent)
}

fn pod_in(namespace: &str, image: &str) -> Review {
    Review::create(&POD, &POD.object(namespace, "web", pod_spec(image)))
}

/// What becomes of a finding, as the one who looks from outside sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Denied,
    Warned,
    /// In the audit annotations only.
    Audited,
    Nothing,
}

use Seen::{Audited, Denied, Nothing, Warned};

fn seen(answer: &Reviewed, code: &str) -> Seen {
    let noted = answer
        .annotations()
        .iter()
        .any(|(key, value)| key == "findings" && value.contains(&format!("[{code}]")));
    if answer.denied_codes().iter().any(|denied| denied == code) {
        assert!(noted, "{:#}", answer.json);
        Denied
    } else if answer.warned_codes().iter().any(|warned| warned == code) {
        assert!(noted && answer.allowed(), "{:#}", answer.json);
        Warned
    } else if noted {
        Audited
    } else {
        Nothing
    }
}

/// Reviews until the background has put the answer into the cache, where an answer that holds
/// nobody up may be read.
async fn settled(webhook: &Webhook, review: &Review, code: &str) -> Seen {
    let first = webhook.review(review).await;
    if first.annotations().iter().any(|(key, _)| key == "looked-up") {
        webhook
            .until_metric("pullcheck_lookups_total{outcome=\"absent\",registry=\"other\"}", 1)
            .await;
        return seen(&webhook.review(review).await, code);
    }
    seen(&first, code)
}

#[tokio::test]
async fn each_mode_does_what_its_name_says() {
    for (mode, expected) in
        [("enforce", Denied), ("warn", Warned), ("audit", Audited), ("off", Nothing)]
    {
        let (registry, absent) = registry().await;
        let webhook = Launch::alone().mode(mode).start().await;
        let review = pod_in("shop", &absent);
        assert_eq!(settled(&webhook, &review, "tag-not-found").await, expected, "{mode}");
        assert_eq!(registry.connections() == 0, mode == "off", "off looks at nothing");
        // In every mode but `off` a metric counts what enforce would have denied.
        let would = "pullcheck_would_deny_total{namespace=\"shop\",code=\"tag-not-found\"}";
        assert_eq!(webhook.metric(would).await > 0, mode != "off", "{mode}");
    }
}

#[tokio::test]
async fn the_default_mode_warns() {
    let (_registry, absent) = registry().await;
    let webhook = Launch::alone().start().await;
    assert_eq!(settled(&webhook, &pod_in("shop", &absent), "tag-not-found").await, Warned);
}

#[tokio::test]
async fn a_configured_action_wins_over_the_mode_and_the_narrower_over_the_wider() {
    let (_registry, absent) = registry().await;
    let webhook = Launch::alone()
        .mode("warn")
        .config(
            r#"
actions: { tag-not-found: deny, not-checked: ignore }
overrides:
- namespaces: [quiet-*]
  actions: { tag-not-found: audit }
- images: ["*/team/*"]
  namespaces: [mixed]
  actions: { tag-not-found: warn }
- users: ["system:serviceaccount:argocd:*"]
  actions: { tag-not-found: ignore }
"#,
        )
        .start()
        .await;
    let argo = "system:serviceaccount:argocd:controller";
    for (namespace, user, expected) in [
        ("shop", "jane", Denied),
        ("quiet-one", "jane", Audited),
        ("quietest", "jane", Denied),
        ("mixed", "jane", Warned),
        ("shop", argo, Nothing),
        ("quiet-one", argo, Nothing),
    ] {
        let review = pod_in(namespace, &absent).by(user);
        let found = seen(&webhook.review(&review).await, "tag-not-found");
        assert_eq!(found, expected, "{user} in {namespace}");
    }
}

#[tokio::test]
async fn what_is_exempt_is_never_contacted() {
    let (registry, absent) = registry().await;
    let config = format!(
        "exempt:\n  images: [\"{}/team/*\"]\n  namespaces: [kube-*]\n  users: [root]\n",
        registry.host()
    );
    let webhook = Launch::alone().mode("enforce").config(&config).start().await;
    let other = absent.replace("team/", "public/");
    for review in [
        pod_in("shop", &absent),
        pod_in("kube-system", &other),
        pod_in("shop", &other).by("root"),
        // Not even a name that is none.
        pod_in("kube-system", "NO NAME"),
    ] {
        let answer = webhook.review(&review).await;
        assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
    }
    assert_eq!(registry.connections(), 0);
    // The exemptions reach no further.
    let answer = webhook.review(&pod_in("shop", &other)).await;
    assert_eq!(answer.denied_codes(), ["repository-not-found"], "{:#}", answer.json);
}

#[tokio::test]
async fn a_registry_that_is_not_allowed_is_never_contacted_whatever_is_done_about_it() {
    let (registry, absent) = registry().await;
    for (action, expected) in
        [("deny", Denied), ("warn", Warned), ("audit", Audited), ("ignore", Nothing)]
    {
        let config = format!(
            "allowedRegistries: [ghcr.io/acme, docker.io]\n\
             actions: {{ registry-not-allowed: {action} }}"
        );
        let webhook = Launch::alone().mode("enforce").config(&config).start().await;
        let answer = webhook.review(&pod_in("shop", &absent)).await;
        assert_eq!(seen(&answer, "registry-not-allowed"), expected, "{:#}", answer.json);
        assert_eq!(seen(&answer, "tag-not-found"), Nothing);
    }
    assert_eq!(registry.connections(), 0);

    let config = format!(
        "allowedRegistries: [\"{}/team\"]\nactions: {{ registry-not-allowed: deny }}",
        registry.host()
    );
    let webhook = Launch::alone().mode("enforce").config(&config).start().await;
    let answer = webhook.review(&pod_in("shop", &absent)).await;
    assert_eq!(answer.denied_codes(), ["tag-not-found"], "{:#}", answer.json);
    let other = absent.replace("team/", "team-two/");
    let answer = webhook.review(&pod_in("shop", &other)).await;
    assert_eq!(answer.denied_codes(), ["registry-not-allowed"], "{:#}", answer.json);
}

#[tokio::test]
async fn what_is_off_by_default_is_said_when_it_is_configured() {
    let (registry, _) = registry().await;
    let good = registry.add(REPOSITORY, "latest", &images::simple("latest"));
    let webhook = Launch::alone().mode("enforce").start().await;
    let answer = webhook.review(&pod_in("shop", &good)).await;
    assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
    assert_eq!(seen(&answer, "tag-mutable"), Audited, "{:#}", answer.json);
    let webhook = Launch::alone()
        .mode("enforce")
        .config("actions: { tag-mutable: warn, digest-required: deny }")
        .start()
        .await;
    let answer = webhook.review(&pod_in("shop", &good)).await;
    assert_eq!(answer.denied_codes(), ["digest-required"], "{:#}", answer.json);
    assert_eq!(answer.warned_codes(), ["tag-mutable"], "{:#}", answer.json);
}

#[tokio::test]
async fn the_label_of_a_namespace_chooses_its_mode_but_never_below_the_minimum() {
    let (registry, absent) = registry().await;
    let namespaces = ["enforce", "warn", "audit", "off", "none", "typo"];
    let api = ApiServer::start(&namespaces).await;
    for namespace in &namespaces[..4] {
        api.put_mode(namespace, namespace);
    }
    api.put_mode("typo", "enfroce");
    for (minimum, expected) in [
        ("off", [Denied, Warned, Audited, Nothing, Warned, Warned]),
        ("warn", [Denied, Warned, Warned, Warned, Warned, Warned]),
        ("enforce", [Denied; 6]),
    ] {
        let webhook =
            Launch::beside(&api).mode("warn").args(&["--minimum-mode", minimum]).start().await;
        for (namespace, expected) in namespaces.iter().zip(expected) {
            let review = pod_in(namespace, &absent);
            let found = settled(&webhook, &review, "tag-not-found").await;
            assert_eq!(found, expected, "label {namespace}, at least {minimum}");
        }
        let answer = webhook.review(&pod_in("typo", &absent)).await;
        let told = answer.warnings().iter().any(|line| line.contains("\"enfroce\" is no mode"));
        assert!(told, "{:#}", answer.json);
    }
    assert!(registry.connections() > 0);
}

#[tokio::test]
async fn an_enforced_code_ignores_labels_and_owners() {
    let (registry, absent) = registry().await;
    let api = ApiServer::start(&["off", "shop"]).await;
    api.put_mode("off", "off");
    let config = "allowedRegistries: [ghcr.io]\nenforced: [registry-not-allowed]\n";
    let webhook = Launch::beside(&api).mode("audit").config(config).start().await;
    for namespace in ["off", "shop"] {
        let object = POD.object(namespace, "web", pod_spec(&absent));
        for object in [object.clone(), owned(object)] {
            let answer = webhook.review(&Review::create(&POD, &object)).await;
            assert_eq!(answer.denied_codes(), ["registry-not-allowed"], "{:#}", answer.json);
        }
    }
    assert_eq!(registry.connections(), 0);
}

#[tokio::test]
async fn at_most_twelve_warnings_are_shown_and_the_rest_is_counted() {
    let (registry, _) = registry().await;
    let api = ApiServer::start(&["typo"]).await;
    api.put_mode("typo", "enfroce");
    let webhook = Launch::beside(&api).mode("warn").start().await;
    let absent = |number| format!("{}/{REPOSITORY}:absent-{number}", registry.host());
    let spec = pod_spec_of((0..20).map(absent));
    for namespace in ["shop", "typo"] {
        let pod = POD.object(namespace, "web", spec.clone());
        // `review` checks that there are no more than twelve.
        let answer = webhook.review(&Review::create(&POD, &pod)).await;
        let warnings = answer.warnings();
        assert_eq!(warnings.len(), 12, "{warnings:#?}");
        let more = warnings.iter().find(|line| line.contains("more findings")).unwrap();
        let spelled = answer.warned_codes().len();
        assert!(more.contains(&format!("and {} more", 20 - spelled)), "{warnings:#?}");
    }
}
