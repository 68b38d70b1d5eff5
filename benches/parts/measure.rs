//! The parts.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use divan::{Bencher, black_box};
use pullcheck::causes;
use pullcheck::credentials::{ConfigFormat, Credential, DockerConfig, Keyring};
use pullcheck::facts::{Attempt, CredentialSource, Facts, Front, Settings};
use pullcheck::gather::{Ask, Gatherer};
use pullcheck::image::Reference;
use pullcheck::objects::Objects;
use pullcheck::policy::{Mode, Policy, Subject};
use pullcheck::registry::{ClientConfig, RegistryClient, RequestBudget};
use pullcheck::resolve::{Limits, Question, Resolver};
use pullcheck::review::request::{Plan, Request};
use pullcheck::review::response::{Answer, encode};
use pullcheck::telemetry::Metrics;
use pullcheck::workload::Workload;
use serde::de::IgnoredAny;
use tokio::runtime::Runtime;
use tokio::time::Instant;

use super::registry::AllImages;
use super::review::Pod;

const IMAGE: &str = "registry.example.test:5000/team/checkout/service:1.24.3";
const WITH_DIGEST: &str = "ghcr.io/acme/api:v2@sha256:\
                           ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn pod(size: usize, images: &[String]) -> Bytes {
    Pod { size, images, secrets: &["login".to_owned()], namespace: "shop" }.review(1).body
}

fn six() -> Vec<String> {
    (0..6).map(|number| format!("{IMAGE}{number}")).collect()
}

fn workload(body: &[u8]) -> Workload {
    match Request::decode(body).unwrap().plan().unwrap() {
        Plan::Judge(workload) => *workload,
        Plan::Skip(reason) => panic!("{reason}"),
    }
}

#[divan::bench(args = [20 << 10, 1 << 20])]
fn decode_a_review(bencher: Bencher<'_, '_>, size: usize) {
    let body = pod(size, &six());
    bencher.bench(|| workload(black_box(&body)));
}

#[divan::bench(args = [20 << 10, 1 << 20])]
fn decode_a_review_baseline_ignored(bencher: Bencher<'_, '_>, size: usize) {
    let body = pod(size, &six());
    bencher.bench(|| serde_json::from_slice::<IgnoredAny>(black_box(&body)).unwrap());
}

#[divan::bench(args = [20 << 10, 1 << 20])]
fn decode_a_review_baseline_value(bencher: Bencher<'_, '_>, size: usize) {
    let body = pod(size, &six());
    bencher.bench(|| serde_json::from_slice::<serde_json::Value>(black_box(&body)).unwrap());
}

#[divan::bench(args = [IMAGE, WITH_DIGEST, "nginx"])]
fn parse_a_reference(image: &str) -> Reference {
    Reference::parse(black_box(image)).unwrap()
}

#[divan::bench(args = [IMAGE, WITH_DIGEST, "nginx"])]
fn parse_a_reference_baseline_oci_client(image: &str) -> oci_distribution::Reference {
    black_box(image).parse().unwrap()
}

/// A hundred secrets of one login each, for a hundred hosts.
fn secrets() -> Vec<DockerConfig> {
    let secret = |number: usize| {
        let text = format!(
            r#"{{"auths":{{"registry-{number}.example.test":{{"username":"ada","password":"x"}}}}}}"#
        );
        DockerConfig::decode(ConfigFormat::DockerConfigJson, text.as_bytes()).unwrap()
    };
    (0..100).map(secret).collect()
}

#[divan::bench]
fn build_a_keyring_of_100_secrets(bencher: Bencher<'_, '_>) {
    let secrets = secrets();
    bencher.bench(|| Keyring::build(secrets.iter().enumerate()).lookup("docker.io/x").len());
}

#[divan::bench]
fn look_up_in_a_keyring_of_100_secrets(bencher: Bencher<'_, '_>) {
    let secrets = secrets();
    let keyring = Keyring::build(secrets.iter().enumerate());
    let name = black_box("registry-50.example.test/team/checkout/service");
    assert_eq!(keyring.lookup(name).len(), 1);
    bencher.bench(|| keyring.lookup(name).len());
}

#[divan::bench]
fn look_up_in_a_keyring_of_100_secrets_baseline_prefixes(bencher: Bencher<'_, '_>) {
    let hosts: Vec<String> = (0..100).map(|n| format!("registry-{n}.example.test/")).collect();
    let name = black_box("registry-50.example.test/team/checkout/service");
    bencher.bench(|| hosts.iter().filter(|host| name.starts_with(host.as_str())).count());
}

/// A gatherer that has looked at six images, and what it asks with.
struct World {
    runtime: Runtime,
    gatherer: Gatherer,
    workload: Workload,
}

impl World {
    fn new() -> Self {
        let registry = AllImages::start();
        let images: Vec<String> = (0..6).map(|number| registry.image(number)).collect();
        let config = ClientConfig {
            insecure_hosts: vec![registry.host()],
            address_rule: pullcheck::registry::AddressRule {
                loopback_allowed: true,
                ..Default::default()
            },
            ..ClientConfig::default()
        };
        let client = RegistryClient::new(config).unwrap();
        let world = Self {
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            gatherer: Gatherer {
                objects: Objects::default(),
                resolver: Resolver::new(client, Limits::default(), Arc::new(Metrics::new())),
                docker_config: None,
                providers: None,
                policy: Arc::new(Policy::default()),
                settings: Settings::default(),
            },
            workload: workload(&pod(20 << 10, &images)),
        };
        let facts = world.gather();
        assert!(facts.images.iter().all(|image| image.attempts.iter().all(Attempt::works)));
        drop(facts);
        world
    }

    fn ask(&self) -> Ask<'_> {
        let deadline = Instant::now() + Duration::from_secs(10);
        Ask { workload: &self.workload, namespace: "shop", front: Front::Serve, deadline }
    }

    fn gather(&self) -> Facts<'_> {
        self.runtime.block_on(self.gatherer.gather(self.ask()))
    }

    fn question(&self, credentials: Vec<(CredentialSource, Credential)>) -> Question {
        Question {
            reference: Reference::parse(&self.workload.images[0].image).unwrap(),
            credentials,
            nodes: Arc::default(),
            tenant: "shop".into(),
            anew: false,
            requests: RequestBudget::new(1_000),
        }
    }
}

#[divan::bench]
fn hit_the_cache(bencher: Bencher<'_, '_>) {
    hit(bencher, Vec::new());
}

#[divan::bench]
fn hit_the_cache_with_a_credential(bencher: Bencher<'_, '_>) {
    let source = CredentialSource::Secret("login".to_owned());
    hit(bencher, vec![(source, Credential::new("ada", "a password of ada's"))]);
}

fn hit(bencher: Bencher<'_, '_>, credentials: Vec<(CredentialSource, Credential)>) {
    let world = World::new();
    let question = world.question(credentials);
    let ask = || {
        let far = Instant::now() + Duration::from_secs(10);
        world.runtime.block_on(world.gatherer.resolver.resolve(&question, far))
    };
    assert!(ask().iter().all(Attempt::works));
    bencher.bench(ask);
}

#[divan::bench]
fn hit_the_cache_baseline_moka_alone(bencher: Bencher<'_, '_>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let cache = moka::future::Cache::<String, Arc<str>>::new(1 << 20);
    runtime.block_on(cache.insert(IMAGE.to_owned(), "an answer".into()));
    bencher.bench(|| runtime.block_on(cache.get(black_box(IMAGE))));
}

#[divan::bench]
fn gather_six_images_from_the_cache(bencher: Bencher<'_, '_>) {
    let world = World::new();
    bencher.bench(|| world.gather().images.len());
}

#[divan::bench]
fn decide_about_six_images(bencher: Bencher<'_, '_>) {
    let world = World::new();
    let facts = world.gather();
    let subject = Subject {
        namespace: "shop",
        user: "jane",
        mode: Mode::Enforce,
        label_unread: false,
        controller_owned: false,
    };
    let decide = || {
        let findings = causes::findings(black_box(&facts));
        world.gatherer.policy.decide(&subject, &findings)
    };
    assert!(!decide().denied());
    bencher.bench(decide);
}

#[divan::bench]
fn encode_an_answer(bencher: Bencher<'_, '_>) {
    let answer = Answer::default();
    bencher.bench(|| encode(black_box("5ba4ee3c-5b2e-4a2c-9d3e-000000000001"), &answer));
}

#[divan::bench]
fn encode_an_answer_baseline_format(bencher: Bencher<'_, '_>) {
    bencher.bench(|| {
        let uid = black_box("5ba4ee3c-5b2e-4a2c-9d3e-000000000001");
        format!(
            r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{{"uid":"{uid}","allowed":true}}}}"#
        )
    });
}
