use std::time::Duration;

use super::*;

#[test]
fn times_need_a_unit_and_a_sensible_length() {
    for (text, milliseconds) in
        [("5s", 5000), ("500ms", 500), ("1m30s", 90_000), ("1.5s", 1500), ("10m", 600_000)]
    {
        assert_eq!(timeout(text), Ok(Duration::from_millis(milliseconds)), "{text}");
    }
    assert_eq!(
        timeout("5").unwrap_err(),
        "\"5\" has no unit; write a time with its unit, such as 5s or 500ms"
    );
    for text in ["", "soon", "-5s", "5 parsecs"] {
        assert!(timeout(text).unwrap_err().contains("is not a time"), "{text}");
    }
    for text in ["0s", "99ms", "601s", "1h"] {
        assert!(timeout(text).unwrap_err().contains("write 100ms to 10m"), "{text}");
    }
}

#[test]
fn an_address_is_a_range_of_one() {
    for (text, expected) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3/32"),
        ("fd00::1", "fd00::1/128"),
        ("fd00::/8", "fd00::/8"),
    ] {
        assert_eq!(address_range(text).unwrap().to_string(), expected);
    }
    assert_eq!(
        address_range("10.1.2.3/8").unwrap_err(),
        "\"10.1.2.3/8\" has bits beyond its prefix; write 10.0.0.0/8 or the one address 10.1.2.3"
    );
    for text in ["", "10.0.0.0/33", "example.com", "10.0.0"] {
        assert!(address_range(text).unwrap_err().contains("such as 10.0.0.0/8"), "{text}");
    }
}

#[test]
fn hosts_are_hosts_and_nothing_more() {
    for text in ["reg", "reg.corp:5000", "10.0.0.1:5000", "[fd00::1]:5000", "[::1]", "docker.io"] {
        assert_eq!(host(text).as_deref(), Ok(text));
    }
    for (text, said) in [
        ("https://reg.corp:5000/v2/", "write reg.corp:5000"),
        ("reg.corp/team", "write reg.corp"),
        ("*.corp", "wildcards"),
        ("reg.corp:0", "no host"),
        ("reg.corp:99999", "no host"),
        ("reg.corp:", "no host"),
        ("[::1", "no host"),
        ("[nonsense]:5", "no host"),
        ("", "no host"),
        ("a b", "no host"),
    ] {
        let found = host(text).unwrap_err();
        assert!(found.contains(said), "{text}: {found}");
    }
    for text in ["*.dkr.ecr.*.amazonaws.com", "*", "reg-?.corp:*", "gcr.io"] {
        assert!(host_glob(text).is_ok(), "{text}");
    }
}

#[test]
fn what_may_hold_a_password_is_not_quoted() {
    let url = "https://robot:hunter2@reg.corp/team";
    let login = "robot:hunter2@reg.corp";
    for text in [url, login] {
        for found in [
            host(text).unwrap_err(),
            host_glob(text).unwrap_err(),
            registry_glob(text).unwrap_err(),
        ] {
            assert!(!found.contains("hunter2"), "{found}");
        }
    }
    assert!(!image_glob(url).unwrap_err().contains("hunter2"));
}

#[test]
fn registries_may_end_in_a_path_and_never_in_a_tag() {
    for text in
        ["ghcr.io", "ghcr.io/", "ghcr.io/acme", "*.corp:5000/team-*/app", "docker.io/library"]
    {
        assert!(registry_glob(text).is_ok(), "{text}");
    }
    for (text, said) in [
        ("https://ghcr.io/acme", "write \"ghcr.io/acme\""),
        ("ghcr.io/acme/api:v1", "names a tag"),
        ("ghcr.io/acme//api", "no registry"),
        ("ghcr.io/ac me", "no registry"),
        ("/acme", "no host"),
        ("", "no host"),
    ] {
        let found = registry_glob(text).unwrap_err();
        assert!(found.contains(said), "{text}: {found}");
    }
}

#[test]
fn an_image_pattern_that_names_a_host_only_is_refused() {
    for text in ["nginx", "nginx:1.27", "*", "ghcr.io/*", "localhost:5000/app", "app@sha256:*"] {
        assert!(image_glob(text).is_ok(), "{text}");
    }
    for (text, said) in [
        ("ghcr.io", "write ghcr.io/*"),
        ("reg.corp:5000", "write reg.corp:5000/*"),
        ("localhost:5000", "write localhost:5000/*"),
        ("https://ghcr.io/a", "is a URL"),
        ("a b", "holds spaces"),
        ("", "is empty"),
    ] {
        let found = image_glob(text).unwrap_err();
        assert!(found.contains(said), "{text}: {found}");
    }
}

#[test]
fn the_remaining_values_say_what_they_want() {
    assert_eq!(listen(":8443"), Ok("[::]:8443".parse().unwrap()));
    assert_eq!(listen("127.0.0.1:0"), Ok("127.0.0.1:0".parse().unwrap()));
    assert!(listen("8443").unwrap_err().contains("no address and port"));
    assert_eq!(jobs("64").unwrap().get(), 64);
    for text in ["0", "-1", "1025", "many", "1.5"] {
        assert!(jobs(text).unwrap_err().contains("1 to 1024"), "{text}");
    }
    assert_eq!(share("0.25"), Ok(0.25));
    for text in ["1.1", "-0.1", "NaN", "50%"] {
        assert!(share(text).unwrap_err().contains("0 to 1"), "{text}");
    }
    assert_eq!((size("2Gi"), size("1000")), (Ok(2 << 30), Ok(1_000)));
    for text in ["", "0", "-1", "2GiB", "100m", "big"] {
        assert!(size(text).unwrap_err().contains("500Mi or 2Gi"), "{text}");
    }
    assert_eq!(namespace("shop-2").as_deref(), Ok("shop-2"));
    for text in ["", "Shop", "-shop", "shop-", "a.b", &"a".repeat(64)] {
        assert!(namespace(text).unwrap_err().contains("can be no namespace"), "{text}");
        assert_eq!(namespace_glob(text).is_err(), text != "-shop" && text != "shop-", "{text}");
    }
    assert!(user_glob("Jane Doe").is_ok() && user_glob(" ").is_err() && user_glob("a\n").is_err());
    assert!(path("").unwrap_err().contains("is empty"));
}

#[test]
fn a_wrong_word_is_told_its_neighbour_or_every_choice() {
    let mode = word(&[("enforce", 1), ("warn", 2), ("off", 3)]);
    assert_eq!(mode("warn"), Ok(2));
    for text in ["enfroce", "Enforce", "ENFORCE", "en-force"] {
        assert!(mode(text).unwrap_err().ends_with("did you mean enforce?"), "{text}");
    }
    assert_eq!(mode("strict").unwrap_err(), "\"strict\" is not known; write enforce, warn or off");
    assert!(code("tag-notfound").unwrap_err().ends_with("did you mean tag-not-found?"));
    assert!(code("zzz").unwrap_err().contains("docs/causes.md"));
}

#[test]
fn what_is_quoted_is_bounded_and_escaped() {
    let found = listen(&"\n\u{1b}[31m".repeat(5000)).unwrap_err();
    assert!(found.len() < 1500 && !found.contains(['\n', '\u{1b}']), "{found}");
}

#[test]
fn a_runtime_is_a_name_and_a_version() {
    for (text, expected) in [
        ("containerd/2.1", "containerd 2.1"),
        ("containerd://1.7.27", "containerd 1.7"),
        ("cri-o/1.34", "cri-o 1.34"),
    ] {
        assert_eq!(runtime(text).unwrap().to_string(), expected, "{text}");
    }
    for (text, expected) in [
        ("containerd", "\"containerd\": a runtime is written NAME/VERSION, as in containerd/2.1"),
        ("docker/27.1", "\"docker/27.1\": the runtime is containerd or cri-o, as in cri-o/1.34"),
        ("cri-o/v", "\"cri-o/v\": the version is its first two numbers, as in containerd/2.1"),
    ] {
        assert_eq!(runtime(text).unwrap_err(), expected);
    }
}
