//! Registries that misbehave, one case per fault: what is said of each, and that nothing which is
//! not the registry's own clear word ever denies.

use crate::support::images::{self, Image};
use crate::support::misbehaving::{Access, Registry, faults, faults::Fault};
use crate::support::reviews::Review;
use crate::support::server::{ClosedPort, Greeting};
use crate::support::tls::{Ca, Kind};
use crate::support::webhook::{Launch, Reviewed, Webhook};

const REPOSITORY: &str = "team/app";

/// What mode `enforce` makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comes {
    /// Nothing is said.
    Quiet,
    Warned(&'static str),
    Denied(&'static str),
}

use Comes::{Denied, Quiet, Warned};

#[track_caller]
fn expect(what: &str, answer: &Reviewed, comes: Comes) {
    let (denied, warned) = (answer.denied_codes(), answer.warned_codes());
    let (denied_for, warned_for) = match comes {
        Quiet => (None, None),
        Warned(code) => (None, Some(code)),
        Denied(code) => (Some(code), None),
    };
    let same = denied.iter().map(String::as_str).eq(denied_for)
        && warned.iter().map(String::as_str).eq(warned_for);
    assert!(same, "{what}: expected {comes:?}\n{:#}", answer.json);
}

/// A name, the fault, what comes of it, and a word of the message.
type Row = (&'static str, fn() -> Fault, Comes, &'static str);

const FAULTS: &[Row] = &[
    // Logins, asked for in ways that lead nowhere. The anonymous have nothing to log in with.
    ("401 without a challenge", || faults::no_challenge(), Denied("access-denied"), "401"),
    ("401, empty challenge", || faults::empty_challenge(), Denied("access-denied"), "401"),
    ("403", || faults::forbidden(), Denied("access-denied"), "403"),
    ("403 expired, to nobody", || faults::ecr_expired(), Denied("access-denied"), "403"),
    // Absence, in all its forms.
    (
        "404 as a web page",
        || faults::html_not_found().on_manifests(),
        Denied("tag-not-found"),
        "404",
    ),
    ("404 NAME_UNKNOWN", || faults::name_unknown(), Denied("repository-not-found"), "NAME_UNKNOWN"),
    // Not now.
    ("429", || faults::too_many_requests(None), Warned("registry-rate-limited"), "429"),
    (
        "429, seconds",
        || faults::too_many_requests(Some("7")),
        Warned("registry-rate-limited"),
        "429",
    ),
    (
        "429, date",
        || faults::too_many_requests(Some("Wed, 21 Oct 2037 07:28:00 GMT")),
        Warned("registry-rate-limited"),
        "429",
    ),
    (
        "429, nonsense",
        || faults::too_many_requests(Some("soon")),
        Warned("registry-rate-limited"),
        "429",
    ),
    ("429 to pulls", || faults::too_many_pulls(), Warned("registry-rate-limited"), "429"),
    (
        "429 to blobs",
        || faults::too_many_requests(None).on_blobs(),
        Warned("registry-rate-limited"),
        "429",
    ),
    ("500 to blobs", || faults::server_error(500).on_blobs(), Warned("registry-error"), "500"),
    ("blobs hang up", || faults::close().on_blobs(), Warned("registry-error"), "connection"),
    ("500", || faults::server_error(500), Warned("registry-error"), "500"),
    ("502", || faults::server_error(502), Warned("registry-error"), "502"),
    ("503", || faults::server_error(503), Warned("registry-error"), "503"),
    ("418", || faults::server_error(418), Warned("registry-error"), "418"),
    ("500 to GET only", || faults::server_error(500).on_get(), Warned("registry-error"), "500"),
    // Connections.
    ("reset", || faults::reset(), Warned("registry-error"), "connection"),
    ("closed", || faults::close(), Warned("registry-error"), "connection"),
    ("garbage", || faults::garbage(), Warned("registry-error"), "not HTTP"),
    ("closed once", || faults::close().times(1), Quiet, ""),
    // Redirects.
    ("redirect loop", || faults::redirect_loop(), Warned("registry-error"), "redirects"),
    (
        "redirect to nowhere",
        || faults::redirect("ftp://example.test/"),
        Warned("registry-error"),
        "redirect",
    ),
    (
        "redirect to the metadata service",
        || faults::redirect("http://169.254.169.254/latest"),
        Warned("not-checked"),
        "169.254.169.254",
    ),
    // Manifests that no runtime takes.
    ("other bytes than promised", || faults::wrong_bytes(), Denied("manifest-invalid"), "digest"),
    ("no manifest at all", || faults::empty_manifest(), Denied("manifest-invalid"), "empty"),
    // Which some runtimes still take.
    ("schema 1", || faults::schema_one(), Warned("manifest-invalid"), "schema 1"),
    ("a digest that is none", || faults::bad_digest_header(), Denied("manifest-invalid"), "digest"),
    (
        "no content type",
        || faults::without_header("Content-Type"),
        Denied("manifest-invalid"),
        "not an image manifest",
    ),
    (
        "a captive portal",
        || faults::captive_portal(),
        Denied("manifest-invalid"),
        "not an image manifest",
    ),
    ("300 MiB, told", || faults::huge_manifest(true), Denied("manifest-invalid"), "4393216"),
    ("300 MiB, untold", || faults::huge_manifest(false), Denied("manifest-invalid"), "4393216"),
    // Odd, and no obstacle to a node.
    ("no digest header", || faults::without_header("Docker-Content-Digest"), Quiet, ""),
    ("no length", || faults::without_header("Content-Length"), Quiet, ""),
    ("HEAD is not allowed", || faults::head_not_allowed(), Quiet, ""),
    ("HEAD of blobs is 404", || faults::head_of_blobs(404), Quiet, ""),
    ("HEAD of blobs is 401", || faults::head_of_blobs(401), Quiet, ""),
    ("HEAD of blobs is 403", || faults::head_of_blobs(403), Quiet, ""),
    ("blobs of no length", || faults::without_header("Content-Length").on_blobs(), Quiet, ""),
    ("quota nearly full", || faults::rate_limit(100, 90), Quiet, ""),
    ("quota low", || faults::rate_limit(100, 1), Warned("registry-quota-low"), "1 of 100"),
];

#[tokio::test]
async fn every_fault_is_called_what_it_is() {
    let webhook = Launch::alone().mode("enforce").start().await;
    for (number, (what, fault, comes, word)) in FAULTS.iter().enumerate() {
        // Each its own: one that wants to be left alone is.
        let registry = Registry::start(Access::anonymous()).await;
        let repository = format!("{REPOSITORY}{number}");
        let image = registry.add(&repository, "1.0", &images::simple(what));
        registry.misbehave(&repository, fault());
        let answer = webhook.review(&Review::of_pod(&image)).await;
        expect(what, &answer, *comes);
        let words = answer.message() + &answer.warnings().concat();
        assert!(words.contains(word), "{what}: no {word:?} in {words}");
        assert!(registry.streamed() < 16 << 20, "{what}: {} bytes", registry.streamed());
    }
    assert_eq!(webhook.metric("pullcheck_panics_total").await, 0);
}

/// After a 404 the list of tags is only good for a better message.
#[tokio::test]
async fn a_list_of_tags_that_misbehaves_changes_no_verdict() {
    let rows: [(&str, Fault, &str); 8] = [
        ("401", faults::no_challenge().on_tags(), "correct the tag"),
        ("403", faults::forbidden().on_tags(), "correct the tag"),
        ("429", faults::too_many_requests(None).on_tags(), "correct the tag"),
        ("500", faults::server_error(500).on_tags(), "correct the tag"),
        ("garbage", faults::garbage().on_tags(), "correct the tag"),
        ("a huge list", faults::many_tags(200_000), "did you mean t9?"),
        ("endless pages", faults::endless_tag_pages(), "correct the tag"),
        ("no tags", faults::no_tags(), "nor any other"),
    ];
    let registry = Registry::start(Access::anonymous()).await;
    let webhook = Launch::alone().mode("enforce").start().await;
    for (number, (what, fault, word)) in rows.into_iter().enumerate() {
        let repository = format!("{REPOSITORY}{number}");
        let image = registry.add(&repository, "1.0", &images::simple(what)).replace("1.0", "x9");
        registry.misbehave(&repository, fault);
        let answer = webhook.review(&Review::of_pod(&image)).await;
        expect(what, &answer, Denied("tag-not-found"));
        assert!(answer.message().contains(word), "{what}: {}", answer.message());
    }
}

async fn at(host: &str) -> Reviewed {
    let webhook = Launch::alone().mode("enforce").start().await;
    review_at(&webhook, host).await
}

async fn review_at(webhook: &Webhook, host: &str) -> Reviewed {
    webhook.review(&Review::of_pod(&format!("{host}/{REPOSITORY}:1.0"))).await
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_refuses() {
    let closed = ClosedPort::reserve();
    let answer = at(&closed.host()).await;
    expect("a closed port", &answer, Warned("registry-refused"));
    assert!(answer.warnings()[0].contains(&closed.host()), "{:?}", answer.warnings());
}

#[tokio::test]
async fn a_server_that_hangs_up_is_in_trouble_and_proves_nothing() {
    let registry = Registry::start_mute(Greeting::HangUp).await;
    let answer = at(&registry.host()).await;
    assert!(answer.allowed(), "{:#}", answer.json);
    assert_eq!(answer.warned_codes().len(), 1, "{:#}", answer.json);
    assert!(answer.warned_codes()[0].starts_with("registry-"), "{:#}", answer.json);
}

#[tokio::test]
async fn a_redirect_to_a_dead_host_is_the_fault_of_that_host() {
    let registry = Registry::start(Access::anonymous()).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("dead"));
    let dead = ClosedPort::reserve();
    registry.misbehave(REPOSITORY, faults::redirect(&format!("http://{}/x", dead.host())));
    let webhook = Launch::alone().mode("enforce").start().await;
    let answer = webhook.review(&Review::of_pod(&image)).await;
    expect("a dead redirect", &answer, Warned("registry-refused"));
    assert!(answer.warnings()[0].contains(&dead.host()), "{:?}", answer.warnings());
}

/// What a redirect leads to may be anybody's: its word is not the registry's.
#[tokio::test]
async fn what_is_behind_a_redirect_proves_nothing() {
    let registry = Registry::start(Access::anonymous()).await;
    let target = Registry::start(Access::anonymous()).await;
    let webhook = Launch::alone().mode("enforce").start().await;
    for (number, fault) in
        [faults::forbidden(), faults::html_not_found(), faults::server_error(500)]
            .into_iter()
            .enumerate()
    {
        let repository = format!("{REPOSITORY}{number}");
        let image = registry.add(&repository, "1.0", &images::simple("redirected"));
        target.misbehave(&repository, fault);
        let url = format!("{}/v2/{repository}/manifests/1.0", target.url());
        registry.misbehave(&repository, faults::redirect(&url));
        let answer = webhook.review(&Review::of_pod(&image)).await;
        expect("behind a redirect", &answer, Warned("registry-error"));
        assert!(answer.warnings()[0].contains(&target.host()), "{:?}", answer.warnings());
    }
    assert!(target.log().all().iter().all(|seen| !seen.is_authorized()));
}

#[tokio::test]
async fn an_https_registry_that_wants_its_logins_sent_in_the_clear_is_not_followed() {
    let ca = Ca::mint();
    let tokens = crate::support::token_server::TokenServer::start().await;
    let registry = Registry::start_tls(Access::bearer(&tokens), &ca.good()).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("http realm"));
    let webhook = Launch::alone().mode("enforce").start().await;
    let answer = webhook.review(&Review::of_pod(&image)).await;
    expect("an http realm", &answer, Warned("not-checked"));
    assert_eq!(tokens.requests().len(), 0);
}

/// For an address of the machine itself a node's runtime checks no certificate, and so must we;
/// what is refused elsewhere is for the library's tests with a resolver of their own.
#[tokio::test]
async fn the_certificate_of_a_local_registry_is_not_checked_as_on_a_node() {
    let ca = Ca::mint();
    let webhook = Launch::alone().mode("enforce").start().await;
    for kind in [Kind::Good, Kind::Expired, Kind::WrongName] {
        let registry = Registry::start_tls(Access::anonymous(), &ca.leaf(kind, &[])).await;
        registry.add(REPOSITORY, "1.0", &images::simple("tls"));
        expect("a local certificate", &review_at(&webhook, &registry.host()).await, Quiet);
    }
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_not_contacted() {
    let registry = Registry::start(Access::anonymous()).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("loopback"));
    let webhook = Launch::with(&["--no-cluster"]).mode("enforce").start().await;
    let answer = webhook.review(&Review::of_pod(&image)).await;
    expect("loopback", &answer, Warned("not-checked"));
    assert_eq!(registry.connections(), 0);
    for host in ["169.254.169.254", "[::1]:5000", "[fe80::1]:5000", "0.0.0.0:5000"] {
        let answer = review_at(&webhook, host).await;
        expect(host, &answer, Warned("not-checked"));
        assert!(answer.warnings()[0].contains("--allow-address"), "{:?}", answer.warnings());
    }
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_the_fault_of_dns() {
    let webhook = Launch::alone().mode("enforce").start().await;
    let answer = review_at(&webhook, "no-such-host.invalid").await;
    expect("no such host", &answer, Warned("registry-dns"));
}

#[tokio::test]
async fn good_images_of_every_sort_pass_without_a_word() {
    use images::Format::{Docker, Oci};
    let sorts: [Image; 4] = [
        images::image(Oci, "linux/amd64", "a"),
        images::image(Docker, "linux/arm64/v8", "b"),
        images::index(&[
            images::image(Oci, "linux/amd64", "c"),
            images::image(Oci, "linux/arm64", "d"),
        ]),
        images::index(&[images::image(Docker, "linux/amd64", "e")]),
    ];
    let registry = Registry::start(Access::anonymous()).await;
    let webhook = Launch::alone().mode("enforce").start().await;
    for (number, sort) in sorts.iter().enumerate() {
        let repository = format!("{REPOSITORY}{number}");
        let by_tag = registry.add(&repository, "1.0", sort);
        let by_digest = format!("{}/{repository}@{}", registry.host(), sort.digest());
        for image in [&by_tag, &by_digest, &format!("{by_tag}@{}", sort.digest())] {
            expect(image, &webhook.review(&Review::of_pod(image)).await, Quiet);
        }
        let absent = format!("{}/{repository}@{}", registry.host(), images::digest(b"absent"));
        expect(
            "absent",
            &webhook.review(&Review::of_pod(&absent)).await,
            Denied("digest-not-found"),
        );
    }
}

#[tokio::test]
async fn foreign_text_is_shown_in_one_printable_line() {
    let webhook = Launch::alone().mode("enforce").start().await;
    let long = format!("127.0.0.1:1/{}:1", "a/".repeat(1_000));
    for image in [
        "evil\n::error::nginx",
        "\u{1b}[31mnginx",
        "n\u{202e}ginx",
        "nginx:\u{0}",
        "\u{e4}\u{f6}\u{fc}/x",
        &long,
        "nginx ]; drop [ok]",
        "${IMAGE}",
    ] {
        // `review` itself checks that all that is shown is printable, and short enough.
        let answer = webhook.review(&Review::of_pod(image)).await;
        assert!(!answer.allowed(), "{image:?}: {:#}", answer.json);
        assert_eq!(answer.denied_codes(), ["reference-invalid"], "{image:?}");
        for cause in answer.causes() {
            let plain = cause.message.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            assert!(plain && cause.message.len() <= 256, "{:?}", cause.message);
        }
        let plain = answer.message().bytes().all(|byte| (b' '..=b'~').contains(&byte));
        assert!(plain, "{:?}", answer.message());
    }
}
