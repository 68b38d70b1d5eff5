//! `pullcheck check` of many images beside `crane digest`, by a shell loop and by `xargs -P`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::process::Command;

use super::page::Table;
use super::{LATENCIES, median, registry, shown};
use crate::parts::go::Program;
use crate::support::check::check;
use crate::support::images;
use crate::support::misbehaving::{Registry, faults};
use crate::support::reviews::{POD, pod_spec};
use crate::support::tls::Ca;

const CRANE: Program =
    Program::tool("crane", "tests/crane", "github.com/google/go-containerregistry/cmd/crane");
const MODULE: &str = "github.com/google/go-containerregistry";

/// Distinct images, each of a repository of its own.
const IMAGES: usize = 1_000;
/// Layers of each.
const LAYERS: usize = 4;
/// `--jobs` of `check` and `-P` of `xargs`.
const JOBS: &str = "32";
/// Runs of what does not take a minute.
const ROUNDS: usize = 3;

/// The table.
pub async fn measure() -> String {
    // Beside the runtime: building starts one of its own.
    let crane = tokio::task::spawn_blocking(|| CRANE.built()).await.unwrap();
    let crane = crane.unwrap_or_else(|why| panic!("crane cannot be built: {why}"));
    let mut table = Table::new([
        "1,000 images",
        "registry answers after",
        "time",
        "shell loop / this",
        "xargs / this",
    ]);
    for latency in LATENCIES {
        let scene = Scene::set(&crane, latency).await;
        let (mut xargs, mut layers, mut manifest) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            xargs.push(scene.crane("xargs -P \"$JOBS\" -n 1 \"$CRANE\" digest <images").await);
            layers.push(scene.check("layers").await);
            manifest.push(scene.check("manifest").await);
        }
        let each = "while read -r image; do \"$CRANE\" digest \"$image\"; done <images";
        let one_by_one = scene.crane(each).await;
        let xargs = median(xargs);
        for (what, time) in [
            ("`crane digest`, a shell loop", one_by_one),
            ("`crane digest`, `xargs -P 32`", xargs),
            ("`pullcheck check`", median(layers)),
            ("`pullcheck check --depth manifest`", median(manifest)),
        ] {
            let times =
                |other: Duration| format!("{:.1}", other.as_secs_f64() / time.as_secs_f64());
            let row = [what.to_owned(), shown(latency), shown(time)];
            table.row(row.into_iter().chain([times(one_by_one), times(xargs)]));
        }
    }
    format!("{}\ncrane {}, 32 jobs each.\n", table.markdown(), CRANE.required(MODULE))
}

struct Scene {
    crane: PathBuf,
    ca: Ca,
    /// `images`, one a line, and `pods.yaml`.
    dir: TempDir,
    _registry: Registry,
}

impl Scene {
    async fn set(crane: &Path, latency: Duration) -> Self {
        let ca = Ca::mint();
        let registry = registry(&ca).await;
        let (mut names, mut pods) = (String::new(), String::new());
        for number in 0..IMAGES {
            let repository = format!("team/app-{number}");
            let image = images::of_layers(LAYERS, &format!("crane {number}"));
            let name = registry.add(&repository, "1.0", &image);
            if !latency.is_zero() {
                registry.misbehave(&repository, faults::late(latency));
            }
            let pod = POD.object("shop", &format!("web-{number}"), pod_spec(&name));
            writeln!(names, "{name}").unwrap();
            writeln!(pods, "---\n{pod}").unwrap();
        }
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.path().join("images"), names).unwrap();
        std::fs::write(dir.path().join("pods.yaml"), pods).unwrap();
        Self { crane: crane.to_owned(), ca, dir, _registry: registry }
    }

    async fn crane(&self, script: &str) -> Duration {
        let begun = Instant::now();
        let output = Command::new("sh")
            .args(["-c", script])
            .current_dir(self.dir.path())
            .env("CRANE", &self.crane)
            .env("JOBS", JOBS)
            .env("HOME", self.dir.path())
            .env("SSL_CERT_FILE", self.ca.file())
            .output()
            .await
            .unwrap();
        let took = begun.elapsed();
        let digests = String::from_utf8_lossy(&output.stdout).lines().count();
        assert_eq!(digests, IMAGES, "{}", String::from_utf8_lossy(&output.stderr));
        took
    }

    async fn check(&self, depth: &str) -> Duration {
        let (pods, ca) = (self.dir.path().join("pods.yaml"), self.ca.file());
        let arguments = [pods.to_str().unwrap(), "--ca-file", ca.to_str().unwrap()];
        let run = check(&arguments).args(&["--jobs", JOBS, "--depth", depth, "--output", "json"]);
        let begun = Instant::now();
        let ran = run.run().await;
        let took = begun.elapsed();
        let summary = ran.expect_code(0).json()["summary"].clone();
        assert_eq!(
            (summary["images"].as_u64(), summary["unknown"].as_u64()),
            (Some(1_000), Some(0))
        );
        took
    }
}
