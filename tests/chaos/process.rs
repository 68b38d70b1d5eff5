//! What happens to the process itself: signals, its certificate, its port, and its memory.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use tempfile::TempDir;

use super::line::Door;
use super::load::Order;
use super::names::{Names, repositories, repository};
use super::registry::Scene;
use super::trial::{Came, Trial, here};
use crate::parts::debian;
use crate::support::check::Run;
use crate::support::images;
use crate::support::memory;
use crate::support::misbehaving::Access;
use crate::support::real_registry::{self, Flavour, RealRegistry};
use crate::support::tls::{Ca, Leaf};
use crate::support::webhook::{Launch, Webhook};

/// The most memory that the process has had, in bytes.
pub fn peak_memory(webhook: &Webhook) -> usize {
    usize::try_from(memory::peak(webhook.id())).unwrap()
}

/// What it has now.
pub fn resident_memory(webhook: &Webhook) -> usize {
    usize::try_from(memory::resident(webhook.id())).unwrap()
}

pub fn the_registry_is_stopped(_: &str) -> Came {
    let binary = real_registry::binary()
        .map_or_else(|| debian::program("docker-registry", "usr/bin/docker-registry"), Ok);
    let binary = match binary {
        Ok(binary) => binary,
        Err(why) => return Came::Skipped(why),
    };
    here(async {
        let registry = RealRegistry::start(&binary, Flavour::Anonymous).await;
        let webhook = Launch::alone().mode("enforce").start().await;
        let host = registry.host();
        for name in repositories() {
            registry.push(&name, "good", &images::simple("real")).await;
        }
        // A name that was never asked for, of an image that was pushed: every tag would have to be
        // pushed too, and nothing can be while the registry stands still.
        let other = host.clone();
        let digest = images::simple("real").digest().to_owned();
        let good =
            move |number: u64| format!("{host}/{}:any-{number}@{digest}", repository(number));
        let bad = move |number| format!("{other}/{}:bad-{number}", repository(number));
        let names = Names::of(good, bad);
        let order = Order::new(&webhook, webhook.ca(), &names);
        let trial = Trial::begin(order).await;
        registry.freeze();
        trial.lasts().await;
        registry.thaw();
        trial.over(&webhook).await
    })
}

/// A pair in files that are replaced as Kubernetes does it.
pub struct Pair {
    folder: PathBuf,
}

impl Pair {
    pub fn in_folder(folder: &Path, leaf: &Leaf) -> Self {
        let pair = Self { folder: folder.to_owned() };
        pair.show(leaf.pem(), &leaf.key_pem());
        pair
    }

    pub fn files(&self) -> (PathBuf, PathBuf) {
        (self.folder.join("tls.crt"), self.folder.join("tls.key"))
    }

    pub fn show(&self, certificate: &str, key: &str) {
        let (at, key_at) = self.files();
        for (path, text) in [(at, certificate), (key_at, key)] {
            let new = path.with_extension("new");
            std::fs::write(&new, text).unwrap();
            std::fs::rename(&new, &path).unwrap();
        }
    }
}

pub fn the_certificate_is_rotated_and_broken(_: &str) -> Came {
    here(async {
        let folder = TempDir::new().unwrap();
        let ca = Ca::mint();
        let pair = Pair::in_folder(folder.path(), &ca.good());
        let (certificate, key) = pair.files();
        let scene = Scene::of(Access::anonymous(), Launch::alone().pair(certificate, key)).await;
        let order = Order::new(&scene.webhook, &ca, &scene.names());
        let order = Order { is_new_each_time: true, ..order };
        let trial = Trial::begin(order).await;
        let reloaded = "pullcheck_tls_reloads_total{result=\"reloaded\"}";
        let refused = "pullcheck_tls_reloads_total{result=\"refused\"}";
        let other = ca.good();
        let half = &other.pem()[..other.pem().len() / 2];
        for (number, (certificate, key)) in
            [(half, other.key_pem()), ("", String::new()), (other.pem(), ca.good().key_pem())]
                .into_iter()
                .enumerate()
        {
            let good = ca.good();
            pair.show(good.pem(), &good.key_pem());
            scene.webhook.hang_up();
            scene.webhook.until_metric(reloaded, number as u64 + 1).await;
            pair.show(certificate, &key);
            scene.webhook.hang_up();
            scene.webhook.until_metric(refused, number as u64 + 1).await;
            trial.more(20).await;
        }
        trial.lasts().await;
        pair.show(other.pem(), &other.key_pem());
        scene.webhook.hang_up();
        scene.webhook.until_metric(reloaded, 4).await;
        trial.over(&scene.webhook).await
    })
}

/// As a Service does: whoever finds one replica gone goes to the other.
pub fn a_replica_is_asked_to_end(_: &str) -> Came {
    here(async {
        let folder = TempDir::new().unwrap();
        let ca = Ca::mint();
        let pair = Pair::in_folder(folder.path(), &ca.good());
        let launch = || {
            let (certificate, key) = pair.files();
            Launch::alone().pair(certificate, key)
        };
        let mut scene = Scene::of(Access::anonymous(), launch()).await;
        let other = launch().mode("enforce").start().await;
        let mut order = Order::new(&scene.webhook, &ca, &scene.names());
        order.doors.push(Door::new(other.address(), &ca));
        order.processes.push(other.id());
        let first = order.doors[0].is_open.clone();
        let trial = Trial::begin(order).await;
        scene.webhook.terminate();
        // Until every node has heard of it, new connections still come.
        trial.more(30).await;
        assert_eq!(scene.webhook.probe("/readyz").await.status, 503);
        first.store(false, Ordering::Relaxed);
        trial.lasts().await;
        let status = scene.webhook.ended().await;
        assert!(status.success(), "{status}");
        trial.over(&other).await
    })
}

pub fn a_second_process_wants_the_port(_: &str) -> Came {
    here(async {
        let scene = Scene::set().await;
        let trial = Trial::begin(scene.order()).await;
        let address = scene.webhook.address().to_string();
        let leaf = scene.webhook.leaf();
        let (certificate, key) = (leaf.cert_file(), leaf.key_file());
        let second = Run::of(&["serve", "--no-cluster", "--listen", &address])
            .args(&["--metrics-listen", "127.0.0.1:0"])
            .args(&["--tls-cert", certificate.to_str().unwrap()])
            .args(&["--tls-key", key.to_str().unwrap()])
            .run()
            .await;
        assert_eq!(second.code, Some(2), "{}", second.stderr);
        let says = format!("cannot listen on {address} (");
        assert!(second.stderr.contains(&says), "{}", second.stderr);
        assert!(second.stderr.contains("stop what listens there"), "{}", second.stderr);
        trial.lasts().await;
        trial.over(&scene.webhook).await
    })
}

pub fn the_clock_is_stepped(_: &str) -> Came {
    let library = match debian::unpacked("libfaketime") {
        Ok(package) => find(&package, "libfaketime.so.1"),
        Err(why) => return Came::Skipped(why),
    };
    let Some(library) = library else {
        return Came::Skipped("the package libfaketime has no library".to_owned());
    };
    here(async {
        let folder = TempDir::new().unwrap();
        let clock = folder.path().join("clock");
        let step = |to: &str| {
            let new = folder.path().join("new");
            std::fs::write(&new, to).unwrap();
            std::fs::rename(new, &clock).unwrap();
        };
        step("+0\n");
        // The clock that only goes on is not stepped by anybody.
        let launch = Launch::alone()
            .env("LD_PRELOAD", library.to_str().unwrap())
            .env("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap())
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1");
        let tokens = crate::support::token_server::TokenServer::start().await;
        repositories().for_each(|name| tokens.publish(&name));
        let scene = Scene::of(Access::bearer(&tokens), launch).await;
        let trial = Trial::begin(scene.order()).await;
        for to in ["+3600", "-3600", "+86400", "-86400", "+31536000"] {
            step(&format!("{to}\n"));
            trial.more(30).await;
        }
        trial.lasts().await;
        assert!(is_stepped(&scene.webhook), "the clock of the process was never changed");
        step("+0\n");
        trial.over(&scene.webhook).await
    })
}

/// Whether its log has lines of more than half a year from now.
fn is_stepped(webhook: &Webhook) -> bool {
    let lines = webhook.log_lines();
    let years = lines.iter().filter_map(|line| line["timestamp"].as_str()?.get(..4)?.parse().ok());
    let (first, last) = years.fold((u32::MAX, 0), |(a, b), year: u32| (a.min(year), b.max(year)));
    first < last
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if path.file_name().is_some_and(|it| it == name) {
                return Some(path);
            }
        }
    }
    None
}

/// The most that a test may let the process grow to: four fifths of what the shipped Deployment
/// allows.
pub fn allowed_memory() -> usize {
    limit() / 5 * 4
}

/// The memory limit of the shipped Deployment, in bytes.
pub fn limit() -> usize {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/base/deployment.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, limits) = text.split_once("limits:").unwrap();
    let (_, memory) = limits.split_once("memory: ").unwrap();
    let mebibytes = memory.split_once("Mi").unwrap().0;
    mebibytes.parse::<usize>().unwrap() << 20
}
