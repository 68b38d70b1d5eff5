//! Entries of an index: asked for as a node does, by GET alone.

use rstest::rstest;

use super::fake::{Fake, Reply, Seen, answer, head, status};
use super::shelf::{INDEX, blob_lines, digest_of, entry, gone, image, serve, shelf};
use super::world::{OCI, certificate, client, look, trouble};
use crate::facts::{
    Content, Damage, Descriptor, Entry, Evidence, Found, ImageConfig, ManifestFault, Outcome, Part,
    PartFault, Quota, SpecCode, Target, TroubleKind, Unread,
};
use crate::image::{Platform, Reference};
use crate::registry::{Lookup, Progress, RegistryClient};

/// Asks for an entry of `repository`, anonymously.
async fn look_at(client: &RegistryClient, repository: &str, entry: &Descriptor) -> Outcome {
    let reference = Reference::parse(&format!("reg.test/{repository}@{}", entry.digest)).unwrap();
    let lookup =
        Lookup { reference: &reference, credential: None, tenant: "shop", entry: Some(entry) };
    client.lookup(lookup, &Progress::new()).await
}

fn index_of(entries: &[(&str, &str)]) -> String {
    let one = |(text, platform): &(&str, &str)| {
        let (digest, size) = (digest_of(text.as_bytes()), text.len());
        format!(
            r#"{{"mediaType":"{OCI}","digest":"{digest}","size":{size},"platform":{{"os":"linux","architecture":"{platform}"}}}}"#
        )
    };
    let entries: Vec<String> = entries.iter().map(one).collect();
    format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, entries.join(","))
}

fn damage(entry: &Descriptor, fault: PartFault) -> Outcome {
    Outcome::Broken(Damage { part: Part::Manifest, digest: entry.digest.clone(), fault })
}

#[tokio::test]
async fn an_index_names_its_entries_and_each_is_asked_for_by_get_alone() {
    let image = image(&["one"]);
    let index = index_of(&[(&image.manifest, "arm64")]);
    let blobs = vec![image.config.clone(), image.layers[0].clone()];
    let (fake, client) = serve(shelf(INDEX, &index, &[(OCI, &image.manifest)], blobs)).await;
    let Outcome::Found(found) = look(&client, "reg.test/app:1").await else { panic!() };
    let entry = entry(OCI, image.manifest.as_bytes());
    let platform = Some(Platform::new("linux", "arm64", ""));
    let expected = Entry { platform, target: Target::Manifest(entry.clone()) };
    assert_eq!(found.content, Content::Index([expected].into()));
    let before = fake.lines().len();
    let Outcome::Found(found) = look_at(&client, "app", &entry).await else { panic!() };
    assert_eq!(found.digest, image.digest());
    let Content::Image(content) = found.content else { panic!() };
    assert_eq!(content.config, ImageConfig::Platform(Platform::new("linux", "arm64", "").shared()));
    let asked = &fake.seen()[before];
    assert_eq!(asked.line(), format!("GET /v2/app/manifests/{}", image.digest()));
    assert_eq!(asked.accept.as_deref(), Some(format!("{OCI}, */*").as_str()));
    assert_eq!(fake.lines().len(), before + 3);
}

#[tokio::test]
async fn a_nested_index_names_its_entries_too() {
    let image = image(&[]);
    let inner = index_of(&[(&image.manifest, "amd64")]);
    let (_fake, client) = serve(shelf(INDEX, &inner, &[], Vec::new())).await;
    let entry = entry(INDEX, inner.as_bytes());
    let Outcome::Found(found) = look_at(&client, "app", &entry).await else { panic!() };
    assert!(matches!(found.content, Content::Index(entries) if entries.len() == 1));
}

#[tokio::test]
async fn an_entry_that_is_not_there_is_named() {
    let image = image(&[]);
    let (_fake, client) =
        serve(|_| answer(404, &[], r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#)).await;
    let entry = entry(OCI, image.manifest.as_bytes());
    let code = Some(SpecCode::ManifestUnknown);
    let evidence = Evidence { status: 404, code, host: "reg.test".to_owned(), others: Vec::new() };
    assert_eq!(look_at(&client, "app", &entry).await, damage(&entry, PartFault::Missing(evidence)));
}

#[rstest]
#[case::longer(|| answer(200, &[], "{}  "), Some(4))]
#[case::shorter(|| answer(200, &[], "{}"), Some(2))]
#[case::nothing(|| answer(200, &[], ""), Some(0))]
#[case::far_longer(|| Reply::Stream(head(200, &[("content-length", "90000000")]), 90_000_000), Some(90_000_000))]
#[case::other_bytes(|| answer(200, &[], "[]."), None)]
#[tokio::test]
async fn an_entry_that_is_not_what_its_index_says_is_damaged(
    #[case] reply: fn() -> Reply,
    #[case] served: Option<u64>,
) {
    let (_fake, client) = serve(move |_| reply()).await;
    let entry = entry(OCI, b"{} ");
    let fault = served.map_or(PartFault::Digest, |served| PartFault::Size { served, stated: 3 });
    assert_eq!(look_at(&client, "app", &entry).await, damage(&entry, fault));
}

#[tokio::test]
async fn an_entry_of_another_kind_than_its_index_says_is_invalid() {
    let image = image(&[]);
    let entry = entry(INDEX, image.manifest.as_bytes());
    let (_fake, client) = serve(image.shelf()).await;
    let outcome = look_at(&client, "app", &entry).await;
    assert_eq!(outcome, Outcome::Invalid(ManifestFault::Malformed));
}

#[tokio::test]
async fn an_entry_of_no_known_type_is_left_open_and_not_asked_for() {
    let (fake, client) = serve(|_| gone()).await;
    for media_type in ["", "application/vnd.example+json"] {
        let entry = entry(media_type, b"{}");
        let Outcome::Found(found) = look_at(&client, "app", &entry).await else { panic!() };
        assert_eq!(found.content, Content::Unread(Unread::Unusual));
    }
    assert_eq!(fake.lines().len(), 0);
}

#[tokio::test]
async fn an_entry_longer_than_what_is_read_is_left_open() {
    let (_fake, client) = serve(|_| Reply::Stream(head(200, &[]), 5_000_000)).await;
    let entry = Descriptor { size: Some(5_000_000), ..entry(OCI, b"{}") };
    let Outcome::Found(found) = look_at(&client, "app", &entry).await else { panic!() };
    assert_eq!(found.content, Content::Unread(Unread::Unusual));
}

#[tokio::test]
async fn what_is_behind_a_redirect_proves_nothing_of_an_entry() {
    for reply in [|| gone(), || answer(200, &[], "[]."), || answer(200, &[], "longer")] {
        let registry = Fake::tls(certificate("reg.test"), |seen| {
            answer(307, &[("location", &format!("https://cdn.test{}", seen.path))], "")
        })
        .await;
        let cdn = Fake::tls(certificate("cdn.test"), move |_| reply()).await;
        let client = client(&[("reg.test", &registry), ("cdn.test", &cdn)]);
        let trouble = trouble(look_at(&client, "app", &entry(OCI, b"{} ")).await);
        assert_eq!((trouble.kind, trouble.host.as_str()), (TroubleKind::Error, "cdn.test"));
    }
}

fn with_quota(
    good: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    remaining: &'static str,
) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    move |seen| match good(seen) {
        Reply::Now(mut response) if seen.path.contains("/manifests/") && !remaining.is_empty() => {
            let headers = response.headers_mut();
            headers.insert("ratelimit-limit", "100".parse().unwrap());
            headers.insert("ratelimit-remaining", remaining.parse().unwrap());
            response.into()
        }
        other => other,
    }
}

#[rstest]
#[case::none_told("", None, true)]
#[case::plenty("50", Some(50), true)]
#[case::low("49", Some(49), false)]
#[tokio::test]
async fn an_entry_is_not_fetched_where_the_last_answer_told_a_low_quota(
    #[case] header: &'static str,
    #[case] remaining: Option<u32>,
    #[case] fetched: bool,
) {
    let image = image(&["one"]);
    let (fake, client) = serve(with_quota(image.shelf(), header)).await;
    // Another image of the same host, whose HEAD tells the quota.
    look(&client, "reg.test/other:1").await;
    let before = fake.lines().len();
    let entry = entry(OCI, image.manifest.as_bytes());
    let Outcome::Found(found) = look_at(&client, "app", &entry).await else { panic!() };
    assert_eq!(found.quota, remaining.map(|remaining| Quota { limit: 100, remaining }));
    assert_eq!(fake.lines().len() > before, fetched);
    assert_eq!(found.content == Content::Unread(Unread::Quota), !fetched);
}

#[tokio::test]
async fn an_entry_is_kept_with_all_that_it_leads_to() {
    let image = image(&["one", "two"]);
    let (fake, client) = serve(image.shelf()).await;
    let entry = entry(OCI, image.manifest.as_bytes());
    let first = look_at(&client, "app", &entry).await;
    assert!(matches!(first, Outcome::Found(Found { .. })), "{first:?}");
    let asked = fake.lines().len();
    assert_eq!((asked, blob_lines(&fake).len()), (4, 3));
    assert_eq!(look_at(&client, "app", &entry).await, first);
    assert_eq!(fake.lines().len(), asked);
    // An index that states another size is not believed because of it.
    let longer = Descriptor { size: entry.size.map(|size| size + 1), ..entry };
    assert!(matches!(look_at(&client, "app", &longer).await, Outcome::Broken(_)));
}

#[tokio::test]
async fn an_entry_that_cannot_be_had_now_is_our_trouble() {
    for (code, kind) in [(429, TroubleKind::RateLimited), (500, TroubleKind::Error)] {
        let (_fake, client) = serve(move |_| status(code)).await;
        let outcome = look_at(&client, "app", &entry(OCI, b"{}")).await;
        assert_eq!(trouble(outcome).kind, kind);
    }
}
