//! One host and those who ask it, at times that the tests choose.

use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use tokio::time::Instant;

use super::Asker;
use super::host::{Change, Ended, Host, Verdict, Whose};
use crate::credentials::Credential;
use crate::facts::{Trouble, TroubleKind};
use crate::registry::identity::{CredentialId, Identities};

const AUTHORITY: &str = "reg.test";

/// A host and a clock.
struct World {
    host: Host,
    start: Instant,
    ids: Identities,
}

/// Somebody who was let through.
struct Asks {
    asker: Asker,
    begun: Instant,
    probe: Option<Whose>,
}

fn trouble(kind: TroubleKind, detail: &str, retry_after: Option<u64>) -> Trouble {
    Trouble {
        kind,
        host: AUTHORITY.to_owned(),
        detail: detail.to_owned(),
        waited: None,
        retry_after: retry_after.map(Duration::from_secs),
    }
}

fn silence() -> Trouble {
    trouble(TroubleKind::Timeout, "no answer", None)
}

impl World {
    fn new() -> Self {
        Self { host: Host::default(), start: Instant::now(), ids: Identities::new().unwrap() }
    }

    fn at(&self, seconds: f64) -> Instant {
        self.start + Duration::from_secs_f64(seconds)
    }

    fn anonymous(tenant: &str) -> Asker {
        Asker::new(tenant.into(), CredentialId::ANONYMOUS)
    }

    fn named(&self, tenant: &str, user: &str) -> Asker {
        Asker::new(tenant.into(), self.ids.credential(Some(&Credential::new(user, "p"))))
    }

    fn ask_as(&mut self, asker: &Asker, seconds: f64) -> Result<Asks, Trouble> {
        let begun = self.at(seconds);
        let probe = self.host.admit(asker, AUTHORITY, begun)?;
        Ok(Asks { asker: asker.clone(), begun, probe })
    }

    fn ask(&mut self, tenant: &str, seconds: f64) -> Result<Asks, Trouble> {
        self.ask_as(&Self::anonymous(tenant), seconds)
    }

    fn end(
        &mut self,
        asks: Asks,
        repository: &str,
        verdict: Verdict<'_>,
        at: f64,
    ) -> Option<Change> {
        let Asks { asker, begun, probe } = asks;
        let ended = Ended { asker: &asker, repository, begun, probe, verdict };
        let now = self.at(at);
        self.host.ended(ended, now)
    }

    /// A lookup that fails like this, from one time to another.
    fn fails(&mut self, tenant: &str, trouble: &Trouble, from: f64, to: f64) -> Option<Change> {
        let asks = self.ask(tenant, from).unwrap();
        self.end(asks, "app", Verdict::Failed(trouble), to)
    }

    fn answers(&mut self, tenant: &str, at: f64) -> Option<Change> {
        let asks = self.ask(tenant, at).unwrap();
        self.end(asks, "app", Verdict::Answered, at)
    }

    /// Four lookups of this namespace time out, begun at once.
    fn dies_for(&mut self, tenant: &str, at: f64) -> Option<Change> {
        let asks: Vec<_> = (0..4).map(|_| self.ask(tenant, at).unwrap()).collect();
        let silence = silence();
        let mut change = None;
        for asks in asks {
            change = change.or(self.end(asks, "app", Verdict::Failed(&silence), at + 10.0));
        }
        change
    }
}

#[test]
fn the_fourth_failure_in_a_row_is_one_too_many_and_an_answer_between_them_begins_anew() {
    let mut world = World::new();
    for round in 0..2 {
        for n in 0..3 {
            let at = f64::from(round * 100 + n);
            assert_eq!(world.fails("shop", &silence(), at, at + 0.5), None);
        }
        assert_eq!(world.answers("shop", f64::from(round * 100 + 10)), None);
    }
    for n in 0..3 {
        assert_eq!(world.fails("shop", &silence(), f64::from(300 + n), 310.0), None);
    }
    let opened = Some(Change::Opened(Whose::Namespaces));
    assert_eq!(world.fails("shop", &silence(), 305.0, 315.0), opened);
    let refused = world.ask("shop", 315.1).err().unwrap();
    assert_eq!((refused.kind, refused.host.as_str()), (TroubleKind::Timeout, AUTHORITY));
    assert_eq!(refused.detail, "no answer, 4 times in 15 s; asked again in 1 s");
}

#[test]
fn a_burst_of_failures_in_one_moment_opens_nothing() {
    let mut world = World::new();
    let reset = trouble(TroubleKind::Refused, "connection refused", None);
    for _ in 0..100 {
        assert_eq!(world.fails("shop", &reset, 0.0, 1.9), None);
    }
    assert_eq!(world.fails("shop", &reset, 1.9, 2.0), Some(Change::Opened(Whose::Namespaces)));
}

#[test]
fn one_at_a_time_looks_again_after_a_pause_that_grows_to_half_a_minute() {
    let mut world = World::new();
    assert!(world.dies_for("shop", 0.0).is_some());
    let mut now = 10.0;
    for pause in [1.0, 2.0, 4.0, 8.0, 10.0, 10.0] {
        assert!(world.ask("shop", now + pause - 0.1).is_err(), "{pause}");
        let probe = world.ask("shop", now + pause).unwrap();
        assert!(world.ask("shop", now + pause + 100.0).is_err(), "somebody looks now");
        now += pause + 10.0;
        assert_eq!(world.end(probe, "app", Verdict::Failed(&silence()), now), None);
    }
    let probe = world.ask("shop", now + 10.0).unwrap();
    let closed = Some(Change::Closed(Whose::Namespaces));
    assert_eq!(world.end(probe, "app", Verdict::Answered, now + 10.1), closed);
    let all: Vec<_> = (0..100).map(|_| world.ask("shop", now + 10.2)).collect();
    assert!(all.iter().all(Result::is_ok), "and then everybody");
}

#[test]
fn who_gives_up_looking_leaves_it_to_the_next() {
    let mut world = World::new();
    world.dies_for("shop", 0.0);
    let probe = world.ask("shop", 12.0).unwrap();
    assert!(world.ask("shop", 12.1).is_err());
    world.end(probe, "app", Verdict::Nothing, 12.2);
    assert!(world.ask("shop", 12.3).is_ok());
}

#[test]
fn what_one_namespace_meets_is_believed_for_that_namespace_alone() {
    let mut world = World::new();
    assert_eq!(world.dies_for("evil", 0.0), Some(Change::Opened(Whose::Namespaces)));
    assert!(world.ask("evil", 10.1).is_err());
    for _ in 0..100 {
        assert!(world.ask("shop", 10.1).unwrap().probe.is_none());
    }
}

#[test]
fn two_namespaces_without_an_answer_between_them_are_believed_by_all() {
    let mut world = World::new();
    world.dies_for("one", 0.0);
    assert_eq!(world.fails("two", &silence(), 1.0, 11.0), Some(Change::Opened(Whose::Everybodys)));
    // Who has not failed there looks at once, one at a time.
    let probe = world.ask("three", 11.1).unwrap();
    assert!(world.ask("four", 11.1).is_err());
    world.end(probe, "app", Verdict::Failed(&silence()), 11.2);
    assert!(world.ask("three", 11.3).is_err(), "it has failed by now");
    let probe = world.ask("four", 11.3).unwrap();
    let closed = Some(Change::Closed(Whose::Everybodys));
    assert_eq!(world.end(probe, "app", Verdict::Answered, 11.4), closed);
    for tenant in ["one", "two", "three", "four", "five"] {
        assert!(world.ask(tenant, 11.5).unwrap().probe.is_none(), "{tenant}");
    }
}

#[test]
fn an_answer_to_another_namespace_in_between_keeps_a_host_open_to_all() {
    let mut world = World::new();
    world.dies_for("one", 0.0);
    world.answers("shop", 10.5);
    let opened = Some(Change::Opened(Whose::Namespaces));
    assert_eq!(world.dies_for("two", 11.0), opened, "and not for everybody");
    assert!(world.ask("shop", 21.5).is_ok());
    // That the host lives is worth a look of those who failed.
    world.answers("shop", 21.6);
    assert_eq!(world.ask("one", 21.7).unwrap().probe, Some(Whose::Namespaces));
}

#[test]
fn a_wait_that_began_before_the_last_answer_says_nothing_of_now() {
    let mut world = World::new();
    let before: Vec<_> = (0..16).map(|_| world.ask("shop", 0.0).unwrap()).collect();
    world.answers("shop", 5.0);
    for asks in before {
        assert_eq!(world.end(asks, "app", Verdict::Failed(&silence()), 10.0), None);
    }
    assert!(world.ask("shop", 10.1).is_ok());
}

#[test]
fn a_status_counts_only_if_another_repository_meets_one_too() {
    let mut world = World::new();
    let status = trouble(TroubleKind::Error, "503", None);
    for n in 0..50 {
        assert_eq!(world.fails("shop", &status, f64::from(n), f64::from(n)), None);
    }
    let asks = world.ask("shop", 60.0).unwrap();
    let change = world.end(asks, "other", Verdict::Failed(&status), 60.0);
    assert_eq!(change, Some(Change::Opened(Whose::Namespaces)));
}

#[rstest]
#[case::limited(TroubleKind::RateLimited, "429")]
#[case::away(TroubleKind::Error, "503")]
fn who_is_told_when_to_come_again_comes_then(#[case] kind: TroubleKind, #[case] detail: &str) {
    let mut world = World::new();
    let told = trouble(kind, detail, Some(60));
    world.fails("shop", &told, 0.0, 0.0);
    let refused = world.ask("shop", 59.0).err().unwrap();
    assert_eq!((refused.kind, refused.detail.as_str()), (kind, detail));
    assert_eq!(refused.retry_after, Some(Duration::from_secs(1)));
    assert!(world.ask("shop", 60.0).is_ok());
    // A year is not believed.
    world.fails("shop", &trouble(kind, detail, Some(365 * 86_400)), 100.0, 100.0);
    assert!(world.ask("shop", 399.0).is_err());
    assert!(world.ask("shop", 400.0).is_ok());
}

#[test]
fn a_limit_is_the_accounts_in_every_namespace_and_nobody_elses() {
    let mut world = World::new();
    let limited = trouble(TroubleKind::RateLimited, "429", Some(60));
    let asks = world.ask("one", 0.0).unwrap();
    world.end(asks, "app", Verdict::Failed(&limited), 0.0);
    assert!(world.ask("two", 1.0).is_err(), "anonymous as well");
    let ada = world.named("one", "ada");
    let asks = world.ask_as(&ada, 1.0).unwrap();
    world.end(asks, "app", Verdict::Answered, 1.1);
    let asks = world.ask_as(&ada, 2.0).unwrap();
    world.end(asks, "app", Verdict::Failed(&limited), 2.0);
    let ada_elsewhere = world.named("two", "ada");
    assert!(world.ask_as(&ada_elsewhere, 3.0).is_err());
    let bob = world.named("two", "bob");
    assert!(world.ask_as(&bob, 3.0).is_ok(), "two accounts of one namespace are one stranger");
}

#[test]
fn what_two_strangers_are_told_is_for_everybody_until_somebody_has_an_answer() {
    for kind in [TroubleKind::RateLimited, TroubleKind::Error] {
        let mut world = World::new();
        let told = trouble(kind, "wait", Some(60));
        let [ada, bob, eve] =
            [("one", "ada"), ("two", "bob"), ("three", "eve")].map(|(t, u)| world.named(t, u));
        let early = world.ask_as(&eve, 0.0).unwrap();
        for asker in [&ada, &bob] {
            let asks = world.ask_as(asker, 0.5).unwrap();
            world.end(asks, "app", Verdict::Failed(&told), 1.0);
        }
        assert!(world.ask_as(&eve, 2.0).is_err(), "{kind:?}");
        world.end(early, "app", Verdict::Answered, 3.0);
        assert!(world.ask_as(&eve, 4.0).is_ok(), "{kind:?}");
        assert!(world.ask_as(&ada, 4.0).is_err(), "{kind:?}: its own word stands");
    }
}

#[test]
fn what_lies_behind_a_redirect_holds_nobody() {
    let mut world = World::new();
    let told = trouble(TroubleKind::RateLimited, "429 behind a redirect", Some(60));
    world.fails("shop", &told, 0.0, 0.0);
    assert!(world.ask("shop", 0.1).is_ok());
}

#[test]
fn an_accounts_limits_without_a_time_open_nothing_for_others() {
    let mut world = World::new();
    let limited = trouble(TroubleKind::RateLimited, "429", None);
    for n in 0..20 {
        let tenant = ["one", "two"][n % 2];
        let Ok(asks) = world.ask(tenant, 3.0) else { continue };
        let repository = ["a", "b"][n / 2 % 2];
        world.end(asks, repository, Verdict::Failed(&limited), 6.0);
    }
    assert!(world.ask("one", 6.5).is_err());
    assert!(world.ask("three", 6.5).is_ok());
}

#[test]
fn namespaces_without_number_are_not_all_kept() {
    let mut world = World::new();
    let tenants: Vec<Arc<str>> = (0..1_000).map(|n| format!("ns{n}").into()).collect();
    for tenant in &tenants {
        if let Ok(asks) = world.ask(tenant, 0.0) {
            world.end(asks, "app", Verdict::Failed(&silence()), 1.0);
        }
    }
    assert!(world.host.namespaces_kept() <= 32);
}
