//! What HEAD of a manifest does not show: layers, configs and manifests that are not there, or are
//! not what they are said to be. `check` and the webhook name them, and look once.

use serde_json::json;

use crate::support::check::check;
use crate::support::contract::Certainty::{Likely, Proven, Unknown};
use crate::support::contract::{Action, Certainty, Report};
use crate::support::images::{self, Format, Image};
use crate::support::manifests::pod;
use crate::support::misbehaving::faults::{self, Act, Fault};
use crate::support::misbehaving::{Access, Answer, Registry};
use crate::support::reviews::{POD, Review, pod_spec};
use crate::support::webhook::{Launch, Webhook};

/// What is shown of one image: the code, how sure it is, and words of the message.
type Expected<'a> = (&'a str, Certainty, &'a str);

fn multi(marker: &str) -> Image {
    images::index(&[
        images::image(Format::Oci, "linux/amd64", &format!("{marker} a")),
        images::image(Format::Oci, "linux/arm64", &format!("{marker} b")),
    ])
}

/// Twelve digits, as messages show them.
fn short(digest: &str) -> &str {
    &digest["sha256:".len()..][..12]
}

fn action(certainty: Certainty) -> Action {
    if certainty == Proven { Action::Deny } else { Action::Warn }
}

/// Both fronts say the same, and the webhook's second look costs nothing.
async fn both(registry: &Registry, image: &str, config: &str, expected: Option<Expected<'_>>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, config).unwrap();
    let args = ["-", "--output", "json", "--config", file.to_str().unwrap()];
    let ran = check(&args).stdin(pod(&pod_spec(image)).to_string()).run().await;
    let report = Report::of(&ran);
    let shown = report.shown();
    let all: Vec<_> = expected
        .iter()
        .map(|(code, certainty, _)| (*code, *certainty, action(*certainty)))
        .collect();
    assert_eq!(shown, all, "{image}: {report:?}");
    if let Some((code, _, words)) = expected {
        let message = report.message(code);
        assert!(message.contains(words), "no {words:?} in {message}");
    }

    let webhook = Launch::alone().mode("enforce").config(config).start().await;
    for round in 0..2 {
        let before = registry.log().all().len();
        said(&webhook, image, expected).await;
        let sent = registry.log().all().len() - before;
        assert!((sent == 0) == (round > 0), "{image}: {sent} requests in round {round}");
    }
}

async fn said(webhook: &Webhook, image: &str, expected: Option<Expected<'_>>) {
    let review = Review::create(&POD, &POD.object("shop", "web", pod_spec(image)));
    let answer = webhook.review(&review).await;
    let (denied, warned): (Vec<_>, Vec<_>) = match expected {
        Some((code, Proven, _)) => (vec![code.to_owned()], Vec::new()),
        Some((code, _, _)) => (Vec::new(), vec![code.to_owned()]),
        None => (Vec::new(), Vec::new()),
    };
    assert_eq!(answer.denied_codes(), denied, "{image}: {:#}", answer.json);
    assert_eq!(answer.warned_codes(), warned, "{image}: {:#}", answer.json);
}

const AMD64: &str = "platform: [linux/amd64]";

#[tokio::test]
async fn what_is_lost_is_named_by_its_digest() {
    let registry = Registry::start(Access::anonymous()).await;
    let single = images::simple("lost layer");
    let [config, layer] = single.blobs.as_slice() else { panic!("{single:?}") };
    for (repository, lost, words) in [
        ("lost/config", config, "the config sha256:"),
        ("lost/layer", layer, "layer 1 of 1 (sha256:"),
    ] {
        let image = registry.add(repository, "1.0", &single);
        registry.lose(repository, &lost.digest);
        let words = format!("{words}{}", short(&lost.digest));
        both(&registry, &image, "", Some(("blob-missing", Proven, &words))).await;
    }

    let index = multi("lost child");
    let image = registry.add("lost/child", "1.0", &index);
    registry.lose("lost/child", &index.children[0].digest);
    let words = format!("the manifest sha256:{} is not in", short(&index.children[0].digest));
    both(&registry, &image, "", Some(("manifest-missing", Likely, &words))).await;
    both(&registry, &image, AMD64, Some(("manifest-missing", Proven, &words))).await;
    both(&registry, &image, "platform: [linux/arm64]", None).await;

    let index = multi("lost layer of a child");
    let image = registry.add("lost/inner", "1.0", &index);
    registry.lose("lost/inner", &index.blobs[1].digest);
    let words = format!("for linux/amd64, layer 1 of 1 (sha256:{}", short(&index.blobs[1].digest));
    both(&registry, &image, AMD64, Some(("blob-missing", Proven, &words))).await;
    both(&registry, &image, "platform: [linux/arm64]", None).await;
    both(&registry, &image, "{platform: [linux/amd64], depth: manifest}", None).await;
}

/// The good answer changed for what has this digest.
fn of_blob(digest: &str, change: impl Fn(Answer) -> Answer + Send + Sync + 'static) -> Fault {
    let digest = digest.to_owned();
    Fault::new(Act::Change(std::sync::Arc::new(move |seen, good| {
        if seen.path.ends_with(&digest) { change(good) } else { good }
    })))
}

#[tokio::test]
async fn what_does_not_fit_is_named_with_its_size_or_digest() {
    let registry = Registry::start(Access::anonymous()).await;
    let single = images::simple("cut");
    let [config, layer] = single.blobs.as_slice() else { panic!("{single:?}") };
    let cut = |good: Answer| Answer { body: good.body.slice(..20), ..good };
    let turned = |good: Answer| {
        let mut bytes = good.body.to_vec();
        bytes.reverse();
        Answer { body: bytes.into(), ..good }
    };
    let image = registry.add("cut/layer", "1.0", &single);
    registry.misbehave("cut/layer", of_blob(&layer.digest, cut));
    let stated = layer.bytes.len();
    let words = format!("has 20 bytes in the registry and {stated} by its manifest");
    both(&registry, &image, "", Some(("blob-mismatch", Proven, &words))).await;

    let image = registry.add("cut/config", "1.0", &single);
    registry.misbehave("cut/config", of_blob(&config.digest, turned));
    let words = format!("the config sha256:{} does not have that", short(&config.digest));
    both(&registry, &image, "", Some(("blob-mismatch", Proven, &words))).await;

    let index = multi("cut child");
    let image = registry.add("cut/child", "1.0", &index);
    registry.misbehave("cut/child", of_blob(&index.children[0].digest, turned));
    let digest = short(&index.children[0].digest);
    let words = format!("for linux/amd64, the manifest sha256:{digest} does not match its digest");
    both(&registry, &image, AMD64, Some(("manifest-invalid", Proven, &words))).await;
}

#[tokio::test]
async fn what_our_own_view_could_explain_denies_nothing() {
    let registry = Registry::start(Access::anonymous()).await;
    let index = multi("limited");
    let child = index.children[0].digest.clone();
    let image = registry.add("view/limited", "1.0", &index);
    registry.misbehave("view/limited", faults::too_many_requests(None).on_get().on_manifests());
    both(&registry, &image, AMD64, Some(("registry-rate-limited", Unknown, "429"))).await;

    for (repository, status, code, words) in [
        ("view/child-429", 429, "registry-rate-limited", "429"),
        ("view/child-503", 503, "registry-error", "503"),
        ("view/child-403", 403, "registry-error", "403"),
    ] {
        let image = registry.add(repository, "1.0", &index);
        let answer = move |_| Answer::error(status, "UNKNOWN", "no");
        registry.misbehave(repository, of_blob(&child, answer));
        both(&registry, &image, AMD64, Some((code, Unknown, words))).await;
        both(&registry, &image, "platform: [linux/arm64]", None).await;
    }
}

/// Harbor's proxy cache does not know by HEAD what it has not cached, ECR Public wants a login for
/// HEAD, and what is presigned for GET is forbidden to HEAD.
#[tokio::test]
async fn a_head_that_fails_proves_nothing() {
    let registry = Registry::start(Access::anonymous()).await;
    for status in [401, 403, 404] {
        let repository = format!("head/of-{status}");
        let image = registry.add(&repository, "1.0", &multi("head"));
        let fault = Fault::new(Act::Answer(Answer::new(status, "")));
        registry.misbehave(&repository, fault.on_head().on_blobs());
        both(&registry, &image, "", None).await;
    }
}

/// Depth is kept by repository too: what a liar says of a layer that everybody uses is about the
/// liar's own image.
#[tokio::test]
async fn a_registry_that_lies_of_a_popular_layer_breaks_only_its_own_image() {
    let honest = Registry::start(Access::anonymous()).await;
    let liar = Registry::start(Access::anonymous()).await;
    let popular = multi("popular");
    let good = honest.add("base/image", "1.0", &popular);
    let bad = liar.add("evil/image", "1.0", &popular);
    let beside = honest.add("evil/image", "1.0", &popular);
    for registry in [&liar, &honest] {
        for blob in &popular.blobs {
            registry.lose("evil/image", &blob.digest);
        }
    }
    let missing = Some(("blob-missing", Proven, ""));
    for order in [[&good, &bad, &beside], [&bad, &beside, &good]] {
        let webhook = Launch::alone().mode("enforce").start().await;
        for _ in 0..2 {
            for image in order {
                let expected = if image == &good { None } else { missing };
                said(&webhook, image, expected).await;
            }
        }
    }
}

/// Two indexes of one repository name one manifest, and one of them states another size.
#[tokio::test]
async fn an_index_that_lies_of_an_entry_is_not_believed_for_another() {
    let registry = Registry::start(Access::anonymous()).await;
    let good = multi("told twice");
    let mut lying = good.clone();
    let text = String::from_utf8(good.top.bytes.to_vec()).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    for entry in value["manifests"].as_array_mut().unwrap() {
        entry["size"] = json!(entry["size"].as_u64().unwrap() + 1);
    }
    lying.top = images::Blob::new(good.top.media_type, serde_json::to_vec(&value).unwrap());
    let (true_one, false_one) =
        (registry.add("told/twice", "1.0", &good), registry.add("told/twice", "6.6", &lying));
    let wrong = Some(("manifest-invalid", Proven, ""));
    for order in
        [[(&true_one, None), (&false_one, wrong)], [(&false_one, wrong), (&true_one, None)]]
    {
        let webhook = Launch::alone().mode("enforce").start().await;
        for _ in 0..2 {
            for (image, expected) in order {
                said(&webhook, image, expected).await;
            }
        }
    }
}

#[tokio::test]
async fn an_image_above_the_limit_is_told_its_size() {
    let registry = Registry::start(Access::anonymous()).await;
    let image = registry.add("large/image", "1.0", &images::simple("large"));
    let words = "and the limit is 16 bytes; make it smaller";
    let args = ["-", "--output", "json", "--max-image-size", "16"];
    let ran = check(&args).stdin(pod(&pod_spec(&image)).to_string()).run().await;
    let report = Report::of(&ran);
    assert_eq!(report.shown(), [("image-too-large", Proven, Action::Warn)], "{report:?}");
    assert!(report.message("image-too-large").contains(words), "{report:?}");
}
