//! Certificates that are renewed under load, by the same authority and by another.

use std::time::Instant;

use super::scene::{LIMIT, Replica, Scene, told};
use crate::cluster::haproxy::Program;
use crate::cluster::load::Load;
use crate::cluster::stage::on_stage;
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::support::skip;
use crate::support::tls::Ca;

#[test]
fn renewing_certificates_loses_no_review() {
    let program = match Program::fetched() {
        Ok(program) => program,
        Err(why) => skip!(&why),
    };
    on_stage!(
        "cluster::availability::certificates::renewing_certificates_loses_no_review",
        Release::Current,
        async |kubernetes: &Kubernetes| {
            let scene = Box::pin(Scene::set(kubernetes, &program)).await;
            Box::pin(renewed(scene)).await;
        }
    );
}

async fn renewed(mut scene: Scene) {
    let load = Load::start(&scene.stage.api(), 4, &scene.bad);
    load.until_judged().await;
    let (begin, before) = (Instant::now(), scene.failed_open().await);

    scene.show(&Scene::leaf(&scene.ca));
    until_shown(&scene, 1).await;
    // The API server's connection is an old one; replacing both replicas makes it open new ones.
    for replica in Replica::BOTH {
        scene.stop(replica).await;
        scene.start(replica).await;
    }
    load.go_on(5).await;
    let figures = load.since(begin);
    told("a new pair of the same authority", &figures);
    scene.assert_none_failed(before).await;
    figures.assert_harmless(LIMIT).assert_judged();

    // Both authorities, then the new pair, then only the new authority.
    let begin = Instant::now();
    let other = Ca::mint();
    scene.stage.trust(&[&scene.ca, &other]).await;
    load.go_on(5).await;
    scene.show(&Scene::leaf(&other));
    until_shown(&scene, 1).await;
    load.go_on(5).await;
    // Another bundle makes the API server open a connection of its own for it.
    scene.stage.trust(&[&other]).await;
    load.go_on(10).await;
    let figures = load.since(begin);
    told("a new pair of another authority", &figures);
    scene.assert_none_failed(before).await;
    figures.assert_harmless(LIMIT).assert_judged();

    // The bundle did decide: with an authority of which neither has anything, no call succeeds.
    scene.stage.trust(&[&Ca::mint()]).await;
    let begun = Instant::now();
    while scene.failed_open().await == before {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{}", load.since(begin));
        load.go_on(1).await;
    }
}

/// Waits until both replicas have taken up a pair so often since they started.
async fn until_shown(scene: &Scene, times: u64) {
    for replica in Replica::BOTH {
        let name = "pullcheck_tls_reloads_total{result=\"reloaded\"}";
        scene.replica(replica).until_metric(name, times).await;
    }
}
