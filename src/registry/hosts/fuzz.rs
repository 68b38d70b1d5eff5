//! What must hold for any `hosts.toml`.

use std::path::Path;

use http::uri::PathAndQuery;

use super::complete::complete;
use super::entry::Entry;
use super::{Endpoint, server_url, toml_file};
use crate::fuzzing::assert_line;
use crate::registry::scheme::Spoken;

/// Any text as a `hosts.toml`: a complaint is one printable line; hosts are no more than were
/// written; a host is asked with a valid path of its own, or not at all; and what is shown of it
/// holds no header's value and no login.
///
/// # Panics
/// Where that does not hold.
pub fn hosts_toml(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let entries = match toml_file::parse(&text, Path::new("/certs.d/r")) {
        Ok(entries) => entries,
        Err(why) => return assert_line(&why, 240),
    };
    assert!(!entries.is_empty() && entries.len() <= text.len() + 1);
    for entry in &entries {
        let Entry { place, headers, .. } = entry;
        assert!(!place.host.contains(['@', '/']), "{place:?}");
        assert_eq!(server_url::clean(&place.path), place.path);
        let shown = format!("{headers:?}").len();
        let names = headers.map().iter().map(|(name, _)| 2 * name.as_str().len() + 4);
        assert!(shown <= names.sum::<usize>() + 2, "{headers:?}");
    }
    for registry in ["docker.io", "reg.test:5000", "localhost:5000", "[::1]:80"] {
        let hosts = complete(registry, entries.clone());
        assert_eq!(hosts.len(), entries.len());
        for host in hosts {
            match host.place {
                Ok(place) => asked(registry, place),
                Err(why) => assert_line(&why, 100),
            }
        }
    }
}

fn asked(registry: &str, place: super::complete::Whereabouts) {
    assert!(place.spoken != Spoken::ByName);
    assert!(!place.authority.host().is_empty() && !place.authority.as_str().contains('@'));
    let endpoint = Endpoint {
        authority: place.authority,
        root: place.root,
        spoken: place.spoken,
        via: None,
        namespace: Some(registry.to_owned()),
    };
    let path = endpoint.path("library/nginx", "manifests/latest");
    assert_line(&path, usize::MAX);
    let parsed = path.parse::<PathAndQuery>().map(|parsed| parsed.to_string());
    assert_eq!(parsed.ok().as_deref(), Some(path.as_str()));
}
