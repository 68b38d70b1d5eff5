//! What an answer holds for and how long, who shares a run, and whose share is whose.

use futures_util::future::join_all;

use super::*;

use ProviderAnswer::{Failed, Login};

const IO: &[(&str, &str, &str)] = &[("*.io", "AWS", "pw")];

/// Lets time pass without waiting: no process is under way meanwhile.
async fn later(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

async fn all_logged_in(providers: &Providers, names: &[&str]) {
    for name in names {
        assert_eq!(came(&lookup(providers, name).await), [("p", Login)], "{name}");
    }
}

#[tokio::test]
async fn an_answer_holds_for_what_it_says() {
    let names = ["r.io/a", "r.io/b", "s.io/a", "r.io:5000/a", "r.io/a"];
    for (kind, runs) in [(IMAGE, 4), (REGISTRY, 3), (GLOBAL, 1)] {
        let mut bench = Bench::new();
        let logins = [("*.io", "AWS", "pw"), ("*.io:5000", "AWS", "pw")];
        bench.add("p", "'*.io', '*.io:5000'", &answers(kind, &logins));
        all_logged_in(&bench.providers(), &names).await;
        assert_eq!(bench.runs("p"), runs, "{kind}");
    }
}

#[tokio::test]
async fn an_answer_of_one_provider_is_none_of_another() {
    let mut bench = Bench::new();
    bench.add("p", "r.io", &answers(GLOBAL, IO));
    bench.add("q", "r.io", &answers(GLOBAL, &[("r.io", "q", "q")]));
    let providers = bench.providers();
    for _ in 0..2 {
        assert_eq!(logins(&lookup(&providers, "r.io/a").await), ["q q q", "p AWS pw"]);
    }
    assert_eq!((bench.runs("p"), bench.runs("q")), (1, 1));
}

#[tokio::test]
async fn an_answer_lasts_as_long_as_it_says_else_by_default() {
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    for (said, default, lasts) in [
        ("\"cacheDuration\":\"10m\",", "1h", Some(minutes(10))),
        ("\"cacheDuration\":null,", "20m", Some(minutes(20))),
        ("", "20m", Some(minutes(20))),
        ("\"cacheDuration\":\"0s\",", "1h", None),
        ("\"cacheDuration\":\"-5m\",", "1h", None),
        ("", "0s", None),
        ("\"cacheDuration\":\"10m\",", "0s", Some(minutes(10))),
        // More than a clock can add.
        ("\"cacheDuration\":\"2562047h\",", "1h", Some(minutes(60 * 24 * 30))),
    ] {
        let mut bench = Bench::new();
        let script = answers(&format!("{said}{REGISTRY}"), IO);
        bench.add_as("p", "r.io", &script, &format!("  defaultCacheDuration: {default}\n"));
        let providers = bench.providers();
        all_logged_in(&providers, &["r.io/a", "r.io/b"]).await;
        let Some(lasts) = lasts else {
            assert_eq!(bench.runs("p"), 2, "{said} {default}");
            continue;
        };
        later(lasts.saturating_sub(Duration::from_secs(5))).await;
        all_logged_in(&providers, &["r.io/a"]).await;
        assert_eq!(bench.runs("p"), 1, "{said} {default}");
        later(Duration::from_secs(6)).await;
        all_logged_in(&providers, &["r.io/a"]).await;
        assert_eq!(bench.runs("p"), 2, "{said} {default}");
    }
}

#[tokio::test]
async fn a_fresh_answer_is_one_of_now_and_an_old_one_says_that_it_is() {
    let mut bench = Bench::new();
    bench.add("p", "r.io", &answers(REGISTRY, IO));
    let providers = bench.providers();
    let remembered = async |age| {
        let found = lookup_as(&providers, "r.io/a", "shop", age).await;
        assert_eq!(logins(&found), ["p AWS pw"]);
        found.facts[0].remembered
    };
    assert!(!remembered(Age::Any).await);
    assert!(!remembered(Age::Fresh).await);
    assert_eq!(bench.runs("p"), 1, "it has just been run");
    later(bench.limits.fresh_for + Duration::from_secs(1)).await;
    assert!(remembered(Age::Any).await);
    assert_eq!(bench.runs("p"), 1);
    assert!(!remembered(Age::Fresh).await);
    assert_eq!(bench.runs("p"), 2);
    // The new answer has taken the old one's place.
    assert!(!remembered(Age::Any).await);
    assert_eq!(bench.runs("p"), 2);
}

#[tokio::test]
async fn a_failure_lasts_a_moment_and_is_about_its_image() {
    let mut bench = Bench::new();
    let broken = bench.path("broken");
    std::fs::write(&broken, "").unwrap();
    let script = format!("[ ! -e {} ] || exit 1\n{}", broken.display(), answers(REGISTRY, IO));
    bench.add("p", "r.io", &script);
    let providers = bench.providers();
    for _ in 0..3 {
        assert_eq!(came(&lookup(&providers, "r.io/a").await), [("p", Failed)]);
    }
    assert_eq!(bench.runs("p"), 1);
    std::fs::remove_file(&broken).unwrap();
    assert_eq!(came(&lookup(&providers, "r.io/b").await), [("p", Login)]);
    assert_eq!(bench.runs("p"), 2);
    // What was learnt of the registry is better than the failure.
    assert_eq!(came(&lookup(&providers, "r.io/a").await), [("p", Login)]);
    assert_eq!(bench.runs("p"), 2);
    let lasting = Duration::from_secs(3_600) + Duration::from_secs(1);
    later(lasting).await;
    std::fs::write(&broken, "").unwrap();
    assert_eq!(came(&lookup(&providers, "r.io/a").await), [("p", Failed)]);
    later(bench.limits.failed_for + Duration::from_secs(1)).await;
    std::fs::remove_file(&broken).unwrap();
    assert_eq!(came(&lookup(&providers, "r.io/a").await), [("p", Login)]);
}

#[tokio::test]
async fn whoever_asks_at_the_same_time_shares_one_run() {
    for kind in [IMAGE, REGISTRY, GLOBAL] {
        let mut bench = Bench::new();
        // Not even kept: it is shared because it is asked for together.
        let fields = format!("\"cacheDuration\":\"0s\",{kind}");
        bench.add("p", "r.io", &answers(&fields, IO));
        let providers = bench.providers();
        let found = join_all((0..20).map(|_| lookup(&providers, "r.io/a"))).await;
        assert!(found.iter().all(|found| came(found) == [("p", Login)]));
        assert_eq!(bench.runs("p"), 1, "{kind}");
        // What the first answer held for is what the next are expected to.
        let names: Vec<String> = (0..20).map(|n| format!("r.io/n{n}")).collect();
        let found = join_all(names.iter().map(|name| lookup(&providers, name))).await;
        assert!(found.iter().all(|found| came(found) == [("p", Login)]));
        assert_eq!(bench.runs("p"), if kind == IMAGE { 21 } else { 2 }, "{kind}");
    }
}

#[tokio::test]
async fn a_run_that_turns_out_to_be_about_one_image_serves_no_other() {
    let mut bench = Bench::new();
    // The registry's the first time, then each image's own, with that image as the user.
    let first = answers(&format!("\"cacheDuration\":\"0s\",{REGISTRY}"), &[("*.io", "all", "pw")]);
    let own = "image=$(sed 's/.*\"image\":\"\\([^\"]*\\)\".*/\\1/')";
    let after = answers(IMAGE, &[("*.io", "$image", "pw")]).replace("'END'", "END");
    let runs = bench.path("p.runs");
    let script = format!(
        "{own}\nif [ $(wc -l < {}) = 1 ]; then\n{first}\nelse\n{after}\nfi",
        runs.display()
    );
    bench.add("p", "r.io", &script);
    let providers = bench.providers();
    assert_eq!(logins(&lookup(&providers, "r.io/a").await), ["p all pw"]);
    let names: Vec<String> = (0..5).map(|n| format!("r.io/n{n}")).collect();
    let found = join_all(names.iter().map(|name| lookup(&providers, name))).await;
    for (name, found) in names.iter().zip(&found) {
        assert_eq!(logins(found), [format!("p {name} pw")]);
    }
    assert_eq!(bench.runs("p"), 6);
}

#[tokio::test]
async fn runs_are_bounded_and_no_namespace_takes_anothers_share() {
    let mut bench = Bench::new();
    bench.limits =
        Limits { runs: 2, runs_per_tenant: 1, begun: 8, begun_per_tenant: 3, ..Limits::default() };
    bench.add("p", "slow.io", "exec sleep 1000");
    bench.add("q", "r.io", &answers(IMAGE, IO));
    let providers = bench.providers();
    let loud: Arc<str> = "loud".into();
    let soon = Instant::now() + Duration::from_millis(200);
    let names: Vec<String> = (0..5).map(|n| format!("slow.io/n{n}")).collect();
    let asked = names.iter().map(|name| providers.lookup(name, &loud, Age::Any, soon));
    let open: Vec<_> = join_all(asked).await.into_iter().filter_map(|found| found.open).collect();
    let budget = |open: &&Unchecked| matches!(open, Unchecked::Budget(_));
    assert_eq!((open.len(), open.iter().filter(budget).count()), (5, 2), "{open:?}");
    until_lines(&bench.path("p.runs"), 1).await;
    let found = lookup_as(&providers, "r.io/a", "quiet", Age::Any).await;
    assert_eq!(came(&found), [("q", Login)]);
    let refused = lookup_as(&providers, "r.io/b", "loud", Age::Any).await;
    assert!(matches!(refused.open, Some(Unchecked::Budget(_))), "{refused:?}");
    assert_eq!(bench.runs("p"), 1, "one at a time for a namespace");
}

#[tokio::test]
async fn another_namespaces_turn_is_not_waited_for() {
    let mut bench = Bench::new();
    bench.limits.runs_per_tenant = 1;
    // Longer than the test waits for anything.
    bench.limits.time = 10 * NEVER;
    bench.add("p", "slow.io", "exec sleep 1000");
    bench.add("q", "r.io", &answers(IMAGE, IO));
    let providers = bench.providers();
    let loud: Arc<str> = "loud".into();
    let soon = || Instant::now() + Duration::from_millis(200);
    for name in ["slow.io/a", "r.io/a"] {
        let found = providers.lookup(name, &loud, Age::Any, soon()).await;
        assert!(matches!(found.open, Some(Unchecked::Provider(_))), "{found:?}");
    }
    let found = lookup_as(&providers, "r.io/a", "quiet", Age::Any).await;
    assert_eq!(came(&found), [("q", Login)]);
}

#[tokio::test]
async fn no_more_is_kept_than_there_is_room_for() {
    let mut bench = Bench::new();
    bench.limits.answers = 3;
    bench.add("p", "r.io", &answers(IMAGE, IO));
    let providers = bench.providers();
    for n in 0..10 {
        all_logged_in(&providers, &[&format!("r.io/n{n}")]).await;
    }
    let kept = (0..10)
        .filter(|n| providers.shared.answers.get(0, &format!("r.io/n{n}"), None).is_some())
        .count();
    assert_eq!(kept, 3);
    all_logged_in(&providers, &["r.io/n9"]).await;
    assert_eq!(bench.runs("p"), 10, "the newest is still there");
}
