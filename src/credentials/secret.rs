//! One Secret of the API, reduced to what a pull uses of it (`secrets/secrets.go`).

use super::{ConfigFormat, DecodeError, DockerConfig};

/// The two shapes that count: the type, its one key, and what is under it.
const SHAPES: [(&str, &str, ConfigFormat); 2] = [
    ("kubernetes.io/dockerconfigjson", ".dockerconfigjson", ConfigFormat::DockerConfigJson),
    ("kubernetes.io/dockercfg", ".dockercfg", ConfigFormat::DockerCfg),
];

/// The type that the API server gives a Secret without one.
const OPAQUE: &str = "Opaque";

/// Keys under which people keep a docker configuration in a Secret of another type.
const TELLING_KEYS: [&str; 4] =
    [".dockerconfigjson", ".dockercfg", "config.json", ".docker/config.json"];

/// A pull secret by name and what is known of it.
#[derive(Debug, Clone)]
pub struct PullSecret {
    /// `metadata.name`.
    pub name: String,
    /// What is known of it.
    pub state: SecretState,
}

/// What is known of a Secret that a pod names.
#[derive(Debug, Clone)]
pub enum SecretState {
    /// Read and decoded.
    Read(DecodedSecret),
    /// It does not exist; the nearest name that does, where names may be listed.
    Absent { similar: Option<String> },
    /// pullcheck has no right to read it.
    Forbidden,
    /// The API server did not answer; why, in our own words.
    Unreadable(String),
    /// Nobody was asked: no cluster, and not among the manifests; the nearest name there.
    Undecided { similar: Option<String> },
}

/// A Secret as the kubelet's keyring sees it.
#[derive(Debug, Clone)]
pub enum DecodedSecret {
    /// One of the two shapes that count.
    Config(DockerConfig),
    /// A shape the kubelet ignores without a word.
    WrongType(WrongTypeHint),
    /// One of the two shapes, undecodable: every pull of the pod fails.
    Malformed(DecodeError),
}

/// Why the kubelet ignores a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongTypeHint {
    /// The Secret's `type` ("Opaque" when empty).
    pub type_: String,
    /// The data key that looks like a docker config, if any (`.dockerconfigjson`, `config.json`).
    pub key: Option<String>,
}

impl DecodedSecret {
    /// The types that count and the key of each.
    pub const KEYS: [(&'static str, &'static str); 2] =
        [(SHAPES[0].0, SHAPES[0].1), (SHAPES[1].0, SHAPES[1].1)];

    /// Decodes a Secret, given its `type` and its `data` by key (base64 of the API undone).
    ///
    /// Only a key that is there and not empty counts, as with the kubelet.
    pub fn from_data<'a>(type_: &str, data: impl Fn(&str) -> Option<&'a [u8]>) -> Self {
        let filled = |key: &str| data(key).filter(|value| !value.is_empty());
        for (expected, key, format) in SHAPES {
            if type_ == expected
                && let Some(value) = filled(key)
            {
                return match DockerConfig::decode(format, value) {
                    Ok(config) => Self::Config(config),
                    Err(error) => Self::Malformed(error),
                };
            }
        }
        let key = TELLING_KEYS.into_iter().find(|key| filled(key).is_some());
        let type_ = if type_.is_empty() { OPAQUE } else { type_ };
        Self::WrongType(WrongTypeHint { type_: type_.into(), key: key.map(Into::into) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(type_: &str, data: &[(&str, &'static str)]) -> DecodedSecret {
        let find = |key: &str| {
            data.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_bytes())
        };
        DecodedSecret::from_data(type_, find)
    }

    fn hint(type_: &str, data: &[(&str, &'static str)]) -> (String, Option<String>) {
        match read(type_, data) {
            DecodedSecret::WrongType(hint) => (hint.type_, hint.key),
            other => panic!("{other:?}"),
        }
    }

    const JSON: &str = "kubernetes.io/dockerconfigjson";
    const CFG: &str = "kubernetes.io/dockercfg";
    const AUTHS: &str = r#"{"auths":{"r.io":{"username":"u","password":"p"}}}"#;
    const FLAT: &str = r#"{"r.io":{"username":"u","password":"p"}}"#;

    #[test]
    fn the_two_shapes_are_decoded_each_in_its_own_format() {
        for (type_, key, value, entries) in [
            (JSON, ".dockerconfigjson", AUTHS, 1),
            (CFG, ".dockercfg", FLAT, 1),
            // The old format under the new type has no `auths`; a wrong shape, and no error.
            (JSON, ".dockerconfigjson", FLAT, 0),
            (JSON, ".dockerconfigjson", "null", 0),
            (JSON, ".dockerconfigjson", "{}", 0),
            (CFG, ".dockercfg", "null", 0),
        ] {
            let DecodedSecret::Config(config) = read(type_, &[(key, value)]) else {
                panic!("{type_} {value}");
            };
            assert_eq!(config.entries.len(), entries, "{type_} {value}");
        }
    }

    #[test]
    fn the_new_format_under_the_old_type_is_an_entry_named_auths() {
        let DecodedSecret::Config(config) = read(CFG, &[(".dockercfg", AUTHS)]) else { panic!() };
        assert_eq!(config.entries[0].key, "auths");
        assert!(config.entries[0].credential.is_anonymous());
    }

    #[test]
    fn other_types_wrong_keys_and_empty_values_are_ignored_and_say_what_they_hold() {
        let key = |key: &str| Some(key.to_owned());
        for (type_, data, expected) in [
            ("Opaque", vec![(".dockerconfigjson", AUTHS)], ("Opaque", key(".dockerconfigjson"))),
            ("", vec![("config.json", AUTHS)], ("Opaque", key("config.json"))),
            (
                "kubernetes.io/basic-auth",
                vec![("username", "u")],
                ("kubernetes.io/basic-auth", None),
            ),
            (JSON, vec![(".dockercfg", FLAT)], (JSON, key(".dockercfg"))),
            (CFG, vec![(".dockerconfigjson", AUTHS)], (CFG, key(".dockerconfigjson"))),
            (JSON, vec![(".dockerconfigjson", "")], (JSON, None)),
            (JSON, vec![], (JSON, None)),
            ("Kubernetes.io/dockerconfigjson", vec![], ("Kubernetes.io/dockerconfigjson", None)),
        ] {
            let (type_found, key_found) = hint(type_, &data);
            assert_eq!((type_found.as_str(), key_found), expected, "{type_}");
        }
    }

    #[test]
    fn what_does_not_decode_is_malformed() {
        for value in [" ", "[]", "eyJhdXRocyI6e319", r#"{"auths":[]}"#] {
            let secret = read(JSON, &[(".dockerconfigjson", value)]);
            assert!(matches!(secret, DecodedSecret::Malformed(_)), "{value}");
        }
    }
}
