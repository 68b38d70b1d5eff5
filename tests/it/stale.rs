//! A registry fails, and what it said before is used: the audit is told, the user is not, and
//! nobody is denied for it. The whole of a review, without a socket to it: its clock is the test's.

use std::sync::Arc;
use std::time::Duration;

use pullcheck::facts::Settings;
use pullcheck::gather::Gatherer;
use pullcheck::objects::{Manifests, Objects};
use pullcheck::policy::{Mode, Policy};
use pullcheck::registry::{ClientConfig, RegistryClient};
use pullcheck::resolve::{Limits, Resolver};
use pullcheck::reviewer::Reviewer;
use pullcheck::telemetry::Metrics;
use serde_json::json;

use crate::support::images::{self, Format};
use crate::support::misbehaving::{Access, Fault, Registry, faults};
use crate::support::reviews::{POD, Review, pod_spec};
use crate::support::server::Gate;
use crate::support::webhook::Reviewed;

const REPOSITORY: &str = "team/app";
/// As long as what a tag leads to is used without asking again, and a little more.
const A_WHILE: Duration = Duration::from_secs(6 * 60);
/// What reviews are given, and what is too short for a registry that hangs.
const PATIENT: Duration = Duration::from_secs(10);
const BRIEF: Duration = Duration::from_millis(500);

struct Scene {
    registry: Registry,
    reviewer: Arc<Reviewer>,
    metrics: Arc<Metrics>,
    image: String,
}

impl Scene {
    /// A registry with one image for linux/amd64, which was reviewed a while ago.
    async fn set() -> Self {
        let registry = Registry::start(Access::anonymous()).await;
        let amd64 = images::image(Format::Oci, "linux/amd64", "app");
        let image = registry.add(REPOSITORY, "1.0", &images::index(&[amd64]));
        let mut config = ClientConfig::default();
        config.address_rule.loopback_allowed = true;
        let client = RegistryClient::new(config).unwrap();
        let metrics = Arc::new(Metrics::new());
        let gatherer = Gatherer {
            objects: Objects { manifests: Manifests::default(), cluster: None },
            resolver: Resolver::new(client, Limits::default(), metrics.clone()),
            docker_config: None,
            providers: None,
            policy: Arc::new(Policy { mode: Mode::Enforce, ..Policy::default() }),
            settings: Settings::default(),
        };
        let reviewer = Arc::new(Reviewer::new(gatherer, metrics.clone(), PATIENT));
        let scene = Self { registry, reviewer, metrics, image };
        let answer = scene.review("amd64").await;
        assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
        assert_eq!(older(&answer), None);
        later(A_WHILE).await;
        scene
    }

    fn misbehave(&self, fault: Fault) {
        self.registry.misbehave(REPOSITORY, fault);
    }

    /// What becomes of a pod that asks for nodes of this processor.
    async fn review(&self, architecture: &str) -> Reviewed {
        self.review_within(PATIENT, architecture).await
    }

    async fn review_within(&self, timeout: Duration, architecture: &str) -> Reviewed {
        let mut spec = pod_spec(&self.image);
        spec["nodeSelector"] =
            json!({ "kubernetes.io/os": "linux", "kubernetes.io/arch": architecture });
        let review = Review::create(&POD, &POD.object("shop", "web", spec));
        let started = std::time::Instant::now();
        let body = review.json().to_string();
        let answer = self.reviewer.review(body.as_bytes(), Some(timeout)).await.unwrap();
        let json = serde_json::from_slice(&answer).unwrap();
        let answer = Reviewed { json, elapsed: started.elapsed() };
        answer.assert_well_formed(review.uid());
        answer
    }

    fn counted(&self, line: &str) -> bool {
        self.metrics.encode().unwrap().lines().any(|other| other == line)
    }
}

/// What the audit is told of older answers.
fn older(answer: &Reviewed) -> Option<String> {
    let mut annotations = answer.annotations().into_iter();
    annotations.find(|(name, _)| name == "stale-answers").map(|(_, text)| text)
}

/// Lets time pass without waiting; no request is under way meanwhile.
async fn later(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Allowed by an older answer, without a word to the user.
fn stands_in(scene: &Scene, answer: &Reviewed) {
    assert!(answer.allowed() && answer.warnings().is_empty(), "{:#}", answer.json);
    let said = older(answer).unwrap_or_else(|| panic!("{:#}", answer.json));
    let expected = format!("{}: 6 min old, ", scene.image);
    assert!(said.starts_with(&expected), "{said}");
    assert!(scene.counted("pullcheck_stale_answers_total{registry=\"other\"} 1"));
}

#[tokio::test]
async fn a_registry_that_answers_with_errors_is_answered_for_by_what_it_said_before() {
    for fault in [faults::server_error(503), faults::too_many_requests(None), faults::reset()] {
        let scene = Scene::set().await;
        scene.misbehave(fault);
        stands_in(&scene, &scene.review("amd64").await);
    }
}

#[tokio::test]
async fn so_is_one_that_hangs() {
    let scene = Scene::set().await;
    let gate = Gate::closed();
    scene.misbehave(faults::gate(&gate));
    stands_in(&scene, &scene.review_within(BRIEF, "amd64").await);
    assert!(scene.counted("pullcheck_deadline_missed_total 0"));
}

#[tokio::test]
async fn so_is_one_that_is_gone() {
    let mut scene = Scene::set().await;
    scene.registry = Registry::start(Access::anonymous()).await;
    stands_in(&scene, &scene.review("amd64").await);
}

#[tokio::test]
async fn after_an_hour_people_are_told_that_the_registry_fails() {
    let scene = Scene::set().await;
    scene.misbehave(faults::server_error(503));
    later(Duration::from_secs(3_600).saturating_sub(A_WHILE)).await;
    let answer = scene.review("amd64").await;
    assert!(answer.allowed(), "{:#}", answer.json);
    assert_eq!(answer.warned_codes(), ["registry-error"], "{:#}", answer.json);
    assert_eq!(older(&answer), None);
}

#[tokio::test]
async fn a_registry_that_says_no_is_believed() {
    let scene = Scene::set().await;
    scene.registry.untag(REPOSITORY, "1.0");
    let answer = scene.review("amd64").await;
    assert_eq!(answer.denied_codes(), ["tag-not-found"], "{:#}", answer.json);
    assert_eq!(older(&answer), None);
}

#[tokio::test]
async fn an_older_answer_is_never_held_against_an_image() {
    let scene = Scene::set().await;
    scene.misbehave(faults::server_error(503));
    let answer = scene.review("arm64").await;
    assert!(answer.allowed(), "{:#}", answer.json);
    assert_eq!(answer.warned_codes(), ["registry-error"], "{:#}", answer.json);
    assert_eq!(older(&answer), None);
    assert!(!scene.counted("pullcheck_stale_answers_total{registry=\"other\"} 1"));
    stands_in(&scene, &scene.review("amd64").await);
    scene.registry.heal(REPOSITORY);
    later(A_WHILE).await;
    let answer = scene.review("arm64").await;
    assert_eq!(answer.denied_codes(), ["platform-missing"], "{:#}", answer.json);
}
