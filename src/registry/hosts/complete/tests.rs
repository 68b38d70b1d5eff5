//! What containerd fills in (`TestDefaultHosts`, `TestHTTPFallback` among it).

use std::path::PathBuf;

use super::*;

/// How the last host is spoken to, and whether its certificate goes unchecked.
fn last(registry: &str, entry: Entry) -> (String, Spoken, bool) {
    let asked = complete(registry, vec![entry]).remove(0);
    let place = asked.place.unwrap();
    let url = format!("{}{}", place.authority, place.root);
    (url, place.spoken, asked.tls.skip_verify)
}

fn at(scheme: &str, host: &str, path: &str) -> Entry {
    let (scheme, host, path) = (scheme.to_owned(), host.to_owned(), path.to_owned());
    Entry { place: Place { scheme, host, path }, ..Entry::default() }
}

#[test]
fn a_registry_without_a_server_is_asked_itself() {
    for (registry, host, spoken, unchecked) in [
        ("docker.io", "registry-1.docker.io", Spoken::Https, false),
        ("registry-1.docker.io", "registry-1.docker.io", Spoken::Https, false),
        ("reg.test", "reg.test", Spoken::Https, false),
        ("reg.test:80", "reg.test:80", Spoken::Https, false),
        ("10.0.0.1:5000", "10.0.0.1:5000", Spoken::Https, false),
        ("localhost", "localhost", Spoken::Https, true),
        ("localhost:443", "localhost:443", Spoken::Https, true),
        ("localhost:80", "localhost:80", Spoken::Http, false),
        ("localhost:5000", "localhost:5000", Spoken::Either, true),
        ("127.0.0.1:5000", "127.0.0.1:5000", Spoken::Either, true),
        ("[::1]:5000", "[::1]:5000", Spoken::Either, true),
    ] {
        let expected = (format!("{host}/v2"), spoken, unchecked);
        assert_eq!(last(registry, Entry::default()), expected, "{registry}");
    }
}

#[test]
fn the_registry_itself_can_do_everything_and_keeps_what_is_said_of_it() {
    let written = Entry {
        capabilities: Capabilities { pull: false, resolve: false },
        ca: Some(vec![PathBuf::from("/ca.pem")]),
        skip_verify: Some(true),
        dial_timeout: Some(Duration::from_secs(3)),
        ..Entry::default()
    };
    let asked = complete("reg.test", vec![written]).remove(0);
    assert_eq!(asked.capabilities, Capabilities::default());
    assert_eq!(asked.tls.ca, [PathBuf::from("/ca.pem")]);
    assert!(asked.tls.skip_verify);
    assert_eq!(asked.dial_timeout, Some(Duration::from_secs(3)));
}

#[test]
fn a_configured_host_is_spoken_to_as_it_is_written_whatever_its_name() {
    for (entry, expected) in [
        (at("https", "127.0.0.1:5000", "/v2"), Spoken::Https),
        (at("http", "127.0.0.1:5000", "/v2"), Spoken::Http),
        (at("http", "m.test", "/v2"), Spoken::Http),
    ] {
        let (url, spoken, unchecked) = last("reg.test", entry.clone());
        assert_eq!((spoken, unchecked), (expected, false), "{url}");
    }
}

#[test]
fn an_http_host_with_tls_settings_is_tried_by_tls_first_but_on_port_80() {
    let set: [fn(&mut Entry); 4] = [
        |entry| entry.ca = Some(Vec::new()),
        |entry| entry.skip_verify = Some(false),
        |entry| entry.skip_verify = Some(true),
        |entry| {
            entry.clients = vec![ClientPair { certificate: PathBuf::from("/c.pem"), key: None }];
        },
    ];
    for (host, expected) in
        [("m.test", Spoken::Either), ("m.test:5000", Spoken::Either), ("m.test:80", Spoken::Http)]
    {
        for set in set {
            let mut entry = at("http", host, "/v2");
            set(&mut entry);
            assert_eq!(last("reg.test", entry.clone()).1, expected, "{entry:?}");
            let mut entry = at("https", host, "/v2");
            set(&mut entry);
            assert_eq!(last("reg.test", entry.clone()).1, Spoken::Https, "{entry:?}");
        }
    }
}

#[test]
fn what_cannot_be_asked_says_why_and_leaves_the_others_in_peace() {
    let mut unsendable = at("https", "m.test", "/v2");
    unsendable.headers.add("x", "a\nb");
    for (entry, why) in [
        (at("ftp", "m.test", "/v2"), "\"ftp\" is no scheme"),
        (at("", "m.test", "/v2"), "\"\" is no scheme"),
        (at("https", "", "/v2"), "\"\" is no host"),
        (at("https", "m.test:99999", "/v2"), "\"m.test:99999\" is no host"),
        (at("https", "m test", "/v2"), "is no host"),
        (at("https", "m.test", "/a?b"), "its path"),
        (unsendable, "a value that cannot be sent"),
    ] {
        let hosts = complete("reg.test", vec![entry, Entry::default()]);
        let said = hosts[0].place.clone().unwrap_err();
        assert!(said.contains(why), "{said}");
        assert!(hosts[1].place.is_ok());
    }
}

#[test]
fn a_path_goes_over_the_wire_escaped() {
    assert_eq!(
        last("reg.test", at("https", "m.test", "/a b/\u{e9}/v2")).0,
        "m.test/a%20b/%C3%A9/v2"
    );
    assert_eq!(last("reg.test", at("https", "m.test", "")).0, "m.test");
}
