//! What comes while one waits: its own answer, or that nothing is to be asked any more.

use super::super::lifetime::ABSENT;
use super::super::{flight, tries::tries};
use super::*;

fn of(tenant: &str, reference: Reference) -> Question {
    Question { tenant: tenant.into(), ..question(reference, &[]) }
}

fn asks(resolver: &Resolver, question: Question) -> tokio::task::JoinHandle<Vec<Attempt>> {
    let resolver = resolver.clone();
    tokio::spawn(async move { ask(&resolver, question).await })
}

async fn under_way(resolver: &Resolver, flights: usize) {
    while resolver.shared.flights.under_way() < flights {
        tokio::task::yield_now().await;
    }
}

async fn heads(fake: &Fake, part: &str, heads: usize) {
    let all = async {
        while fake.count(&Method::HEAD, part) < heads {
            fake.state.arrived.notified().await;
        }
    };
    let within = tokio::time::timeout(Duration::from_secs(20), all).await;
    within.unwrap_or_else(|_| panic!("{heads} lookups of {part}"));
}

#[tokio::test]
async fn that_a_registry_leaves_one_namespace_waiting_is_told_to_no_other() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits { lookups_per_registry: 1, ..Limits::default() });
    fake.gate.send_replace(false);
    let first = asks(&resolver, of("shop", fake.image("broken:1")));
    heads(&fake, "/broken/", 1).await;
    let waits = asks(&resolver, of("shop", fake.image("app:1")));
    under_way(&resolver, 2).await;
    fake.state.comes_back.store(true, Ordering::Relaxed);
    fake.fail("/broken/", StatusCode::SERVICE_UNAVAILABLE);
    fake.gate.send_replace(true);
    for attempts in [first.await.unwrap(), waits.await.unwrap()] {
        assert!(matches!(attempts[0].outcome, Outcome::Trouble(_)), "{attempts:?}");
    }
    assert_eq!(fake.count(&Method::HEAD, "/app/"), 0, "its namespace was told to wait");
    assert!(found(&ask(&resolver, of("bank", fake.image("app:1"))).await));
    let later = ask(&resolver, of("shop", fake.image("app:1"))).await;
    assert!(found(&later), "what another has been told is told to all");
}

#[tokio::test]
async fn who_was_told_not_to_ask_in_the_midst_of_it_has_no_word_for_another_namespace() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    fake.state.comes_back.store(true, Ordering::Relaxed);
    fake.fail("", StatusCode::SERVICE_UNAVAILABLE);
    ask(&resolver, of("shop", fake.image("broken:1"))).await;
    let question = of("shop", fake.image("app:1"));
    let key = resolver.shared.key(&question, &tries(&question).next().unwrap(), None);
    let flight = flight::join_or_start(&resolver.shared, &key, None, &question, None).unwrap();
    let lookup = crate::registry::Lookup {
        reference: &question.reference,
        credential: None,
        tenant: &question.tenant,
        entry: None,
    };
    let outcome = resolver.shared.client.lookup(lookup, &flight.work.progress).await;
    assert!(matches!(outcome, Outcome::Trouble(_)) && flight.work.progress.has_spared());
    assert!(flight::counts(&flight, &outcome, "shop"));
    assert!(!flight::counts(&flight, &outcome, "bank"));
    assert_eq!(fake.count(&Method::HEAD, "/app/"), 0);
}

#[tokio::test]
async fn who_asks_anew_waits_for_nothing_that_was_asked_long_ago() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    fake.gate.send_replace(false);
    let app = || of("shop", fake.image("app:1"));
    let old = asks(&resolver, app());
    heads(&fake, "/app/", 1).await;
    let joined = asks(&resolver, Question { anew: true, ..app() });
    later(ABSENT + Duration::from_millis(1)).await;
    let anew: Vec<_> = ["shop", "bank"]
        .map(|tenant| Question { anew: true, ..of(tenant, fake.image("app:1")) })
        .map(|question| asks(&resolver, question))
        .into();
    heads(&fake, "/app/", 2).await;
    fake.gate.send_replace(true);
    for attempts in anew.into_iter().chain([old, joined]) {
        assert!(found(&attempts.await.unwrap()));
    }
    assert_eq!(fake.count(&Method::HEAD, "/app/"), 2);
}

#[tokio::test]
async fn who_waits_for_a_turn_takes_what_another_has_brought_at_the_deadline() {
    let (hanging, good) = (Fake::start().await, Fake::start().await);
    let resolver = resolver(Limits { lookups_per_tenant: 1, ..Limits::default() });
    hanging.gate.send_replace(false);
    good.gate.send_replace(false);
    let _stuck = asks(&resolver, of("bank", hanging.image("app:1")));
    heads(&hanging, "", 1).await;
    let first = asks(&resolver, of("shop", good.image("one:1")));
    heads(&good, "", 1).await;
    let brings = asks(&resolver, of("shop", good.image("multi:1")));
    under_way(&resolver, 3).await;
    let deadline = Instant::now() + Duration::from_secs(2);
    let waits = tokio::spawn({
        let (resolver, question) = (resolver.clone(), of("bank", good.image("multi:1")));
        // Nothing older stands in for who asks anew.
        let question = Question { anew: true, ..question };
        async move { resolver.resolve(&question, deadline).await }
    });
    under_way(&resolver, 4).await;
    good.gate.send_replace(true);
    assert!(found(&first.await.unwrap()) && found(&brings.await.unwrap()));
    let attempts = waits.await.unwrap();
    let [Attempt { outcome: Outcome::Found(_), entries, stale: None, remembered: false, .. }] =
        attempts.as_slice()
    else {
        panic!("{attempts:?}")
    };
    assert!(entries.iter().all(|entry| matches!(entry.outcome, Outcome::Found(_))));
}
