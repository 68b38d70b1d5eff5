//! The shape of an AdmissionReview, only as far as it is read, borrowed from the text.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Object, Operation, Type, judged_kind, operation};
use crate::workload::Kind;
use crate::workload::next_object;
use crate::workload::tolerant::{Map, Text, object};

pub(super) type Nullable<'a> = Option<Text<'a>>;

pub(super) fn as_str<'t>(text: &'t Nullable<'_>) -> &'t str {
    text.as_ref().map_or("", |text| text.0.as_ref())
}

/// With `READ` the objects are read on the way, where what comes before them says that they are to
/// be judged. Without it they are left as they are.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawReview<'a, const READ: bool> {
    #[serde(borrow, default)]
    pub(super) api_version: Nullable<'a>,
    #[serde(borrow, default)]
    pub(super) kind: Nullable<'a>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub(super) request: Option<RawRequest<'a, READ>>,
}

#[derive(Default)]
pub(super) struct RawRequest<'a, const READ: bool> {
    pub(super) uid: Nullable<'a>,
    pub(super) kind: Option<RawType<'a>>,
    pub(super) resource: Option<RawType<'a>>,
    pub(super) sub_resource: Nullable<'a>,
    pub(super) name: Nullable<'a>,
    pub(super) namespace: Nullable<'a>,
    pub(super) operation: Nullable<'a>,
    pub(super) user_info: Option<RawUser<'a>>,
    pub(super) object: Option<Object<'a>>,
    pub(super) old_object: Option<Object<'a>>,
    pub(super) dry_run: Option<bool>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Field {
    Uid,
    Kind,
    Resource,
    SubResource,
    Name,
    Namespace,
    Operation,
    UserInfo,
    Object,
    OldObject,
    DryRun,
    #[serde(other)]
    Other,
}

impl Field {
    /// Those that may be there once.
    const NAMES: [&'static str; 11] = [
        "uid",
        "kind",
        "resource",
        "subResource",
        "name",
        "namespace",
        "operation",
        "userInfo",
        "object",
        "oldObject",
        "dryRun",
    ];
}

impl<'de: 'a, 'a, const READ: bool> Deserialize<'de> for RawRequest<'a, READ> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<const READ: bool>;

        impl<'de, const READ: bool> Visitor<'de> for Fields<READ> {
            type Value = RawRequest<'de, READ>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut raw = RawRequest::default();
                let mut seen = [false; Field::NAMES.len()];
                while let Some(field) = map.next_key::<Field>()? {
                    // In the order of the names, the last one standing for all others.
                    let place = field as usize;
                    if let (Some(seen), Some(name)) = (seen.get_mut(place), Field::NAMES.get(place))
                        && std::mem::replace(seen, true)
                    {
                        return Err(A::Error::duplicate_field(name));
                    }
                    raw.read(field, &mut map)?;
                }
                Ok(raw)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

impl<'a, const READ: bool> RawRequest<'a, READ> {
    fn read<A: MapAccess<'a>>(&mut self, field: Field, map: &mut A) -> Result<(), A::Error> {
        match field {
            Field::Uid => self.uid = map.next_value()?,
            Field::Kind => self.kind = next(map)?,
            Field::Resource => self.resource = next(map)?,
            Field::SubResource => self.sub_resource = map.next_value()?,
            Field::Name => self.name = map.next_value()?,
            Field::Namespace => self.namespace = map.next_value()?,
            Field::Operation => self.operation = map.next_value()?,
            Field::UserInfo => self.user_info = next(map)?,
            Field::Object => self.object = object_of(self.judged(), map)?,
            Field::OldObject => {
                let update = self.operation() == Operation::Update;
                self.old_object = object_of(self.judged().filter(|_| update), map)?;
            }
            Field::DryRun => self.dry_run = map.next_value()?,
            Field::Other => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }

    /// The kind of the objects, if by what came so far they are to be judged and read at once. The
    /// API server sends the objects after all that decides it.
    fn judged(&self) -> Option<&'static Kind> {
        if !READ {
            return None;
        }
        let [kind, resource] = [&self.kind, &self.resource].map(Option::as_ref);
        let kind = kind.map_or(("", ""), |of| (as_str(&of.group), as_str(&of.kind)));
        let resource = resource.map_or(("", ""), |of| (as_str(&of.group), as_str(&of.resource)));
        judged_kind(self.operation(), kind, resource, as_str(&self.sub_resource)).ok()
    }

    fn operation(&self) -> Operation {
        operation(as_str(&self.operation))
    }
}

fn next<'de, A: MapAccess<'de>, T: Deserialize<'de>>(map: &mut A) -> Result<Option<T>, A::Error> {
    Ok(map.next_value::<Option<Map<T>>>()?.map(|Map(value)| value))
}

fn object_of<'de, A: MapAccess<'de>>(
    kind: Option<&'static Kind>,
    map: &mut A,
) -> Result<Option<Object<'de>>, A::Error> {
    match kind {
        Some(kind) => Ok(next_object(kind, map)?.map(|workload| Object::Read(Box::new(workload)))),
        None => Ok(map.next_value::<Option<&RawValue>>()?.map(Object::Sent)),
    }
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
