//! What lookups share, and what they never do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use tokio::sync::{Notify, Semaphore};

use super::fake::{Fake, answer, status};
use super::login::{ada, good_token, guarded, with_tokens};
use super::slow::Held;
use super::world::{app, assert_found, certificate, client, look, look_as, look_for, registry};
use crate::credentials::Credential;
use crate::facts::{Outcome, Unchecked};
use crate::image::Reference;
use crate::registry::{Lookup, Phase, Progress, RequestBudget};

#[tokio::test]
async fn fifty_lookups_of_one_repository_need_one_token() {
    let (_registry, tokens, client) = with_tokens(|_| good_token()).await;
    let outcomes = join_all((0..50).map(|_| look(&client, "reg.test/app:1"))).await;
    outcomes.iter().for_each(assert_found);
    assert_eq!(tokens.lines().len(), 1);
    let ada = ada();
    let outcomes = join_all((0..50).map(|_| look_as(&client, "reg.test/app:1", Some(&ada)))).await;
    outcomes.iter().for_each(assert_found);
    assert_eq!(tokens.lines().len(), 2, "and one for each credential");
}

#[tokio::test]
async fn two_credentials_never_share_a_token() {
    let tokens = Fake::tls(certificate("auth.test"), |seen| {
        let name = if seen.body.contains("username=ada") { "of-ada" } else { "of-bob" };
        answer(200, &[], format!(r#"{{"access_token":"{name}"}}"#))
    })
    .await;
    let registry = Fake::tls(certificate("reg.test"), |seen| match seen.authorization.as_deref() {
        Some("Bearer of-ada") => app(seen),
        Some(_) => status(403),
        None => {
            let realm = r#"Bearer realm="https://auth.test/token""#;
            answer(401, &[("www-authenticate", realm)], "")
        }
    })
    .await;
    let client = client(&[("reg.test", &registry), ("auth.test", &tokens)]);
    let bob = Credential::new("bob", "secret");
    for _ in 0..2 {
        assert_found(&look_for(&client, "shop", "reg.test/app:1", Some(&ada())).await);
        let refused = look_for(&client, "other", "reg.test/app:1", Some(&bob)).await;
        assert!(matches!(refused, Outcome::Refused(_)), "{refused:?}");
        let stranger = look_for(&client, "third", "reg.test/app:1", None).await;
        assert!(matches!(stranger, Outcome::Refused(_)), "{stranger:?}");
    }
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_restart_the_login_for_the_others() {
    // The token server holds its answer back until the first caller is gone.
    let (asked, release) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let tokens = Held::tls("auth.test", asked.clone(), release.clone(), true).await;
    let registry = Fake::tls(
        certificate("reg.test"),
        guarded(r#"Bearer realm="https://auth.test/token""#, "Bearer good"),
    )
    .await;
    let client =
        super::world::client_at(&[("reg.test", registry.address), ("auth.test", tokens.address)]);

    for credential in [None, Some(ada())] {
        let before = tokens.count();
        let spawn = || {
            let (client, credential) = (client.clone(), credential.clone());
            tokio::spawn(
                async move { look_as(&client, "reg.test/app:1", credential.as_ref()).await },
            )
        };
        let leader = spawn();
        asked.notified().await;
        let waiter = spawn();
        leader.abort();
        assert!(leader.await.unwrap_err().is_cancelled());
        release.add_permits(1);
        assert_found(&waiter.await.unwrap());
        assert_eq!(tokens.count() - before, 1);
    }
}

#[tokio::test]
async fn whoever_waits_for_a_login_does_not_share_the_askers_budget() {
    let (asked, release) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let tokens = Held::tls("auth.test", asked.clone(), release.clone(), false).await;
    let registry = Fake::tls(
        certificate("reg.test"),
        guarded(r#"Bearer realm="https://auth.test/token""#, "Bearer good"),
    )
    .await;
    let names = [("reg.test", registry.address), ("auth.test", tokens.address)];
    let client = super::world::client_at(&names);
    let spawn = |tenant: &'static str, progress: Progress| {
        let client = client.clone();
        tokio::spawn(async move {
            let reference = Reference::parse("reg.test/app:1").unwrap();
            let lookup =
                Lookup { reference: &reference, credential: Some(&ada()), tenant, entry: None };
            client.lookup(lookup, &progress).await
        })
    };
    // One request to the registry, one for the form: nothing is left for the GET after it.
    let poor = spawn("shop", Progress::within(RequestBudget::new(2)));
    asked.notified().await;
    let progress = Progress::new();
    let rich = spawn("other", progress.clone());
    while progress.phase() != Phase::Login {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    release.add_permits(Semaphore::MAX_PERMITS);
    let poor = poor.await.unwrap();
    assert!(matches!(poor, Outcome::NotChecked(Unchecked::Budget(_))), "{poor:?}");
    assert_found(&rich.await.unwrap());
}

#[tokio::test]
async fn a_hundred_wrong_passwords_make_at_most_three_refused_logins() {
    for (form, get) in [(401, 401), (404, 401), (404, 403), (403, 403)] {
        let by_get = form == 404;
        let (_registry, tokens, client) =
            with_tokens(move |seen| status(if seen.method == "POST" { form } else { get })).await;
        let outcomes = join_all((0..100).map(|index| {
            let client = client.clone();
            async move {
                let wrong = Credential::new("ada", format!("wrong-{index}"));
                look_as(&client, "reg.test/app:1", Some(&wrong)).await
            }
        }))
        .await;
        let seen = tokens.seen();
        let refused =
            seen.iter().filter(|seen| seen.has_password() && (seen.method == "GET" || !by_get));
        assert!(refused.count() <= 3);
        assert!(outcomes.iter().any(|outcome| matches!(outcome, Outcome::Refused(_))));
        for outcome in outcomes {
            match outcome {
                Outcome::Refused(_) | Outcome::NotChecked(Unchecked::Budget(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_hundred_wrong_passwords_for_basic_make_at_most_three_refused_logins() {
    for code in [401, 403] {
        let (fake, client) = registry(move |seen| match seen.authorization {
            None => answer(401, &[("www-authenticate", r#"Basic realm="x""#)], ""),
            Some(_) => status(code),
        })
        .await;
        join_all((0..100).map(|index| {
            let client = client.clone();
            async move {
                let wrong = Credential::new("ada", format!("wrong-{index}"));
                look_as(&client, &format!("reg.test/app{}:1", index % 7), Some(&wrong)).await
            }
        }))
        .await;
        assert!((1..=3).contains(&fake.logins()), "{code}: {}", fake.logins());
    }
}

#[tokio::test]
async fn one_namespaces_used_up_budget_is_not_anothers() {
    let (_registry, _tokens, client) =
        with_tokens(
            |seen| {
                if seen.body.contains("password=secret") { good_token() } else { status(401) }
            },
        )
        .await;
    for index in 0..5 {
        let wrong = Credential::new("ada", format!("wrong-{index}"));
        look_for(&client, "shop", "reg.test/app:1", Some(&wrong)).await;
    }
    let spent = look_for(&client, "shop", "reg.test/app:1", Some(&ada())).await;
    assert!(matches!(spent, Outcome::NotChecked(Unchecked::Budget(_))), "{spent:?}");
    assert_found(&look_for(&client, "other", "reg.test/app:1", Some(&ada())).await);
    // A token that is here needs no login, and so no budget.
    assert_found(&look_for(&client, "shop", "reg.test/app:1", Some(&ada())).await);
}

#[tokio::test]
async fn logins_that_succeed_are_never_budgeted() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let (_registry, _tokens, client) = with_tokens(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        good_token()
    })
    .await;
    let ada = ada();
    join_all((0..40).map(|index| {
        let (client, ada) = (client.clone(), ada.clone());
        async move {
            let image = format!("reg.test/app{index}:1");
            let outcome = look_as(&client, &image, Some(&ada)).await;
            assert!(matches!(outcome, Outcome::Absent(_)), "{outcome:?}");
        }
    }))
    .await;
    assert_eq!(count.load(Ordering::SeqCst), 40);
}
