//! Any bytes in a pull secret: decoded or refused, and whatever decoded is looked up.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pullcheck::credentials::{ConfigFormat, DockerConfig, Keyring};

fuzz_target!(|data: &[u8]| {
    for format in [ConfigFormat::DockerConfigJson, ConfigFormat::DockerCfg] {
        match DockerConfig::decode(format, data) {
            Ok(config) => {
                let keyring = Keyring::build([(0, &config), (1, &config)]);
                for name in ["docker.io/library/nginx", "a.r.io:5000/team/app", "[::1]:5000/app"] {
                    let sources = keyring.lookup(name).into_iter().map(|found| found.source);
                    let twice = sources.filter(|source| *source == 1).count() * 2;
                    assert_eq!(twice, keyring.lookup(name).len());
                }
            }
            Err(error) => assert!(error.to_string().is_ascii() && error.to_string().len() < 250),
        }
    }
});
