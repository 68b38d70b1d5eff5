//! Several images of one pod that rest on older answers.

use std::time::Duration;

use super::*;
use crate::causes::testing::{anonymous, facts, image, image_of, served};
use crate::facts::{Gaps, Obstacle, Outcome, Settings, Stale, Trouble, TroubleKind};
use crate::workload::Role;

/// It was there for this platform, and its registry fails now.
fn before(field: &'static str, name: &'static str, platform: &str) -> ImageFact<'static> {
    let now = Outcome::Trouble(Trouble {
        kind: TroubleKind::Timeout,
        host: "reg.test".to_owned(),
        detail: "no answer".to_owned(),
        waited: None,
        retry_after: None,
    });
    let stale = Stale { age: Duration::from_secs(60), now, entries: Vec::new() };
    let found = anonymous(served(image_of(platform, 1_000, None)));
    let attempt = Attempt { stale: Some(Box::new(stale)), ..found };
    ImageFact { field, ..image(name, vec![attempt]) }
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
    facts.gaps = Gaps { nodes: Some(Obstacle::Forbidden), ..Gaps::default() };
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
