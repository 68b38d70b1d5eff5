//! The classic mistakes, by `pullcheck check` against the real registry: each is named, with the
//! certainty that the manifests allow, and with its fix.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::check::check;
use crate::support::contract::Certainty::{Likely, Proven};
use crate::support::contract::{Action, Certainty, Report};
use crate::support::images;
use crate::support::manifests::{docker_config, pod, pull_secret, service_account, stream};
use crate::support::real_registry::{self, Flavour, MISSING, PASSWORD, RealRegistry, USER};
use crate::support::reviews::{DEPLOYMENT, pod_spec, pod_spec_with_secrets};
use crate::support::secrets;
use crate::support::skip;
use crate::support::token_server::TokenServer;

/// What `check` is to say of some manifests with one workload.
struct Expected<'a> {
    code: i32,
    findings: &'a [(&'a str, Certainty, Action)],
    /// Parts of the findings' messages.
    words: &'a [&'a str],
}

const FINE: Expected<'_> = Expected { code: 0, findings: &[], words: &[] };

#[track_caller]
fn assert_judged(what: &str, report: &Report, code: Option<i32>, expected: &Expected<'_>) {
    assert_eq!(report.shown(), expected.findings, "{what}: {report:?}");
    assert_eq!(code, Some(expected.code), "{what}");
    for word in expected.words {
        let mut messages = expected.findings.iter().map(|(code, _, _)| report.message(code));
        assert!(messages.any(|message| message.contains(word)), "{what}: {word} in {report:?}");
    }
}

async fn judge(what: &str, objects: &[Value], expected: Expected<'_>) {
    let ran = check(&["-", "--output", "json"]).stdin(stream(objects)).run().await;
    assert_judged(what, &Report::of(&ran), ran.code, &expected);
    let human = check(&["-"]).stdin(stream(objects)).run().await;
    assert_eq!(human.code, ran.code, "{what}");
    for (code, _, _) in expected.findings {
        assert!(human.stdout.contains(&format!(" [{code}]\n")), "{what}: {human}");
    }
}

#[tokio::test]
async fn names_and_tags_are_corrected_at_an_open_registry() {
    let Some(binary) = real_registry::binary() else { skip!(MISSING) };
    let registry = RealRegistry::start(&binary, Flavour::Anonymous).await;
    let image = images::simple("a");
    let good = registry.push("team/app", "latest", &image).await;
    registry.push("team/app", "v1.2", &image).await;
    let host = registry.host();
    let account = service_account("default", &[]);
    let pod = |image: String| pod(&pod_spec(&image));

    judge("right", &[pod(good.clone())], FINE).await;
    let by_digest = format!("{host}/team/app@{}", image.digest());
    judge("by digest", &[pod(by_digest)], FINE).await;
    judge("no tag", &[pod(format!("{host}/team/app"))], FINE).await;

    // The registry showed its tags: nothing could make this one appear.
    let wrong_tag = pod(format!("{host}/team/app:latests"));
    judge(
        "wrong tag",
        &[wrong_tag],
        Expected {
            code: 1,
            findings: &[("tag-not-found", Proven, Action::Deny)],
            words: &["has no tag latests (404 MANIFEST_UNKNOWN)", "did you mean latest?"],
        },
    )
    .await;
    let wrong_name = pod(format!("{host}/team/ap:latest"));
    judge(
        "wrong name, whatever secrets the account in the cluster may bring",
        std::slice::from_ref(&wrong_name),
        Expected {
            code: 0,
            findings: &[("repository-not-found", Likely, Action::Warn)],
            words: &["does not exist (404 NAME_UNKNOWN)", "ServiceAccount default/default"],
        },
    )
    .await;
    judge(
        "wrong name, and the account is known to bring none",
        &[wrong_name, account.clone()],
        Expected {
            code: 1,
            findings: &[("repository-not-found", Proven, Action::Deny)],
            words: &["does not exist (404 NAME_UNKNOWN)", "correct the name"],
        },
    )
    .await;
    let digest = images::digest(b"absent");
    judge(
        "wrong digest",
        &[pod(format!("{host}/team/app@{digest}")), account],
        Expected {
            code: 1,
            findings: &[("digest-not-found", Proven, Action::Deny)],
            words: &["(404 MANIFEST_UNKNOWN)"],
        },
    )
    .await;
    let upper = pod(format!("{host}/Team/App:latest"));
    judge(
        "upper case",
        &[upper],
        Expected {
            code: 1,
            findings: &[("reference-invalid", Proven, Action::Deny)],
            words: &["must be lowercase", "/team/app:latest"],
        },
    )
    .await;
}

/// Both ways to log in, from the side of somebody who writes manifests.
#[rstest]
#[case::basic(false)]
#[case::bearer(true)]
#[tokio::test]
async fn secrets_are_judged_as_the_kubelet_uses_them(#[case] bearer: bool) {
    let Some(binary) = real_registry::binary() else { skip!(MISSING) };
    let tokens = TokenServer::start().await;
    let (flavour, user, password) = if bearer {
        (Flavour::Bearer(&tokens), "bob", tokens.add_user("bob", &["team/app"]))
    } else {
        (Flavour::Basic, USER, PASSWORD.to_owned())
    };
    let registry = RealRegistry::start(&binary, flavour).await;
    let image = registry.push("team/app", "v1", &images::simple("a")).await;
    let host = registry.host();

    let account = service_account("default", &[]);
    let none = pod(&pod_spec(&image));
    let named = pod(&pod_spec_with_secrets(&image, &["regcred"]));
    let right = docker_config(&host, user, &password);
    let secret = pull_secret("regcred", &right);

    judge("right", &[secret.clone(), named.clone()], FINE).await;
    judge(
        "no secret, and the default account may bring one",
        std::slice::from_ref(&none),
        Expected {
            code: 0,
            findings: &[("access-denied", Likely, Action::Warn)],
            words: &["is private or absent (401", "add an imagePullSecret for 127.0.0.1:"],
        },
    )
    .await;
    judge(
        "no secret, and the default account brings none",
        &[none.clone(), account.clone()],
        Expected {
            code: 1,
            findings: &[("access-denied", Proven, Action::Deny)],
            words: &["is private or absent (401", "add an imagePullSecret for 127.0.0.1:"],
        },
    )
    .await;
    judge(
        "a secret's name misspelt",
        &[secret.clone(), pod(&pod_spec_with_secrets(&image, &["reg-cred"]))],
        Expected {
            code: 0,
            findings: &[
                ("access-denied", Likely, Action::Warn),
                ("pull-secret-not-found", Likely, Action::Warn),
            ],
            words: &["Secret default/reg-cred is not among the manifests, did you mean regcred?"],
        },
    )
    .await;
    let other = pull_secret("regcred", &docker_config("quay.io", "carol", &secrets::fresh()));
    judge(
        "a secret for another host",
        &[other, named.clone()],
        Expected {
            code: 1,
            findings: &[("access-denied", Proven, Action::Deny)],
            words: &["its secrets cover quay.io", "add an imagePullSecret for 127.0.0.1:"],
        },
    )
    .await;
    let wrong = pull_secret("regcred", &docker_config(&host, user, &secrets::fresh()));
    judge(
        "a wrong password",
        &[wrong, named.clone()],
        Expected {
            code: 1,
            findings: &[("credential-rejected", Proven, Action::Deny)],
            words: &["the login in Secret default/regcred was refused (401", "renew its password"],
        },
    )
    .await;
    let plain = json!({ "auths": { &host: { "auth": format!("{user}:not-encoded") } } });
    judge(
        "auth that is not base64",
        &[pull_secret("regcred", &plain.to_string()), named.clone()],
        Expected {
            code: 1,
            findings: &[("pull-secret-malformed", Proven, Action::Deny)],
            words: &[
                "fails every pull of the pod",
                "auth is not base64",
                "base64 of user:password",
            ],
        },
    )
    .await;
    let mut opaque = secret.clone();
    opaque["type"] = "Opaque".into();
    judge(
        "a secret of the wrong type",
        &[opaque, named],
        Expected {
            code: 1,
            findings: &[
                ("access-denied", Proven, Action::Deny),
                ("pull-secret-wrong-type", Proven, Action::Warn),
            ],
            words: &[
                "type Opaque with key .dockerconfigjson",
                "dockerconfigjson [pull-secret-wrong",
            ],
        },
    )
    .await;

    // The ServiceAccount carries the secret: the default one, or one that is named.
    let carrying = service_account("default", &["regcred"]);
    judge("by the default account", &[secret.clone(), carrying, none.clone()], FINE).await;
    let mut spec = pod_spec(&image);
    spec["serviceAccountName"] = "api".into();
    let deployment = DEPLOYMENT.object("default", "api", spec);
    let api = service_account("api", &["regcred"]);
    judge("by a named account", &[secret, api.clone(), deployment.clone()], FINE).await;
    judge(
        "by a named account, without the secret",
        &[api, deployment.clone()],
        Expected {
            code: 0,
            findings: &[
                ("access-denied", Likely, Action::Warn),
                ("pull-secret-not-found", Likely, Action::Warn),
            ],
            words: &["spec.template.spec.serviceAccountName \"regcred\""],
        },
    )
    .await;
    judge(
        "an account that is not there",
        &[service_account("app", &[]), deployment],
        Expected {
            code: 0,
            findings: &[
                ("access-denied", Likely, Action::Warn),
                ("service-account-not-found", Likely, Action::Warn),
            ],
            words: &["ServiceAccount default/api is not among the manifests, did you mean app?"],
        },
    )
    .await;

    // What nodes log in with.
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("config.json");
    std::fs::write(&path, right).unwrap();
    let args = ["-", "-o", "json", "--docker-config", path.to_str().unwrap()];
    let ran = check(&args).stdin(stream(&[none, account])).run().await;
    assert_judged("--docker-config", &Report::of(&ran), ran.code, &FINE);
}

#[tokio::test]
async fn an_account_without_the_right_is_told_apart_from_a_wrong_password() {
    let Some(binary) = real_registry::binary() else { skip!(MISSING) };
    let tokens = TokenServer::start().await;
    let registry = RealRegistry::start(&binary, Flavour::Bearer(&tokens)).await;
    let image = registry.push("team/app", "v1", &images::simple("a")).await;
    let password = tokens.add_user("eve", &["team/other"]);
    let secret = pull_secret("regcred", &docker_config(&registry.host(), "eve", &password));
    judge(
        "no right",
        &[secret, pod(&pod_spec_with_secrets(&image, &["regcred"]))],
        Expected {
            code: 1,
            findings: &[("access-denied", Proven, Action::Deny)],
            words: &["Secret default/regcred may log in but not pull", "grant that account"],
        },
    )
    .await;
}

#[tokio::test]
async fn the_mode_decides_the_exit_status_and_never_the_findings() {
    let Some(binary) = real_registry::binary() else { skip!(MISSING) };
    let registry = RealRegistry::start(&binary, Flavour::Anonymous).await;
    registry.push("team/app", "v1", &images::simple("a")).await;
    let manifest = stream(&[pod(&pod_spec(&format!("{}/team/app:v2", registry.host())))]);
    for (mode, code, action) in
        [("enforce", 1, Action::Deny), ("warn", 0, Action::Warn), ("audit", 0, Action::Audit)]
    {
        let ran = check(&["-", "-o", "json", "--mode", mode]).stdin(&manifest).run().await;
        ran.expect_code(code);
        let finding = &Report::of(&ran).objects[0].findings[0];
        assert_eq!((finding.code.as_str(), finding.action), ("tag-not-found", action));
        let by_variable =
            check(&["-", "-o", "json"]).env("PULLCHECK_MODE", mode).stdin(&manifest).run().await;
        assert_eq!(by_variable.stdout, ran.stdout);
    }
}
