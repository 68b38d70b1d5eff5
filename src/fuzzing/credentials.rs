//! Pull secrets, and what credential providers write and are configured by.

use std::sync::LazyLock;

use super::{assert_line, assert_silent, marked};
use crate::credentials::provider::{self, Document, Provider, Version};
use crate::credentials::{ConfigFormat, DockerConfig, Keyring};

/// Names as images have them, for lookups.
const NAMES: [&str; 4] =
    ["docker.io/library/nginx", "a.r.io:5000/team/app", "[::1]:5000/app", "r.io/app"];

/// Any bytes in a pull secret: decoded or refused; whatever decoded is looked up, and nothing of
/// its logins is in what is shown.
pub fn docker_config(data: &[u8]) {
    for format in [ConfigFormat::DockerConfigJson, ConfigFormat::DockerCfg] {
        match DockerConfig::decode(format, data) {
            Ok(config) => {
                assert_small(&config, data.len());
                looked_up(&config);
            }
            Err(error) => {
                assert_line(&error.to_string(), 250);
                assert_line(error.fix(), 100);
            }
        }
        let is_login = |name: &str| {
            let login = ["auth", "username", "password", "identitytoken", "registrytoken"];
            login.iter().any(|member| name.eq_ignore_ascii_case(member))
        };
        for document in marked(data, is_login) {
            match DockerConfig::decode(format, &document) {
                Ok(config) => assert_silent(&(&config, Keyring::build([(0, &config)]))),
                Err(error) => assert_silent(&(error.to_string(), error)),
            }
        }
    }
}

/// Every match is found as often as the configuration was given, and each in its own place.
fn looked_up(config: &DockerConfig) {
    let keyring = Keyring::build([(0, config), (1, config)]);
    for name in NAMES {
        let found = keyring.lookup(name);
        let second = found.iter().filter(|found| found.source == 1).count();
        assert_eq!(second * 2, found.len());
    }
    for host in config.hosts() {
        assert!(!host.contains('/'), "{host}");
    }
}

/// Go writes three bytes for one that is no UTF-8.
fn assert_small(config: &DockerConfig, length: usize) {
    let one = |entry: &crate::credentials::Entry| {
        let credential = &entry.credential;
        entry.key.len() + credential.username().len() + credential.password().len()
    };
    assert!(config.entries.iter().map(one).sum::<usize>() <= 3 * length);
    assert!(config.entries.len() <= length);
}

/// One provider of each version.
static PROVIDERS: LazyLock<Vec<Provider>> = LazyLock::new(|| {
    let one = |(index, version): (usize, Version)| {
        let version = version.as_str();
        format!(
            r#"{{"name":"p{index}","matchImages":["r.io"],"defaultCacheDuration":"1h","apiVersion":"{version}"}}"#
        )
    };
    let all: Vec<String> = Version::ALL.into_iter().enumerate().map(one).collect();
    let text = format!(
        r#"{{"apiVersion":"kubelet.config.k8s.io/v1","kind":"CredentialProviderConfig","providers":[{}]}}"#,
        all.join(",")
    );
    let (providers, _, problems) = provider::read(&[Document { file: "f".to_owned(), text }]);
    assert!(problems.is_empty(), "{problems:?}");
    providers
});

/// Any output of a credential provider: read or dropped, within bounds, and nothing of it is in
/// what is shown.
pub fn provider_answer(data: &[u8]) {
    let mut read = 0;
    for provider in PROVIDERS.iter() {
        match provider.response(data) {
            Ok(response) => {
                read += 1;
                assert_small(&response.auth, data.len());
                assert!(response.auth.entries.len() <= 1_000);
                looked_up(&response.auth);
            }
            Err(fault) => assert_line(&fault.to_string(), 100),
        }
        let is_login = |name: &str| ["username", "password"].contains(&name);
        for output in marked(data, is_login) {
            assert_silent(&provider.response(&output));
        }
    }
    assert!(read <= 1, "an answer is of one version");
}

/// Any configuration of credential providers: every complaint is one printable line, quotes
/// neither arguments nor variables, and what is complained of is not used.
pub fn provider_config(data: &[u8]) {
    let of = |data: &[u8]| {
        let text = String::from_utf8_lossy(data).into_owned();
        provider::read(&[Document { file: "f".to_owned(), text }])
    };
    let (providers, named, problems) = of(data);
    for problem in &problems {
        assert_line(&problem.to_string(), 600);
    }
    for name in named.iter().map(|named| &named.name) {
        let path = name.contains(['/', '\0', ' ']);
        assert!(!path && ![".", "..", ""].contains(&name.as_str()), "{name:?}");
    }
    assert!(!providers.is_empty() || !problems.is_empty());
    for name in NAMES {
        assert!(providers.iter().filter(|provider| provider.is_for(name)).count() <= data.len());
    }
    for document in marked(data, |name| ["args", "env"].contains(&name)) {
        assert_silent(&of(&document));
    }
}
