//! An image that no node could pull is pushed again under the same tag.

use std::sync::Arc;
use std::time::Duration;

use pullcheck::causes::{self, Certainty};
use pullcheck::facts::{Front, Settings};
use pullcheck::gather::{Ask, Gatherer};
use pullcheck::objects::{Manifests, Objects};
use pullcheck::policy::Policy;
use pullcheck::registry::{ClientConfig, RegistryClient};
use pullcheck::resolve::{Limits, Resolver};
use pullcheck::telemetry::Metrics;
use pullcheck::workload::{KINDS, extract};
use serde_json::json;

use crate::support::images::{self, Format, Image};
use crate::support::misbehaving::{Access, Registry};
use crate::support::reviews::{POD, pod_spec};

const REPOSITORY: &str = "team/app";

/// A registry, and what a front is made of, without a cluster.
struct Scene {
    registry: Registry,
    gatherer: Gatherer,
}

impl Scene {
    async fn set() -> Self {
        let mut config = ClientConfig::default();
        config.address_rule.loopback_allowed = true;
        let client = RegistryClient::new(config).unwrap();
        let gatherer = Gatherer {
            objects: Objects { manifests: Manifests::default(), cluster: None },
            resolver: Resolver::new(client, Limits::default(), Arc::new(Metrics::new())),
            docker_config: None,
            providers: None,
            policy: Arc::new(Policy::default()),
            settings: Settings::default(),
        };
        Self { registry: Registry::start(Access::anonymous()).await, gatherer }
    }

    fn push(&self, images: &[Image]) -> String {
        self.registry.add(REPOSITORY, "1.0", &images::index(images))
    }

    /// What is proven of a pod that asks for linux/arm64, and how many requests that took.
    async fn proven(&self, image: &str) -> (Vec<&'static str>, usize) {
        let before = self.registry.manifest_requests(REPOSITORY);
        let mut spec = pod_spec(image);
        spec["nodeSelector"] =
            json!({ "kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64" });
        let kind = KINDS.iter().find(|kind| kind.kind == "Pod").unwrap();
        let workload = extract(kind, &POD.object("shop", "web", spec).to_string()).unwrap();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        let ask = Ask { workload: &workload, namespace: "shop", front: Front::Serve, deadline };
        let facts = self.gatherer.gather(ask).await;
        let findings = causes::findings(&facts);
        let proven = findings.iter().filter(|finding| {
            finding.certainty == Certainty::Proven && finding.code.as_str() != "tag-mutable"
        });
        let codes = proven.map(|finding| finding.code.as_str()).collect();
        (codes, self.registry.manifest_requests(REPOSITORY) - before)
    }
}

fn image_for(platform: &str) -> Image {
    images::image(Format::Oci, platform, platform)
}

/// Longer than an absence is remembered, and no request is under way meanwhile.
async fn later() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(6)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_platform_that_was_missing_and_is_pushed_is_seen_by_the_next_review() {
    let scene = Scene::set().await;
    let image = scene.push(&[image_for("linux/amd64")]);
    assert_eq!(scene.proven(&image).await.0, ["platform-missing"]);
    let (codes, requests) = scene.proven(&image).await;
    assert_eq!((codes.as_slice(), requests), (&["platform-missing"][..], 0), "it was a moment ago");
    later().await;
    let (codes, requests) = scene.proven(&image).await;
    assert_eq!(codes, ["platform-missing"]);
    assert!(requests > 0, "a denial rests on what is so now");
    scene.push(&[image_for("linux/amd64"), image_for("linux/arm64")]);
    later().await;
    assert_eq!(scene.proven(&image).await.0, [""; 0]);
}

#[tokio::test]
async fn an_old_index_whose_image_is_gone_is_not_held_against_its_tag() {
    let scene = Scene::set().await;
    let old = image_for("linux/arm64");
    let image = scene.push(std::slice::from_ref(&old));
    scene.registry.lose(REPOSITORY, old.digest());
    assert_eq!(scene.proven(&image).await.0, ["manifest-missing"]);
    scene.push(&[images::image(Format::Oci, "linux/arm64", "new")]);
    later().await;
    assert_eq!(scene.proven(&image).await.0, [""; 0]);
}

#[tokio::test]
async fn a_tag_that_leads_to_what_a_node_pulls_is_not_asked_for_again() {
    let scene = Scene::set().await;
    let image = scene.push(&[image_for("linux/arm64")]);
    assert_eq!(scene.proven(&image).await.0, [""; 0]);
    later().await;
    assert_eq!(scene.proven(&image).await, (vec![], 0));
}
