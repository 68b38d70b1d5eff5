//! Two replicas behind one address, with one pair of certificate and key.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use http::Method;
use tempfile::TempDir;

use crate::cluster::haproxy::{Backend, HaProxy, Program};
use crate::cluster::kubectl::Ran;
use crate::cluster::load::{Figures, Load};
use crate::cluster::stage::{SERVER_NAME, Stage};
use crate::parts::kubernetes::program::Kubernetes;
use crate::support::tls::{Ca, Kind, Leaf};
use crate::support::webhook::{Launch, Webhook};

/// `timeoutSeconds` of the shipped configuration, and what the API server and the client may add
/// for work of their own on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(5 + 3);

const FRONT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 100));
const REVIEWS: u16 = 8443;
const PROBES: u16 = 8080;

/// A replica's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replica {
    A,
    B,
}

impl Replica {
    pub const BOTH: [Self; 2] = [Self::A, Self::B];

    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }

    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    const fn address(self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 77, 0, 2 + self as u8))
    }

    fn backend(self) -> Backend {
        Backend {
            name: self.name(),
            reviews: SocketAddr::new(self.address(), REVIEWS),
            probes: SocketAddr::new(self.address(), PROBES),
        }
    }
}

/// The stage, both replicas in enforce mode, and a proxy before them.
pub struct Scene {
    pub stage: Stage,
    pub proxy: HaProxy,
    /// An image that every review denies.
    pub bad: String,
    /// One that is there.
    pub good: String,
    pub ca: Ca,
    files: TempDir,
    replicas: [Option<Webhook>; 2],
}

impl Scene {
    pub async fn set(kubernetes: &Kubernetes, program: &Program) -> Self {
        let stage = Stage::start(kubernetes).await;
        let good = stage.image("team/app", "1.0");
        let bad = good.replace(":1.0", ":1.1");
        stage.install().await;
        let front = SocketAddr::new(FRONT, 443);
        let ca = Ca::mint();
        let proxy = HaProxy::start(program, front, &Replica::BOTH.map(Replica::backend)).await;
        let files = TempDir::new().unwrap();
        let mut scene = Self { stage, proxy, bad, good, ca, files, replicas: [None, None] };
        scene.show(&Self::leaf(&scene.ca));
        for replica in Replica::BOTH {
            scene.start(replica).await;
        }
        scene.stage.trust(&[&scene.ca]).await;
        scene.stage.endpoint("pullcheck", front, true).await;
        scene.stage.until_called(&scene.bad).await;
        scene
    }

    /// A new pair of an authority's.
    pub fn leaf(ca: &Ca) -> Leaf {
        ca.leaf(Kind::Good, &[SERVER_NAME])
    }

    /// Puts a pair where both replicas read theirs.
    pub fn show(&self, leaf: &Leaf) {
        let (certificate, key) = self.pair();
        std::fs::write(certificate, leaf.pem()).unwrap();
        std::fs::write(key, leaf.key_pem()).unwrap();
    }

    fn pair(&self) -> (PathBuf, PathBuf) {
        (self.files.path().join("tls.crt"), self.files.path().join("tls.key"))
    }

    /// Starts a replica and waits until connections come to it.
    pub async fn start(&mut self, replica: Replica) {
        let (certificate, key) = self.pair();
        let launch = Launch::default()
            .mode("enforce")
            .exactly_at(replica.address(), REVIEWS, PROBES)
            .pair(certificate, key);
        self.replicas[replica as usize] = Some(self.stage.process(launch).await);
        self.proxy.until_up(replica.name(), true).await;
    }

    pub fn replica(&self, replica: Replica) -> &Webhook {
        self.replicas[replica as usize].as_ref().unwrap()
    }

    /// Takes a replica's process, whatever has become of it.
    pub fn take(&mut self, replica: Replica) -> Webhook {
        self.replicas[replica as usize].take().unwrap()
    }

    /// Asks a replica to end, and waits until it has.
    pub async fn stop(&mut self, replica: Replica) {
        let mut webhook = self.take(replica);
        webhook.terminate();
        let status = webhook.ended().await;
        assert!(status.success(), "{status}\n{}", webhook.log());
        let cut = "connections had not ended in time and were cut off";
        assert!(!webhook.log().contains(cut), "{}", webhook.log());
    }

    /// The replica that the reviews come to: the API server keeps one connection for all.
    pub async fn busy(&self, load: &Load) -> Replica {
        let before = self.reviews().await;
        load.go_on(2).await;
        let after = self.reviews().await;
        let grown = [after[0] - before[0], after[1] - before[1]];
        if grown[0] > grown[1] { Replica::A } else { Replica::B }
    }

    async fn reviews(&self) -> [u64; 2] {
        let count = async |replica| {
            let name = "pullcheck_reviews_total{verdict=\"deny\"}";
            self.replica(replica).metric(name).await
        };
        [count(Replica::A).await, count(Replica::B).await]
    }

    /// How many requests the API server has admitted because a call failed, since it started.
    pub async fn failed_open(&self) -> u64 {
        let answer = self.stage.api().ask(Method::GET, "/metrics", "", String::new()).await;
        let text = answer.unwrap().text();
        let name = "apiserver_admission_webhook_fail_open_count{name=\"images.pullcheck.dev\"";
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.rsplit_once(' '));
        line.map_or(0, |(_, count)| count.parse().unwrap())
    }

    /// Holds that the API server got an answer to every call since it had failed so often.
    pub async fn assert_none_failed(&self, before: u64) {
        let log = self.stage.plane.api_server_log();
        let failed: Vec<&str> = log.lines().filter(|it| it.contains("failing open")).collect();
        assert_eq!(self.failed_open().await, before, "{failed:#?}");
    }

    /// `kubectl apply` of a pod; it waits no longer than it may.
    pub async fn apply(&self, name: &str, image: &str) -> Ran {
        let begun = Instant::now();
        let ran = self.stage.kubectl("apply -f -").stdin(pod(name, image)).run().await;
        // kubectl itself starts, reads the API's description and looks for the object first.
        let took = begun.elapsed();
        assert!(took <= LIMIT + Duration::from_secs(4), "kubectl took {took:?}: {ran}");
        ran
    }
}

/// A manifest.
pub fn pod(name: &str, image: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n  namespace: default\nspec:\n  \
         containers:\n  - name: app\n    image: {image}\n"
    )
}

/// One thing that happened, for the output of a run.
pub fn told(what: &str, figures: &Figures) {
    println!("{what}: {figures}");
}
