use super::*;

type Memory = Fair<String, String, ()>;

const HOUR: Duration = Duration::from_secs(3_600);

/// Room for so many entries without texts.
fn room_for(entries: usize) -> Memory {
    let size = |key: &String, value: &String| key.len() + value.len();
    Memory::new((entries * (Memory::BYTES + 14)) as u64, size, |_| HOUR)
}

fn keep(memory: &Memory, tenant: &str, keys: impl Iterator<Item = usize>) {
    for key in keys {
        memory.insert(&tenant.into(), format!("{tenant}-{key:08}"), String::new());
    }
}

/// How many of the first so many of `owner` are still there, without using any.
fn left(memory: &Memory, owner: &str, most: usize) -> usize {
    (0..most).filter(|key| memory.has(&format!("{owner}-{key:08}"))).count()
}

#[test]
fn a_flood_of_ten_thousand_evicts_nothing_of_another_namespace() {
    let memory = room_for(1_000);
    keep(&memory, "shop", 0..400);
    keep(&memory, "bank", 0..100);
    for key in 0..10_000 {
        keep(&memory, "flood", std::iter::once(key));
        // Whoever floods also asks again, so that nothing looks as if nobody wanted it.
        for _ in 0..3 {
            memory.get("flood", &format!("flood-{key:08}"));
        }
    }
    assert_eq!(left(&memory, "shop", 400), 400);
    assert_eq!(left(&memory, "bank", 100), 100);
    let flood = left(&memory, "flood", 10_000);
    assert!((400..=520).contains(&flood), "and the rest of the room is its own: {flood}");
    assert!(memory.has(&"flood-00009999".to_owned()), "its own oldest went first");
    assert!(memory.held.load(Ordering::Relaxed) <= memory.most);
}

#[test]
fn what_others_use_outlives_the_flood_of_the_namespace_that_brought_it() {
    let memory = room_for(100);
    keep(&memory, "flood", 0..10);
    for round in 0..20 {
        for key in 0..10 {
            assert!(memory.get("shop", &format!("flood-{key:08}")).is_some(), "{round} {key}");
        }
        keep(&memory, "flood", (10 + round * 50)..(60 + round * 50));
    }
    assert_eq!(left(&memory, "flood", 10), 10);
    keep(&memory, "flood", 2_000..3_000);
    assert_eq!(left(&memory, "flood", 10), 0, "nobody used them any more");
}

#[test]
fn one_namespace_alone_has_all_the_room() {
    let memory = room_for(100);
    keep(&memory, "shop", 0..100);
    let left = left(&memory, "shop", 100);
    assert!((95..=100).contains(&left), "{left}");
}

#[test]
fn two_that_flood_come_to_equal_shares() {
    let memory = room_for(100);
    keep(&memory, "one", 0..1_000);
    keep(&memory, "two", 0..1_000);
    let (one, two) = (left(&memory, "one", 1_000), left(&memory, "two", 1_000));
    assert!(one.abs_diff(two) <= 5 && one + two >= 90, "{one} {two}");
}

#[test]
fn what_is_replaced_or_forgotten_takes_no_room_and_leaves_no_trace() {
    let memory = room_for(100);
    for tenant in ["one", "two"] {
        for _ in 0..1_000 {
            memory.insert(&tenant.into(), "same".to_owned(), "x".repeat(100));
        }
    }
    let one_entry = (Memory::BYTES + 4 + 100) as u64;
    assert_eq!(memory.held.load(Ordering::Relaxed), one_entry);
    let queued = |memory: &Memory| {
        let accounts = memory.accounts.lock().unwrap();
        accounts.values().map(|account| account.queued()).sum::<usize>()
    };
    assert!(queued(&memory) <= 2 * 64, "{}", queued(&memory));
    memory.invalidate(&"same".to_owned());
    assert_eq!(memory.held.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn what_is_larger_than_all_the_room_is_not_kept_and_pushes_nothing_out() {
    let memory = room_for(100);
    keep(&memory, "shop", 0..50);
    let large = "x".repeat(1024 * 1024);
    memory.insert(&"shop".into(), "large".to_owned(), large.clone());
    let asked = async { Ok::<_, ()>(large) };
    let got = memory.get_or_try(&"shop".into(), "large".to_owned(), asked).await.unwrap();
    assert_eq!(got.len(), 1024 * 1024, "who asked gets it");
    assert!(!memory.has(&"large".to_owned()));
    assert_eq!(left(&memory, "shop", 50), 50);
}

#[tokio::test]
async fn what_is_asked_for_once_counts_like_any_other() {
    let memory = room_for(100);
    keep(&memory, "shop", 0..40);
    for key in 0..1_000 {
        let ask = async { Ok::<_, ()>(String::new()) };
        memory.get_or_try(&"flood".into(), format!("flood-{key:08}"), ask).await.unwrap();
    }
    assert_eq!(left(&memory, "shop", 40), 40);
    assert!((50..=60).contains(&left(&memory, "flood", 1_000)));
    let shop = "shop".into();
    let known = memory.get_or_try(&shop, "flood-00000999".to_owned(), async { Err(()) });
    assert!(known.await.is_ok(), "what is known is not asked for");
}

#[test]
fn namespaces_without_anything_are_forgotten() {
    let memory = room_for(10);
    for tenant in 0..3 * ACCOUNTS {
        keep(&memory, &tenant.to_string(), 0..1);
    }
    assert!(memory.accounts.lock().unwrap().len() <= ACCOUNTS + 1);
}

#[tokio::test]
async fn everybody_who_asks_meanwhile_hears_the_same_and_who_goes_away_is_followed_by_the_next() {
    let memory = room_for(10);
    let (shop, key) = (Arc::<str>::from("shop"), "same".to_owned());
    let never = memory.get_or_try(&shop, key.clone(), std::future::pending());
    let fails = memory.get_or_try(&shop, key.clone(), async { Err(()) });
    let joins = memory.get_or_try(&shop, key.clone(), async { panic!("another one asks") });
    let (mut never, mut fails, mut joins) = (Box::pin(never), Box::pin(fails), Box::pin(joins));
    assert!(futures_util::poll!(&mut never).is_pending());
    assert!(futures_util::poll!(&mut fails).is_pending());
    assert!(futures_util::poll!(&mut joins).is_pending());
    assert_eq!(memory.asking.under_way(), 1);
    drop(never);
    assert!(fails.await.is_err());
    assert!(joins.await.is_err(), "without asking for itself");
    assert_eq!(memory.asking.under_way(), 0);
    let asked = memory.get_or_try(&shop, key.clone(), async { Ok("x".to_owned()) });
    assert_eq!(**asked.await.unwrap(), "x", "no failure is kept");
}

#[test]
fn what_is_past_its_time_is_not_found() {
    let lifetime = |value: &String| if value.is_empty() { Duration::ZERO } else { HOUR };
    let memory = Memory::new(1024 * 1024, |_, _| 0, lifetime);
    for key in 0..1_000 {
        memory.insert(&"shop".into(), key.to_string(), String::new());
    }
    assert!(!memory.has(&"7".to_owned()));
    assert_eq!(memory.count(), 0);
    memory.insert(&"shop".into(), "7".to_owned(), "x".to_owned());
    assert!(memory.has(&"7".to_owned()));
}
