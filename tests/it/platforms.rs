//! An image that is not built for the nodes is named, by `check` against the real registry and by
//! the webhook, exactly as far as somebody has said what the nodes are.

use serde_json::json;

use crate::support::check::check;
use crate::support::contract::Certainty::{Likely, Proven};
use crate::support::contract::{Action, Report};
use crate::support::images::{self, Format, Image};
use crate::support::manifests::pod;
use crate::support::misbehaving::{Access, Registry};
use crate::support::real_registry::{self, Flavour, MISSING, RealRegistry};
use crate::support::reviews::{POD, Review, pod_spec};
use crate::support::skip;
use crate::support::webhook::Launch;

fn for_amd64_and_arm64() -> Image {
    images::index(&[
        images::image(Format::Oci, "linux/amd64", "a"),
        images::image(Format::Oci, "linux/arm64/v8", "b"),
    ])
}

#[tokio::test]
async fn declared_platforms_and_pinned_ones_are_held_against_the_index() {
    let Some(binary) = real_registry::binary() else { skip!(MISSING) };
    let registry = RealRegistry::start(&binary, Flavour::Anonymous).await;
    let image = registry.push("team/app", "v1", &for_amd64_and_arm64()).await;
    let plain = pod(&pod_spec(&image));
    let mut pinned = pod_spec(&image);
    pinned["nodeSelector"] = json!({"kubernetes.io/os": "linux", "kubernetes.io/arch": "s390x"});
    let pinned = pod(&pinned);
    let denied = [("platform-missing", Proven, Action::Deny)];
    let warned = [("platform-missing", Likely, Action::Warn)];

    for (what, object, flags, expected) in [
        ("nobody says", &plain, &[][..], &[][..]),
        ("served", &plain, &["--platform", "linux/arm64"], &[]),
        ("served under another name", &plain, &["--platform", "linux/x86_64"], &[]),
        ("not served", &plain, &["--platform", "linux/s390x"], &denied),
        ("some not served", &plain, &["--platform", "linux/s390x,linux/amd64"], &warned),
        ("pinned", &pinned, &[], &denied),
    ] {
        let ran = check(&["-", "--output", "json"]).args(flags).stdin(object.to_string());
        let ran = ran.run().await;
        let report = Report::of(&ran);
        assert_eq!(report.shown(), expected, "{what}: {report:?}");
        assert_eq!(ran.code, Some(i32::from(expected == denied)), "{what}");
        if expected == denied {
            let message = report.message("platform-missing");
            assert!(message.contains("built for linux/amd64 and linux/arm64"), "{message}");
            assert!(message.contains("linux/s390x; push that platform"), "{message}");
        }
    }
}

#[tokio::test]
async fn the_second_look_at_an_index_asks_nobody() {
    let registry = Registry::start(Access::anonymous()).await;
    let image = registry.add("team/app", "1.0", &for_amd64_and_arm64());
    let webhook = Launch::alone().mode("enforce").config("platform: [linux/s390x]").start().await;
    for _ in 0..2 {
        let review = Review::create(&POD, &POD.object("shop", "web", pod_spec(&image)));
        assert_eq!(webhook.review(&review).await.denied_codes(), ["platform-missing"]);
        assert_eq!(registry.manifest_requests("team/app"), 2, "HEAD and GET, once");
    }
}
