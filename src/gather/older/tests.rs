//! Several images of one pod that rest on older answers.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::facts::{
    Content, Found, Front, Gaps, ImageConfig, ImageContent, Obstacle, Outcome, ServiceAccountFact,
    ServiceAccountState, Settings, Stale, Trouble, TroubleKind,
};
use crate::image::{Algorithm, Digest, Reference};
use crate::workload::{Pins, PullPolicy, Role};

/// It was there for this platform, and its registry fails now.
fn before(field: &'static str, image: &'static str, platform: &str) -> ImageFact<'static> {
    let content = Content::Image(Arc::new(ImageContent {
        config: ImageConfig::Platform(platform.parse().unwrap()),
        size: 1_000,
        behind_inline: None,
        left_out: None,
    }));
    let digest = Digest::of(Algorithm::Sha256, b"x");
    let now = Outcome::Trouble(Trouble {
        kind: TroubleKind::Timeout,
        host: "reg.test".to_owned(),
        detail: "no answer".to_owned(),
        waited: None,
        retry_after: None,
    });
    let attempt = Attempt {
        source: None,
        anonymous: true,
        outcome: Outcome::Found(Found { digest, quota: None, content }),
        entries: Vec::new(),
        remembered: false,
        stale: Some(Box::new(Stale { age: Duration::from_secs(60), now, entries: Vec::new() })),
    };
    ImageFact {
        field,
        image,
        role: Role::Container,
        pull_policy: PullPolicy::Always,
        reference: Reference::parse(image),
        registry_allowed: true,
        mirrors_told: false,
        asked: true,
        attempts: vec![attempt],
        providers: Vec::new(),
    }
}

fn facts<'a>(images: Vec<ImageFact<'a>>, settings: &'a Settings) -> Facts<'a> {
    Facts {
        namespace: "shop",
        is_template: false,
        pins: Pins::default(),
        nodes: None,
        gaps: Gaps { nodes: Some(Obstacle::Forbidden), ..Gaps::default() },
        images,
        secrets: Vec::new(),
        service_account: ServiceAccountFact {
            name: "default".to_owned(),
            field: "spec.serviceAccountName".to_owned(),
            state: ServiceAccountState::NotNeeded,
        },
        misplaced_pull_secrets: &[],
        settings,
        front: Front::Serve,
    }
}

#[test]
fn what_is_said_of_one_image_for_several_is_taken_back_for_all_of_them() {
    let settings = Settings::default();
    let mut images = vec![
        before("spec.containers[0].image", "reg.test/a:1", "windows/amd64"),
        before("spec.volumes[0].image.reference", "reg.test/b:1", "linux/amd64"),
        before("spec.containers[1].image", "reg.test/c:1", "linux/amd64"),
        before("spec.containers[2].image", "reg.test/d:1", "linux/s390x"),
    ];
    // Its platform is nothing to a node.
    images[1].role = Role::Volume;
    let mut facts = facts(images, &settings);
    let told = |facts: &Facts<'_>| -> Vec<String> {
        let findings = causes::findings(facts).into_iter();
        let findings = findings.filter(|finding| finding.message.contains("the cluster's nodes"));
        findings.map(|finding| finding.field.clone()).collect()
    };
    assert_eq!(told(&facts), ["spec.containers[0].image"], "one for all");
    take_back(&mut facts);
    assert_eq!(told(&facts), [""; 0]);
    let rests = |image: &&ImageFact<'_>| image.attempts.iter().any(|one| one.stale.is_some());
    let kept: Vec<&str> = facts.images.iter().filter(rests).map(|image| image.image).collect();
    assert_eq!(kept, ["reg.test/b:1"], "nothing is said of it");
}
