//! What is looked at after a manifest, and what is said when some of it is not there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rstest::rstest;

use super::fake::{Fake, Reply, Seen, answer, head, status};
use super::shelf::{
    LAYER, Pushed, blob, blob_lines, config_of, descriptor, gone, image, image_with, missing, serve,
};
use super::world::{CONFIG, SOON, certificate, client, look, look_as, settings, trouble};
use crate::facts::{
    Content, Evidence, Found, ImageConfig, ImageContent, LeftOut, Outcome, PartFault, TroubleKind,
};
use crate::glob::Glob;
use crate::image::Platform;
use crate::registry::{ClientConfig, Limits, RegistryClient};

fn content(outcome: Outcome) -> ImageContent {
    match outcome {
        Outcome::Found(Found { content: Content::Image(image), .. }) => (*image).clone(),
        other => panic!("no image: {other:?}"),
    }
}

/// The registry, but for one path.
fn but(
    good: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    path: String,
    bad: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static,
) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    move |seen| match bad(seen).filter(|_| seen.path == path) {
        Some(reply) => reply,
        None => good(seen),
    }
}

async fn outcome_of(behave: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Outcome {
    let (_fake, client) = serve(behave).await;
    look(&client, "reg.test/app:1").await
}

#[tokio::test]
async fn the_config_is_read_and_every_layer_is_asked_for_by_head() {
    let image = image(&["one", "three"]);
    let (fake, client) = serve(image.shelf()).await;
    let platform = Platform::new("linux", "arm64", "");
    let expected = ImageContent {
        config: ImageConfig::Platform(platform.shared()),
        size: 8,
        behind_inline: None,
        left_out: None,
    };
    assert_eq!(content(look(&client, "reg.test/app:1").await), expected);
    let mut lines = blob_lines(&fake);
    lines.sort_unstable();
    let mut expected = [
        format!("GET {}", blob(&image.config)),
        format!("HEAD {}", image.layer(1)),
        format!("HEAD {}", image.layer(2)),
    ];
    expected.sort_unstable();
    assert_eq!(lines, expected);
    for seen in fake.seen().iter().filter(|seen| seen.path.contains("/blobs/")) {
        let media_type = if seen.method == "GET" { CONFIG } else { LAYER };
        assert_eq!(seen.accept.as_deref(), Some(format!("{media_type}, */*").as_str()));
    }
}

#[tokio::test]
async fn a_layer_that_is_not_there_is_named_by_what_a_get_is_answered() {
    let image = image(&["one", "two", "three"]);
    let layer = image.layer(2);
    let (fake, client) = serve(but(image.shelf(), layer.clone(), |_| {
        Some(answer(404, &[], r#"{"errors":[{"code":"BLOB_UNKNOWN"}]}"#))
    }))
    .await;
    assert_eq!(look(&client, "reg.test/app:1").await, image.damage(2, missing()));
    let lines = blob_lines(&fake);
    let asked: Vec<_> = lines.iter().filter(|line| line.ends_with(&layer)).collect();
    assert_eq!(asked, [&format!("HEAD {layer}"), &format!("GET {layer}")]);
}

#[rstest]
#[case::harbor_has_not_fetched_it(404)]
#[case::ecr_public(401)]
#[case::signed_for_get(403)]
#[case::no_head(405)]
#[case::broken_head(500)]
#[tokio::test]
async fn a_head_that_fails_where_a_get_succeeds_proves_nothing(#[case] code: u16) {
    for at in ["reg.test", "cdn.test"] {
        let image = image(&["one", "two"]);
        let good = image.shelf();
        let cdn = Fake::tls(certificate("cdn.test"), {
            let good = good.clone();
            move |seen| if seen.method == "HEAD" { status(code) } else { good(seen) }
        })
        .await;
        let registry = Fake::tls(certificate("reg.test"), move |seen| {
            match (seen.path.contains("/blobs/"), seen.method.as_str()) {
                (true, _) if at == "cdn.test" => {
                    answer(307, &[("location", &format!("https://cdn.test{}", seen.path))], "")
                }
                (true, "HEAD") => status(code),
                _ => good(seen),
            }
        })
        .await;
        let client = client(&[("reg.test", &registry), ("cdn.test", &cdn)]);
        assert_eq!(content(look(&client, "reg.test/app:1").await).left_out, None, "{at}");
    }
}

#[tokio::test]
async fn a_host_that_refuses_head_of_its_blobs_is_asked_by_get_from_then_on() {
    let one = image(&["one"]);
    let two = image(&["two", "three", "four"]);
    let (first, second) = (one.shelf(), two.shelf());
    let (fake, client) = serve(move |seen| {
        let good = if seen.path.contains("/other/") { &second } else { &first };
        let blob = seen.path.contains("/blobs/");
        if blob && seen.method == "HEAD" { status(401) } else { good(seen) }
    })
    .await;
    content(look(&client, "reg.test/app:1").await);
    content(look(&client, "reg.test/other:1").await);
    let heads = blob_lines(&fake).iter().filter(|line| line.starts_with("HEAD")).count();
    assert_eq!(heads, 1);
}

#[tokio::test]
async fn a_404_to_head_alone_does_not_end_the_use_of_head() {
    let image = image(&["one", "two", "three", "four", "five", "six"]);
    let first = image.layer(1);
    let (fake, client) =
        serve(but(image.shelf(), first, |seen| (seen.method == "HEAD").then(gone))).await;
    content(look(&client, "reg.test/app:1").await);
    let heads = blob_lines(&fake).iter().filter(|line| line.starts_with("HEAD")).count();
    assert_eq!(heads, 6);
}

#[rstest]
#[case::head_lies("HEAD", None)]
#[case::both_agree("", Some(PartFault::Size { served: 4, stated: 3 }))]
#[tokio::test]
async fn another_length_counts_if_get_tells_it_too(
    #[case] method: &'static str,
    #[case] fault: Option<PartFault>,
) {
    let image = image(&["one"]);
    let outcome = outcome_of(but(image.shelf(), image.layer(1), move |seen| {
        let reply = answer(
            200,
            &[("content-length", "4")],
            if seen.method == "HEAD" { "" } else { "ones" },
        );
        (method.is_empty() || seen.method == method).then_some(reply)
    }))
    .await;
    match fault {
        Some(fault) => assert_eq!(outcome, image.damage(1, fault)),
        None => assert_eq!(content(outcome).left_out, None),
    }
}

#[rstest]
#[case::no_length(|| Reply::Stream(head(200, &[]), 9))]
#[case::encoded(|| answer(200, &[("content-encoding", "gzip")], "longer than it"))]
#[case::a_part(|| answer(206, &[("content-range", "bytes 0-1/3")], "on"))]
#[tokio::test]
async fn an_answer_that_tells_no_length_of_the_blob_itself_proves_nothing(
    #[case] reply: fn() -> Reply,
) {
    let image = image(&["one"]);
    let outcome = outcome_of(but(image.shelf(), image.layer(1), move |seen| {
        Some(if seen.method == "HEAD" { gone() } else { reply() })
    }))
    .await;
    assert_eq!(content(outcome).left_out, None);
}

#[rstest]
#[case(429, TroubleKind::RateLimited)]
#[case(500, TroubleKind::Error)]
#[case(418, TroubleKind::Error)]
#[tokio::test]
async fn another_answer_to_get_is_our_trouble(#[case] code: u16, #[case] kind: TroubleKind) {
    let image = image(&["one", "two"]);
    for method in ["", "GET"] {
        let outcome = outcome_of(but(image.shelf(), image.layer(1), move |seen| {
            if seen.method == "HEAD" && !method.is_empty() {
                return Some(gone());
            }
            Some(status(code))
        }))
        .await;
        assert_eq!(trouble(outcome).kind, kind, "{method}");
    }
}

#[tokio::test]
async fn a_rate_limit_on_head_is_not_answered_with_a_get() {
    let image = image(&["one"]);
    let (fake, client) = serve(but(image.shelf(), image.layer(1), |_| Some(status(429)))).await;
    assert_eq!(trouble(look(&client, "reg.test/app:1").await).kind, TroubleKind::RateLimited);
    assert_eq!(blob_lines(&fake).iter().filter(|line| line.starts_with("HEAD")).count(), 1);
    assert_eq!(blob_lines(&fake).len(), 2, "the config is the other");
}

#[rstest]
#[case(401)]
#[case(403)]
#[tokio::test]
async fn a_refusal_by_get_is_a_refusal(#[case] code: u16) {
    let image = image(&["one"]);
    let outcome = outcome_of(but(image.shelf(), image.layer(1), move |_| Some(status(code)))).await;
    assert_eq!(super::world::refusal(outcome).evidence.status, code);
}

#[tokio::test]
async fn a_refused_blob_is_not_the_whole_repository() {
    let (one, two) = (image(&["one"]), image(&["two"]));
    let (first, second, refused) = (one.shelf(), two.shelf(), one.layer(1));
    let (_fake, client) = serve(move |seen| {
        if seen.authorization.is_none() {
            return answer(401, &[("www-authenticate", r#"Basic realm="x""#)], "");
        }
        let reply = if seen.path.ends_with("/1") { first(seen) } else { second(seen) };
        match reply {
            _ if seen.path == refused => status(403),
            Reply::Now(response) if response.status() == 404 => first(seen),
            reply => reply,
        }
    })
    .await;
    let ada = super::login::ada();
    let outcome = look_as(&client, "reg.test/app:1", Some(&ada)).await;
    assert_eq!(super::world::refusal(outcome).evidence.status, 403);
    content(look_as(&client, "reg.test/app:2", Some(&ada)).await);
}

#[tokio::test]
async fn what_is_proven_goes_before_our_own_trouble_and_the_first_before_the_last() {
    let image = image(&["one", "two", "three", "four"]);
    let paths = [image.layer(1), image.layer(3), image.layer(4)];
    let good = image.shelf();
    let outcome = outcome_of(move |seen| {
        let bad = paths.iter().position(|path| *path == seen.path);
        match bad {
            Some(0) => status(500),
            Some(_) => answer(404, &[], r#"{"errors":[{"code":"BLOB_UNKNOWN"}]}"#),
            None => good(seen),
        }
    })
    .await;
    assert_eq!(outcome, image.damage(3, missing()));
}

#[tokio::test]
async fn a_registry_in_trouble_is_not_asked_for_every_layer() {
    let layers: Vec<String> = (0..40).map(|number| format!("layer {number}")).collect();
    let image = image(&layers.iter().map(String::as_str).collect::<Vec<_>>());
    let good = image.shelf();
    let (fake, client) =
        serve(move |seen| if seen.path.contains("/blobs/") { status(500) } else { good(seen) })
            .await;
    assert_eq!(trouble(look(&client, "reg.test/app:1").await).detail, "500");
    assert!(blob_lines(&fake).len() < 20, "{:?}", blob_lines(&fake));
}

#[tokio::test]
async fn what_is_behind_a_redirect_proves_nothing_of_a_blob() {
    for wrong in ["missing", "longer", "another"] {
        let image = image(&["one"]);
        let good = image.shelf();
        let cdn = Fake::tls(certificate("cdn.test"), move |_| match wrong {
            "missing" => status(404),
            "longer" => answer(200, &[], vec![b' '; 4]),
            _ => answer(200, &[], vec![b' '; 3]),
        })
        .await;
        let config = blob(&image.config);
        let registry = Fake::tls(certificate("reg.test"), move |seen| {
            let to_config = wrong == "another";
            if seen.path.contains("/blobs/") && (seen.path == config) == to_config {
                answer(307, &[("location", &format!("https://cdn.test{}", seen.path))], "")
            } else {
                good(seen)
            }
        })
        .await;
        let client = client(&[("reg.test", &registry), ("cdn.test", &cdn)]);
        let trouble = trouble(look(&client, "reg.test/app:1").await);
        assert_eq!(trouble.kind, TroubleKind::Error, "{wrong}");
    }
}

#[tokio::test]
async fn a_get_for_its_headers_alone_reads_no_layer() {
    let image = image(&["one"]).written("\"size\":3", "\"size\":3000000000");
    let (_fake, client) = serve(but(image.shelf(), image.layer(1), |seen| {
        let head = head(200, &[("content-length", "3000000000")]);
        Some(if seen.method == "HEAD" { gone() } else { Reply::Stream(head, 3_000_000_000) })
    }))
    .await;
    assert_eq!(content(look(&client, "reg.test/app:1").await).size, 3_000_000_000);
}

/// A config, what is answered for it, and how that ends.
#[rstest]
#[case::missing(|_: &Pushed| gone(), None)]
#[case::longer(|_: &Pushed| answer(200, &[], vec![b' '; 99]), Some(99))]
#[case::shorter(|_: &Pushed| answer(200, &[], vec![b' '; 9]), Some(9))]
#[case::longer_than_told(|_: &Pushed| Reply::Stream(head(200, &[]), 99), Some(99))]
#[case::other_bytes(|image: &Pushed| answer(200, &[], vec![b' '; image.config.len()]), Some(0))]
#[tokio::test]
async fn a_damaged_config_is_named(
    #[case] reply: fn(&Pushed) -> Reply,
    #[case] served: Option<u64>,
) {
    let image = image(&["one"]);
    let told = image.clone();
    let outcome =
        outcome_of(but(image.shelf(), blob(&image.config), move |_| Some(reply(&told)))).await;
    let stated = image.config.len() as u64;
    let fault = match served {
        None => PartFault::Missing(Evidence::new(404, None, "reg.test")),
        Some(0) => PartFault::Digest,
        Some(served) => PartFault::Size { served, stated },
    };
    assert_eq!(outcome, image.config_damage(fault));
}

#[tokio::test]
async fn a_config_that_ends_early_is_our_trouble() {
    let image = image(&["one"]);
    let length = image.config.len().to_string();
    let limits = Limits { body: SOON, ..Limits::default() };
    let fake = Fake::tls(
        certificate("reg.test"),
        but(image.shelf(), blob(&image.config), move |_| {
            Some(Reply::Stall(head(200, &[("content-length", &length)]), "{".into()))
        }),
    )
    .await;
    let settings = ClientConfig { limits, ..settings(&[("reg.test", &fake)]) };
    let client = RegistryClient::new(settings).unwrap();
    assert_eq!(trouble(look(&client, "reg.test/app:1").await).kind, TroubleKind::Timeout);
}

const HELM: &str = "application/vnd.cncf.helm.config.v1+json";

#[rstest]
#[case::image(CONFIG, &config_of(1), ImageConfig::Platform(Platform::new("linux", "arm64", "").shared()))]
#[case::no_json(CONFIG, b"PK\x03\x04", ImageConfig::Artifact)]
#[case::a_list(CONFIG, b"[]", ImageConfig::Artifact)]
#[case::empty(CONFIG, b"{}", ImageConfig::OtherLayers { manifest: 1, config: 0 })]
#[case::of_more_layers(CONFIG, &config_of(2), ImageConfig::OtherLayers { manifest: 1, config: 2 })]
#[case::of_an_artifact(HELM, &config_of(2), ImageConfig::Artifact)]
#[case::helm(HELM, br#"{"name":"chart"}"#, ImageConfig::Artifact)]
#[case::spelled_oddly(
    CONFIG,
    br#"{"OS":"linux","rootfs":{"diff_ids":["x"]}}"#,
    ImageConfig::Unread
)]
#[case::of_no_platform(CONFIG, br#"{"rootfs":{"diff_ids":["x"]}}"#, ImageConfig::Unread)]
#[tokio::test]
async fn a_config_says_what_the_image_is(
    #[case] media_type: &str,
    #[case] config: &[u8],
    #[case] expected: ImageConfig,
) {
    let image = image_with(media_type, config, &["one"]);
    assert_eq!(content(outcome_of(image.shelf()).await).config, expected);
}

#[tokio::test]
async fn a_config_of_many_megabytes_is_only_asked_for() {
    let config = vec![b' '; 4 * 1024 * 1024 + 1];
    let image = image_with(CONFIG, &config, &["one"]);
    let (fake, client) = serve(image.shelf()).await;
    assert_eq!(content(look(&client, "reg.test/app:1").await).config, ImageConfig::Unread);
    assert!(fake.lines().contains(&format!("HEAD {}", blob(&config))));
    assert!(!fake.lines().contains(&format!("GET {}", blob(&config))));
}

#[tokio::test]
async fn what_has_layers_of_no_image_is_no_broken_image() {
    for (layer, expected) in [
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", true),
        ("application/vnd.docker.image.rootfs.diff.tar.zstd", false),
        ("application/vnd.cncf.helm.chart.content.v1.tar+gzip", false),
    ] {
        let one = descriptor(LAYER, b"one");
        let image = image_with(CONFIG, &config_of(3), &["one", "two"])
            .written(&one, &descriptor(layer, b"one"));
        let expected = if expected {
            ImageConfig::OtherLayers { manifest: 2, config: 3 }
        } else {
            ImageConfig::Artifact
        };
        assert_eq!(content(outcome_of(image.shelf()).await).config, expected, "{layer}");
    }
    let none = image_with(CONFIG, &config_of(1), &[]);
    assert_eq!(content(outcome_of(none.shelf()).await).config, ImageConfig::Artifact);
}

/// A registry of this image that has lost its layers.
fn without_layers(image: &Pushed) -> impl Fn(&Seen) -> Reply + Send + Sync + use<> {
    let (good, config) = (image.shelf(), blob(&image.config));
    move |seen| {
        if seen.path.contains("/blobs/") && seen.path != config {
            return answer(404, &[], r#"{"errors":[{"code":"BLOB_UNKNOWN"}]}"#);
        }
        good(seen)
    }
}

/// containerd fetches such layers only to unpack them, and unpacks only what has an image's config.
#[tokio::test]
async fn the_layers_of_an_artifact_that_nobody_unpacks_are_not_missed() {
    let image = image_with(HELM, b"{}", &["one", "two"]);
    let chart = image.clone().written(&descriptor(LAYER, b"two"), &descriptor("text/x", b"two"));
    let outcome = outcome_of(without_layers(&image)).await;
    assert_eq!(content(outcome).config, ImageConfig::Artifact);
    assert_eq!(outcome_of(without_layers(&chart)).await, chart.damage(2, missing()));
}

#[tokio::test]
async fn what_the_manifest_holds_is_read_there_and_what_it_has_addresses_for_is_not_asked_for() {
    let config = String::from_utf8(config_of(2)).unwrap();
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &config);
    let whole = image(&["one", "two"])
        .written(
            &format!("\"size\":{}", config.len()),
            &format!("\"size\":{},\"data\":\"{encoded}\"", config.len()),
        )
        .written("\"size\":3}", "\"size\":3,\"urls\":[\"https://nowhere.test/x\"]}");
    let (fake, client) = serve(whole.shelf()).await;
    let expected = ImageContent {
        config: ImageConfig::Platform(Platform::new("linux", "arm64", "").shared()),
        size: 6,
        behind_inline: None,
        left_out: Some(LeftOut::ForeignUrls),
    };
    assert_eq!(content(look(&client, "reg.test/app:1").await), expected);
    assert_eq!(blob_lines(&fake), [format!("HEAD {}", blob(&whole.config))]);

    let wrong = image(&["one"]).written("\"size\":3", "\"size\":3,\"data\":\"dHdv\"");
    assert_eq!(outcome_of(wrong.shelf()).await, wrong.damage(1, PartFault::Inline));
}

/// containerd before 1.7 wants it from there.
#[tokio::test]
async fn what_only_the_manifest_holds_is_told_and_what_cannot_be_seen_of_it_is_not() {
    let inline = image(&["one", "two"]).written("\"size\":3}]", "\"size\":3,\"data\":\"dHdv\"}]");
    let Outcome::Broken(lost) = inline.damage(2, missing()) else { panic!() };
    for (code, expected) in [(404, Some(lost)), (500, None), (401, None), (429, None)] {
        let unknown = r#"{"errors":[{"code":"BLOB_UNKNOWN"}]}"#;
        let odd = but(inline.shelf(), inline.layer(2), move |_| Some(answer(code, &[], unknown)));
        let content = content(outcome_of(odd).await);
        assert_eq!(content.behind_inline.as_deref(), expected.as_ref(), "{code}");
        assert_eq!(content.left_out, None);
    }
}

#[tokio::test]
async fn the_same_digest_is_asked_for_once_and_counts_for_either_size() {
    let twice = image(&["one", "one"]);
    let (fake, client) = serve(twice.shelf()).await;
    assert_eq!(content(look(&client, "reg.test/app:1").await).size, 3);
    assert_eq!(blob_lines(&fake).len(), 2);
    let first = descriptor(LAYER, b"one");
    let other = first.replace("\"size\":3", "\"size\":4");
    let both =
        image(&["one", "one"]).written(&format!("{first},{first}"), &format!("{first},{other}"));
    content(outcome_of(both.shelf()).await);
    let wrong = image(&["one", "one"]).written(&first, &other);
    let fault = PartFault::Size { served: 3, stated: 4 };
    assert_eq!(outcome_of(wrong.shelf()).await, wrong.damage(1, fault));
}

#[tokio::test]
async fn of_more_layers_than_anybody_needs_the_first_are_asked_for() {
    let layers: Vec<String> = (0..258).map(|number| format!("layer {number}")).collect();
    let image = image(&layers.iter().map(String::as_str).collect::<Vec<_>>());
    let last = image.layer(257);
    let (fake, client) = serve(but(image.shelf(), last, |_| Some(gone()))).await;
    let content = content(look(&client, "reg.test/app:1").await);
    assert_eq!(content.left_out, Some(LeftOut::Layers(258)));
    assert_eq!(content.size, layers.iter().map(|layer| layer.len() as u64).sum::<u64>());
    assert_eq!(blob_lines(&fake).len(), 1 + 256);
}

#[tokio::test]
async fn no_more_than_a_few_parts_are_asked_for_at_a_time() {
    let layers: Vec<String> = (0..20).map(|number| format!("layer {number}")).collect();
    let image = image(&layers.iter().map(String::as_str).collect::<Vec<_>>());
    let (good, asked) = (image.shelf(), Arc::new(AtomicUsize::new(0)));
    let count = asked.clone();
    let (_fake, client) = serve(move |seen| {
        if seen.path.contains("/blobs/") {
            count.fetch_add(1, Ordering::SeqCst);
            return Reply::Never;
        }
        good(seen)
    })
    .await;
    let lookup = tokio::spawn(async move { look(&client, "reg.test/app:1").await });
    while asked.load(Ordering::SeqCst) < 4 {
        tokio::task::yield_now().await;
    }
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    lookup.abort();
}

#[tokio::test]
async fn less_depth_is_said_and_costs_no_request() {
    let image = image(&["one"]);
    for (left_out, layers, caches) in [
        (LeftOut::Depth, false, Vec::new()),
        (LeftOut::PullThrough, true, vec![Glob::new("reg.test")]),
    ] {
        let fake = Fake::tls(certificate("reg.test"), image.shelf()).await;
        let settings =
            ClientConfig { layers, pull_through: caches, ..settings(&[("reg.test", &fake)]) };
        let client = RegistryClient::new(settings).unwrap();
        let expected = ImageContent {
            config: ImageConfig::Unread,
            size: 3,
            behind_inline: None,
            left_out: Some(left_out),
        };
        assert_eq!(content(look(&client, "reg.test/app:1").await), expected);
        assert_eq!(blob_lines(&fake).len(), 0);
    }
}

#[tokio::test]
async fn a_size_of_nought_is_another_than_what_is_served() {
    let image = image(&["one"]).written("\"size\":3", "\"size\":0");
    let fault = PartFault::Size { served: 3, stated: 0 };
    assert_eq!(outcome_of(image.shelf()).await, image.damage(1, fault));
    let negative = super::shelf::image(&["one"]).written("\"size\":3", "\"size\":-1");
    assert_eq!(content(outcome_of(negative.shelf()).await).size, 0);
}
