//! Manifests by digest, configs and layers, from whichever host has them.

use std::time::Duration;

use super::super::fake::{Fake, Reply, Seen, answer, status};
use super::super::shelf::{INDEX, entry};
use super::super::world::{
    OCI, assert_found, config_digest, config_path, digest, look, manifest, trouble,
};
use super::{Told, client, client_with, mirror, reading, tree};
use crate::credentials::Credential;
use crate::facts::{Content, Damage, Heard, LeftOut, Outcome, Part, PartFault, TroubleKind};
use crate::glob::Glob;
use crate::image::Reference;
use crate::registry::{Lookup, Progress};

/// `one.test` before `two.test`, both of which may do everything.
const BOTH: &str = "server = \"http://two.test\"\n[host.\"http://one.test\"]\n";

/// A mirror without the blob of the good image.
fn without_config(seen: &Seen) -> Reply {
    if seen.path.contains("/blobs/") { status(404) } else { mirror(seen) }
}

/// Requests for the config.
fn blobs(fake: &Fake) -> usize {
    fake.lines().iter().filter(|line| line.contains(&config_path())).count()
}

fn pair(hosts: &str, one: &Fake, two: &Fake) -> Told {
    client(&[("one.test", one), ("two.test", two)], hosts)
}

#[tokio::test]
async fn what_the_first_host_lacks_of_an_image_the_next_may_have() {
    let (one, two) = (Fake::plain(without_config).await, Fake::plain(mirror).await);
    let client = pair(BOTH, &one, &two);
    assert_found(&look(&client, "reg.test/app:1").await);
    assert!(blobs(&one) > 0 && blobs(&two) > 0);
    // A mirror is asked on somebody's behalf for content too.
    assert!(two.lines().iter().all(|line| line.ends_with("?ns=reg.test")), "{:?}", two.lines());
}

#[tokio::test]
async fn a_host_that_may_not_resolve_serves_content_before_one_that_comes_later() {
    let (one, two) = (Fake::plain(mirror).await, Fake::plain(mirror).await);
    let hosts = "server = \"http://two.test\"\n[host.\"http://one.test\"]\n\
                 capabilities = [\"pull\"]\n";
    assert_found(&look(&pair(hosts, &one, &two), "reg.test/app:1").await);
    assert!(blobs(&one) > 0 && blobs(&two) == 0, "{:?} {:?}", one.lines(), two.lines());
}

#[tokio::test]
async fn a_part_is_missing_only_if_every_host_says_so() {
    let (one, two) = (Fake::plain(without_config).await, Fake::plain(without_config).await);
    let outcome = look(&pair(BOTH, &one, &two), "reg.test/app:1").await;
    let Outcome::Broken(Damage { part, digest, fault: PartFault::Missing(evidence) }) = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!((part, digest), (Part::Config, config_digest()));
    assert_eq!(evidence.host, "one.test");
    assert_eq!(evidence.others, [Heard { host: "two.test".to_owned(), status: 404 }]);
}

#[tokio::test]
async fn a_part_is_not_known_to_be_missing_where_one_host_cannot_be_asked() {
    let hosts = "server = \"http://two.test\"\n[host.\"http://one.test/a%25b\"]\n\
                 capabilities = [\"push\"]\n";
    let two = Fake::plain(without_config).await;
    let outcome = look(&client(&[("two.test", &two)], hosts), "reg.test/app:1").await;
    assert_eq!(trouble(outcome).kind, TroubleKind::Error);
}

#[tokio::test]
async fn a_part_is_not_known_to_be_missing_while_one_host_has_not_been_seen() {
    for code in [502, 429] {
        let unseen = move |seen: &Seen| {
            if seen.path.contains("/blobs/") { status(code) } else { mirror(seen) }
        };
        let (one, two) = (Fake::plain(unseen).await, Fake::plain(without_config).await);
        trouble(look(&pair(BOTH, &one, &two), "reg.test/app:1").await);
        let (one, two) = (Fake::plain(without_config).await, Fake::plain(unseen).await);
        trouble(look(&pair(BOTH, &one, &two), "reg.test/app:1").await);
    }
}

#[tokio::test]
async fn what_a_host_serves_wrong_is_final() {
    let wrong = |seen: &Seen| {
        if seen.path.contains("/blobs/") { answer(200, &[], "wrong") } else { mirror(seen) }
    };
    let (one, two) = (Fake::plain(wrong).await, Fake::plain(mirror).await);
    let outcome = look(&pair(BOTH, &one, &two), "reg.test/app:1").await;
    assert!(matches!(&outcome, Outcome::Broken(Damage { part: Part::Config, .. })), "{outcome:?}");
    assert_eq!(blobs(&two), 0);
}

#[tokio::test]
async fn a_host_without_an_answer_is_asked_last_from_then_on() {
    let (one, two) = (Fake::plain(|_| Reply::Never).await, Fake::plain(mirror).await);
    let client = client_with(&[("one.test", &one), ("two.test", &two)], BOTH, |config| {
        config.limits.headers = Duration::from_millis(50);
    });
    assert_found(&look(&client, "reg.test/app:1").await);
    assert_eq!(one.lines().len(), 1, "{:?}", one.lines());
}

#[tokio::test]
async fn what_a_host_serves_wrong_counts_only_after_those_whom_a_node_asks_before() {
    // It does not know the tag, and so is asked last for the rest.
    let content_only = |code: u16| {
        move |seen: &Seen| match seen.path.contains("/blobs/") {
            false => status(404),
            true if code == 200 => mirror(seen),
            true => status(code),
        }
    };
    let wrong = |seen: &Seen| {
        if seen.path.contains("/blobs/") { answer(200, &[], "wrong") } else { mirror(seen) }
    };
    for code in [200, 502, 404, 403] {
        let (one, two) = (Fake::plain(content_only(code)).await, Fake::plain(wrong).await);
        let outcome = look(&pair(BOTH, &one, &two), "reg.test/app:1").await;
        assert!(blobs(&one) > 0, "{code}");
        match code {
            200 => assert_found(&outcome),
            502 => assert_eq!(trouble(outcome).host, "one.test"),
            _ => assert!(matches!(outcome, Outcome::Broken(_)), "{code}: {outcome:?}"),
        }
    }
}

#[tokio::test]
async fn a_manifest_that_its_tag_leads_to_may_be_with_another_host() {
    let by_digest = format!("/manifests/{}", digest());
    let lost = move |seen: &Seen| {
        if seen.path.contains(&by_digest) { status(404) } else { mirror(seen) }
    };
    let (one, two) = (Fake::plain(lost.clone()).await, Fake::plain(mirror).await);
    assert_found(&look(&pair(BOTH, &one, &two), "reg.test/app:1").await);
    let two = Fake::plain(|_| status(404)).await;
    let outcome = look(&pair(BOTH, &one, &two), "reg.test/app:1").await;
    assert!(
        matches!(&outcome, Outcome::Broken(Damage { part: Part::Manifest, .. })),
        "{outcome:?}"
    );
    let two = Fake::plain(|_| status(502)).await;
    trouble(look(&pair(BOTH, &one, &two), "reg.test/app:1").await);
}

#[tokio::test]
async fn a_pull_through_mirror_is_looked_at_by_manifest_only() {
    let (one, two) = (Fake::plain(mirror).await, Fake::plain(mirror).await);
    let client = client_with(&[("one.test", &one), ("two.test", &two)], BOTH, |config| {
        config.pull_through = vec![Glob::new("one.*")];
    });
    let outcome = look(&client, "reg.test/app:1").await;
    let Outcome::Found(found) = outcome else { panic!("{outcome:?}") };
    let Content::Image(image) = found.content else { panic!("{:?}", found.content) };
    assert_eq!(image.left_out, Some(LeftOut::PullThrough));
    assert_eq!(blobs(&one) + blobs(&two), 0);
}

async fn look_at_entry(client: &Told) -> Outcome {
    let reference = Reference::parse(&format!("reg.test/app@{}", digest())).unwrap();
    let entry = entry(OCI, manifest());
    let lookup = Lookup {
        reference: &reference,
        credential: None::<&Credential>,
        tenant: "shop",
        entry: Some(&entry),
    };
    client.lookup(lookup, &Progress::new()).await
}

#[tokio::test]
async fn an_entry_of_an_index_is_asked_for_at_every_host() {
    assert_ne!(INDEX, OCI);
    let hosts = "server = \"http://two.test\"\n[host.\"http://one.test\"]\n\
                 capabilities = [\"push\"]\n";
    let (one, two) = (Fake::plain(|_| status(404)).await, Fake::plain(mirror).await);
    assert_found(&look_at_entry(&pair(hosts, &one, &two)).await);
    // For content, containerd asks also those that may not pull.
    assert_eq!(one.lines()[0], format!("GET /v2/app/manifests/{}?ns=reg.test", digest()));
    let two = Fake::plain(|_| status(404)).await;
    let outcome = look_at_entry(&pair(hosts, &one, &two)).await;
    let Outcome::Broken(Damage {
        part: Part::Manifest, fault: PartFault::Missing(missing), ..
    }) = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!((missing.host.as_str(), missing.others.len()), ("one.test", 1));
    let two = Fake::plain(|_| status(502)).await;
    let unseen = trouble(look_at_entry(&pair(hosts, &one, &two)).await);
    assert_eq!((unseen.kind, unseen.host.as_str()), (TroubleKind::Error, "two.test"));
}

#[tokio::test]
async fn what_one_registrys_mirror_has_is_not_taken_for_anothers() {
    // The same host, path and digest, on behalf of two registries.
    let only_one = |seen: &Seen| {
        let good = seen.path.ends_with("?ns=good.test");
        if good || !seen.path.contains("/blobs/") { mirror(seen) } else { status(404) }
    };
    let one = Fake::plain(only_one).await;
    let hosts = "server = \"http://one.test\"\n";
    let files = [("good.test/hosts.toml", hosts), ("bad.test/hosts.toml", hosts)];
    let client = reading(tree(&files), &[("one.test", &one)], |_| {});
    assert_found(&look(&client, "good.test/app:1").await);
    let outcome = look(&client, "bad.test/app:1").await;
    assert!(matches!(outcome, Outcome::Broken(_)), "{outcome:?}");
    assert_found(&look(&client, "good.test/app:1").await);
}
