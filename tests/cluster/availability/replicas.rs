//! Replicas that end, are replaced or hang, an API server that restarts, a registry that is away:
//! all under a steady load, under failurePolicy Ignore.

use std::time::{Duration, Instant};

use super::scene::{LIMIT, Replica, Scene, told};
use crate::cluster::haproxy::Program;
use crate::cluster::load::{Load, Outcome};
use crate::cluster::stage::{REGISTRY, on_stage};
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::support::misbehaving::faults;
use crate::support::skip;

const CLIENTS: usize = 4;

#[test]
fn whatever_happens_to_a_replica_nobody_waits_long_and_nobody_is_refused() {
    let program = match Program::fetched() {
        Ok(program) => program,
        Err(why) => skip!(&why),
    };
    on_stage!(
        "cluster::availability::replicas::whatever_happens_to_a_replica_nobody_waits_long_and_nobody_is_refused",
        Release::Current,
        async |kubernetes: &Kubernetes| {
            let mut scene = Box::pin(Scene::set(kubernetes, &program)).await;
            let load = Load::start(&scene.stage.api(), CLIENTS, &scene.bad);
            load.until_judged().await;
            graceful_ends(&mut scene, &load).await;
            killed(&mut scene, &load).await;
            frozen(&mut scene, &load).await;
            both_away(&mut scene, &load).await;
        }
    );
}

#[test]
fn neither_an_api_server_that_restarts_nor_a_registry_that_is_away_does_harm() {
    let program = match Program::fetched() {
        Ok(program) => program,
        Err(why) => skip!(&why),
    };
    on_stage!(
        "cluster::availability::replicas::neither_an_api_server_that_restarts_nor_a_registry_that_is_away_does_harm",
        Release::Current,
        async |kubernetes: &Kubernetes| {
            let mut scene = Box::pin(Scene::set(kubernetes, &program)).await;
            let load = Load::start(&scene.stage.api(), CLIENTS, &scene.bad);
            load.until_judged().await;
            registry_away(&scene, &load).await;
            api_server_restarts(&mut scene, &load).await;
        }
    );
}

/// Not a single review is lost while a replica drains, is gone, comes back, or both are replaced.
async fn graceful_ends(scene: &mut Scene, load: &Load) {
    let (begin, before) = (Instant::now(), scene.failed_open().await);
    let busy = scene.busy(load).await;
    for replica in [busy, busy.other()] {
        scene.stop(replica).await;
        load.go_on(5).await;
        scene.start(replica).await;
        load.go_on(5).await;
    }
    let denied = scene.apply("graceful", &scene.bad).await;
    assert_eq!(denied.code, Some(1), "{denied}");
    let figures = load.since(begin);
    told("both replicas were replaced, one after the other", &figures);
    scene.assert_none_failed(before).await;
    figures.assert_harmless(LIMIT).assert_judged();
}

/// What was in flight is lost, and what the proxy still sends there; then the other one has all.
async fn killed(scene: &mut Scene, load: &Load) {
    let begin = Instant::now();
    let busy = scene.busy(load).await;
    scene.take(busy).kill();
    load.until_judged().await;
    let applied = scene.apply("killed", &scene.good).await;
    assert_eq!(applied.code, Some(0), "{applied}");
    let figures = load.since(begin);
    told("one replica was killed", &figures);
    figures.assert_harmless(LIMIT);
    scene.start(busy).await;
    let begin = Instant::now();
    load.go_on(5).await;
    load.since(begin).assert_harmless(LIMIT).assert_judged();
}

/// The API server's one connection leads to a replica that answers nothing: everybody waits for
/// as long as the configuration says, until the API server gives that connection up.
async fn frozen(scene: &mut Scene, load: &Load) {
    let begin = Instant::now();
    let busy = scene.busy(load).await;
    scene.replica(busy).freeze();
    scene.proxy.until_up(busy.name(), false).await;
    for round in 0..3 {
        let applied = scene.apply(&format!("frozen-{round}"), &scene.good).await;
        assert_eq!(applied.code, Some(0), "{applied}");
    }
    let frozen = Instant::now();
    load.until_judged().await;
    println!("after {:?} more the other replica had it all", frozen.elapsed());
    scene.replica(busy).thaw();
    scene.proxy.until_up(busy.name(), true).await;
    load.go_on(3).await;
    let figures = load.since(begin);
    told("one replica was frozen", &figures);
    figures.assert_harmless(LIMIT);
    let begin = Instant::now();
    load.go_on(3).await;
    load.since(begin).assert_harmless(LIMIT).assert_judged();
}

async fn both_away(scene: &mut Scene, load: &Load) {
    let begin = Instant::now();
    let before = scene.failed_open().await;
    for replica in Replica::BOTH {
        scene.take(replica).kill();
    }
    for replica in Replica::BOTH {
        scene.proxy.until_up(replica.name(), false).await;
    }
    let gone = Instant::now();
    load.go_on(5).await;
    let applied = scene.apply("alone", &scene.bad).await;
    assert_eq!((applied.code, applied.stderr.as_str()), (Some(0), ""), "{applied}");
    // Nobody is there to be waited for.
    load.since(gone).assert_harmless(Duration::from_secs(3));
    assert!(scene.failed_open().await > before);
    for replica in Replica::BOTH {
        scene.start(replica).await;
    }
    load.until_judged().await;
    let figures = load.since(begin);
    told("both replicas were away", &figures);
    figures.assert_harmless(LIMIT);
    assert!(figures.count(&Outcome::Unjudged) > 0, "{figures}");
}

/// Nothing about a registry ever fails a review: it is answered in time, with a warning.
async fn registry_away(scene: &Scene, load: &Load) {
    let before = scene.failed_open().await;
    for (what, name, code, fault) in [
        ("hangs", "hangs", "registry-timeout", faults::hang()),
        ("answers 503", "fails", "registry-error", faults::server_error(503)),
        ("breaks connections off", "breaks-off", "registry-error", faults::reset()),
    ] {
        let begin = Instant::now();
        scene.stage.registry.misbehave("team/app", fault);
        let warned = |one: &Outcome| matches!(one, Outcome::Warned(it) if it.contains(code));
        load.until_all(code, warned).await;
        // Of a tag that neither replica remembers anything of.
        let applied = scene.apply(name, &format!("{}-{name}", scene.bad)).await;
        assert_eq!(applied.code, Some(0), "{applied}");
        assert!(applied.stderr.contains(&format!("[{code}]")), "{applied}");
        scene.stage.registry.heal("team/app");
        load.until_judged().await;
        let figures = load.since(begin);
        told(&format!("the registry {what}"), &figures);
        figures.assert_harmless(LIMIT).assert_judged();
    }
    // Nobody listens there.
    let applied = scene.apply("refused", &format!("{REGISTRY}:4999/team/app:1.0")).await;
    assert_eq!(applied.code, Some(0), "{applied}");
    assert!(applied.stderr.contains("[registry-refused]"), "{applied}");
    scene.assert_none_failed(before).await;
}

/// Both replicas go on, stay ready, and follow the nodes again.
async fn api_server_restarts(scene: &mut Scene, load: &Load) {
    let begin = Instant::now();
    let still_ready = async |scene: &Scene| {
        for replica in Replica::BOTH {
            let answer = scene.replica(replica).probe("/readyz").await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    };
    scene.stage.plane.stop_api_server();
    load.until("requests that nobody answers", |asked| {
        asked.last().is_some_and(|one| one.outcome == Outcome::Unreachable)
    })
    .await;
    still_ready(scene).await;
    scene.stage.plane.start_api_server().await;
    load.until_judged().await;
    still_ready(scene).await;
    let figures = load.since(begin);
    told("the API server restarted", &figures);
    figures.assert_harmless(LIMIT);
    // A new one has just begun to count.
    scene.assert_none_failed(0).await;

    // A node of another architecture, which both replicas hear of only if they watch.
    let node = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": "other" },
        "status": { "nodeInfo": { "operatingSystem": "linux", "architecture": "s390x" } },
    });
    scene.stage.api().create(&node).await;
    for replica in Replica::BOTH {
        // The API server calls the one that is left.
        scene.stop(replica.other()).await;
        let begun = Instant::now();
        loop {
            let run = scene.stage.kubectl("run nodes --dry-run=server --image");
            let ran = run.arg(&scene.good).run().await;
            assert_eq!(ran.code, Some(0), "{ran}");
            if ran.stderr.contains("[platform-missing]") {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{ran}");
        }
        scene.start(replica.other()).await;
    }
}
