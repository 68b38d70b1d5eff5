//! The test.

use std::path::PathBuf;

use super::cases;
use super::preload::preload;
use super::run::{Cluster, Judged};
use super::table::{Row, page};
use super::world::{HOSTS, USER, World};
use crate::parts::containerd::Setup;
use crate::parts::debian;
use crate::parts::go::Program;
use crate::parts::kubernetes::control_plane::{ControlPlane, Options};
use crate::parts::kubernetes::kubelet::{NODE, Node};
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::parts::netns::{self, Network};
use crate::parts::page;
use crate::support::{real_registry, skip};
use crate::truth::judges::{CLIENT, CONTAINERD};

/// What containerd runs beside each pod.
const SHIM: Program = Program {
    name: "containerd-shim-runc-v2",
    package: "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
    ..CONTAINERD
};

/// What must be there before the network is left behind.
struct Parts {
    kubernetes: Kubernetes,
    containerd: PathBuf,
    shim: PathBuf,
    runc: PathBuf,
    client: PathBuf,
    busybox: PathBuf,
    registry: PathBuf,
}

impl Parts {
    fn gather() -> Result<Self, String> {
        // First, because the rest takes minutes to build.
        netns::is_allowed()?;
        Ok(Self {
            containerd: CONTAINERD.built()?,
            shim: SHIM.built()?,
            runc: debian::unpacked("runc")?.join("usr/sbin/runc"),
            client: CLIENT.built()?,
            busybox: debian::unpacked("busybox-static")?.join("bin/busybox"),
            registry: match real_registry::binary() {
                Some(installed) => installed,
                None => debian::unpacked("docker-registry")?.join("usr/bin/docker-registry"),
            },
            kubernetes: Kubernetes::built(Release::Current)?,
        })
    }
}

#[test]
fn a_pod_fares_on_a_node_as_pullcheck_said() {
    let network = Network { hosts: HOSTS, resolv_conf: "" };
    let parts = match Parts::gather() {
        Ok(parts) => parts,
        Err(why) => skip!(&why),
    };
    match network.enter("node::judge::a_pod_fares_on_a_node_as_pullcheck_said") {
        Err(why) => skip!(&why),
        Ok(side) if !side.is_inside() => return,
        Ok(_) => {}
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(judge(&parts));
}

async fn judge(parts: &Parts) {
    let world = World::start(&parts.busybox, &parts.registry).await;
    let sandbox = world.open("pause");
    let bin = tempfile::TempDir::new().unwrap();
    // containerd looks for the shim by its name, and what is kept has a longer one.
    std::os::unix::fs::symlink(&parts.shim, bin.path().join("containerd-shim-runc-v2")).unwrap();
    let mut setup = Setup::of(&parts.containerd);
    setup.sandbox_image = Some(sandbox);
    setup.path = vec![bin.path().to_owned(), parts.runc.parent().unwrap().to_owned()];
    // Trusts the registry as the system's roots would be trusted.
    setup.env = vec![("SSL_CERT_FILE".into(), world.ca.file().to_str().unwrap().into())];

    let plane =
        ControlPlane::start(&parts.kubernetes, &Options { node: NODE, ..Options::default() }).await;
    let node = Node::start(&parts.kubernetes, &plane, &setup, &cases::of_the_node(&world));
    let mut cluster = Cluster { plane: &plane, node, world: &world };
    let mut judged = cluster.judge(cases::first(&world).await).await;
    let socket = cluster.node.socket();
    for image in cases::preloaded(&world) {
        preload(&parts.client, &socket, &image, USER, &world.password);
    }
    cluster.wait_until_known(&cases::between(&world)).await;
    judged.extend(cluster.judge(cases::second(&world)).await);
    let judges = judges(&plane).await;
    drop(cluster);

    let rows: Vec<Row<'_>> = judged.iter().map(Judged::row).collect();
    let wrong: Vec<String> = judged.iter().filter_map(Judged::wrong).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), judged.len(), wrong.join("\n"));
    page::hold("node", &page(&judges, &rows), "node");
}

/// What judged: as the node says it.
async fn judges(plane: &ControlPlane) -> String {
    let node = plane.api().get(&format!("/api/v1/nodes/{NODE}")).await;
    let info = &node["status"]["nodeInfo"];
    let text = |key: &str| info[key].as_str().unwrap().to_owned();
    let (kubelet, runtime) = (text("kubeletVersion"), text("containerRuntimeVersion"));
    assert_eq!(kubelet, Release::Current.version());
    let runtime = runtime.replace("://", " ").replace("+unknown", "");
    format!("Judges: kubelet and API server {kubelet}, {runtime}.")
}

impl Judged {
    fn row(&self) -> Row<'_> {
        Row { case: self.case.name, outcome: &self.outcome, findings: &self.findings }
    }

    /// What is not as expected.
    fn wrong(&self) -> Option<String> {
        let Self { case, findings, outcome } = self;
        let as_expected = outcome.is(case.node) && findings.are_for(case);
        if as_expected && findings.agree(outcome) {
            return None;
        }
        Some(format!(
            "{}\n  expected  {:?}, {:?} {:?}\n  the node  {outcome:?}\n  pullcheck {findings}",
            case.name, case.node, case.word, case.advice
        ))
    }
}
