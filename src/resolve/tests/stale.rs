//! What was good stands in where a registry fails, for a while, and never against its own "no".

use rstest::rstest;

use super::super::lifetime::{
    Answer, FOUND_BY_DIGEST, FOUND_BY_TAG, STALE_BY_DIGEST, STALE_BY_TAG,
};
use super::super::tries::tries;
use super::*;
use crate::facts::{Absent, Evidence, Missing, Refusal, RefusedAt, Trouble};

const DOWN: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

/// How old the answer is that stands in for the last attempt.
fn age(attempts: &[Attempt]) -> Option<Duration> {
    let stale = attempts.last().and_then(|attempt| attempt.stale.as_ref())?;
    assert!(found(attempts), "{attempts:?}");
    assert!(stale.now.is_unseen() || !stale.entries.is_empty(), "{stale:?}");
    Some(stale.age)
}

fn is_trouble(attempts: &[Attempt]) -> bool {
    matches!(attempts, [Attempt { outcome: Outcome::Trouble(_), stale: None, .. }])
}

#[rstest]
#[case::down(DOWN)]
#[case::rate_limited(StatusCode::TOO_MANY_REQUESTS)]
#[case::odd(StatusCode::IM_A_TEAPOT)]
#[tokio::test]
async fn what_a_tag_led_to_is_good_for_an_hour_where_the_registry_fails(
    #[case] status: StatusCode,
) {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let app = || question(fake.image("app:1"), &[]);
    assert_eq!(age(&ask(&resolver, app()).await), None);
    fake.fail("", status);
    later(FOUND_BY_TAG.saturating_sub(Duration::from_secs(70))).await;
    assert!(found(&ask(&resolver, app()).await));
    assert_eq!(fake.count(&Method::HEAD, "/manifests/"), 1, "its time is not over");
    later(Duration::from_secs(70)).await;
    let attempts = ask(&resolver, app()).await;
    let old = age(&attempts).unwrap_or_else(|| panic!("{attempts:?}"));
    assert_eq!(old.as_secs(), FOUND_BY_TAG.as_secs());
    let asked = fake.count(&Method::HEAD, "/manifests/");
    assert!(age(&ask(&resolver, app()).await).is_some());
    assert_eq!(fake.count(&Method::HEAD, "/manifests/"), asked, "it failed a moment ago");
    // Trouble after trouble takes nothing away.
    for _ in 0..3 {
        later(FOUND_BY_TAG).await;
        assert!(age(&ask(&resolver, app()).await).is_some());
    }
    later(STALE_BY_TAG).await;
    let attempts = ask(&resolver, app()).await;
    assert!(is_trouble(&attempts), "{attempts:?}");
    fake.heal();
    later(FOUND_BY_TAG).await;
    let attempts = ask(&resolver, app()).await;
    assert!(found(&attempts) && age(&attempts).is_none(), "{attempts:?}");
}

#[tokio::test]
async fn a_digest_is_good_for_a_day() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let name = format!("app@{}", digest(MANIFEST));
    let app = || question(fake.image(&name), &[]);
    ask(&resolver, app()).await;
    fake.fail("", DOWN);
    later(FOUND_BY_DIGEST).await;
    assert_eq!(age(&ask(&resolver, app()).await).unwrap().as_secs(), FOUND_BY_DIGEST.as_secs());
    later(STALE_BY_DIGEST.saturating_sub(2 * FOUND_BY_DIGEST)).await;
    assert!(age(&ask(&resolver, app()).await).is_some());
    later(FOUND_BY_DIGEST).await;
    assert!(is_trouble(&ask(&resolver, app()).await));
}

#[tokio::test]
async fn a_registry_that_hangs_is_answered_for_at_the_deadline() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let images = ["app:1", "multi:1"];
    for image in images {
        ask(&resolver, question(fake.image(image), &[])).await;
    }
    later(FOUND_BY_TAG).await;
    fake.gate.send_replace(false);
    for image in images {
        let deadline = Instant::now() + Duration::from_millis(300);
        let attempts = resolver.resolve(&question(fake.image(image), &[]), deadline).await;
        assert!(age(&attempts).is_some(), "{attempts:?}");
        assert_eq!(attempts[0].entries.len(), if image == "multi:1" { 2 } else { 0 });
    }
    let metrics = resolver.shared.metrics.encode().unwrap();
    assert!(metrics.contains("pullcheck_deadline_missed_total 0"), "it did without nothing");
}

#[tokio::test]
async fn where_there_is_no_room_for_a_lookup_the_last_answer_is_used() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits { begun: 1, ..Limits::default() });
    ask(&resolver, question(fake.image("app:1"), &[])).await;
    later(FOUND_BY_TAG).await;
    fake.gate.send_replace(false);
    let first = tokio::spawn({
        let (resolver, question) = (resolver.clone(), question(fake.image("one:1"), &[]));
        async move { ask(&resolver, question).await }
    });
    while fake.count(&Method::HEAD, "/one/") == 0 {
        fake.state.arrived.notified().await;
    }
    assert!(age(&ask(&resolver, question(fake.image("app:1"), &[])).await).is_some());
    fake.gate.send_replace(true);
    assert!(found(&first.await.unwrap()));
}

#[rstest]
#[case::gone(StatusCode::NOT_FOUND)]
#[case::refused(StatusCode::UNAUTHORIZED)]
#[case::forbidden(StatusCode::FORBIDDEN)]
#[tokio::test]
async fn a_no_counts_at_once_and_nothing_older_is_believed_after_it(#[case] status: StatusCode) {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let app = || question(fake.image("private/app:1"), &[USER]);
    assert!(found(&ask(&resolver, app()).await));
    later(FOUND_BY_TAG).await;
    fake.fail("", status);
    let attempts = ask(&resolver, app()).await;
    assert!(
        matches!(
            attempts.as_slice(),
            [Attempt { outcome: Outcome::Absent(_) | Outcome::Refused(_), stale: None, .. }]
        ),
        "{attempts:?}"
    );
    fake.fail("", DOWN);
    later(FOUND_BY_TAG).await;
    let attempts = ask(&resolver, app()).await;
    assert!(attempts[0].stale.is_none() && !attempts[0].works(), "{attempts:?}");
}

#[tokio::test]
async fn what_one_credential_was_told_stands_in_for_no_other() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let image = || fake.image("private/app:1");
    assert!(found(&ask(&resolver, question(image(), &[USER])).await));
    later(FOUND_BY_TAG).await;
    fake.fail("", DOWN);
    for credentials in [&[][..], &[("ada", "s3cr3t-wrong")], &[("bob", "s3cr3t-ada")]] {
        let attempts = ask(&resolver, question(image(), credentials)).await;
        assert!(is_trouble(&attempts), "{credentials:?} {attempts:?}");
    }
    let other = Question { tenant: "bank".into(), ..question(image(), &[USER]) };
    assert!(age(&ask(&resolver, other).await).is_some(), "who holds it was told the same");
}

#[tokio::test]
async fn absent_and_refused_answers_never_stand_in() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let questions =
        || [question(fake.image("absent:1"), &[]), question(fake.image("private/app:1"), &[])];
    for question in questions() {
        ask(&resolver, question).await;
    }
    later(FOUND_BY_TAG).await;
    fake.fail("", DOWN);
    for question in questions() {
        assert!(is_trouble(&ask(&resolver, question).await));
    }
}

#[tokio::test]
async fn of_an_index_all_must_be_known_and_good() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let by_digest = format!("multi@{}", digest(&served("multi", false).unwrap().1));
    let multi = || question(fake.image(&by_digest), &[]);
    let more = || Question {
        nodes: Arc::new([Candidate {
            platform: Platform::new("linux", "s390x", ""),
            loose: false,
            runtime: None,
        }]),
        ..multi()
    };
    ask(&resolver, multi()).await;
    fake.fail("", DOWN);
    later(FOUND_BY_DIGEST).await;
    let attempts = ask(&resolver, multi()).await;
    assert_eq!(age(&attempts).unwrap().as_secs(), FOUND_BY_DIGEST.as_secs());
    let entries: Vec<_> = attempts[0].entries.iter().map(|entry| &entry.outcome).collect();
    assert!(matches!(entries.as_slice(), [Outcome::Found(_), Outcome::Found(_)]), "{entries:?}");
    let attempts = ask(&resolver, more()).await;
    assert!(is_trouble(&attempts), "that entry was never seen: {attempts:?}");
}

#[tokio::test]
async fn an_entry_alone_that_fails_is_made_good_and_one_that_is_refused_is_not() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let multi = || question(fake.image("multi:1"), &[]);
    let attempts = ask(&resolver, multi()).await;
    let entry = attempts[0].outcome.index().unwrap()[1].manifest().cloned().unwrap();
    let key = resolver.shared.key(&multi(), &tries(&multi()).next().unwrap(), Some(entry.into()));
    // What was verified of an entry is known for longer than the lookup that would show this.
    let comes_to = async |outcome| {
        let answer = Answer::new(&key, outcome, Instant::now(), None);
        resolver.shared.keep(&"shop".into(), key.clone(), answer);
        ask(&resolver, multi()).await
    };
    later(FOUND_BY_DIGEST).await;
    let attempts = comes_to(trouble()).await;
    // The tag's own answer is a new one; its old one could not stand in for anything any more.
    assert_eq!(age(&attempts).unwrap().as_secs(), FOUND_BY_DIGEST.as_secs(), "{attempts:?}");
    let refused = Outcome::Refused(Refusal {
        at: RefusedAt::Repository,
        evidence: Evidence::new(403, None, "r.io"),
        expired: false,
        no_basic: false,
        incomplete_login: false,
    });
    for outcome in [refused, trouble()] {
        let attempts = comes_to(outcome).await;
        assert!(attempts[0].stale.is_none() && !attempts[0].works(), "{attempts:?}");
    }
}

#[tokio::test]
async fn a_no_that_took_too_long_to_explain_takes_the_good_answer_away_all_the_same() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let app = || question(fake.image("app:1"), &[]);
    ask(&resolver, app()).await;
    let key = resolver.shared.key(&app(), &tries(&app()).next().unwrap(), None);
    let absent = Outcome::Absent(Absent {
        what: Missing::Tag,
        evidence: Evidence::new(404, None, "r.io"),
        suggestion: None,
        listed: false,
        no_tags: false,
        served_by_get: false,
    });
    let answer = Answer::new(&key, absent, Instant::now(), Some(super::super::lifetime::ABSENT));
    resolver.shared.keep(&"shop".into(), key, answer);
    fake.fail("", DOWN);
    assert!(is_trouble(&ask(&resolver, app()).await));
}

fn trouble() -> Outcome {
    Outcome::Trouble(Trouble {
        kind: TroubleKind::Timeout,
        host: "r.io".to_owned(),
        detail: "no answer".to_owned(),
        waited: None,
        retry_after: None,
    })
}

#[tokio::test]
async fn a_tag_that_has_moved_is_not_what_it_was_because_its_new_entries_fail() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let multi = || question(fake.image("multi:1"), &[]);
    ask(&resolver, multi()).await;
    later(FOUND_BY_TAG).await;
    fake.state.moved.store(true, Ordering::Relaxed);
    fake.fail(digest(&child("arm64, pushed again")).as_str(), DOWN);
    let attempts = ask(&resolver, multi()).await;
    assert!(!attempts[0].works() && attempts[0].stale.is_none(), "{attempts:?}");
}

#[tokio::test]
async fn who_asks_anew_gets_nothing_older_and_takes_it_from_nobody() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits::default());
    let app = || question(fake.image("app:1"), &[]);
    let anew = || Question { anew: true, ..app() };
    ask(&resolver, app()).await;
    fake.fail("", DOWN);
    later(super::super::lifetime::ABSENT).await;
    assert!(is_trouble(&ask(&resolver, anew()).await));
    let attempts = ask(&resolver, app()).await;
    assert!(found(&attempts) && age(&attempts).is_none(), "still in its time: {attempts:?}");
    later(FOUND_BY_TAG).await;
    assert!(is_trouble(&ask(&resolver, anew()).await));
    assert!(age(&ask(&resolver, app()).await).is_some());
}
