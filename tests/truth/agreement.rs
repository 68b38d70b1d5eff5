//! The run: every case before both nodes and before pullcheck.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::parts::containerd::{Containerd, Setup};
use crate::parts::debian;
use crate::parts::netns::Network;
use crate::support::real_registry;
use crate::support::skip;

use super::case::Case;
use super::families;
use super::judge::Judge;
use super::judges::{CLIENT, CONTAINERD, REGISTRY, debians_containerd};
use super::verdict::{Row, ask};
use super::world::{Binaries, World, hosts, resolv_conf};

/// How many of the quick cases are looked at together.
const TOGETHER: usize = 4;

/// Everything that has to be there before the network is left.
struct Parts {
    current: PathBuf,
    old: PathBuf,
    client: PathBuf,
    binaries: Binaries,
}

impl Parts {
    fn fetch() -> Result<Self, String> {
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            return Err("the cases are for nodes that are linux/amd64".into());
        }
        let docker_registry = match real_registry::binary() {
            Some(binary) => binary,
            None => debian::unpacked("docker-registry")?.join("usr/bin/docker-registry"),
        };
        Ok(Self {
            current: CONTAINERD.built()?,
            old: debians_containerd()?,
            client: CLIENT.built()?,
            binaries: Binaries { docker_registry, distribution: REGISTRY.built()? },
        })
    }
}

#[test]
fn pullcheck_says_what_real_nodes_do() {
    let parts = match Parts::fetch() {
        Err(why) => skip!(&why),
        Ok(parts) => parts,
    };
    let (hosts, resolv_conf) = (hosts(), resolv_conf());
    let network = Network { hosts: &hosts, resolv_conf: &resolv_conf };
    match network.enter("truth::agreement::pullcheck_says_what_real_nodes_do") {
        Err(why) => skip!(&why),
        Ok(side) if !side.is_inside() => return,
        Ok(_) => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    // Registries that end in a panic print their logs: what is wrong is told after them.
    let rows = runtime.block_on(run(&parts));
    assert_right(&rows);
}

async fn run(parts: &Parts) -> Vec<Row> {
    let world = World::start(&parts.binaries).await;
    let families = families::all(&world).await;
    world.settle();
    let ca = world.ca.file();
    let nodes = [&parts.current, &parts.old].map(|binary| {
        Arc::new(Judge::start(
            Containerd::start(&setup(binary, &ca, world.certs_d())),
            &parts.client,
        ))
    });

    let judge = |case: Case| {
        let (ca, nodes) = (ca.clone(), nodes.clone());
        async move { look(case, &ca, &nodes).await }
    };
    let cases: Vec<Case> = families.iter().flat_map(|(_, cases)| cases.clone()).collect();
    let (slow, quick): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(|case| case.slow);
    // All at once, for a minute each.
    let slow: Vec<_> = slow.into_iter().map(|case| tokio::spawn(judge(case))).collect();
    let mut rows: Vec<Row> =
        stream::iter(quick).map(judge).buffer_unordered(TOGETHER).collect().await;
    for row in slow {
        rows.push(row.await.unwrap());
    }
    keep(&rows, &nodes);
    rows
}

fn setup(binary: &Path, ca: &Path, certs_d: &Path) -> Setup {
    let mut setup = Setup::of(binary);
    setup.certs_d = Some(certs_d.to_owned());
    setup.path.extend(binary.parent().map(Path::to_owned));
    setup.env.push(("SSL_CERT_FILE".into(), ca.to_string_lossy().into_owned()));
    setup.env.push(("SSL_CERT_DIR".into(), "/nonexistent".into()));
    setup
}

async fn look(case: Case, ca: &Path, [current, old]: &[Arc<Judge>; 2]) -> Row {
    let ready = case.is_ready();
    let said = async { if ready { Some(ask(&case, ca).await) } else { None } };
    let (current, old, said) = tokio::join!(
        current.pull(&case.image, &case.logins),
        old.pull(&case.image, &case.logins),
        said
    );
    Row { case, current, old, said }
}

/// Where logs and the whole result are left.
fn folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn keep(rows: &[Row], nodes: &[Arc<Judge>; 2]) {
    for node in nodes {
        let log = folder().join(format!("containerd-{}.log", node.version()));
        std::fs::write(log, node.log()).unwrap();
    }
    let all: Vec<String> = rows.iter().map(ToString::to_string).collect();
    std::fs::write(folder().join("truth.txt"), all.join("\n")).unwrap();
}

/// Fails with every row that has a problem.
fn assert_right(rows: &[Row]) {
    let wrong: Vec<String> =
        rows.iter().filter(|row| !row.problems().is_empty()).map(ToString::to_string).collect();
    assert!(
        wrong.is_empty(),
        "{} of {} cases; all of them and the logs of containerd are in {}\n{}",
        wrong.len(),
        rows.len(),
        folder().display(),
        wrong.join("\n")
    );
}
