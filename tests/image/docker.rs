//! The image by the commands that people know.

use std::process::Command;

use tempfile::TempDir;

use super::parts::registry;
use crate::parts::image::{Built, built, docker};
use crate::support::images::{layout, media};
use crate::support::real_registry::{Flavour, RealRegistry};
use crate::support::skip;
use crate::support::tls::Ca;

#[test]
fn docker_builds_pushes_and_runs_the_same_image() {
    let tools = TempDir::new().unwrap();
    let parts = || {
        let (built, registry) = (built()?, registry()?);
        docker(tools.path()).map(|docker| (built, registry, docker))
    };
    let (built, registry, docker) = match parts() {
        Ok(parts) => parts,
        Err(why) => skip!(&why),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let ca = Ca::mint();
        let leaf = ca.good();
        let registry = RealRegistry::start_tls(&registry, Flavour::Anonymous, &ca, &leaf).await;
        let name = format!("{}/platform/pullcheck:0.1.0", registry.host());
        let authority = ca.file();
        let run = |line: &str| {
            let output = Command::new(&docker)
                .args(line.split(' '))
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .env("SSL_CERT_FILE", &authority)
                .output()
                .unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "docker {line}: {stderr}");
            String::from_utf8(output.stdout).unwrap() + &stderr
        };

        let said = run(&format!("build --tag {name} ."));
        assert!(!said.contains("Compiling"), "it was built already: {said}");
        run(&format!("push {name}"));
        let url = format!("{}/v2/platform/pullcheck/manifests/0.1.0", registry.url());
        let answer = registry.http().get(&url, &[("accept", media::OCI_MANIFEST)]).await.unwrap();
        let image = layout::read(&built.layout, Built::PULLCHECK);
        // The layers may have been compressed again, the configuration names what they hold.
        assert_eq!(answer.json()["config"]["digest"], image.blobs[0].digest);

        let folder = TempDir::new().unwrap();
        let volume = format!("--volume {}:/here --workdir /here", folder.path().display());
        run(&format!("run --rm --user 0 {volume} {name} certs"));
        assert!(folder.path().join("certs/tls.key").is_file());
    });
}
