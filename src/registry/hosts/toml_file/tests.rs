//! The file of containerd's own test, and what each rule does to small ones.

use std::path::{Path, PathBuf};

use super::super::entry::Place;
use super::*;

fn parse(text: &str) -> Result<Vec<Entry>, String> {
    super::parse(text, Path::new("/certs/reg.test"))
}

/// The only host of a file without a `server`.
fn one(text: &str) -> Entry {
    let mut entries = parse(&format!("[host.\"https://m.test\"]\n{text}")).unwrap();
    assert_eq!(entries.len(), 2, "{text}");
    entries.remove(0)
}

fn place(scheme: &str, host: &str, path: &str) -> Place {
    Place { scheme: scheme.to_owned(), host: host.to_owned(), path: path.to_owned() }
}

fn urls(text: &str) -> Vec<String> {
    let url = |entry: Entry| format!("{}://{}", entry.place.scheme, entry.place.host);
    parse(text).unwrap().into_iter().map(url).collect()
}

const PULL: Capabilities = Capabilities { pull: true, resolve: false };

#[test]
fn hosts_come_in_the_order_of_the_file_and_the_server_last() {
    let text = r#"
server = "https://upstream.test"
[host."https://z.test"]
[host."http://a.test:5000"]
capabilities = ["pull"]
[host."https://m.test/us"]
"#;
    let entries = parse(text).unwrap();
    let places: Vec<_> = entries.iter().map(|entry| entry.place.clone()).collect();
    assert_eq!(
        places,
        [
            place("https", "z.test", "/v2"),
            place("http", "a.test:5000", "/v2"),
            place("https", "m.test", "/us/v2"),
            place("https", "upstream.test", "/v2"),
        ]
    );
    assert_eq!(entries[1].capabilities, PULL);
}

#[test]
fn without_a_server_the_last_host_is_the_registry_itself() {
    for text in ["", "# nothing\n", "server = \"\"\n", "future = 1\n[plugin.x]\ny = 2\n"] {
        assert_eq!(parse(text).unwrap(), [Entry::default()], "{text:?}");
    }
    let settings = parse("skip_verify = true\n[host.\"https://m.test\"]\n").unwrap();
    assert_eq!(settings[0].skip_verify, None);
    assert_eq!((&settings[1].place, settings[1].skip_verify), (&Place::default(), Some(true)));
}

#[test]
fn only_a_tables_header_puts_a_host_into_the_order() {
    for (text, expected) in [
        // Its header's own table counts for the host, once.
        ("[host.\"https://a.test\"]\n[host.\"https://a.test\".header]\nx = \"1\"\n", 1),
        ("[host.\"https://a.test\".header]\nx = \"1\"\n", 1),
        // Opened again after another, it is asked again.
        (
            "[host.\"https://a.test\"]\n[host.\"https://b.test\"]\n\
             [host.\"https://a.test\".header]\nx = \"1\"\n",
            3,
        ),
        ("[host]\n\"https://a.test\" = { skip_verify = true }\n", 0),
        ("host.\"https://a.test\".skip_verify = true\n", 0),
        ("host = { \"https://a.test\" = { capabilities = [\"pull\"] } }\n", 0),
        ("[HOST.\"https://a.test\"]\n", 0),
        ("[host.\"\"]\n", 0),
        ("[host.\"https://a.test\"]\n[host.\"\"]\n", 2),
    ] {
        assert_eq!(parse(text).unwrap().len(), expected + 1, "{text}");
    }
    let twice = "[host.\"https://a.test\"]\n[host.\"https://b.test\"]\n\
                 [host.\"https://a.test\".header]\nx = \"1\"\n";
    let expected = ["https://a.test", "https://b.test", "https://a.test", "://"];
    assert_eq!(urls(twice), expected);
    let late = "[host.\"https://b.test\".header]\nx = \"1\"\n[host.\"https://a.test\"]\n\
                [host.\"https://b.test\"]\n";
    assert_eq!(urls(late), ["https://b.test", "https://a.test", "https://b.test", "://"]);
}

#[test]
fn capabilities_are_taken_in_any_case_and_none_means_all() {
    let none = Capabilities { pull: false, resolve: false };
    for (text, expected) in [
        ("", Capabilities::default()),
        ("capabilities = []", Capabilities::default()),
        ("capabilities = [\"pull\", \"resolve\"]", Capabilities::default()),
        ("capabilities = [\"pull\"]", PULL),
        ("capabilities = [\"PULL\", \"Push\", \"referrers\"]", PULL),
        ("Capabilities = [\"resolve\"]", Capabilities { pull: false, resolve: true }),
        ("capabilities = [\"push\"]", none),
    ] {
        assert_eq!(one(text).capabilities, expected, "{text}");
    }
}

#[test]
fn certificates_are_named_alone_in_lists_and_in_pairs_from_the_files_own_folder() {
    let path = |path: &str| PathBuf::from(path);
    let ca = |text: &str| one(text).ca;
    assert_eq!(ca(""), None);
    assert_eq!(ca("ca = \"ca.pem\""), Some(vec![path("/certs/reg.test/ca.pem")]));
    let two = vec![path("/etc/a.pem"), path("/certs/reg.test/b/c.pem")];
    assert_eq!(ca("ca = [\"/etc/a.pem\", \"b/c.pem\"]"), Some(two));
    assert_eq!(ca("ca = []"), Some(Vec::new()));
    let pair = |certificate: &str, key: Option<&str>| ClientPair {
        certificate: path(certificate),
        key: key.map(path),
    };
    let alone = vec![pair("/certs/reg.test/c.pem", None)];
    assert_eq!(one("client = \"c.pem\"").clients, alone);
    assert_eq!(one("client = [\"c.pem\"]").clients, alone);
    let mixed = "client = [[\"/etc/c.pem\", \"c.key\"], \"d.pem\"]";
    let expected =
        [pair("/etc/c.pem", Some("/certs/reg.test/c.key")), pair("/certs/reg.test/d.pem", None)];
    assert_eq!(one(mixed).clients, expected);
    assert_eq!(one("client = []").clients, []);
}

#[test]
fn headers_are_texts_or_lists_of_texts() {
    let headers =
        one("[host.\"https://m.test\".header]\nx-a = \"1\"\nX-B = [\"2\", \"3\"]").headers;
    let said: Vec<_> =
        headers.map().iter().map(|(n, v)| (n.as_str(), v.to_str().unwrap())).collect();
    assert_eq!(said, [("x-a", "1"), ("x-b", "2"), ("x-b", "3")]);
    assert_eq!(headers.fault(), None);
    let both = "header = { x = \"1\" }\nHeader = { y = \"2\" }";
    assert_eq!(one(both).headers.map().len(), 2);
    assert_eq!(one("header = { x-a = \"1\" }").headers.map()["x-a"], "1");
    // Go leaves out what belongs to the connection, and sends nothing with what no header can be.
    assert!(
        one("header = { Host = \"else.test\", Content-Length = \"1\" }").headers.map().is_empty()
    );
    assert!(one("header = { \"a b\" = \"1\" }").headers.fault().is_some());
    assert!(one("header = { x = \"a\\nb\" }").headers.fault().is_some());
}

#[test]
fn a_headers_value_never_shows() {
    let entry = one("header = { x-key = \"s3cr3t\" }");
    let shown = format!("{entry:?}");
    assert!(shown.contains("x-key") && !shown.contains("s3cr3t"), "{shown}");
    for text in [
        "[header]\nx-key = \"s3cr3t\nx = 1",
        "[header]\nx-key = \"s3cr3t\" \"s3cr3t\"",
        "[header]\nx-key = s3cr3t",
        "[header]\nx-key = { v = \"s3cr3t\" }",
        "[header]\nx-key = [\"s3cr3t\", 1]",
        "server = \"https://user:s3cr3t@[\"",
        "[host.\"https://user:s3cr3t@m.test\"]\ncapabilities = [\"x\"]",
        "[host]\n\"user:s3cr3t@m.test\" = 1",
    ] {
        let why = parse(text).unwrap_err();
        assert!(!why.contains("s3cr3t"), "{text}: {why}");
    }
}

#[test]
fn a_dial_timeout_is_a_time_of_go() {
    let timeout = |text: &str| one(&format!("dial_timeout = \"{text}\"")).dial_timeout;
    assert_eq!(timeout("3s"), Some(Duration::from_secs(3)));
    assert_eq!(timeout("1m0.5s"), Some(Duration::from_millis(60_500)));
    // Go takes zero for no limit, and less for one that is over.
    assert_eq!(
        (timeout(""), timeout("0"), timeout("0s"), timeout("-0s")),
        (None, None, None, None)
    );
    assert_eq!(timeout("-1s"), Some(Duration::ZERO));
}

#[test]
fn an_overridden_path_is_the_root() {
    let text = "[host.\"https://m.test/a/b\"]\noverride_path = true\n";
    assert_eq!(parse(text).unwrap()[0].place, place("https", "m.test", "/a/b"));
}

#[test]
fn whatever_is_wrong_drops_the_whole_file() {
    for (text, why) in [
        ("server = ", "line 1"),
        ("a = 1\n\n[host.\"x\"", "line 3"),
        ("[host.\"https://m.test\"]\n[host.\"https://m.test\"]\n", "line 2"),
        ("server = 5", "server is no text"),
        ("server = \"https://m.test:port\"", "is no address"),
        ("capabilities = \"pull\"", "capabilities is no list"),
        ("capabilities = [\"pull\", 5]", "capabilities holds"),
        ("capabilities = [\"pull\", \"mirror\"]", "capability \"mirror\" is not known"),
        ("[host.\"https://m.test\"]\ncapabilities = [\"mirror\"]", "capability \"mirror\""),
        ("[host.\"https://m.test:x\"]", "is no address"),
        ("host = \"https://m.test\"", "host is no table"),
        ("[host]\n\"https://m.test\" = 1", "is no table"),
        ("[[host.\"https://m.test\"]]", "is no table"),
        ("[host]\n\"https://m.test\" = { skip_verify = 1 }", "skip_verify"),
        ("skip_verify = \"true\"", "skip_verify is neither"),
        ("override_path = 1", "override_path is neither"),
        ("ca = 5", "ca is neither"),
        ("ca = [\"a\", 5]", "ca holds"),
        ("[ca]\nx = 1", "ca is neither"),
        ("client = 5", "client is neither"),
        ("client = [5]", "client holds"),
        ("client = [[\"a\"]]", "no pair"),
        ("client = [[\"a\", \"b\", \"c\"]]", "no pair"),
        ("client = [[\"a\", 5]]", "client holds"),
        ("header = 5", "header is no table"),
        ("header = { x = 5 }", "a header is neither"),
        ("header = { x = [5] }", "a header holds"),
        ("dial_timeout = 3", "dial_timeout is no text"),
        ("dial_timeout = \"3\"", "dial_timeout \"3\" is no time"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains(why), "{text:?}: {error}");
    }
}
