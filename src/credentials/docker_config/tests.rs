//! Every row of the entry table, the kubelet's own test facts, and Go's JSON.

use proptest::prelude::*;

use super::{ConfigFormat, DecodeError, DockerConfig, Fault, Field, JsonType};

fn decode(json: impl AsRef<[u8]>) -> Result<DockerConfig, DecodeError> {
    DockerConfig::decode(ConfigFormat::DockerConfigJson, json.as_ref())
}

/// `key=user:password` of every entry.
fn shown(config: &DockerConfig) -> Vec<String> {
    let text = String::from_utf8_lossy;
    let entry = |e: &super::Entry| {
        format!("{}={}:{}", e.key, text(e.credential.username()), text(e.credential.password()))
    };
    config.entries.iter().map(entry).collect()
}

/// What one entry under `r.io` decodes to.
fn entry(json: &str) -> Result<String, Fault> {
    let flat =
        DockerConfig::decode(ConfigFormat::DockerCfg, format!("{{\"r.io\":{json}}}").as_bytes());
    let nested = decode(format!("{{\"auths\":{{\"r.io\":{json}}}}}"));
    let [flat, nested] = [flat, nested].map(|result| match result {
        Ok(config) => Ok(shown(&config).concat().replacen("r.io=", "", 1)),
        Err(error) => Err(error.fault),
    });
    assert_eq!(flat, nested, "both formats hold the same entries");
    nested
}

#[test]
fn entries_decode_as_the_kubelets_do() {
    for (json, expected) in [
        (r#"{"username":"foo","password":"bar","email":"a@b"}"#, "foo:bar"),
        (r#"{"auth":"Zm9vOmJhcg=="}"#, "foo:bar"),
        (r#"{"auth":"Zm9vOmJhcg"}"#, "foo:bar"),
        (r#"{"auth":"Zm9vOm\nJhcg==\n"}"#, "foo:bar"),
        (r#"{"auth":"\r\nZm9v\rOmJhcg="}"#, "!"),
        (r#"{"auth":"\r\nZm9v\rOmJhcg=\n="}"#, "foo:bar"),
        (r#"{"auth":"Zm9vOmJhcg== "}"#, "!"),
        (r#"{"auth":"cGFudHM="}"#, "no colon"),
        (r#"{"auth":"pants"}"#, "!"),
        (r#"{"auth":"\n"}"#, "no colon"),
        (r#"{"username":"foo","password":"bar","auth":"cGluZzpwb25n"}"#, "ping:pong"),
        (r#"{"username":"foo","password":"bar","auth":""}"#, "foo:bar"),
        (r#"{"username":"foo","password":"bar","auth":null}"#, "foo:bar"),
        // Nothing is trimmed, and only the first colon splits.
        (r#"{"auth":"Zm9vOmJhcgo="}"#, "foo:bar\n"),
        (r#"{"auth":"YTpiOmM="}"#, "a:b:c"),
        (r#"{"auth":"Og=="}"#, ":"),
        // Bits beyond the last byte may be set.
        (r#"{"auth":"Zm9vOmJhch=="}"#, "foo:bar"),
        (r#"{"auth":"Zm9vOmJhch"}"#, "foo:bar"),
        // The other alphabet, padding in the middle or too much, a lone digit.
        (r#"{"auth":"Zm9v-_8="}"#, "!"),
        (r#"{"auth":"Zm9vOg==Zm9v"}"#, "!"),
        (r#"{"auth":"Zm9vOmJhcg==="}"#, "!"),
        (r#"{"auth":"Zm9vOmJhcg="}"#, "!"),
        (r#"{"auth":"Zm9vO"}"#, "!"),
        (r#"{"auth":"user:password"}"#, "!"),
        // Neither, and the fields that the kubelet does not know.
        ("{}", ":"),
        ("null", ":"),
        (r#"{"identitytoken":"t","registrytoken":5,"auths":[]}"#, ":"),
        (r#"{"auth":"MDAwOg==","identitytoken":"t"}"#, "000:"),
        // Names fold as Unicode folds them; the last of several wins; null leaves what was there.
        (r#"{"USERNAME":"u","PaſſWord":"p"}"#, "u:p"),
        (r#"{"username":"a","Username":"b","username":null}"#, "b:"),
        (r#"{"user name":"a"}"#, ":"),
        // Escapes.
        (
            r#"{"username":"A\u00e9\ud83d\ude00\/","password":"\"\\\b\f\n\r\t"}"#,
            "Aé😀/:\"\\\u{8}\u{c}\n\r\t",
        ),
        (
            r#"{"username":"\ud83d","password":"\ude00\ud83dx\ud83d\u0041"}"#,
            "\u{fffd}:\u{fffd}\u{fffd}x\u{fffd}A",
        ),
    ] {
        let expected = match expected {
            "!" => Err(Fault::AuthNotBase64),
            "no colon" => Err(Fault::AuthWithoutColon),
            text => Ok(text.to_owned()),
        };
        assert_eq!(entry(json), expected, "{json}");
    }
}

#[test]
fn a_wrong_type_fails_whatever_else_is_right() {
    use JsonType::{Array, Boolean, Number, Object, String};
    for (json, field, found) in [
        (r#"{"auth":"Zm9vOmJhcg==","email":false}"#, Field::Email, Boolean),
        (r#"{"email":5}"#, Field::Email, Number),
        (r#"{"username":["u"]}"#, Field::Username, Array),
        (r#"{"password":{}}"#, Field::Password, Object),
        (r#"{"Auth":1,"auth":"Zm9vOmJhcg=="}"#, Field::Auth, Number),
        ("[]", Field::Entry, Array),
        (r#""Zm9vOmJhcg==""#, Field::Entry, String),
        ("true", Field::Entry, Boolean),
    ] {
        assert_eq!(entry(json), Err(Fault::WrongType { field, found }), "{json}");
    }
    for (json, field, found) in [
        ("[]", Field::Document, Array),
        (r#""{}""#, Field::Document, String),
        (r#"{"auths":[]}"#, Field::Auths, Array),
        (r#"{"auths":"x"}"#, Field::Auths, String),
        (r#"{"HttpHeaders":[],"auths":{}}"#, Field::HttpHeaders, Array),
        (r#"{"httpheaders":{"a":"b","c":1}}"#, Field::HttpHeader, Number),
    ] {
        let error = decode(json).unwrap_err();
        assert_eq!(error.fault, Fault::WrongType { field, found }, "{json}");
        assert_eq!(error.entry, None);
    }
}

#[test]
fn documents_hold_entries_by_their_last_value_and_ignore_the_rest() {
    for (json, expected) in [
        ("null", vec![]),
        ("{}", vec![]),
        (r#" { "auths" : { } } "#, vec![]),
        (r#"{"auths":null,"HttpHeaders":null}"#, vec![]),
        (
            r#"{"HttpHeaders":{"a":null,"b":"c"},"credsStore":"x","credHelpers":{"r.io":"y"}}"#,
            vec![],
        ),
        (r#"{"r.io":{"username":"u"}}"#, vec![]),
        (r#"{"AUTHS":{"b":{"username":"u"},"a":{}}}"#, vec!["b=u:", "a=:"]),
        // A later entry replaces an earlier one wholly; a later `auths` adds to an earlier one.
        (r#"{"auths":{"a":{"username":"u","password":"p"},"a":{"username":"v"}}}"#, vec!["a=v:"]),
        (r#"{"auths":{"a":{"username":"u"}},"auths":{"b":null}}"#, vec!["a=u:", "b=:"]),
        (r#"{"auths":{"a":{}},"auths":null}"#, vec![]),
        (r#"{"auths":{"\u0061":{},"a":{"username":"u"}}}"#, vec!["a=u:"]),
        (r#"{"x":[1,-0.5e+7,1e999,true,{"y":[]}],"auths":{"a":{}}}"#, vec!["a=:"]),
    ] {
        assert_eq!(shown(&decode(json).unwrap()), expected, "{json}");
    }
}

#[test]
fn an_overridden_entry_still_fails_the_whole() {
    assert!(decode(r#"{"auths":{"a":{"auth":"!"},"a":{}}}"#).is_err());
    assert!(decode(r#"{"auths":{"a":{"auth":"!"}},"auths":null}"#).is_err());
}

#[test]
fn what_go_does_not_take_for_json_is_refused() {
    for json in [
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "[,1]",
        r#"{"a":1,}"#,
        r#"{"a"}"#,
        r#"{"a":}"#,
        "{a:1}",
        "{}x",
        "{}{}",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "nul",
        "nulll",
        "True",
        "'a'",
        "\"",
        "\"a\nb\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u12\"",
        "\u{feff}{}",
        "# yes\n{}",
        "{\"auths\":{}}\0",
        "[}",
        "{]",
        "{\"a\":[}",
        // Base64, though not of an object.
        "aGVsbG8=",
        "MTIz",
    ] {
        assert_eq!(decode(json).map_err(|e| e.fault).err(), Some(Fault::NotJson), "{json:?}");
    }
}

#[test]
fn what_was_encoded_twice_is_named() {
    for data in ["eyJhdXRocyI6e319", "eyJhdXRocyI6e319\n", "eyJhdXRocyI6\ne319", "e30"] {
        assert_eq!(decode(data).unwrap_err().fault, Fault::EncodedTwice, "{data:?}");
    }
    // `user:password` and a newline, encoded by two calls of `base64`.
    let twice = r#"{"auths":{"r.io":{"auth":"ZFhObGNqcHdZWE56ZDI5eVpBPT0K"}}}"#;
    let error = decode(twice).unwrap_err();
    assert_eq!((error.fault, error.entry.as_deref()), (Fault::AuthEncodedTwice, Some("r.io")));
}

#[test]
fn bytes_that_are_not_utf_8_are_replaced_in_json_and_kept_in_auth() {
    let json = b"{\"auths\":{\"a\":{\"username\":\"x\xff\xe2\x82y\",\"password\":\"\xc3\xa9\"}}}";
    assert_eq!(shown(&decode(json).unwrap()), ["a=x\u{fffd}\u{fffd}\u{fffd}y:é"]);

    // `dTpw5A==` is "u:p" and a Latin-1 letter.
    let config = decode(r#"{"auths":{"a":{"auth":"dTpw5A=="}}}"#).unwrap();
    assert_eq!(config.entries[0].credential.password(), b"p\xe4");
}

#[test]
fn depth_counts_as_in_go_and_costs_no_stack() {
    let nested =
        |depth: usize| format!("{{\"x\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert!(decode(nested(10_000)).is_ok());
    assert_eq!(decode(nested(10_001)).unwrap_err().fault, Fault::NotJson);
    assert!(decode("[".repeat(1_000_000)).is_err());
}

#[test]
fn token_fields_are_noticed_though_they_serve_nothing() {
    for (json, noticed) in [
        (r#"{"identitytoken":"t"}"#, true),
        (r#"{"RegistryToken":"t"}"#, true),
        (r#"{"identitytoken":"","registrytoken":null}"#, false),
        ("{}", false),
    ] {
        let config = decode(format!("{{\"auths\":{{\"r.io\":{json}}}}}")).unwrap();
        assert_eq!(config.entries[0].has_identity_token, noticed, "{json}");
    }
}

#[test]
fn errors_name_the_host_and_the_fault_and_never_the_content() {
    for (json, words) in [
        (
            r#"{"auths":{"https://me:hunter2@r.io:5000/x":{"auth":"hunter2!"}}}"#,
            "entry r.io:5000: auth is not base64".to_owned(),
        ),
        (
            r#"{"auths":{"r.io":{"auth":"aHVudGVyMg=="}}}"#,
            "entry r.io: auth decodes to something without a colon between user name and password"
                .to_owned(),
        ),
        (
            r#"{"auths":{"hunter 2":{"email":false}}}"#,
            "email is a boolean, not a string".to_owned(),
        ),
        (r#"{"auths":["hunter2"]}"#, "auths is a list, not an object".to_owned()),
        ("hunter2", "the data is not JSON".to_owned()),
        (
            &format!(r#"{{"auths":{{"{}":5}}}}"#, "h".repeat(200)),
            format!("entry {}...: the entry is a number, not an object", "h".repeat(80)),
        ),
        (r#"{"auths":{"ré.io":5}}"#, "the entry is a number, not an object".to_owned()),
    ] {
        let error = decode(json).unwrap_err();
        assert_eq!(error.to_string(), words);
        assert!(!format!("{error} {error:?} {}", error.fix()).contains("hunter"), "{json}");
    }
}

#[test]
fn debug_shows_neither_credentials_nor_logins_in_keys() {
    let config =
        decode(r#"{"auths":{"me:hunter2@r.io":{"username":"hunter2","password":"hunter2"}}}"#);
    let debug = format!("{config:?}");
    assert!(debug.contains("r.io") && !debug.contains("hunter2"), "{debug}");
}

proptest! {
    #[test]
    fn any_bytes_decode_or_fail_without_panic(data in any::<Vec<u8>>()) {
        let _ = decode(&data);
    }

    #[test]
    fn what_serde_takes_for_json_is_json_here_and_strings_agree(text in any::<String>(), cut in 0usize..40) {
        let json = serde_json::json!({"auths": {"r.io": {"username": text, "x": [1.5e300, null, {}]}}});
        let json = json.to_string();
        let config = decode(&json).unwrap();
        prop_assert_eq!(config.entries[0].credential.username(), text.as_bytes());
        // Cut anywhere, it is JSON for neither.
        let cut = json.floor_char_boundary(json.len().saturating_sub(cut + 1));
        prop_assert_eq!(decode(&json[..cut]).unwrap_err().fault, Fault::NotJson);
    }
}
