//! What is in use is asked for again before its time is over, once, and nobody waits for it.

use super::super::lifetime::{FOUND_BY_DIGEST, FOUND_BY_TAG};
use super::*;

/// Into the last fifth of a tag's time.
const LATE: Duration = Duration::from_secs(241);

/// Waits until so many requests have come, however long that takes.
async fn arrived(fake: &Fake, heads: usize) {
    while fake.count(&Method::HEAD, "/manifests/") < heads {
        fake.state.arrived.notified().await;
    }
}

/// Waits until nothing is under way.
async fn landed(resolver: &Resolver) {
    while resolver.shared.flights.under_way() > 0 {
        tokio::task::yield_now().await;
    }
}

/// The image `app:1`, whose answer is in the last fifth of its time.
async fn late() -> (Fake, Resolver, Question) {
    let (fake, resolver) = (Fake::start().await, resolver(Limits::default()));
    let app = question(fake.image("app:1"), &[]);
    ask(&resolver, app.clone()).await;
    later(LATE).await;
    (fake, resolver, app)
}

#[tokio::test]
async fn an_answer_in_use_is_followed_by_the_next_before_its_end_and_nobody_waits() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let app = || question(fake.image("app:1"), &[]);
    for round in 1..5 {
        assert!(found(&ask(&resolver, app()).await));
        assert_eq!(fake.count(&Method::HEAD, "/manifests/"), round);
        later(FOUND_BY_TAG.saturating_sub(LATE)).await;
        assert!(found(&ask(&resolver, app()).await));
        assert!(resolver.shared.flights.under_way() == 0, "it has most of its time yet");
        later((2 * LATE).saturating_sub(FOUND_BY_TAG)).await;
        fake.gate.send_replace(false);
        // Whoever asks meanwhile is answered at once, and begins nothing more.
        for _ in 0..50 {
            assert!(found(&ask(&resolver, app()).await));
        }
        arrived(&fake, round + 1).await;
        fake.gate.send_replace(true);
        landed(&resolver).await;
        assert_eq!(fake.count(&Method::HEAD, "/manifests/"), round + 1);
        assert_eq!(fake.count(&Method::GET, "/manifests/"), 1, "its manifest is known");
    }
    let metrics = resolver.shared.metrics.encode().unwrap();
    assert!(metrics.contains("pullcheck_refreshes_total 4"), "{metrics}");
    assert!(metrics.contains("pullcheck_cache_total{result=\"miss\"} 1"), "{metrics}");
}

#[tokio::test]
async fn a_refresh_that_fails_is_not_tried_again_and_takes_nothing_away() {
    let (fake, resolver, app) = late().await;
    fake.fail("", StatusCode::TOO_MANY_REQUESTS);
    for _ in 0..10 {
        let attempts = ask(&resolver, app.clone()).await;
        assert!(found(&attempts) && attempts[0].stale.is_none(), "{attempts:?}");
        landed(&resolver).await;
    }
    assert_eq!(fake.count(&Method::HEAD, "/manifests/"), 2);
}

#[tokio::test]
async fn a_registry_that_wants_to_be_left_alone_is_not_asked_ahead() {
    let (fake, resolver, app) = late().await;
    fake.fail("", StatusCode::TOO_MANY_REQUESTS);
    ask(&resolver, question(fake.image("other:1"), &[])).await;
    for _ in 0..10 {
        assert!(found(&ask(&resolver, app.clone()).await));
        landed(&resolver).await;
    }
    assert_eq!(fake.count(&Method::HEAD, "/app/"), 1);
}

#[tokio::test]
async fn a_refresh_that_is_told_no_is_believed() {
    let (fake, resolver, app) = late().await;
    fake.fail("", StatusCode::NOT_FOUND);
    assert!(found(&ask(&resolver, app.clone()).await));
    landed(&resolver).await;
    let attempts = ask(&resolver, app.clone()).await;
    assert!(matches!(attempts[0].outcome, Outcome::Absent(_)), "{attempts:?}");
}

#[tokio::test]
async fn what_is_absent_or_refused_is_not_asked_for_ahead() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let wrong = [("ada", "s3cr3t-old")];
    for (image, credentials, late) in
        [("absent:1", &[][..], Duration::from_millis(4_900)), ("private/app:1", &wrong, LATE)]
    {
        let image = || question(fake.image(image), credentials);
        ask(&resolver, image()).await;
        later(late).await;
        ask(&resolver, image()).await;
        assert!(resolver.shared.flights.under_way() == 0);
    }
}

#[tokio::test]
async fn entries_of_an_index_are_followed_too() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let by_digest = format!("multi@{}", digest(&served("multi", false).unwrap().1));
    let multi = || question(fake.image(&by_digest), &[]);
    ask(&resolver, multi()).await;
    later(FOUND_BY_DIGEST.saturating_sub(Duration::from_secs(60))).await;
    ask(&resolver, multi()).await;
    landed(&resolver).await;
    let metrics = resolver.shared.metrics.encode().unwrap();
    assert!(metrics.contains("pullcheck_refreshes_total 3"), "itself and two entries: {metrics}");
    later(Duration::from_secs(120)).await;
    let before = fake.count(&Method::HEAD, "");
    assert!(found(&ask(&resolver, multi()).await));
    assert_eq!(fake.count(&Method::HEAD, ""), before);
}

#[tokio::test]
async fn half_of_what_may_be_under_way_is_left_to_those_who_wait() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits { begun_per_tenant: 4, ..Limits::default() });
    let app = |n: usize| question(fake.image(&format!("app{n}:1")), &[]);
    for n in 0..8 {
        ask(&resolver, app(n)).await;
    }
    later(LATE).await;
    fake.gate.send_replace(false);
    for n in 0..8 {
        assert!(found(&ask(&resolver, app(n)).await));
    }
    arrived(&fake, 8 + 2).await;
    fake.gate.send_replace(true);
    landed(&resolver).await;
    assert_eq!(fake.count(&Method::HEAD, "/manifests/"), 8 + 2);
    // There is room again for the others.
    assert!(found(&ask(&resolver, app(7)).await));
    arrived(&fake, 8 + 3).await;
}
