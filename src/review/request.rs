//! AdmissionReview bytes to a [`Request`], and from there to what is to be judged.
//!
//! Here: what an AdmissionReview must look like, and which requests are never judged. Never here:
//! the answer, and whether a namespace, user or image is exempt (that is policy).

mod raw;

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use self::raw::{Nullable, RawReview, as_str};
use crate::workload::tolerant::{Map, Text};
use crate::workload::{ExtractError, Kind, Workload, explain, extract, path_of};

#[cfg(test)]
mod tests;

/// What the API server asks, borrowed from its text.
#[derive(Clone)]
pub struct Request<'a> {
    /// To be echoed in the answer; never empty.
    pub uid: Cow<'a, str>,
    /// The object's kind, as the webhook's rule names it.
    pub kind: Type<'a>,
    /// The resource asked for.
    pub resource: Type<'a>,
    /// `status`, `scale`, `ephemeralcontainers` and so on; empty for the object itself.
    pub sub_resource: Cow<'a, str>,
    /// The object's name; may be empty.
    pub name: Cow<'a, str>,
    /// The object's namespace; empty for what has none.
    pub namespace: Cow<'a, str>,
    /// What is being done.
    pub operation: Operation,
    /// Who asks.
    pub user: User<'a>,
    /// The object as it shall be; absent on DELETE.
    pub object: Option<Object<'a>>,
    /// The object as it was; absent on CREATE.
    pub old_object: Option<Object<'a>>,
    /// Nothing will be stored.
    pub dry_run: bool,
}

/// An object of a request.
#[derive(Clone)]
pub enum Object<'a> {
    /// As it was sent.
    Sent(&'a RawValue),
    /// What is judged of it, read with the request.
    Read(Box<Workload>),
}

impl fmt::Debug for Object<'_> {
    /// Without what is in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Object(..)")
    }
}

/// Group, version and kind, or group, version and resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Type<'a> {
    /// API group; empty for the core group.
    pub group: Cow<'a, str>,
    /// API version.
    pub version: Cow<'a, str>,
    /// The kind (`Pod`), or the resource (`pods`).
    pub name: Cow<'a, str>,
}

/// What is being done to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `CREATE`
    Create,
    /// `UPDATE`
    Update,
    /// `DELETE`
    Delete,
    /// `CONNECT`
    Connect,
    /// One that this version does not know.
    Other,
}

/// Who asks, as the API server authenticated them.
#[derive(Debug, Clone, Default)]
pub struct User<'a> {
    /// User name (`system:serviceaccount:argocd:controller`).
    pub name: Cow<'a, str>,
}

/// Why a body is no request that can be answered: the text of an HTTP 400.
///
/// One line that says what, why and what to do, and quotes nothing of the body.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// There is no body.
    #[error("the body is empty; POST an AdmissionReview of admission.k8s.io/v1 as JSON")]
    Empty,
    /// The body is not JSON.
    #[error(
        "the body is not JSON (line {line}, column {column}); POST an AdmissionReview of \
         admission.k8s.io/v1 as JSON"
    )]
    NotJson {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// It is JSON, and something else.
    #[error(
        "the body is not an AdmissionReview of admission.k8s.io/v1 (its apiVersion or kind is \
         another); let a ValidatingWebhookConfiguration send the requests"
    )]
    NotAReview,
    /// The version of before Kubernetes 1.16.
    #[error(
        "the body is an AdmissionReview of admission.k8s.io/v1beta1, pullcheck speaks v1 only; \
         set admissionReviewVersions: [v1] in the ValidatingWebhookConfiguration"
    )]
    Beta,
    /// A review without a request: an answer, perhaps.
    #[error("the AdmissionReview has no request, so there is nothing to judge; send request")]
    NoRequest,
    /// A request that could not be answered, because an answer must repeat its uid.
    #[error("request.uid is empty, and an answer must repeat it; send the uid of the request")]
    NoUid,
    /// A field of the review has a type that the API does not give it.
    #[error("the AdmissionReview cannot be read: {0}; send it as admission.k8s.io/v1 defines it")]
    Field(ExtractError),
    /// The object, or the old one, cannot be read.
    #[error("{which} cannot be read: {why}; send the object as its API version defines it")]
    Object {
        /// `request.object` or `request.oldObject`.
        which: &'static str,
        /// Which field, and what is wrong with it.
        why: ExtractError,
    },
}

/// What is to be done about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Allow it without looking.
    Skip(SkipReason),
    /// Judge these images; in an update only those that are new.
    Judge(Box<Workload>),
}

/// Why a request is allowed without looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// Neither CREATE nor UPDATE.
    Operation,
    /// A subresource other than `pods/ephemeralcontainers`.
    Subresource,
    /// A kind that runs no pods, or that pullcheck does not know.
    UnknownKind,
    /// The request carries no object.
    NoObject,
    /// The object is being deleted.
    Deleting,
    /// A static pod's mirror.
    MirrorPod,
    /// An update that changes nothing a pull depends on.
    NothingNew,
}

impl SkipReason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Operation,
        Self::Subresource,
        Self::UnknownKind,
        Self::NoObject,
        Self::Deleting,
        Self::MirrorPod,
        Self::NothingNew,
    ];

    /// The reason as logs and metrics name it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Subresource => "subresource",
            Self::UnknownKind => "unknown-kind",
            Self::NoObject => "no-object",
            Self::Deleting => "deleting",
            Self::MirrorPod => "mirror-pod",
            Self::NothingNew => "nothing-new",
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl<'a> Request<'a> {
    /// Reads an AdmissionReview of `admission.k8s.io/v1`.
    ///
    /// Most are read in one pass. What cannot be read so is read in two, the object by itself:
    /// that tells best what is wrong with it.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        if body.trim_ascii().is_empty() {
            return Err(DecodeError::Empty);
        }
        let text = std::str::from_utf8(body).ok();
        let read =
            text.and_then(|text| serde_json::from_str::<Map<RawReview<'a, true>>>(text).ok());
        match read {
            Some(Map(review)) => Self::of(review),
            None => Self::decode_in_two(body),
        }
    }

    fn decode_in_two(body: &'a [u8]) -> Result<Self, DecodeError> {
        let read = serde_json::from_slice::<Map<RawReview<'a, false>>>(body);
        let Map(review) = read.map_err(|error| unreadable(body, &error))?;
        Self::of(review)
    }

    fn of<const READ: bool>(review: RawReview<'a, READ>) -> Result<Self, DecodeError> {
        check_version(&review.api_version, &review.kind)?;
        let request = review.request.ok_or(DecodeError::NoRequest)?;
        let uid = Text::or_default(request.uid);
        if uid.is_empty() {
            return Err(DecodeError::NoUid);
        }
        let user = request.user_info.unwrap_or_default();
        Ok(Self {
            uid,
            kind: request.kind.unwrap_or_default().into(),
            resource: request.resource.unwrap_or_default().into(),
            sub_resource: Text::or_default(request.sub_resource),
            name: Text::or_default(request.name),
            namespace: Text::or_default(request.namespace),
            operation: operation(&Text::or_default(request.operation)),
            user: User { name: Text::or_default(user.username) },
            object: request.object,
            old_object: request.old_object,
            dry_run: request.dry_run.unwrap_or_default(),
        })
    }

    /// Decides whether anything is to be judged, and reads it.
    ///
    /// What is never judged is not read either, so an object of another kind may be of any shape.
    pub fn plan(&mut self) -> Result<Plan, DecodeError> {
        let kind = (&*self.kind.group, &*self.kind.name);
        let resource = (&*self.resource.group, &*self.resource.name);
        let kind = match judged_kind(self.operation, kind, resource, &self.sub_resource) {
            Ok(kind) => kind,
            Err(reason) => return Ok(Plan::Skip(reason)),
        };
        let Some(object) = self.object.take() else {
            return Ok(Plan::Skip(SkipReason::NoObject));
        };
        let mut workload = read(kind, object, "request.object")?;
        if workload.deleting {
            return Ok(Plan::Skip(SkipReason::Deleting));
        }
        if workload.mirror {
            return Ok(Plan::Skip(SkipReason::MirrorPod));
        }
        if let (Operation::Update, Some(old)) = (self.operation, self.old_object.take()) {
            let old = read(kind, old, "request.oldObject")?;
            workload.retain_changed_images(&old);
            if workload.images.is_empty() {
                return Ok(Plan::Skip(SkipReason::NothingNew));
            }
        }
        // The request's namespace is the one the API server authorised.
        if !self.namespace.is_empty() {
            workload.namespace = Some(self.namespace.to_string());
        }
        if workload.name.is_empty() {
            workload.name = self.name.to_string();
        }
        Ok(Plan::Judge(workload))
    }
}

/// The kind of an object that is judged, of these group and kind, group and resource; else why it
/// is not, whatever it holds.
fn judged_kind(
    operation: Operation,
    (group, kind): (&str, &str),
    resource: (&str, &str),
    sub_resource: &str,
) -> Result<&'static Kind, SkipReason> {
    if !matches!(operation, Operation::Create | Operation::Update) {
        return Err(SkipReason::Operation);
    }
    let ephemeral = sub_resource == "ephemeralcontainers" && resource == ("", "pods");
    if !sub_resource.is_empty() && !ephemeral {
        return Err(SkipReason::Subresource);
    }
    Kind::find(group, kind).ok_or(SkipReason::UnknownKind)
}

impl fmt::Debug for Request<'_> {
    /// Without the objects: people write passwords into `env`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("uid", &self.uid)
            .field("operation", &self.operation)
            .field("kind", &self.kind)
            .field("sub_resource", &self.sub_resource)
            .field("namespace", &self.namespace)
            .field("name", &self.name)
            .field("user", &self.user.name)
            .field("dry_run", &self.dry_run)
            .finish_non_exhaustive()
    }
}

fn read(
    kind: &'static Kind,
    object: Object<'_>,
    which: &'static str,
) -> Result<Box<Workload>, DecodeError> {
    match object {
        Object::Read(workload) => Ok(workload),
        Object::Sent(sent) => extract(kind, sent.get())
            .map(Box::new)
            .map_err(|why| DecodeError::Object { which, why }),
    }
}

fn operation(text: &str) -> Operation {
    match text {
        "CREATE" => Operation::Create,
        "UPDATE" => Operation::Update,
        "DELETE" => Operation::Delete,
        "CONNECT" => Operation::Connect,
        _ => Operation::Other,
    }
}

fn check_version(api_version: &Nullable<'_>, kind: &Nullable<'_>) -> Result<(), DecodeError> {
    match (as_str(api_version), as_str(kind)) {
        ("admission.k8s.io/v1", "AdmissionReview") => Ok(()),
        ("admission.k8s.io/v1beta1", "AdmissionReview") => Err(DecodeError::Beta),
        _ => Err(DecodeError::NotAReview),
    }
}

/// A body of another version or kind is named as such, before its fields are found fault with.
fn unreadable(body: &[u8], error: &serde_json::Error) -> DecodeError {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head<'a> {
        #[serde(borrow, default)]
        api_version: Nullable<'a>,
        #[serde(borrow, default)]
        kind: Nullable<'a>,
    }

    let path =
        || path_of::<Map<RawReview<'_, false>>, _>(&mut serde_json::Deserializer::from_slice(body));
    match explain(error, path) {
        ExtractError::Syntax { line, column } => DecodeError::NotJson { line, column },
        why @ ExtractError::Field { .. } => match serde_json::from_slice::<Map<Head<'_>>>(body) {
            Ok(Map(head)) => check_version(&head.api_version, &head.kind)
                .err()
                .unwrap_or(DecodeError::Field(why)),
            Err(_) => DecodeError::NotAReview,
        },
    }
}
