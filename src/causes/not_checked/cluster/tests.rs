use super::super::super::testing::*;
use super::CAUSE;
use crate::causes::Certainty;
use crate::credentials::SecretState;
use crate::facts::{Attempt, Facts, Front, Gaps, Missing, Obstacle, ServiceAccountState, Settings};
use crate::workload::{Pins, PullPolicy, Role};

/// What is said for want of a right.
fn told(facts: &Facts<'_>) -> Vec<String> {
    let findings = crate::causes::findings(facts);
    let of_it = findings.into_iter().filter(|finding| finding.code == CAUSE.code);
    of_it
        .map(|finding| {
            assert_eq!(finding.certainty, Certainty::Unknown);
            assert!(finding.message.len() <= 256, "{}", finding.message);
            finding.message
        })
        .collect()
}

fn certainties(facts: &Facts<'_>) -> Vec<(&'static str, Certainty)> {
    let findings = crate::causes::findings(facts).into_iter();
    findings.map(|finding| (finding.code.as_str(), finding.certainty)).collect()
}

fn blind(gap: &Obstacle) -> Gaps {
    Gaps { nodes: Some(gap.clone()), ..Gaps::default() }
}

fn no_tag() -> Vec<Attempt> {
    vec![anonymous(absent(Missing::Tag, None))]
}

#[test]
fn a_missing_right_is_named_once_however_many_secrets_it_hides() {
    let settings = Settings::default();
    let mut facts = facts(Vec::new(), &settings);
    for name in ["a", "b", "c"] {
        facts.secrets.push(secret(name, SecretState::Forbidden, false));
    }
    facts.service_account.state = ServiceAccountState::Forbidden;
    assert_eq!(
        told(&facts),
        [
            "spec.imagePullSecrets[0] \"a\": Secret shop/a was not checked (nor 2 more), pullcheck \
             may not get secrets in namespace shop; grant it get on secrets there [not-checked]",
            "spec.serviceAccountName \"default\": ServiceAccount shop/default was not checked, \
             pullcheck may not get serviceaccounts in namespace shop; grant it get on \
             serviceaccounts there [not-checked]",
        ]
    );
}

#[test]
fn each_secret_that_cannot_be_read_has_a_reason_of_its_own() {
    let settings = Settings::default();
    let mut facts = facts(Vec::new(), &settings);
    for name in ["a", "b"] {
        let state = SecretState::Unreadable(format!("API server answered 50{name}"));
        facts.secrets.push(secret(name, state, false));
    }
    let told = told(&facts);
    assert_eq!(told.len(), 2);
    assert!(told[1].contains("Secret shop/b was not checked, API server answered 50b; try again"));
}

#[test]
fn where_nodes_may_not_be_read_an_image_that_one_may_hold_is_not_proven_absent() {
    let settings = Settings::default();
    for (gap, said) in [
        (Obstacle::Forbidden, "pullcheck may not list and watch nodes; grant it list and watch"),
        (Obstacle::Trouble("API server answered 500".to_owned()), "API server answered 500; try"),
    ] {
        let mut facts = facts(vec![image("ghcr.io/acme/api:v2", no_tag())], &settings);
        facts.images[0].pull_policy = PullPolicy::IfNotPresent;
        facts.gaps = blind(&gap);
        assert_eq!(
            certainties(&facts),
            [("tag-not-found", Certainty::Likely), ("not-checked", Certainty::Unknown)]
        );
        let told = told(&facts);
        assert!(told[0].contains("not checked against the cluster's nodes, "), "{told:?}");
        assert!(told[0].contains(said), "{told:?}");
        // A node asks for it again in any case.
        facts.images[0].pull_policy = PullPolicy::Always;
        assert_eq!(certainties(&facts), [("tag-not-found", Certainty::Proven)]);
        // Who checks manifests is not asked for nodes.
        facts.images[0].pull_policy = PullPolicy::IfNotPresent;
        facts.front = Front::Check;
        assert_eq!(certainties(&facts), [("tag-not-found", Certainty::Proven)]);
    }
}

#[test]
fn nodes_are_missed_only_where_they_could_have_told_something() {
    let nobody = Settings::default();
    let operator = declared(&["linux/amd64"]);
    let amd64 = || vec![anonymous(whole("linux/amd64"))];
    let index_of = |names: &[&str]| {
        let entries: Vec<_> = names.iter().map(|name| (*name, whole(name))).collect();
        vec![index(&entries)]
    };
    let pinned = Pins { os: Some("linux"), architecture: Some("amd64") };
    for (attempts, pins, settings, expected) in [
        (amd64(), Pins::default(), &nobody, 1),
        (index_of(&["linux/amd64"]), Pins::default(), &nobody, 1),
        (index_of(&["linux/amd64", "linux/arm64"]), Pins::default(), &nobody, 0),
        (amd64(), pinned, &nobody, 0),
        (amd64(), Pins::default(), &operator, 0),
        (index_of(&["linux/amd64"]), Pins::default(), &operator, 0),
    ] {
        let images = vec![
            image("ghcr.io/acme/api:v2", attempts.clone()),
            image("ghcr.io/acme/api:v3", attempts),
        ];
        let mut facts = facts(images, settings);
        facts.pins = pins;
        assert_eq!(told(&facts).len(), 0);
        facts.gaps = blind(&Obstacle::Forbidden);
        assert_eq!(told(&facts).len(), expected, "{:?} {pins:?}", facts.images[0].attempts);
    }
    let mut volume = facts(vec![image("ghcr.io/acme/api:v2", amd64())], &nobody);
    volume.gaps = blind(&Obstacle::Forbidden);
    volume.images[0].role = Role::Volume;
    assert_eq!(told(&volume).len(), 0);
}

#[test]
fn a_class_that_may_not_be_read_is_a_reserve_of_what_nodes_tell_and_else_silent() {
    let settings = Settings::default();
    let attempts = vec![index(&[("linux/amd64", whole("linux/amd64"))])];
    let mut facts = facts(vec![image("ghcr.io/acme/api:v2", attempts)], &settings);
    facts.gaps.runtime_class = Some(("gvisor".to_owned(), Obstacle::Forbidden));
    facts.nodes = nodes(vec![node("linux/amd64", "containerd/2.1")]);
    assert_eq!(told(&facts).len(), 0);
    facts.nodes = nodes(vec![node("linux/arm64", "containerd/2.1")]);
    assert_eq!(
        told(&facts),
        [
            "spec.containers[0].image \"ghcr.io/acme/api:v2\": which nodes RuntimeClass gvisor leaves \
          was not checked, pullcheck may not get runtimeclasses; grant it get on runtimeclasses \
          [not-checked]"
        ]
    );
}

#[test]
fn a_label_that_may_not_be_read_is_missed_where_something_hangs_on_the_mode() {
    let settings = Settings::default();
    let gaps = || Gaps { mode_label: Some(Obstacle::Forbidden), ..Gaps::default() };
    let mut facts_of_good =
        facts(vec![image("ghcr.io/acme/api:v2", vec![anonymous(whole("linux/amd64"))])], &settings);
    facts_of_good.gaps = gaps();
    assert_eq!(told(&facts_of_good).len(), 0);
    let mut facts = facts(vec![image("ghcr.io/acme/api:v2", no_tag())], &settings);
    facts.gaps = gaps();
    assert_eq!(
        told(&facts),
        [
            "metadata.namespace \"shop\": its label pullcheck.dev/mode was not read, pullcheck may not \
          get namespaces; grant it get, list and watch on namespaces [not-checked]"
        ]
    );
}
