//! What the answers of several hosts come to.

use rstest::rstest;

use super::super::fake::{Fake, Reply, Seen, answer, status};
use super::super::login::ada;
use super::super::world::{OCI, assert_found, digest, look, look_as};
use super::{asked, client, mirror};
use crate::facts::{Evidence, Heard, ManifestFault, Missing, Outcome, TroubleKind};

/// What one host does.
#[derive(Debug, Clone, Copy)]
enum Host {
    /// 404.
    Absent,
    /// 401 without any way to log in.
    Status401,
    /// 403.
    Status403,
    /// 401 that asks for Basic.
    Basic,
    /// A Bearer challenge, and a token server that refuses.
    NoToken,
    /// A larger manifest than any runtime takes.
    TooLarge,
    /// A captive portal.
    Portal,
    Status502,
    Status429,
    /// The connection ends without an answer.
    Gone,
    Found,
}

fn behave(host: Host) -> impl Fn(&Seen) -> Reply + Send + Sync {
    move |seen| match host {
        Host::Absent => status(404),
        Host::Status401 => status(401),
        Host::Status403 => status(403),
        Host::Basic => answer(401, &[("www-authenticate", "Basic realm=\"x\"")], ""),
        Host::NoToken if seen.path.starts_with("/token") => status(403),
        Host::NoToken => {
            let realm = format!("Bearer realm=\"http://{}/token\"", seen.all("host")[0]);
            answer(401, &[("www-authenticate", &realm)], "")
        }
        Host::TooLarge => {
            let headers = [
                ("content-type", OCI),
                ("docker-content-digest", digest().as_str()),
                ("content-length", "99999999"),
            ]
            .map(|(name, value)| (name, value.to_owned()));
            let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
            answer(200, &headers, "")
        }
        Host::Portal => answer(
            200,
            &[("content-type", "text/html"), ("content-length", "9")],
            if seen.method == "HEAD" { "" } else { "<p>hello " },
        ),
        Host::Status502 => status(502),
        Host::Status429 => status(429),
        Host::Gone => Reply::Close,
        Host::Found => mirror(seen),
    }
}

/// Asks `one.test`, then `two.test`.
async fn ask(one: Host, two: Host) -> (Outcome, [Fake; 2]) {
    let fakes = [Fake::plain(behave(one)).await, Fake::plain(behave(two)).await];
    let [first, second] = &fakes;
    let hosts = "server = \"http://two.test\"\n[host.\"http://one.test\"]\n";
    let client = client(&[("one.test", first), ("two.test", second)], hosts);
    (look(&client, "reg.test/app:1").await, fakes)
}

fn evidence(outcome: &Outcome) -> &Evidence {
    match outcome {
        Outcome::Absent(absent) => &absent.evidence,
        Outcome::Refused(refusal) => &refusal.evidence,
        other => panic!("{other:?}"),
    }
}

/// Who is quoted, with which status, and whether it is an absence.
#[rstest]
#[case(Host::Absent, Host::Absent, "two.test", 404)]
#[case(Host::Absent, Host::Status403, "two.test", 403)]
#[case(Host::Status403, Host::Absent, "one.test", 403)]
#[case(Host::Status401, Host::Absent, "one.test", 401)]
#[case(Host::Status403, Host::Status401, "one.test", 403)]
#[case(Host::Absent, Host::Basic, "one.test", 404)]
#[case(Host::Basic, Host::Absent, "two.test", 404)]
#[case(Host::NoToken, Host::Absent, "two.test", 404)]
#[case(Host::Absent, Host::NoToken, "one.test", 404)]
#[case(Host::NoToken, Host::Status403, "two.test", 403)]
#[case(Host::NoToken, Host::Basic, "one.test", 403)]
#[tokio::test]
async fn the_strongest_no_is_reported_with_what_the_others_said(
    #[case] one: Host,
    #[case] two: Host,
    #[case] host: &str,
    #[case] status: u16,
) {
    let (outcome, fakes) = ask(one, two).await;
    assert_eq!(matches!(outcome, Outcome::Absent(_)), status == 404, "{outcome:?}");
    let evidence = evidence(&outcome);
    assert_eq!((evidence.host.as_str(), evidence.status), (host, status));
    let [other] = evidence.others.as_slice() else { panic!("{evidence:?}") };
    assert_ne!(other.host, host);
    assert!(fakes.iter().all(|fake| asked(fake) > 0));
}

#[tokio::test]
async fn what_every_host_said_is_told() {
    let (outcome, _fakes) = ask(Host::Basic, Host::Absent).await;
    let heard = Heard { host: "one.test".to_owned(), status: 401 };
    assert_eq!(evidence(&outcome).others, [heard]);
    let (outcome, _fakes) = ask(Host::Absent, Host::Absent).await;
    let Outcome::Absent(absent) = &outcome else { panic!("{outcome:?}") };
    assert_eq!(absent.what, Missing::Tag);
}

#[rstest]
#[case(Host::TooLarge, Host::Absent)]
#[case(Host::Absent, Host::TooLarge)]
#[case(Host::Status403, Host::TooLarge)]
#[tokio::test]
async fn a_manifest_that_is_too_large_outweighs_every_status(#[case] one: Host, #[case] two: Host) {
    let (outcome, _fakes) = ask(one, two).await;
    let expected = Outcome::Invalid(ManifestFault::TooLarge(Some(99_999_999)));
    assert_eq!(outcome, expected);
}

#[rstest]
#[case(Host::Absent)]
#[case(Host::Status403)]
#[case(Host::Basic)]
#[case(Host::NoToken)]
#[case(Host::TooLarge)]
#[case(Host::Status502)]
#[case(Host::Status429)]
#[case(Host::Gone)]
#[tokio::test]
async fn whatever_a_host_lacks_the_next_may_have(#[case] one: Host) {
    let (outcome, _fakes) = ask(one, Host::Found).await;
    assert_found(&outcome);
}

#[rstest]
#[case(Host::Status502)]
#[case(Host::Status429)]
#[case(Host::Gone)]
#[tokio::test]
async fn nothing_is_proven_while_one_host_has_not_been_seen(#[case] unseen: Host) {
    for no in [Host::Absent, Host::Status403, Host::Basic, Host::NoToken, Host::TooLarge] {
        for (one, two) in [(unseen, no), (no, unseen)] {
            let (outcome, _fakes) = ask(one, two).await;
            assert!(matches!(outcome, Outcome::Trouble(_)), "{one:?} {two:?}: {outcome:?}");
        }
    }
    // What is wrong with the second's image is no matter if the first has a good one.
    let (outcome, _fakes) = ask(unseen, Host::Portal).await;
    assert!(matches!(outcome, Outcome::Trouble(_)), "{outcome:?}");
}

#[tokio::test]
async fn what_is_wrong_with_an_image_that_is_served_is_final() {
    for one in [Host::Absent, Host::Basic] {
        let (outcome, _fakes) = ask(one, Host::Portal).await;
        assert_eq!(outcome, Outcome::Invalid(ManifestFault::MediaType), "{one:?}");
    }
    let (outcome, [_, second]) = ask(Host::Portal, Host::Found).await;
    assert_eq!(outcome, Outcome::Invalid(ManifestFault::MediaType));
    assert_eq!(asked(&second), 0);
}

#[tokio::test]
async fn a_redirect_that_cannot_be_followed_ends_it_at_once() {
    for code in [300, 304, 305] {
        let odd = Fake::plain(move |_| status(code)).await;
        let good = Fake::plain(mirror).await;
        let hosts = "server = \"http://two.test\"\n[host.\"http://one.test\"]\n";
        let client = client(&[("one.test", &odd), ("two.test", &good)], hosts);
        let outcome = look(&client, "reg.test/app:1").await;
        let Outcome::Trouble(trouble) = outcome else { panic!("{outcome:?}") };
        assert_eq!((trouble.kind, trouble.detail), (TroubleKind::Error, code.to_string()));
        assert!(good.lines().is_empty());
    }
}

#[tokio::test]
async fn what_is_named_by_digest_is_looked_for_among_blobs_after_every_host() {
    let manifest = format!("/blobs/{}", digest());
    let blobs = move |seen: &Seen| {
        let mut seen = seen.clone();
        if seen.path.contains("/manifests/") {
            return status(404);
        }
        seen.path = seen.path.replace(&manifest, &manifest.replace("blobs", "manifests"));
        mirror(&seen)
    };
    let (one, two) = (Fake::plain(blobs).await, Fake::plain(mirror).await);
    let hosts = "server = \"http://two.test\"\n[host.\"http://one.test\"]\n";
    let image = format!("reg.test/app@{}", digest());
    let blob = format!("/blobs/{}", digest());
    let both = client(&[("one.test", &one), ("two.test", &two)], hosts);
    assert_found(&look(&both, &image).await);
    assert!(!one.lines().iter().any(|line| line.contains(&blob)), "{:?}", one.lines());
    let empty = Fake::plain(|_| status(404)).await;
    let blobs_only = client(&[("one.test", &one), ("two.test", &empty)], hosts);
    assert_found(&look(&blobs_only, &image).await);
    assert_eq!(asked(&empty), 1);
    // Something stronger than a 404, and no blob is asked for.
    let refusing = Fake::plain(|_| status(403)).await;
    let refused = client(&[("one.test", &one), ("two.test", &refusing)], hosts);
    let looked = || one.lines().iter().filter(|line| line.contains(&blob)).count();
    let before = looked();
    assert_eq!(evidence(&look(&refused, &image).await).host, "two.test");
    assert_eq!(looked(), before);
}

#[tokio::test]
async fn a_near_tag_comes_from_the_host_that_is_quoted() {
    let tagged = |seen: &Seen| {
        if seen.path.contains("/tags/list") {
            answer(200, &[], r#"{"tags":["latest"]}"#)
        } else {
            status(404)
        }
    };
    let (one, two) = (Fake::plain(|_| status(404)).await, Fake::plain(tagged).await);
    let hosts = "server = \"http://two.test\"\n[host.\"http://one.test\"]\n";
    let client = client(&[("one.test", &one), ("two.test", &two)], hosts);
    let Outcome::Absent(absent) = look_as(&client, "reg.test/app:latests", Some(&ada())).await
    else {
        panic!()
    };
    assert_eq!(absent.suggestion.as_deref(), Some("latest"));
    assert!(!one.lines().iter().any(|line| line.contains("/tags/")), "{:?}", one.lines());
}

/// Has the good image by HEAD, and answers GET of its manifest by digest like this.
fn withholds(reply: impl Fn() -> Reply + Send + Sync) -> impl Fn(&Seen) -> Reply + Send + Sync {
    let by_digest = format!("/manifests/{}", digest());
    move |seen| {
        let withheld = seen.method == "GET" && seen.path.contains(&by_digest);
        if withheld { reply() } else { mirror(seen) }
    }
}

#[rstest]
#[case::unauthorized(401)]
#[case::forbidden(403)]
#[case::another_manifest(200)]
#[tokio::test]
async fn a_manifest_that_its_host_names_and_withholds_may_be_with_another(#[case] code: u16) {
    let hosts = "server = \"http://two.test\"\n[host.\"http://one.test\"]\n";
    let reply = move || answer(code, &[("content-type", OCI)], if code == 200 { "{}" } else { "" });
    let by_tag = "reg.test/app:1".to_owned();
    for image in [by_tag, format!("reg.test/app@{}", digest())] {
        let one = Fake::plain(withholds(reply)).await;
        // It knows neither tags nor HEAD, which a node that has a digest does not need.
        let good = |seen: &Seen| if seen.method == "HEAD" { status(404) } else { mirror(seen) };
        let two = Fake::plain(good).await;
        let first = client(&[("one.test", &one), ("two.test", &two)], hosts);
        let outcome = look_as(&first, &image, Some(&ada())).await;
        if code == 200 {
            // Another manifest under this digest is taken from the first who has one.
            let mismatch = Outcome::Invalid(ManifestFault::DigestMismatch);
            assert_eq!(outcome, mismatch, "{image}");
        } else {
            assert_found(&outcome);
            // Nor does it stand.
            assert_found(&look_as(&first, &image, Some(&ada())).await);
        }
        let nowhere = Fake::plain(|_| status(404)).await;
        let neither = client(&[("one.test", &one), ("two.test", &nowhere)], hosts);
        let outcome = look_as(&neither, &image, Some(&ada())).await;
        let proven = matches!(outcome, Outcome::Refused(_) | Outcome::Invalid(_));
        assert!(proven, "{image}: {outcome:?}");
        let unseen = Fake::plain(|_| status(502)).await;
        let unknown = client(&[("one.test", &one), ("two.test", &unseen)], hosts);
        if code != 200 {
            let outcome = look_as(&unknown, &image, Some(&ada())).await;
            assert!(matches!(outcome, Outcome::Trouble(_)), "{image}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_manifest_under_a_wrong_digest_counts_only_if_no_host_before_it_has_the_right_one() {
    let hosts = "server = \"http://two.test\"\n[host.\"http://one.test\"]\n\
                 capabilities = [\"pull\"]\n";
    let wrong = || answer(200, &[("content-type", OCI)], "{}");
    let (one, two) = (Fake::plain(mirror).await, Fake::plain(withholds(wrong)).await);
    let client = client(&[("one.test", &one), ("two.test", &two)], hosts);
    assert_found(&look(&client, "reg.test/app:1").await);
}
