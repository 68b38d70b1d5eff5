//! The run: every case before both nodes and before pullcheck.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::parts::containerd::{Containerd, Setup};
use crate::parts::debian;
use crate::parts::netns::Network;
use crate::parts::page;
use crate::support::real_registry;
use crate::support::skip;

use super::case::Case;
use super::families;
use super::judge::Judge;
use super::judges::{CLIENT, CONTAINERD, REGISTRY, debians_containerd};
use super::table::{PART, markdown};
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
    let outcome = runtime.block_on(run(&parts));
    assert_right(&outcome);
    page::hold(PART, &markdown(&outcome.judges, &outcome.families), "truth");
}

/// What came of every case, in the order of the families.
struct Outcome {
    judges: Vec<String>,
    families: Vec<(&'static str, Vec<Row>)>,
}

impl Outcome {
    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.families.iter().flat_map(|(_, rows)| rows)
    }
}

async fn run(parts: &Parts) -> Outcome {
    let world = Box::pin(World::start(&parts.binaries)).await;
    let families = families::all(&world).await;
    world.settle();
    let ca = world.ca.file();
    let nodes = [&parts.current, &parts.old].map(|binary| {
        Arc::new(Judge::start(
            Containerd::start(&setup(binary, &ca, world.certs_d())),
            &parts.client,
        ))
    });

    let judge = |(at, case): (usize, Case)| {
        let (ca, nodes) = (ca.clone(), nodes.clone());
        async move { (at, look(case, &ca, &nodes).await) }
    };
    let cases = families.iter().flat_map(|(_, cases)| cases.clone()).enumerate();
    let (slow, quick): (Vec<_>, Vec<_>) = cases.partition(|(_, case)| case.slow);
    // All at once, for a minute each.
    let slow: Vec<_> = slow.into_iter().map(|case| tokio::spawn(judge(case))).collect();
    let mut rows: Vec<(usize, Row)> =
        stream::iter(quick).map(judge).buffer_unordered(TOGETHER).collect().await;
    for row in slow {
        rows.push(row.await.unwrap());
    }
    rows.sort_by_key(|(at, _)| *at);
    let mut rows = rows.into_iter().map(|(_, row)| row);
    let of_family = |cases: Vec<Case>| rows.by_ref().take(cases.len()).collect();
    let mut of_family = of_family;
    let families = families.into_iter().map(|(title, cases)| (title, of_family(cases))).collect();
    let mut judges: Vec<_> =
        nodes.iter().map(|node| format!("containerd {}", node.version())).collect();
    judges.extend([
        format!("docker-registry {}", version_of(&parts.binaries.docker_registry)),
        format!("distribution {}", REGISTRY.required("github.com/distribution/distribution/v3")),
    ]);
    let outcome = Outcome { judges, families };
    keep(&outcome, &nodes);
    outcome
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
    let runtimes = [current.runtime(), old.runtime()];
    let said = async {
        if !case.is_ready() {
            return (None, None);
        }
        let of = async |runtime: &str| ask(&case, ca, Some(runtime)).await;
        let by_runtime = case.hangs_on_runtime();
        let by_runtime = async {
            if by_runtime { Some([of(&runtimes[0]).await, of(&runtimes[1]).await]) } else { None }
        };
        (Some(ask(&case, ca, None).await), by_runtime.await)
    };
    let (current, old, (said, by_runtime)) = tokio::join!(
        current.pull(&case.image, &case.logins),
        old.pull(&case.image, &case.logins),
        said
    );
    Row { case, current, old, said, by_runtime }
}

/// What a registry's binary calls its version.
fn version_of(binary: &Path) -> String {
    let output = std::process::Command::new(binary).arg("--version").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().last().unwrap_or_default().trim_start_matches('v').to_owned()
}

/// Where logs and the whole result are left.
fn folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn keep(outcome: &Outcome, nodes: &[Arc<Judge>; 2]) {
    for node in nodes {
        let log = folder().join(format!("containerd-{}.log", node.version()));
        std::fs::write(log, node.log()).unwrap();
    }
    let all: Vec<String> = outcome.rows().map(ToString::to_string).collect();
    std::fs::write(folder().join("truth.txt"), all.join("\n")).unwrap();
}

/// Fails with every row that has a problem.
fn assert_right(outcome: &Outcome) {
    let wrong: Vec<String> =
        outcome.rows().filter(|row| !row.problems().is_empty()).map(ToString::to_string).collect();
    assert!(
        wrong.is_empty(),
        "{} of {} cases; all of them and the logs of containerd are in {}\n{}",
        wrong.len(),
        outcome.rows().count(),
        folder().display(),
        wrong.join("\n")
    );
}
