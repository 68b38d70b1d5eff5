//! The platforms of an index's entries, for the one who asks whether a node's is among them.

use serde::Deserialize;

use crate::image::Platform;

/// Entries beyond which an index is not compared; real ones have a few dozen.
const MOST: usize = 1_000;

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    platform: Option<Raw>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
    #[serde(default, rename = "os.version")]
    os_version: String,
    #[serde(default, rename = "os.features")]
    os_features: Option<Vec<String>>,
}

/// The platform of every entry, none for one that names none. `None` where this reading is not
/// sure to be the runtime's: an index that is spelled in an unusual way, or is very long.
pub(super) fn read(index: &[u8]) -> Option<Vec<Option<Platform>>> {
    let index: Index = serde_json::from_slice(index).ok()?;
    if index.manifests.len() > MOST {
        return None;
    }
    let platform = |raw: Raw| Platform {
        os: raw.os,
        architecture: raw.architecture,
        variant: raw.variant,
        os_version: raw.os_version,
        os_features: raw.os_features.unwrap_or_default(),
    };
    Some(index.manifests.into_iter().map(|entry| entry.platform.map(platform)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entrys_platform_is_read_and_what_has_none_is_kept() {
        let index = br#"{"manifests":[
            {"digest":"x","platform":{"os":"linux","architecture":"arm","variant":"v7"}},
            {"digest":"x"},
            {"platform":{"os":"windows","architecture":"amd64","os.version":"10.0.1","os.features":["win32k"]}}
        ]}"#;
        let windows = Platform {
            os_version: "10.0.1".to_owned(),
            os_features: vec!["win32k".to_owned()],
            ..Platform::new("windows", "amd64", "")
        };
        let expected = vec![Some(Platform::new("linux", "arm", "v7")), None, Some(windows)];
        assert_eq!(read(index), Some(expected));
    }

    #[test]
    fn what_is_spelled_in_an_unusual_way_is_left_open() {
        for index in [
            &br#"{"Manifests":[]}"#[..],
            br#"{"manifests":[{"platform":{"os":null}}]}"#,
            br#"{"manifests":[{"platform":"linux/amd64"}]}"#,
        ] {
            assert_eq!(read(index), None);
        }
        let one = r#"{"platform":{"os":"linux"}}"#;
        let long = format!(r#"{{"manifests":[{}]}}"#, vec![one; MOST + 1].join(","));
        assert_eq!(read(long.as_bytes()), None);
    }
}
