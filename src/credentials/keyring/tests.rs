//! The kubelet's own table of keys and images, and the rules of order and fallback.

use super::{Keyring, is_docker_hub, normalise};
use crate::credentials::{Credential, DockerConfig, Entry};

/// A configuration whose user names are given per key.
fn config(entries: &[(&str, &str)]) -> DockerConfig {
    let entry = |&(key, user): &(&str, &str)| Entry::new(key, Credential::new(user, "password"));
    DockerConfig { entries: entries.iter().map(entry).collect() }
}

/// `source:user` of every match, in order.
fn lookup(configs: &[DockerConfig], image: &str) -> Vec<String> {
    let keyring = Keyring::build(configs.iter().enumerate());
    let matches = keyring.lookup(image);
    let user = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    matches.iter().map(|m| format!("{}:{}", m.source, user(m.credential.username()))).collect()
}

fn matches(key: &str, image: &str) -> bool {
    !lookup(&[config(&[(key, "u")])], image).is_empty()
}

#[test]
fn keys_match_images_as_upstreams_table_says() {
    for (key, image, matched) in [
        ("*.kubernetes.io", "prefix.kubernetes.io", true),
        ("prefix.kubernetes.*", "prefix.kubernetes.io", true),
        ("*-good.kubernetes.io", "prefix-good.kubernetes.io", true),
        ("prefix.*.io/foo", "prefix.kubernetes.io/foo/bar", true),
        ("*.kubernetes.io:1111/blah", "prefix.kubernetes.io:1111/blah", true),
        ("*.kubernetes.io", "kubernetes.io", false),
        ("*.*.kubernetes.io", "prefix.kubernetes.io", false),
        ("kubernetes.io", "kubernetes.com", false),
        ("k*.io", "quay.io", false),
        ("prefix.*.io/foo", "prefix.kubernetes.io:1111/foo/bar", false),
        ("https://hello.kubernetes.io", "hello.kubernetes.io/foo/bar", true),
        ("https://*.docker.io/path", "prefix.docker.io/path/foo/bar", true),
        ("https://prefix.*.io/path", "prefix.docker.io/path/subpath/foo/bar", true),
        ("https://*.docker.io/path:1111", "prefix.docker.io/path:1111/foo/bar", true),
        ("https://*.docker.io/v1/", "prefix.docker.io/path:1111/foo/bar", true),
        ("prefix.docker.io:1111", "prefix.docker.io:1111/path/foo/bar", true),
        ("https://hello.kubernetes.io", "world.mesos.org/foo/bar", false),
        ("https://suffix.*.io", "prefix.docker.io/foo/bar", false),
        ("https://prefix.docker.c*", "prefix.docker.io/foo/bar", false),
        ("https://index.docker.io/v1/", "google/docker-registry", true),
        ("https://index.docker.io/v1/", "jenkins", true),
        ("https://index.docker.io/v1/", "world.mesos.org/foo/bar", false),
    ] {
        assert_eq!(matches(key, image), matched, "{key} on {image}");
    }
}

#[test]
fn what_clusters_were_seen_to_do_holds() {
    for (key, image, matched) in [
        // A path is a plain prefix of characters, not of segments.
        ("host.io/priv", "host.io/private/app", true),
        ("host.io/app:v1", "host.io/app", false),
        ("host.io/*/app", "host.io/x/app", false),
        ("*", "a.test/app", false),
        ("*", "localhost/app", true),
        ("*.test", "a.b.test/app", false),
        ("Host.io", "host.io/app", false),
        ("host.io", "host.io:443/app", false),
        ("host.io:443", "host.io/app", false),
        ("host.io:", "host.io/app", true),
        ("host.io:*", "host.io:443/app", false),
        ("me:secret@host.io", "host.io/app", true),
        ("http://host.io", "host.io/app", true),
        ("HTTP://host.io", "host.io/app", false),
        ("ftp://host.io", "host.io/app", false),
        ("https://host.io/v1/", "host.io/app", true),
        ("https://host.io/v2/", "host.io/app", true),
        ("https://host.io/v1/app", "host.io/app", true),
        // Without the slash at the end the version stays, as a prefix of repositories.
        ("https://host.io/v2", "host.io/app", false),
        ("https://host.io/v2", "host.io/v2ray/app", true),
        ("host.io/", "host.io/app", true),
        // `?` starts a query before it could be a glob.
        ("hos?.io", "host.io/app", false),
        ("host.io?x=y", "host.io/app", true),
        ("host.io#x", "host.io/app", true),
        ("host.io/%61pp", "host.io/app", true),
        ("host.io/a%25", "host.io/a", false),
        // Brackets are for IPv6 since Go 1.26, in a glob too.
        ("hos[a-z].io", "host.io/app", false),
        ("[::1]:5000", "[::1]:5000/app", true),
        // Without a port the brackets stay, and are read as a glob of one character.
        ("[::1]", "[::1]/app", false),
        // Image names that are no URL match nothing.
        ("*", "[ABC]/app", false),
    ] {
        assert_eq!(matches(key, image), matched, "{key} on {image}");
    }
}

#[test]
fn more_specific_paths_come_before_their_host() {
    let configs =
        [config(&[("bar.example.com", "ada"), ("https://bar.example.com/pong", "grace")])];
    for (image, users) in [
        ("bar.example.com/pong", vec!["0:grace", "0:ada"]),
        ("bar.example.com/pongz", vec!["0:grace", "0:ada"]),
        ("bar.example.com/pong/pang", vec!["0:grace", "0:ada"]),
        ("bar.example.com/ping", vec!["0:ada"]),
        ("foo.example.com/x", vec![]),
        ("example.com/x", vec![]),
    ] {
        assert_eq!(lookup(&configs, image), users, "{image}");
    }
}

#[test]
fn a_specific_key_in_a_later_secret_precedes_a_host_key_in_an_earlier_one() {
    let configs = [config(&[("r.io", "host")]), config(&[("r.io/team", "path")])];
    assert_eq!(lookup(&configs, "r.io/team/app"), ["1:path", "0:host"]);
}

#[test]
fn the_same_key_is_tried_in_the_order_of_the_secrets_and_duplicates_stay() {
    let configs = [
        config(&[("r.io", "a"), ("https://r.io/v1/", "b")]),
        config(&[("https://r.io", "a")]),
        config(&[("r.io/", "c")]),
    ];
    assert_eq!(lookup(&configs, "r.io/app"), ["0:a", "0:b", "1:a", "2:c"]);
}

#[test]
fn keys_are_tried_in_descending_byte_order_so_globs_come_after_hosts() {
    let all = config(&[
        ("*.r.io/team/app", "glob-long"),
        ("a.r.io", "host"),
        ("a.*.io", "glob-inside"),
        ("a.r.io/te", "path"),
        ("a.r.io/team", "longer"),
    ]);
    assert_eq!(
        lookup(&[all], "a.r.io/team/app"),
        ["0:longer", "0:path", "0:host", "0:glob-inside", "0:glob-long"]
    );
}

#[test]
fn docker_hubs_key_serves_only_when_no_other_key_matched() {
    let hub = ("https://index.docker.io/v1/", "hub");
    let direct = ("docker.io", "direct");
    let image = "docker.io/library/nginx";
    assert_eq!(lookup(&[config(&[hub])], image), ["0:hub"]);
    assert_eq!(lookup(&[config(&[hub]), config(&[direct])], image), ["1:direct"]);
    assert_eq!(lookup(&[config(&[hub]), config(&[hub])], image), ["0:hub", "1:hub"]);
    for key in ["docker.io", "https://docker.io/v1/"] {
        assert!(matches(key, image), "{key}");
    }
    for key in [
        "registry-1.docker.io",
        "hub.docker.com",
        "https://auth.docker.io",
        "https://index.docker.io/v1",
        "index.docker.io/library",
        "index.docker.io:443",
    ] {
        assert!(!matches(key, image), "{key}");
    }
}

#[test]
fn an_entry_that_is_empty_matches_like_any_other() {
    let entry = Entry::new("https://index.docker.io/v1/", Credential::new("", ""));
    let empty = DockerConfig { entries: [entry].into() };
    let keyring = Keyring::build([(7, &empty)]);
    let found = keyring.lookup("docker.io/library/nginx");
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].source, found[0].key), (7, "index.docker.io"));
    assert!(found[0].credential.is_anonymous());
}

#[test]
fn which_names_may_be_docker_hubs_is_upstreams_table() {
    for (name, expected) in [
        ("foo", true),
        ("foo/bar", true),
        ("docker.io/foo/bar", true),
        ("index.docker.io/foo/bar", true),
        ("localhost/foo", true),
        ("", false),
        ("/foo", false),
        ("registry.tld/foo/bar", false),
        ("registry:5000/foo/bar", false),
        ("myhostdocker.io/foo/bar", false),
    ] {
        assert_eq!(is_docker_hub(name), expected, "{name}");
    }
}

#[test]
fn keys_are_normalised_and_unusable_ones_skipped() {
    for (key, normalised) in [
        ("https://index.docker.io/v1/", Some("index.docker.io")),
        ("https://index.docker.io/v1", Some("index.docker.io/v1")),
        ("r.io/v2/", Some("r.io")),
        ("r.io/v2/team", Some("r.io/team")),
        ("r.io/v3/", Some("r.io/v3/")),
        ("r.io/", Some("r.io")),
        ("me:pw@r.io", Some("r.io")),
        ("", Some("")),
        ("r io", None),
        ("r.io/%zz", None),
        ("r.io:x", None),
        ("r.io\n", None),
    ] {
        assert_eq!(normalise(key).as_deref(), normalised, "{key:?}");
    }
    let unusable = config(&[("r io", "u")]);
    assert!(Keyring::build([(0, &unusable)]).is_empty());
}

#[test]
fn hosts_are_told_once_without_paths_or_logins() {
    let all = config(&[
        ("a.io/x", "1"),
        ("a.io:1", "2"),
        ("me:pw@a.io", "3"),
        ("*.b.io", "4"),
        ("c.io/%25", "5"),
    ]);
    assert_eq!(Keyring::build([(0, &all)]).hosts(), ["a.io:1", "a.io", "*.b.io"]);
}

#[test]
fn a_host_longer_than_any_that_resolves_is_not_even_tried() {
    assert!(matches("*:1", &format!("{}:1/app", "a".repeat(510))));
    assert!(!matches("*:1", &format!("{}:1/app", "a".repeat(511))));
    // Otherwise a glob and a host of megabytes would take the time of their product.
    let glob = format!("*{}b:5000", "a".repeat(400_000));
    assert!(!matches(&glob, &format!("{}:5000/app", "a".repeat(800_000))));
}
