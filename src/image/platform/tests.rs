use super::{Choice, Platform, PlatformError, matches, rank};

use Choice::{Compatible, Exact, StepsDown};

fn platform(text: &str) -> Platform {
    text.parse().unwrap()
}

/// The entries that the node takes, in order, by what they are written as.
fn taken<'a>(choice: Choice, node: &str, entries: &[&'a str]) -> Vec<&'a str> {
    let parsed = |text: &&str| (*text != "-").then(|| platform(text));
    let list: Vec<Option<Platform>> = entries.iter().map(parsed).collect();
    rank(choice, &platform(node), &list).into_iter().map(|index| entries[index]).collect()
}

#[test]
fn platforms_are_parsed_into_one_name_each_and_written_as_containerd_does() {
    for (text, os, architecture, variant, shown) in [
        ("linux/amd64", "linux", "amd64", "", "linux/amd64"),
        ("Linux/x86_64", "linux", "amd64", "", "linux/amd64"),
        ("linux/x86-64/v1", "linux", "amd64", "", "linux/amd64"),
        ("linux/amd64/V3", "linux", "amd64", "v3", "linux/amd64/v3"),
        ("linux/i386", "linux", "386", "", "linux/386"),
        ("linux/aarch64", "linux", "arm64", "", "linux/arm64"),
        ("linux/arm64/8", "linux", "arm64", "v8", "linux/arm64/v8"),
        ("linux/arm64/9.0", "linux", "arm64", "v9", "linux/arm64/v9"),
        ("linux/arm", "linux", "arm", "", "linux/arm"),
        ("linux/arm/7", "linux", "arm", "v7", "linux/arm/v7"),
        ("linux/armhf", "linux", "arm", "", "linux/arm"),
        ("linux/armel", "linux", "arm", "v6", "linux/arm/v6"),
        ("macOS/arm64", "darwin", "arm64", "", "darwin/arm64"),
        ("unknown/unknown", "unknown", "unknown", "", "unknown/unknown"),
    ] {
        let found = platform(text);
        assert_eq!(found, Platform::new(os, architecture, variant), "{text}");
        assert_eq!(found.to_string(), shown, "{text}");
    }
}

#[test]
fn a_version_and_features_stand_in_parentheses() {
    let found = platform("windows(10.0.20348.1+win32k+a%2Bb)/amd64");
    assert_eq!(found.os_version, "10.0.20348.1");
    assert_eq!(found.os_features, ["win32k", "a+b"]);
    assert_eq!(found.to_string(), "windows(10.0.20348.1+a%2Bb+win32k)/amd64");
    assert_eq!(platform("linux(+erofs)/arm64").to_string(), "linux(+erofs)/arm64");
    assert_eq!(platform("linux()/arm64").to_string(), "linux/arm64");
    assert_eq!(Platform::new("", "amd64", "").to_string(), "unknown");
}

#[test]
fn what_is_not_a_platform_says_which_part_is_wrong() {
    for (text, error) in [
        ("linux", PlatformError::ArchitectureMissing),
        ("amd64", PlatformError::ArchitectureMissing),
        ("", PlatformError::Os),
        ("/amd64", PlatformError::Os),
        ("linux(1/amd64", PlatformError::Os),
        ("linux(1+)/amd64", PlatformError::Os),
        ("*/amd64", PlatformError::Os),
        ("linux(%zz)/amd64", PlatformError::Escape),
        ("linux(%ff)/amd64", PlatformError::Escape),
        ("linux/", PlatformError::Word),
        ("linux/*", PlatformError::Word),
        ("linux/arm/", PlatformError::Word),
        ("linux/arm/v7/x", PlatformError::TooManyParts),
    ] {
        assert_eq!(text.parse::<Platform>(), Err(error), "{text}");
    }
}

#[test]
fn the_client_takes_the_own_processor_first_and_then_what_it_runs_besides() {
    for (node, entries, order) in [
        ("linux/amd64", "386 amd64/v1", "amd64/v1 386"),
        // The node's own variant is never known.
        ("linux/amd64", "amd64/v2 amd64/v3", ""),
        ("linux/amd64/v3", "386 amd64 amd64/v2 amd64/v4 amd64/v3", "amd64/v3 amd64/v2 amd64 386"),
        (
            "linux/arm64",
            "arm/v5 arm arm/v6 arm/v8 arm64/v8 arm64/v9",
            "arm64/v8 arm/v8 arm arm/v6 arm/v5",
        ),
        ("linux/arm64/v8", "arm64/v8.0 arm64/v8.1", "arm64/v8.0"),
        (
            "linux/arm64/v9.1",
            "arm arm64 arm64/v8.7 arm64/v8.6 arm64/v9.2 arm64/v9 arm64/v9.1",
            "arm64/v9.1 arm64/v9 arm64/v8.6 arm64 arm",
        ),
        // A variant that containerd does not know runs nothing at all.
        ("linux/arm64/v10", "arm64/v10 arm64 arm", ""),
        ("linux/arm", "arm/v8 arm/v5 arm/v6 arm/v7", "arm/v7 arm/v6 arm/v5"),
        ("linux/arm/v6", "arm arm/v5 arm/v6", "arm/v6 arm/v5"),
        ("linux/ppc64le", "ppc64 ppc64le/power9 ppc64le", "ppc64le"),
    ] {
        let entries: Vec<String> =
            entries.split(' ').map(|entry| format!("linux/{entry}")).collect();
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        let found: Vec<&str> = taken(Compatible, node, &entries)
            .iter()
            .map(|entry| &entry["linux/".len()..])
            .collect();
        assert_eq!(found.join(" "), order, "{node} of {entries:?}");
    }
}

#[test]
fn the_transfer_service_takes_the_own_platform_only_and_every_entry_of_it() {
    let entries = ["linux/386", "linux/amd64", "linux/amd64/v2", "linux/x86_64/v1"];
    assert_eq!(taken(Exact, "linux/amd64", &entries), ["linux/amd64", "linux/x86_64/v1"]);
    assert_eq!(taken(Exact, "linux/arm64/v8", &["linux/arm/v8", "linux/arm64"]), ["linux/arm64"]);
    assert!(taken(Exact, "linux/amd64", &["linux/386"]).is_empty());
}

#[test]
fn containers_image_steps_down_within_the_own_processor_to_the_nameless() {
    for (node, entries, order) in [
        ("linux/arm/v7", "arm64 arm arm/v5 arm/v6 arm/v7 arm/v8", "arm/v7 arm/v6 arm/v5 arm"),
        ("linux/arm/v8", "arm/v6 arm/v7", "arm/v7 arm/v6"),
        ("linux/arm/v6", "arm/v7 arm", "arm"),
        ("linux/arm/v6", "arm/v7", ""),
        ("linux/arm64", "arm/v8 arm/v7 arm arm64/v9", ""),
        ("linux/arm64", "arm arm64/v8", "arm64/v8"),
        ("linux/arm64/v8", "arm64", "arm64"),
        ("linux/amd64", "386 amd64/v2", ""),
        ("linux/amd64", "386 amd64", "amd64"),
    ] {
        let entries: Vec<String> =
            entries.split(' ').map(|entry| format!("linux/{entry}")).collect();
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        let order: Vec<String> =
            order.split_whitespace().map(|entry| format!("linux/{entry}")).collect();
        assert_eq!(taken(StepsDown, node, &entries), order, "{node} of {entries:?}");
    }
}

#[test]
fn an_entry_without_a_platform_is_taken_last_and_an_attestation_never() {
    let entries = ["-", "unknown/unknown", "linux/386", "-", "linux/amd64"];
    assert_eq!(taken(Compatible, "linux/amd64", &entries), ["linux/amd64", "linux/386", "-", "-"]);
    assert_eq!(taken(Exact, "linux/amd64", &entries), ["linux/amd64", "-", "-"]);
    let list = [None, Some(platform("linux/arm64")), None];
    assert_eq!(rank(Exact, &platform("linux/amd64"), &list), [0, 2]);
}

#[test]
fn another_system_is_not_taken_and_none_is_the_nodes_own() {
    let none = Platform::new("", "amd64", "");
    for choice in [Compatible, Exact] {
        assert!(!matches(choice, &platform("linux/amd64"), &platform("windows/amd64")));
        assert!(!matches(choice, &platform("windows/amd64"), &platform("linux/amd64")));
        assert!(matches(choice, &platform("linux/amd64"), &none));
        assert!(matches(choice, &platform("windows/amd64"), &none));
        assert!(matches(choice, &none, &platform("linux/amd64")));
    }
}

#[test]
fn windows_versions_must_fit_the_hosts() {
    for (host, container, runs) in [
        // Before Server 2022 the builds must be the same, whatever the revision.
        ("10.0.17763.1", "10.0.17763.6054", true),
        ("10.0.17763.1", "10.0.17762.1", false),
        ("10.0.17763.1", "10.0.20348.1", false),
        ("10.0.20348.1", "10.0.20348.2", true),
        ("10.0.20348.1", "10.0.17763.1", false),
        ("10.0.26100.1", "10.0.20348.1", true),
        ("10.0.26100.1", "10.0.26100.9", true),
        ("10.0.26100.1", "10.0.26101.1", false),
        ("10.0.26100.1", "10.1.26100.1", false),
        ("10.0.26100.1", "11.0.26100.1", false),
        // What is not known rules nothing out; what is no version is 0.0.0.
        ("10.0.20348.1", "", true),
        ("", "10.0.17763.1", true),
        ("10.0", "10.0.17763.1", true),
        ("10.0.20348.1", "ltsc2022", false),
        ("10.0.20348.1", "10.0.+20348", false),
    ] {
        let of = |version: &str| Platform {
            os_version: version.into(),
            ..Platform::new("windows", "amd64", "")
        };
        for choice in [Compatible, Exact] {
            let found = matches(choice, &of(host), &of(container));
            assert_eq!(found, runs, "{container} on {host}");
        }
    }
    // Elsewhere the version means nothing.
    assert!(matches(Exact, &platform("linux(5.10.0)/amd64"), &platform("linux(6.1.0)/amd64")));
}

#[test]
fn on_windows_the_client_takes_the_greatest_version_first_and_no_other_processor() {
    let entries = [
        "windows(10.0.20348.1)/amd64",
        "windows/386",
        "windows/amd64",
        "windows(10.0.26100.1)/amd64",
    ];
    let node = "windows(10.0.26100.3)/amd64";
    assert_eq!(taken(Compatible, node, &entries), [entries[3], entries[0], entries[2]]);
    assert_eq!(taken(Exact, node, &entries), [entries[0], entries[2], entries[3]]);
}

#[test]
fn the_node_must_have_every_feature_that_an_entry_asks_for() {
    let plain = platform("linux/amd64");
    let able = platform("linux(+b+a)/amd64");
    assert!(!matches(Exact, &plain, &platform("linux(+a)/amd64")));
    assert!(matches(Exact, &able, &platform("linux(+a+b+a)/amd64")));
    assert!(!matches(Exact, &able, &platform("linux(+a+c)/amd64")));
    let entries = ["linux/amd64", "linux(+a)/amd64", "linux(+b+a)/amd64", "linux(+b)/386"];
    let order = [entries[2], entries[1], entries[0], entries[3]];
    assert_eq!(taken(Compatible, "linux(+b+a)/amd64", &entries), order);

    let windows = platform("windows/amd64");
    assert!(matches(Exact, &windows, &platform("windows(+win32k)/amd64")));
    assert!(!matches(Exact, &windows, &platform("windows(+win32k+win32k)/amd64")));
    assert!(!matches(Exact, &plain, &platform("linux(+win32k)/amd64")));
}
