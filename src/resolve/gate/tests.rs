//! Who waits for whom. Nothing is asked here, so that time can be let pass.

use std::future::pending;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::*;
use crate::facts::{Content, Found, Outcome, Unread};
use crate::image::{Algorithm, Digest};

/// Whoever is let in without waiting is in by then.
const NOW: Duration = Duration::from_millis(1);

/// A gate, who has answered, and lookups that hang.
struct World {
    gate: Arc<Gate>,
    lively: Arc<Lively>,
    hanging: JoinSet<()>,
}

impl World {
    /// As `serve` has it.
    fn new() -> Self {
        Self::with(true)
    }

    fn with(fair: bool) -> Self {
        let limits = Limits { lookups: 32, lookups_per_tenant: 8, fair, ..Limits::default() };
        let (gate, lively) = (Arc::new(Gate::new(&limits)), Arc::new(Lively::new()));
        Self { gate, lively, hanging: JoinSet::new() }
    }

    fn answered(&self, host: &str) {
        let digest = Digest::of(Algorithm::Sha256, b"x");
        let found = Found { digest, quota: None, content: Content::Unread(Unread::Quota) };
        self.lively.note(host, &Outcome::Found(found));
    }

    /// Begins a lookup that never ends.
    fn hangs(&mut self, tenant: &str, host: &str) {
        let (gate, lively) = (self.gate.clone(), self.lively.clone());
        let (tenant, host) = (tenant.to_owned(), host.to_owned());
        self.hanging.spawn(async move {
            gate.enter(&tenant, &host, &lively).await.run(pending::<()>()).await;
        });
    }

    /// Whether a lookup gets its turn within this time.
    async fn enters(&self, tenant: &str, host: &str, within: Duration) -> bool {
        timeout(within, self.gate.enter(tenant, host, &self.lively)).await.is_ok()
    }
}

#[tokio::test(start_paused = true)]
async fn any_number_of_strange_hosts_leaves_those_that_answer_their_places() {
    let mut world = World::new();
    world.answered("good.test");
    for n in 0..1_000 {
        world.hangs(&format!("evil{}", n % 40), &format!("h{n}.test"));
    }
    for at in [0, 1, 10, 60] {
        tokio::time::sleep(Duration::from_secs(at)).await;
        assert!(world.enters("shop", "good.test", NOW).await, "after {at} s");
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_namespace_of_its_own_too() {
    let mut world = World::new();
    world.answered("good.test");
    for n in 0..100 {
        world.hangs("shop", &format!("h{n}.test"));
    }
    for _ in 0..100 {
        world.hangs("shop", "dead.test");
    }
    tokio::time::sleep(NOW).await;
    assert!(world.enters("shop", "good.test", NOW).await);
}

#[tokio::test(start_paused = true)]
async fn one_strange_host_that_hangs_leaves_another_its_turn() {
    let mut world = World::new();
    for _ in 0..100 {
        world.hangs("shop", "dead.test");
    }
    tokio::time::sleep(NOW).await;
    assert!(world.enters("shop", "new.test", NOW).await);
    assert!(!world.enters("shop", "dead.test", NOW).await);
}

#[tokio::test(start_paused = true)]
async fn what_hangs_steps_aside() {
    let mut world = World::new();
    for n in 0..8 {
        let host = format!("h{n}.test");
        world.answered(&host);
        for tenant in 0..4 {
            world.hangs(&format!("evil{tenant}"), &host);
        }
    }
    world.answered("good.test");
    tokio::time::sleep(NOW).await;
    assert!(!world.enters("shop", "good.test", NOW).await, "all places are taken");
    assert!(world.enters("shop", "good.test", TURN).await);
    assert!(!world.enters("evil0", "good.test", 10 * TURN).await, "its own share is its own");
}

#[tokio::test(start_paused = true)]
async fn what_steps_aside_is_bounded_too() {
    let mut world = World::new();
    for n in 0..100 {
        let host = format!("h{n}.test");
        world.answered(&host);
        for _ in 0..2 {
            world.hangs(&format!("evil{n}"), &host);
        }
    }
    tokio::time::sleep(10 * TURN).await;
    let running = 32 + ASIDE * 32;
    assert_eq!(world.gate.aside.available_permits(), 0);
    assert_eq!(world.gate.all.available_permits(), 0, "{running} run and the others wait");
}

#[tokio::test(start_paused = true)]
async fn once_a_host_has_answered_nobody_waits_as_for_a_stranger() {
    let mut world = World::new();
    let (gate, lively) = (world.gate.clone(), world.lively.clone());
    let first = gate.enter("shop", "new.test", &lively).await;
    let second = gate.enter("shop", "new.test", &lively).await;
    assert!(!world.enters("shop", "new.test", NOW).await, "a quarter of eight");
    for _ in 0..2 {
        world.hangs("shop", "new.test");
    }
    tokio::time::sleep(NOW).await;
    world.answered("new.test");
    drop(first);
    tokio::time::sleep(NOW).await;
    // Three of four places at one host are taken.
    assert!(world.enters("shop", "new.test", NOW).await);
    drop(second);
}

/// Somebody waits as for a stranger where strangers may hold no more, and the host answers.
async fn who_waits_is_let_in_once_it_answers(mut world: World, hang: impl Fn(&mut World)) {
    hang(&mut world);
    let (gate, lively) = (world.gate.clone(), world.lively.clone());
    let waits = tokio::spawn(async move {
        drop(gate.enter("shop", "new.test", &lively).await);
    });
    tokio::time::sleep(NOW).await;
    assert!(!waits.is_finished());
    world.answered("new.test");
    timeout(NOW, waits).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_strangers_of_its_namespace_waits_no_longer_once_its_host_answers() {
    who_waits_is_let_in_once_it_answers(World::new(), |world| {
        for n in 0..6 {
            world.hangs("shop", &format!("h{n}.test"));
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn nor_who_waits_for_the_strangers_of_all() {
    who_waits_is_let_in_once_it_answers(World::new(), |world| {
        for n in 0..16 {
            world.hangs(&format!("evil{n}"), &format!("h{n}.test"));
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn where_all_is_one_persons_nobody_is_a_stranger_and_none_steps_aside() {
    let limits = Limits { lookups: 16, lookups_per_tenant: 16, fair: false, ..Limits::default() };
    let (gate, lively) = (Gate::new(&limits), Lively::new());
    let mut held = Vec::new();
    for n in 0..16 {
        held.push(gate.enter("default", &format!("h{n}.test"), &lively).await);
    }
    let begun = Instant::now();
    assert!(timeout(60 * TURN, gate.enter("default", "one-more.test", &lively)).await.is_err());
    assert!(begun.elapsed() >= 60 * TURN);
}
