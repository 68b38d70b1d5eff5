//! Every named rule with its words and its fix.

use super::hex;
use crate::image::{Algorithm, BrokenRule, DigestError, DomainFault, Reference};

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
        row(
            &"a".repeat(248),
            R::NameTooLong(256),
            "repository names have at most 255 characters, this one 256",
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
        row("reg:1:2x/foo", fault(DomainFault::Port), port, Some("write the port in digits")),
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
