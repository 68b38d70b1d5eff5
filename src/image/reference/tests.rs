//! The rows of upstream's tables, every named rule with its words, and properties of all input.

use std::collections::HashSet;

use proptest::prelude::*;

use super::{BrokenRule, DomainFault, Reference};
use crate::image::{Algorithm, DigestError};

fn hex(length: usize) -> String {
    "0123456789abcdef".chars().cycle().take(length).collect()
}

fn accepted(raw: &str) -> Reference {
    Reference::parse(raw).unwrap_or_else(|error| panic!("{raw}: {error}"))
}

fn rule(raw: &str) -> BrokenRule {
    match Reference::parse(raw) {
        Ok(reference) => panic!("{raw:?} was accepted as {reference}"),
        Err(error) => error.rule().clone(),
    }
}

#[test]
fn every_valid_row_of_upstreams_tables_is_normalised_as_upstream_does() {
    let a255 = "a".repeat(255);
    let hex63 = hex(63);
    for (raw, registry, repository, tag) in [
        ("nginx", "docker.io", "library/nginx", "latest"),
        ("nginx:1.27", "docker.io", "library/nginx", "1.27"),
        ("library/nginx", "docker.io", "library/nginx", "latest"),
        ("docker.io/debian", "docker.io", "library/debian", "latest"),
        ("docker.io/library/debian", "docker.io", "library/debian", "latest"),
        ("index.docker.io/debian", "docker.io", "library/debian", "latest"),
        ("index.docker.io/docker/docker", "docker.io", "docker/docker", "latest"),
        ("docker.io/library/foo/bar", "docker.io", "library/foo/bar", "latest"),
        ("docker/docker", "docker.io", "docker/docker", "latest"),
        ("test:5000/repo", "test:5000", "repo", "latest"),
        ("192.168.1.1:5000/repo:5050", "192.168.1.1:5000", "repo", "5050"),
        ("localhost/fooo", "localhost", "fooo", "latest"),
        ("localhost:5000/foo", "localhost:5000", "foo", "latest"),
        ("localhost:5000", "docker.io", "library/localhost", "5000"),
        ("LOCALDOMAIN/fooo/bar", "LOCALDOMAIN", "fooo/bar", "latest"),
        ("Test/foo", "Test", "foo", "latest"),
        ("lowercase:Uppercase", "docker.io", "library/lowercase", "Uppercase"),
        ("dock__er/docker", "docker.io", "dock__er/docker", "latest"),
        ("docker---rules/docker", "docker.io", "docker---rules/docker", "latest"),
        ("test_com/foo", "docker.io", "test_com/foo", "latest"),
        ("xn--n3h.com:18080/foo", "xn--n3h.com:18080", "foo", "latest"),
        ("[::1]:5000/repo", "[::1]:5000", "repo", "latest"),
        ("[2001:db8::1]/repo:v1", "[2001:db8::1]", "repo", "v1"),
        ("reg.io:99999999/a", "reg.io:99999999", "a", "latest"),
        ("a-b.c--d.io/x", "a-b.c--d.io", "x", "latest"),
        ("docker.io:443/nginx", "docker.io:443", "nginx", "latest"),
        ("nginx:_x.-y", "docker.io", "library/nginx", "_x.-y"),
        (&format!("example.com/{a255}:tag"), "example.com", &a255, "tag"),
        (&hex63, "docker.io", &format!("library/{hex63}"), "latest"),
        (&format!("reg.io/{}", hex(64)), "reg.io", &hex(64), "latest"),
        (&format!("nginx:{}", "t".repeat(128)), "docker.io", "library/nginx", &"t".repeat(128)),
    ] {
        let reference = accepted(raw);
        assert_eq!(reference.registry(), registry, "{raw}");
        assert_eq!(reference.repository(), repository, "{raw}");
        assert_eq!(reference.name(), format!("{registry}/{repository}"));
        assert_eq!(reference.tag(), Some(tag), "{raw}");
        assert_eq!(reference.pull_by(), tag, "{raw}");
        assert_eq!(reference.digest(), None, "{raw}");
        assert_eq!(reference.to_string(), format!("{registry}/{repository}:{tag}"));
    }
}

#[test]
fn a_digest_decides_what_is_pulled_and_a_tag_beside_it_is_kept_but_ignored() {
    for algorithm in Algorithm::ALL {
        let digest = format!("{algorithm}:{}", hex(algorithm.hex_len()));

        let both = accepted(&format!("test:5000/repo:tag@{digest}"));
        assert_eq!((both.tag(), both.pull_by()), (Some("tag"), digest.as_str()));
        assert_eq!(both.to_string(), format!("test:5000/repo:tag@{digest}"));

        let alone = accepted(&format!("repo@{digest}"));
        assert_eq!((alone.tag(), alone.pull_by()), (None, digest.as_str()));
        assert_eq!(alone.to_string(), format!("docker.io/library/repo@{digest}"));
        assert!(!alone.tag_given());
    }
}

#[test]
fn a_first_segment_that_is_no_host_but_would_do_in_a_path_is_dialled_all_the_same() {
    let reference = accepted("a_b.c/d");
    assert_eq!(reference.name(), "a_b.c/d");
    assert_eq!(reference.host(), "a_b.c");
    // Upstream counts it as part of the path, so it counts towards its length.
    accepted(&format!("a_b.c/{}", "d".repeat(249)));
    assert_eq!(rule(&format!("a_b.c/{}", "d".repeat(250))), BrokenRule::NameTooLong(256));
}

#[test]
fn docker_hub_is_dialled_under_its_registrys_name_and_every_other_host_as_written() {
    assert_eq!(accepted("nginx").host(), "registry-1.docker.io");
    assert_eq!(accepted("index.docker.io/a/b").host(), "registry-1.docker.io");
    assert_eq!(accepted("docker.io:443/nginx").host(), "docker.io:443");
    assert_eq!(accepted("ghcr.io/a/b").host(), "ghcr.io");
}

#[test]
fn spellings_of_one_image_are_equal_and_still_tell_whether_a_tag_was_written() {
    let digest = format!("sha256:{}", hex(64));
    let spellings = ["nginx", "nginx:latest", "library/nginx", "index.docker.io/nginx:latest"];
    let all: HashSet<_> = spellings.into_iter().map(accepted).collect();
    assert_eq!(all.len(), 1);
    assert!(!accepted("nginx").tag_given());
    assert!(accepted("nginx:latest").tag_given());
    assert_ne!(accepted("nginx"), accepted(&format!("nginx@{digest}")));
    assert_ne!(accepted(&format!("nginx:a@{digest}")), accepted(&format!("nginx@{digest}")));
}

#[test]
fn latest_floats_written_or_implied_unless_a_digest_pins_it() {
    let digest = format!("sha256:{}", hex(64));
    for (raw, floating) in [
        ("nginx".into(), true),
        ("nginx:latest".into(), true),
        ("nginx:1".into(), false),
        ("nginx:Latest".into(), false),
        (format!("nginx:latest@{digest}"), false),
        (format!("nginx@{digest}"), false),
    ] {
        assert_eq!(accepted(&raw).is_floating(), floating, "{raw}");
    }
}

/// Input, rule, what the person reads, the fix.
fn refused() -> Vec<(String, BrokenRule, &'static str, Option<String>)> {
    use BrokenRule as R;
    let h64 = hex(64);
    let row = |raw: &str, rule, words, fix: Option<&str>| {
        (raw.to_owned(), rule, words, fix.map(str::to_owned))
    };
    let lowercase = "repository names must be lowercase";
    let space = "there is white space around the name";
    let inner = "there is white space inside the name";
    let edge = "each part of a name starts and ends with a letter or digit";
    let separator = "a name holds one . or _ at a time, two _ or some - in a row, nothing mixed";
    let scheme = "an image name has no scheme such as https://";
    let late_tag = "the tag stands before a slash, it belongs at the end";
    let host_label = "the registry's host name has an empty part or one that starts or ends with -";
    let port = "the registry's port is not a number";
    let brackets = "an IPv6 address needs brackets";
    let no_repository = "the registry is named, the repository is not";
    let filled = Some("fill it in before applying, it reached the cluster as it stands");
    let fault = |fault| R::Domain(fault);
    vec![
        row("", R::Empty, "the image is empty", Some("name an image")),
        row(" \t ", R::Empty, "the image is empty", Some("name an image")),
        // Upper case.
        row("docker/Docker", R::Uppercase, lowercase, Some("write docker/docker")),
        row("Uppercase:Tag", R::Uppercase, lowercase, Some("write uppercase:Tag")),
        row("ghcr.io/Acme/api:v2", R::Uppercase, lowercase, Some("write ghcr.io/acme/api:v2")),
        row("GHCR.io/Acme/api", R::Uppercase, lowercase, Some("write GHCR.io/acme/api")),
        row("My_Org/app:1", R::Uppercase, lowercase, Some("write my_org/app:1")),
        row("a/B:C@D", R::Uppercase, lowercase, Some("write it in lower case")),
        // White space, quotes, schemes.
        row(" nginx", R::OuterSpace, space, Some("write nginx")),
        row("nginx:1.27\n", R::OuterSpace, space, Some("write nginx:1.27")),
        row("nginx\u{a0}", R::OuterSpace, space, Some("write nginx")),
        row("nginx: 1.27", R::InnerSpace, inner, Some("write nginx:1.27")),
        row("nginx 1.27-", R::InnerSpace, inner, Some("remove the white space")),
        row(
            "\"nginx\"",
            R::Quoted,
            "there are quotation marks inside the value",
            Some("write nginx"),
        ),
        row(
            "https://github.com/docker/docker",
            R::Scheme,
            scheme,
            Some("write github.com/docker/docker"),
        ),
        row("http://reg:5000/a b", R::Scheme, scheme, Some("start with the registry's host name")),
        row("HTTPS://reg:5000/App:1", R::Scheme, scheme, Some("write reg:5000/app:1")),
        row("https://hub.docker.com/_/nginx/", R::Scheme, scheme, Some("write nginx")),
        row("https://hub.docker.com/r/acme/api", R::Scheme, scheme, Some("write acme/api")),
        row("docker://ghcr.io/a/b", R::Scheme, scheme, Some("write ghcr.io/a/b")),
        // Templates.
        row("${IMAGE}", R::Template("${IMAGE}".into()), "${IMAGE} was never filled in", filled),
        row("nginx:$TAG", R::Template("$TAG".into()), "$TAG was never filled in", filled),
        row("<image>", R::Template("<image>".into()), "<image> was never filled in", filled),
        row(
            "nginx:{{ .Values.tag }}",
            R::Template("{{ .Values.tag }}".into()),
            "{{ .Values.tag }} was never filled in",
            filled,
        ),
        row("a/$(CI)/b", R::Template("$(CI)".into()), "$(CI) was never filled in", filled),
        row("a/{name", R::Template("{name".into()), "{name was never filled in", filled),
        row("a/b$", R::NameCharacter('$'), "a repository name cannot hold $", None),
        // Slashes.
        row("docker/", R::TrailingSlash, "a name cannot end with a slash", Some("write docker")),
        row("/nginx", R::LeadingSlash, "a name cannot start with a slash", Some("write nginx")),
        row(
            "docker///docker",
            R::DoubleSlash,
            "a name cannot hold two slashes in a row",
            Some("write docker/docker"),
        ),
        row(
            "ghcr.io//app:1",
            R::DoubleSlash,
            "a name cannot hold two slashes in a row",
            Some("write ghcr.io/app:1"),
        ),
        row(
            "ghcr.io/",
            R::RepositoryMissing,
            no_repository,
            Some("add the repository after the registry"),
        ),
        row(
            "ghcr.io/:1",
            R::RepositoryMissing,
            no_repository,
            Some("add the repository after the registry"),
        ),
        row(
            "[2001:db8::1]",
            R::RepositoryMissing,
            no_repository,
            Some("add the repository after the registry"),
        ),
        row(
            "[fc00::1]:5000",
            R::RepositoryMissing,
            no_repository,
            Some("add the repository after the registry"),
        ),
        // Names.
        row("-docker", R::NameEdge, edge, None),
        row("docker-/docker", R::NameEdge, edge, None),
        row("____/____", R::NameEdge, edge, None),
        row("_docker/_docker", R::NameEdge, edge, None),
        row(".", R::NameEdge, edge, None),
        row("a..b", R::NameSeparator, separator, None),
        row("a___b", R::NameSeparator, separator, None),
        row("a-_b", R::NameSeparator, separator, None),
        row("ap+p", R::NameCharacter('+'), "a repository name cannot hold +", None),
        row("ap\u{7}p", R::NameCharacter('\u{7}'), "a repository name cannot hold U+0007", None),
        row(
            "nginx:täg",
            R::NonAscii('ä'),
            "names are plain ASCII, this one holds U+00E4",
            Some("type the name again in plain ASCII"),
        ),
        row(
            "nginx:1.27\u{2013}alpine\u{200b}",
            R::NonAscii('\u{2013}'),
            "names are plain ASCII, this one holds U+2013",
            Some("write nginx:1.27-alpine"),
        ),
        row(
            &h64,
            R::ImageId,
            "64 hex digits alone are an image ID, not a name",
            Some("name the repository, as in app@sha256:<the 64 digits>"),
        ),
        row(
            &format!("domain/{}:tag", "a".repeat(256)),
            R::NameTooLong(263),
            "repository names have at most 255 characters, this one 263",
            Some("shorten it"),
        ),
        // The registry.
        row(
            "my_host:5000/foo",
            fault(DomainFault::Underscore),
            "a registry's host name cannot hold _",
            Some("give the registry a host name without _"),
        ),
        row(
            "me@reg.io/foo",
            fault(DomainFault::Character('@')),
            "a registry's host name cannot hold @",
            None,
        ),
        row("-a.io/foo", fault(DomainFault::Label), host_label, None),
        row("a..io/foo", fault(DomainFault::Label), host_label, None),
        row("reg:/foo", fault(DomainFault::Port), port, Some("write the port in digits")),
        row("reg:-1/foo", fault(DomainFault::Port), port, Some("write the port in digits")),
        row(
            "nginx:1.27/app",
            fault(DomainFault::TagInside),
            late_tag,
            Some("write nginx/app:1.27"),
        ),
        row(
            "fc00::1:5000/debian",
            fault(DomainFault::Ipv6Brackets),
            brackets,
            Some("write it as in [fc00::1]:5000/app"),
        ),
        row(
            "[fe80::1%25en0]:5000/debian",
            fault(DomainFault::Ipv6),
            "the brackets hold no plain IPv6 address",
            Some("write the address alone in brackets, without a zone"),
        ),
        row(
            "[::1/debian",
            fault(DomainFault::Ipv6),
            "the brackets hold no plain IPv6 address",
            Some("write the address alone in brackets, without a zone"),
        ),
        // Tags.
        row(
            "nginx:",
            R::TagMissing,
            "the tag after the colon is missing",
            Some("write a tag after the colon or remove the colon"),
        ),
        row("nginx:-foo", R::TagStart('-'), "a tag cannot start with -", None),
        row("nginx:.foo", R::TagStart('.'), "a tag cannot start with .", None),
        row("nginx:a*", R::TagCharacter('*'), "a tag cannot hold *", None),
        row(
            "app:1.2.3+build.4",
            R::TagPlus,
            "a tag cannot hold +",
            Some("write - or _ in place of +, as in app:1.2.3-build.4"),
        ),
        row("app:+", R::TagPlus, "a tag cannot hold +", Some("write - or _ in place of +")),
        row("a.b/c:d:e", R::SecondTag, "there are two tags after the name", Some("keep one tag")),
        row("a.b/c:d/e", R::SlashAfterTag, late_tag, Some("write a.b/c/e:d")),
        row(
            &format!("nginx:{}", "t".repeat(129)),
            R::TagTooLong(129),
            "tags have at most 128 characters, this one 129",
            Some("shorten it"),
        ),
        // Digests.
        row(
            "nginx@",
            R::DigestMissing,
            "the digest after the @ is missing",
            Some("write a digest after the @ or remove the @"),
        ),
        row(
            &format!("nginx@{h64}"),
            R::DigestWithoutAlgorithm,
            "the digest does not say its algorithm",
            Some(&format!("write nginx@sha256:{h64}")),
        ),
        row(
            "nginx@latest",
            R::Digest(DigestError::AlgorithmMissing),
            "a digest starts with its algorithm, as in sha256:",
            Some("use the sha256 digest"),
        ),
        row(
            &format!("repo@md5:{}", hex(32)),
            R::Digest(DigestError::AlgorithmUnknown),
            "runtimes know no digest algorithm of this name",
            Some("use the sha256 digest"),
        ),
        row(
            &format!("repo@SHA256:{h64}"),
            R::Digest(DigestError::AlgorithmUnknown),
            "runtimes know no digest algorithm of this name",
            Some(&format!("write repo@sha256:{h64}")),
        ),
        row(
            &format!("repo@sha256:{}", hex(63)),
            R::Digest(DigestError::Length { algorithm: Algorithm::Sha256, found: 63 }),
            "a sha256 digest has 64 hex digits, this one 63",
            Some("copy the digest again"),
        ),
        row(
            &format!("repo@sha256:{}", h64.to_uppercase()),
            R::Digest(DigestError::Uppercase),
            "digests are written in lowercase hex",
            Some(&format!("write repo@sha256:{h64}")),
        ),
        row(
            &format!("repo@sha256:{}g", hex(63)),
            R::Digest(DigestError::NotHex),
            "a digest is hex digits only",
            Some("copy the digest again"),
        ),
        row(
            &format!("repo@sha256:{h64}:v1"),
            R::TagAfterDigest,
            "the tag stands after the digest, it belongs before the @",
            Some(&format!("write repo:v1@sha256:{h64}")),
        ),
        row(
            &format!("repo@sha256:{h64}@sha256:{h64}"),
            R::SecondDigest,
            "there are two @, a name has one digest",
            Some("keep one digest"),
        ),
    ]
}

#[test]
fn every_refusal_names_its_rule_in_words_and_says_the_fix() {
    for (raw, rule, words, fix) in refused() {
        let error = Reference::parse(&raw).unwrap_err();
        assert_eq!(*error.rule(), rule, "{raw:?}");
        assert_eq!(error.to_string(), words, "{raw:?}");
        assert_eq!(error.fix(), fix, "{raw:?}");
    }
}

#[test]
fn a_long_template_is_quoted_in_part_and_printable() {
    let error = Reference::parse(&format!("${{A\u{1b}é{}}}", "x".repeat(300))).unwrap_err();
    assert_eq!(error.to_string(), format!("${{A??{}... was never filled in", "x".repeat(35)));
}

#[test]
fn a_suggestion_that_is_too_long_gives_way_to_advice() {
    let error = Reference::parse(&format!("reg.io/A{}", "a".repeat(200))).unwrap_err();
    assert_eq!(error.fix().as_deref(), Some("write it in lower case"));
}

fn valid() -> impl Strategy<Value = String> {
    let domain = r"([a-zA-Z0-9]{1,3}(-[a-z0-9])?\.){1,2}[a-z]{2}(:[0-9]{1,5})?|localhost|\[[0-9a-f]{0,4}:[0-9a-f:]{0,5}\](:[0-9]{1,5})?|[a-z]{1,4}:[0-9]{1,5}|docker\.io|index\.docker\.io";
    let component = r"[a-z0-9]{1,5}((\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}";
    (
        proptest::option::of(domain),
        proptest::collection::vec(component, 1..4),
        proptest::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"),
        proptest::option::of("sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}"),
    )
        .prop_map(|(domain, path, tag, digest)| {
            let mut text = domain.map(|domain| domain + "/").unwrap_or_default();
            text += &path.join("/");
            text += &tag.map(|tag| format!(":{tag}")).unwrap_or_default();
            text += &digest.map(|digest| format!("@{digest}")).unwrap_or_default();
            text
        })
}

/// Strings made of what references are made of, so that many are nearly valid.
fn nearly() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        3 => "[a-zA-Z0-9._:/@-]{1,4}",
        2 => valid(),
        1 => Just("docker.io/".to_owned()),
        1 => Just("${X}".to_owned()),
        1 => Just("https://".to_owned()),
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(pieces, 0..5).prop_map(|pieces| pieces.concat())
}

fn check_whatever(raw: &str) -> Result<(), TestCaseError> {
    match Reference::parse(raw) {
        Ok(reference) => {
            let printed = reference.to_string();
            let again = Reference::parse(&printed);
            prop_assert_eq!(again.as_ref(), Ok(&reference), "{:?} printed as {:?}", raw, &printed);
            prop_assert!(printed.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert!(!reference.registry().is_empty() && !reference.host().is_empty());
            let repository = reference.repository();
            prop_assert!((1..=255).contains(&repository.len()));
            let lower =
                |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-/".contains(&c);
            prop_assert!(repository.bytes().all(lower));
            prop_assert!(reference.tag().is_none_or(|tag| (1..=128).contains(&tag.len())));
            prop_assert!(reference.tag().is_some() || reference.digest().is_some());
        }
        Err(error) => {
            let texts = [error.to_string(), error.fix().unwrap_or_default()];
            for text in &texts {
                prop_assert!(text.len() <= 145, "{}", text);
                prop_assert!(text.bytes().all(|b| b.is_ascii_graphic() || b == b' '), "{}", text);
            }
            if let Some(("", meant)) = texts[1].split_once("write ")
                && error.meant.is_some()
                && *error.rule() != BrokenRule::TagPlus
            {
                prop_assert!(Reference::parse(meant).is_ok(), "{} is suggested", meant);
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_the_grammar_generates_is_accepted_and_survives_printing(raw in valid()) {
        prop_assert!(Reference::parse(&raw).is_ok(), "{}", raw);
        check_whatever(&raw)?;
    }

    #[test]
    fn any_string_is_judged_without_panic_and_within_bounds(raw in any::<String>()) {
        check_whatever(&raw)?;
    }

    #[test]
    fn nearly_valid_strings_keep_the_invariants(raw in nearly()) {
        check_whatever(&raw)?;
    }
}
