//! Troubles of the machine: a disk that is full, a log that nobody reads, too little memory, too
//! few files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::flood::{bodies, silent};
use super::load::Order;
use super::names::Names;
use super::network::inside;
use super::process::{Pair, limit};
use super::registry::Scene;
use super::trial::{Came, Figures, Form, Trial, here};
use crate::support::misbehaving::{Access, Registry};
use crate::support::tls::Ca;
use crate::support::webhook::{Launch, Webhook};

const HOSTS: &str = "127.0.0.1 localhost\n";

/// Both ports are free in a network of its own.
fn launch() -> Launch {
    Launch::alone().exactly_at(IpAddr::V4(Ipv4Addr::LOCALHOST), 8443, 8080).mode("enforce")
}

/// Fills what is left of a disk.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for size in [4096, 1] {
        while file.write_all(&[b'x'; 4096][..size]).is_ok() {}
    }
}

/// The disk that holds the log and the certificate.
pub fn the_disk_is_full(test: &str) -> Came {
    inside(test, HOSTS, || async {
        let folder = TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "none"])
            .arg(folder.path())
            .status()
            .unwrap();
        assert!(mounted.success(), "mount: {mounted}");
        let ca = Ca::mint();
        let pair = Pair::in_folder(folder.path(), &ca.good());
        let (certificate, key) = pair.files();
        let log = folder.path().join("log");
        let webhook = launch()
            .pair(certificate.clone(), key)
            .logging_to(File::create(&log).unwrap())
            .start()
            .await;
        let registry = std::sync::Arc::new(Registry::start(Access::anonymous()).await);
        let order = Order::new(&webhook, &ca, &Names::at(&registry, &registry.host()));
        let order = Order { is_new_each_time: true, ..order };
        let trial = Trial::begin(order).await;

        let filler = folder.path().join("filler");
        fill(&filler);
        // A renewal that finds no room leaves an empty file.
        drop(File::create(&certificate).unwrap());
        webhook.hang_up();
        webhook.until_metric("pullcheck_tls_reloads_total{result=\"refused\"}", 1).await;
        trial.lasts().await;
        std::fs::remove_file(&filler).unwrap();
        let renewed = ca.good();
        pair.show(renewed.pem(), &renewed.key_pem());
        webhook.hang_up();
        webhook.until_metric("pullcheck_tls_reloads_total{result=\"reloaded\"}", 1).await;
        let figures = trial.over(&webhook).await;
        let told = std::fs::read_to_string(&log).unwrap();
        assert!(told.contains("log lines were lost"), "nothing is said of it:\n{told}");
        figures
    })
}

/// Standard error is a pipe, and whoever should read it has stopped.
pub fn nobody_reads_the_log(test: &str) -> Came {
    inside(test, HOSTS, || async {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let webhook = launch()
            .env("PULLCHECK_LOG", "debug")
            .logging_to(File::from(std::os::fd::OwnedFd::from(writer)))
            .start()
            .await;
        let registry = std::sync::Arc::new(Registry::start(Access::anonymous()).await);
        let names = Names::at(&registry, &registry.host());
        let trial = Trial::begin(Order::new(&webhook, webhook.ca(), &names)).await;
        trial.lasts().await;
        // It was full, or this would not have tried anything.
        let mut read = vec![0; 64 << 10];
        reader.read_exact(&mut read).unwrap();
        let reading = std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
        let figures = trial.over(&webhook).await;
        drop(webhook);
        reading.join().unwrap().unwrap();
        figures
    })
}

async fn confined(words: &[&str]) -> Scene {
    Scene::of(Access::anonymous(), Launch::alone().under(words)).await
}

/// As much as the shipped Deployment allows, and bodies as large as can be, on many connections.
pub fn memory_is_limited(_: &str) -> Came {
    here(async {
        let data = format!("--data={}", limit());
        let scene = confined(&["prlimit", &data, "--"]).await;
        let trial = Trial::begin(scene.order()).await;
        bodies(&scene.webhook, Form::asked().pick(32, 128)).await;
        trial.lasts().await;
        trial.over(&scene.webhook).await
    })
}

/// Connections that only take up places, where there are few files for any.
pub fn few_files_may_be_open(_: &str) -> Came {
    here(async {
        let (mut figures, mut told) = (None, BTreeMap::new());
        for (files, clients) in [(128, 16), (64, 8)] {
            let scene = confined(&["prlimit", &format!("--nofile={files}:{files}"), "--"]).await;
            let trial = Trial::begin(Order { clients, ..scene.order() }).await;
            let crowd = silent(&scene.webhook, 2 * files).await;
            trial.lasts().await;
            assert!(open_files(&scene.webhook) <= files);
            drop(crowd);
            let mut came = trial.over(&scene.webhook).await;
            told.append(&mut came.told);
            figures = Some(came);
        }
        Figures { told, ..figures.unwrap() }
    })
}

fn open_files(webhook: &Webhook) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", webhook.id())).unwrap().count()
}
