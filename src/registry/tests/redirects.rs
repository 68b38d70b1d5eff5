//! Redirects: followed as a node does, without credentials, and proving nothing.

use rstest::rstest;

use super::fake::{Fake, Reply, Seen, answer, status};
use super::login::{ada, guarded};
use super::world::{app, assert_found, certificate, client, look, look_as, registry, trouble};
use crate::facts::{Outcome, TroubleKind, Unchecked};

/// Sends everything to the same path on another host.
fn to(host: &'static str) -> impl Fn(&Seen) -> Reply {
    move |seen| answer(307, &[("location", &format!("https://{host}{}", seen.path))], "")
}

#[tokio::test]
async fn an_image_behind_a_redirect_is_found() {
    let registry = Fake::tls(certificate("reg.test"), to("cdn.test")).await;
    let cdn = Fake::tls(certificate("cdn.test"), app).await;
    let client = client(&[("reg.test", &registry), ("cdn.test", &cdn)]);
    assert_found(&look(&client, "reg.test/app:1").await);
}

#[tokio::test]
async fn no_credential_goes_along_a_redirect_not_even_to_the_same_host() {
    let basic = |seen: &Seen| match (&seen.authorization, seen.path.starts_with("/moved")) {
        (_, true) => answer(200, &[("content-type", "text/html")], ""),
        (None, _) => answer(401, &[("www-authenticate", r#"Basic realm="x""#)], ""),
        (Some(_), _) if seen.path.contains("/other/") => {
            answer(302, &[("location", "https://cdn.test/moved")], "")
        }
        (Some(_), _) => answer(302, &[("location", "/moved")], ""),
    };
    let registry = Fake::tls(certificate("reg.test"), basic).await;
    let cdn = Fake::tls(certificate("cdn.test"), basic).await;
    let client = client(&[("reg.test", &registry), ("cdn.test", &cdn)]);
    look_as(&client, "reg.test/app:1", Some(&ada())).await;
    look_as(&client, "reg.test/other:1", Some(&ada())).await;
    assert!(registry.logins() > 0);
    let moved = registry.seen().into_iter().chain(cdn.seen());
    let moved: Vec<_> = moved.filter(|seen| seen.path.starts_with("/moved")).collect();
    assert!(moved.len() >= 2);
    assert!(moved.iter().all(|seen| seen.authorization.is_none()), "{moved:?}");
}

#[rstest]
#[case(404, TroubleKind::Error, "404 behind a redirect")]
#[case(401, TroubleKind::Error, "401 behind a redirect")]
#[case(403, TroubleKind::Error, "403 behind a redirect")]
#[case(502, TroubleKind::Error, "502 behind a redirect")]
#[case(429, TroubleKind::RateLimited, "429 behind a redirect")]
#[tokio::test]
async fn an_error_behind_a_redirect_says_nothing_about_the_image(
    #[case] code: u16,
    #[case] kind: TroubleKind,
    #[case] detail: &str,
) {
    let registry = Fake::tls(certificate("reg.test"), to("cdn.test")).await;
    let cdn = Fake::tls(certificate("cdn.test"), move |_| {
        answer(code, &[("www-authenticate", r#"Basic realm="x""#)], "")
    })
    .await;
    let client = client(&[("reg.test", &registry), ("cdn.test", &cdn)]);
    let trouble = trouble(look_as(&client, "reg.test/app:1", Some(&ada())).await);
    assert_eq!((trouble.kind, trouble.detail.as_str()), (kind, detail));
    assert_eq!(trouble.host, "cdn.test");
    assert_eq!(cdn.logins(), 0);
}

#[tokio::test]
async fn an_unusable_manifest_behind_a_redirect_proves_nothing_either() {
    let registry = Fake::tls(certificate("reg.test"), to("cdn.test")).await;
    let cdn = Fake::tls(certificate("cdn.test"), |_| {
        answer(200, &[("content-type", "text/html")], "<html>")
    })
    .await;
    let client = client(&[("reg.test", &registry), ("cdn.test", &cdn)]);
    assert_eq!(trouble(look(&client, "reg.test/app:1").await).kind, TroubleKind::Error);
}

#[tokio::test]
async fn a_redirect_loop_ends_after_nine_hops() {
    let (fake, client) = registry(to("reg.test")).await;
    let trouble = trouble(look(&client, "reg.test/app:1").await);
    assert_eq!(
        (trouble.kind, trouble.detail.as_str()),
        (TroubleKind::Error, "more than 9 redirects")
    );
    assert_eq!(fake.lines().len(), 10);
}

#[tokio::test]
async fn a_redirect_to_a_dead_host_is_that_hosts_trouble() {
    let (_fake, client) = registry(to("gone.test")).await;
    let trouble = trouble(look(&client, "reg.test/app:1").await);
    assert_eq!((trouble.kind, trouble.host.as_str()), (TroubleKind::Dns, "gone.test"));
}

#[rstest]
#[case::downgrade("http://reg.test/", "reg.test", "it redirects from https to plain http")]
#[case::metadata(
    "https://169.254.169.254/",
    "169.254.169.254",
    "it leads to a cloud metadata address"
)]
#[case::link_local("https://[fe80::1]:5000/", "[fe80::1]:5000", "it leads to a link-local address")]
#[tokio::test]
async fn a_redirect_to_where_no_node_would_go_is_declined(
    #[case] location: &'static str,
    #[case] host: &str,
    #[case] what: &str,
) {
    let (_fake, client) = registry(move |_| answer(307, &[("location", location)], "")).await;
    let declined = Unchecked::Declined { host: host.to_owned(), what: what.to_owned() };
    assert_eq!(look(&client, "reg.test/app:1").await, Outcome::NotChecked(declined));
}

#[tokio::test]
async fn a_redirect_that_leads_nowhere_is_our_trouble() {
    for headers in [&[][..], &[("location", "ftp://x/")]] {
        let (_fake, client) = registry(move |_| answer(307, headers, "")).await;
        assert_eq!(trouble(look(&client, "reg.test/app:1").await).kind, TroubleKind::Error);
    }
    // Not modified is no redirect, and no answer to what was asked.
    let (_fake, client) = registry(|_| status(304)).await;
    assert_eq!(trouble(look(&client, "reg.test/app:1").await).detail, "304");
}

#[tokio::test]
async fn a_login_is_not_asked_for_behind_a_redirect() {
    let registry = Fake::tls(certificate("reg.test"), to("cdn.test")).await;
    let cdn =
        Fake::tls(certificate("cdn.test"), guarded(r#"Bearer realm="https://evil.test/""#, "x"))
            .await;
    let evil = Fake::tls(certificate("evil.test"), |_| status(200)).await;
    let names = [("reg.test", &registry), ("cdn.test", &cdn), ("evil.test", &evil)];
    look_as(&client(&names), "reg.test/app:1", Some(&ada())).await;
    assert!(evil.lines().is_empty());
}
