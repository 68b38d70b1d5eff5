//! A Secret of a manifest as the API server would store it, or why it would not.
//!
//! What people paste from tutorials is often one encoding off, and is named for what it is.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use crate::credentials::{DecodedSecret, Fault};

/// As Go decodes: padded, and bits beyond the last byte may be set.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Decodes a Secret: `stringData` over `data`, whose values must be base64 text.
pub(super) fn decode(object: &Value) -> DecodedSecret {
    match stored(object) {
        Ok(decoded) => decoded,
        Err(fault) => DecodedSecret::Malformed(fault.at(None)),
    }
}

fn stored(object: &Value) -> Result<DecodedSecret, Fault> {
    let type_ = object.get("type").and_then(Value::as_str).unwrap_or_default();
    let mut data: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    for (key, value) in fields(object, "data")? {
        data.insert(key, data_value(value)?);
    }
    let mut plain = false;
    for (key, value) in fields(object, "stringData")? {
        plain = true;
        data.insert(key, string_value(value)?);
    }
    for (expected, key) in DecodedSecret::KEYS {
        if type_ == expected && !data.contains_key(key) {
            let around = [Some(object), object.get("metadata")];
            let misplaced = around.iter().flatten().any(|map| map.get(key).is_some());
            return Err(if misplaced { Fault::KeyMisplaced(key) } else { Fault::KeyMissing(key) });
        }
    }
    let decoded = DecodedSecret::from_data(type_, |key| data.get(key).map(Vec::as_slice));
    Ok(match decoded {
        DecodedSecret::Malformed(error) if plain && error.fault == Fault::EncodedTwice => {
            DecodedSecret::Malformed(Fault::StringDataIsBase64.at(None))
        }
        decoded => decoded,
    })
}

fn fields<'a>(
    object: &'a Value,
    name: &'static str,
) -> Result<impl Iterator<Item = (&'a str, &'a Value)>, Fault> {
    let map = match object.get(name) {
        None | Some(Value::Null) => None,
        Some(Value::Object(map)) => Some(map),
        Some(_) => return Err(Fault::DataNotMapping(name)),
    };
    Ok(map.into_iter().flatten().map(|(key, value)| (key.as_str(), value)))
}

/// Under `data`: base64, in which line ends do not count.
fn data_value(value: &Value) -> Result<Vec<u8>, Fault> {
    let text = match value {
        Value::Null => return Ok(Vec::new()),
        Value::String(text) => text,
        Value::Object(_) => return Err(Fault::DataIsJson),
        _ => return Err(Fault::DataNotText),
    };
    let decode = |skipped: fn(char) -> bool| {
        BASE64.decode(text.chars().filter(|c| !skipped(*c)).collect::<String>())
    };
    decode(|c| matches!(c, '\r' | '\n')).map_err(|_| {
        if text.trim_start().starts_with('{') {
            Fault::DataIsJson
        } else if decode(char::is_whitespace).is_ok() {
            Fault::DataHasSpaces
        } else {
            Fault::DataNotBase64
        }
    })
}

fn string_value(value: &Value) -> Result<Vec<u8>, Fault> {
    match value {
        Value::String(text) => Ok(text.clone().into_bytes()),
        Value::Null => Ok(Vec::new()),
        Value::Object(_) => Err(Fault::StringDataIsMapping),
        _ => Err(Fault::DataNotText),
    }
}
