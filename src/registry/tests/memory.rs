//! What is remembered of depth, for whom, and what is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::join_all;

use super::fake::{Fake, Reply, answer};
use super::login::{ADA, ada};
use super::shelf::{blob_lines, gone, image, missing, serve};
use super::world::{assert_found, certificate, client, look, look_as, look_for, settings};
use crate::credentials::Credential;
use crate::facts::{Outcome, PartFault, Unchecked};
use crate::image::Reference;
use crate::registry::{Lookup, Progress, RegistryClient, RequestBudget};

#[tokio::test]
async fn the_second_look_at_a_digest_asks_for_its_tag_alone() {
    let image = image(&["one", "two"]);
    let (fake, client) = serve(image.shelf()).await;
    let first = look(&client, "reg.test/app:1").await;
    assert_found(&first);
    assert_eq!(fake.lines().len(), 5);
    for name in ["1".to_owned(), "other".to_owned()] {
        let before = fake.lines().len();
        assert_eq!(look(&client, &format!("reg.test/app:{name}")).await, first);
        assert_eq!(fake.lines()[before..], [format!("HEAD /v2/app/manifests/{name}")]);
    }
    let before = fake.lines().len();
    assert_eq!(look(&client, &format!("reg.test/app@{}", image.digest())).await, first);
    assert_eq!(fake.lines().len(), before + 1);
}

#[tokio::test]
async fn another_repository_is_asked_for_itself() {
    let image = image(&["one"]);
    let good = image.shelf();
    let (_fake, client) =
        serve(
            move |seen| {
                if seen.path.starts_with("/v2/other/blobs/") { gone() } else { good(seen) }
            },
        )
        .await;
    assert_found(&look(&client, "reg.test/app:1").await);
    assert!(matches!(look(&client, "reg.test/other:1").await, Outcome::Broken(_)));
}

#[tokio::test]
async fn two_credentials_never_share_what_was_seen() {
    let image = image(&["one"]);
    let good = image.shelf();
    // What ada may see, bob may not.
    let (fake, client) = serve(move |seen| {
        let blob = seen.path.contains("/blobs/");
        match seen.authorization.as_deref() {
            None => answer(401, &[("www-authenticate", r#"Basic realm="x""#)], ""),
            Some(ADA) => good(seen),
            Some(_) if blob => gone(),
            Some(_) => good(seen),
        }
    })
    .await;
    let bob = Credential::new("bob", "secret");
    for _ in 0..2 {
        assert_found(&look_for(&client, "shop", "reg.test/app:1", Some(&ada())).await);
        let outcome = look_for(&client, "shop", "reg.test/app:1", Some(&bob)).await;
        assert!(matches!(outcome, Outcome::Broken(_)), "{outcome:?}");
    }
    let manifests = fake.lines().iter().filter(|line| line.starts_with("GET /v2/app/man")).count();
    assert_eq!(manifests, 2, "one for each credential");
}

#[tokio::test]
async fn two_namespaces_with_one_credential_ask_once() {
    let image = image(&["one"]);
    let (fake, client) = serve(image.shelf()).await;
    assert_found(&look_for(&client, "shop", "reg.test/app:1", None).await);
    assert_found(&look_for(&client, "bank", "reg.test/app:1", None).await);
    assert_eq!(blob_lines(&fake).len(), 2);
}

#[tokio::test]
async fn a_registry_that_lies_of_a_popular_layer_is_alone_with_its_lie() {
    let image = image(&["one"]);
    let good = image.shelf();
    let honest = Fake::tls(certificate("reg.test"), good.clone()).await;
    let layer = image.layer(1);
    let liar =
        Fake::tls(
            certificate("liar.test"),
            move |seen| {
                if seen.path == layer { gone() } else { good(seen) }
            },
        )
        .await;
    let client = client(&[("reg.test", &honest), ("liar.test", &liar)]);
    for _ in 0..2 {
        let lie = look_for(&client, "evil", "liar.test/app:1", None).await;
        assert!(matches!(lie, Outcome::Broken(_)), "{lie:?}");
        assert_found(&look_for(&client, "shop", "reg.test/app:1", None).await);
    }
}

#[tokio::test]
async fn what_was_missing_is_asked_for_again() {
    let image = image(&["one"]);
    let (good, layer) = (image.shelf(), image.layer(1));
    let pushed = Arc::new(AtomicBool::new(false));
    let there = pushed.clone();
    let (_fake, client) = serve(move |seen| {
        if seen.path == layer && !there.load(Ordering::SeqCst) {
            return answer(404, &[], r#"{"errors":[{"code":"BLOB_UNKNOWN"}]}"#);
        }
        good(seen)
    })
    .await;
    assert_eq!(look(&client, "reg.test/app:1").await, image.damage(1, missing()));
    pushed.store(true, Ordering::SeqCst);
    assert_found(&look(&client, "reg.test/app:1").await);
}

#[tokio::test]
async fn a_kept_length_denies_nothing_before_it_is_asked_for_again() {
    let right = image(&["one"]);
    let wrong = image(&["one"]).written("\"size\":3", "\"size\":4");
    let (one, two) = (right.shelf(), wrong.shelf());
    let layer = right.layer(1);
    // Somebody pushes the layer in its other length, whatever that means for its digest.
    let grown = Arc::new(AtomicBool::new(false));
    let flag = grown.clone();
    let (fake, client) = serve(move |seen| {
        if seen.path == layer && flag.load(Ordering::SeqCst) {
            let body = if seen.method == "HEAD" { "" } else { "ones" };
            return answer(200, &[("content-length", "4")], body);
        }
        let both = if seen.path.ends_with("manifests/2") { &two } else { &one };
        match both(seen) {
            Reply::Now(response) if response.status() == 404 => two(seen),
            reply => reply,
        }
    })
    .await;
    assert_found(&look(&client, "reg.test/app:1").await);
    let fault = PartFault::Size { served: 3, stated: 4 };
    assert_eq!(look(&client, "reg.test/app:2").await, wrong.damage(1, fault));
    grown.store(true, Ordering::SeqCst);
    assert_found(&look(&client, "reg.test/app:2").await);
    let gets = format!("GET {}", right.layer(1));
    assert_eq!(blob_lines(&fake).iter().filter(|line| **line == gets).count(), 2);
}

#[tokio::test]
async fn what_many_images_share_is_asked_for_once() {
    let images: Vec<_> =
        ["a", "b", "c", "d"].into_iter().map(|own| image(&["shared by all", own])).collect();
    let shelves: Vec<_> = images.iter().map(super::shelf::Pushed::shelf).collect();
    let (fake, client) = serve(move |seen| {
        let number = seen.path.rsplit_once("manifests/").and_then(|(_, tag)| tag.parse().ok());
        if let Some(number) = number.filter(|number: &usize| *number < 4) {
            return shelves[number](seen);
        }
        let found = shelves
            .iter()
            .map(|shelf| shelf(seen))
            .find(|reply| matches!(reply, Reply::Now(response) if response.status() == 200));
        found.unwrap_or_else(gone)
    })
    .await;
    let names: Vec<_> = (0..4).map(|number| format!("reg.test/app:{number}")).collect();
    let outcomes = join_all(names.iter().map(|name| look(&client, name))).await;
    outcomes.iter().for_each(assert_found);
    let shared = images[0].layer(1);
    let asked = blob_lines(&fake).into_iter().filter(|line| line.ends_with(&shared)).count();
    assert_eq!(asked, 1);
}

/// Looks with a budget of so many requests.
async fn look_within(client: &RegistryClient, image: &str, requests: u32) -> Outcome {
    let reference = Reference::parse(image).unwrap();
    let lookup = Lookup { reference: &reference, credential: None, tenant: "shop", entry: None };
    client.lookup(lookup, &Progress::within(RequestBudget::new(requests))).await
}

#[tokio::test]
async fn a_budget_that_runs_out_is_its_owners_alone() {
    let layers: Vec<String> = (0..30).map(|number| format!("layer {number}")).collect();
    let image = image(&layers.iter().map(String::as_str).collect::<Vec<_>>());
    let (fake, client) = serve(image.shelf()).await;
    let (poor, rich) = tokio::join!(
        look_within(&client, "reg.test/app:1", 9),
        look_within(&client, "reg.test/app:1", 900),
    );
    assert!(matches!(poor, Outcome::NotChecked(Unchecked::Budget(_))), "{poor:?}");
    assert_found(&rich);
    // What the poor one has asked for is not lost.
    let before = fake.lines().len();
    assert_found(&look_within(&client, "reg.test/app:1", 1).await);
    assert_eq!(fake.lines().len(), before + 1);
}

/// A password is sent with every request here, and each that is refused counts.
#[tokio::test]
async fn a_basic_registry_that_refuses_head_of_its_blobs_costs_one_refused_login() {
    let layers: Vec<String> = (0..8).map(|number| format!("layer {number}")).collect();
    let image = image(&layers.iter().map(String::as_str).collect::<Vec<_>>());
    let good = image.shelf();
    let (fake, client) = serve(move |seen| {
        let blob = seen.path.contains("/blobs/");
        if seen.authorization.is_none() || (blob && seen.method == "HEAD") {
            return answer(401, &[("www-authenticate", r#"Basic realm="x""#)], "");
        }
        good(seen)
    })
    .await;
    assert_found(&look_as(&client, "reg.test/app:1", Some(&ada())).await);
    let heads = blob_lines(&fake).iter().filter(|line| line.starts_with("HEAD")).count();
    assert_eq!(heads, 1);
}

#[tokio::test]
async fn a_memory_of_one_kind_is_no_memory_of_the_other() {
    let image = image(&[]);
    let count = AtomicUsize::new(0);
    let good = image.shelf();
    let fake = Fake::tls(certificate("reg.test"), move |seen| match good(seen) {
        Reply::Now(mut response)
            if seen.method == "HEAD" && count.fetch_add(1, Ordering::SeqCst) > 0 =>
        {
            response.headers_mut().insert("content-type", super::shelf::INDEX.parse().unwrap());
            response.into()
        }
        reply => reply,
    })
    .await;
    let client = RegistryClient::new(settings(&[("reg.test", &fake)])).unwrap();
    assert_found(&look(&client, "reg.test/app:1").await);
    assert!(matches!(look(&client, "reg.test/app:1").await, Outcome::Invalid(_)));
}
