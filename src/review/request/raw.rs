//! The shape of an AdmissionReview, only as far as it is read, borrowed from the text.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Type;
use crate::workload::tolerant::{Text, object};

pub(super) type Nullable<'a> = Option<Text<'a>>;

pub(super) fn as_str<'t>(text: &'t Nullable<'_>) -> &'t str {
    text.as_ref().map_or("", |text| text.0.as_ref())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawReview<'a> {
    #[serde(borrow, default)]
    pub(super) api_version: Nullable<'a>,
    #[serde(borrow, default)]
    pub(super) kind: Nullable<'a>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub(super) request: Option<RawRequest<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawRequest<'a> {
    #[serde(borrow, default)]
    pub(super) uid: Nullable<'a>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub(super) kind: Option<RawType<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub(super) resource: Option<RawType<'a>>,
    #[serde(borrow, default)]
    pub(super) sub_resource: Nullable<'a>,
    #[serde(borrow, default)]
    pub(super) name: Nullable<'a>,
    #[serde(borrow, default)]
    pub(super) namespace: Nullable<'a>,
    #[serde(borrow, default)]
    pub(super) operation: Nullable<'a>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub(super) user_info: Option<RawUser<'a>>,
    #[serde(borrow, default)]
    pub(super) object: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) old_object: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) dry_run: Option<bool>,
}

#[derive(Deserialize, Default)]
pub(super) struct RawType<'a> {
    #[serde(borrow, default)]
    pub(super) group: Nullable<'a>,
    #[serde(borrow, default)]
    pub(super) version: Nullable<'a>,
    #[serde(borrow, default)]
    pub(super) kind: Nullable<'a>,
    #[serde(borrow, default)]
    pub(super) resource: Nullable<'a>,
}

impl<'a> From<RawType<'a>> for Type<'a> {
    fn from(raw: RawType<'a>) -> Self {
        Self {
            group: Text::or_default(raw.group),
            version: Text::or_default(raw.version),
            name: Text::or_default(raw.kind.or(raw.resource)),
        }
    }
}

#[derive(Deserialize, Default)]
pub(super) struct RawUser<'a> {
    #[serde(borrow, default)]
    pub(super) username: Nullable<'a>,
}
