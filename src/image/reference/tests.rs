//! What is accepted: the rows of upstream's tables and what the accessors say of them.

mod properties;
mod refusals;

use std::collections::HashSet;

use super::{BrokenRule, Reference};
use crate::image::{Algorithm, Digest};

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
        (&"a".repeat(247), "docker.io", &format!("library/{}", "a".repeat(247)), "latest"),
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

#[test]
fn what_a_digest_names_in_the_same_repository_is_what_would_be_written_so() {
    let digest = Digest::of(Algorithm::Sha256, b"x");
    for written in ["nginx:1.27", "reg.corp:5000/a/b:1", "reg.corp:5000/a/b"] {
        let found = Reference::parse(written).unwrap().by_digest(digest.clone());
        let name = written.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
        let name = name.map_or(written, |(name, _)| name);
        assert_eq!(found, Reference::parse(&format!("{name}@{digest}")).unwrap());
        assert_eq!((found.tag(), found.pull_by()), (None, digest.as_str()));
    }
}
