//! From an object's JSON to a [`Workload`], in one pass over the text.
//!
//! Never here: a tree of the whole object. It can be 3 MiB, and this is on the admission path.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess};
use serde_json::error::Category;
use serde_json::value::RawValue;
use thiserror::Error;

use super::raw::{
    Container, Inner, JobTemplated, Metadata, Object, OwnerReference, PodSpec, PodTemplate,
    Templated,
};
use super::tolerant::{List, Map, Text};
use super::{FieldPath, ImageUse, Kind, NodeConstraints, PodAt, PullPolicy, PullSecretRef, Role};
use super::{Owner, Workload, field_path};

/// Why an object could not be read. Its text names fields and positions and quotes no value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExtractError {
    /// It is not JSON.
    #[error("not valid JSON at line {line}, column {column}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// A field has another type than the API gives it.
    #[error("{field}: {problem}")]
    Field {
        /// The field's path, `.` for the object itself.
        field: String,
        /// What is wrong with it.
        problem: Problem,
    },
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// It must be of another type; `a string`, `a list` and so on, where that is known.
    Type(Option<String>),
    /// It is there twice.
    Duplicate,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(Some(expected)) => write!(f, "must be {expected}"),
            Self::Type(None) => f.write_str("has the wrong type"),
            Self::Duplicate => f.write_str("is there twice"),
        }
    }
}

/// Reads what a pull depends on out of an object of this kind.
///
/// The object's own `apiVersion` and `kind` are not looked at.
pub fn extract(kind: &'static Kind, json: &str) -> Result<Workload, ExtractError> {
    Ok(match kind.pod {
        PodAt::Spec => assemble(kind, parse::<Object<'_, PodSpec<'_>>>(json)?),
        PodAt::Template => assemble(kind, parse::<PodTemplate<'_>>(json)?),
        PodAt::SpecTemplate => assemble(kind, parse::<Object<'_, Templated<'_>>>(json)?),
        PodAt::JobTemplate => assemble(kind, parse::<Object<'_, JobTemplated<'_>>>(json)?),
    })
}

/// The same of the next value of a map; `None` where that is `null`.
pub(crate) fn next_object<'de, A: MapAccess<'de>>(
    kind: &'static Kind,
    map: &mut A,
) -> Result<Option<Workload>, A::Error> {
    fn next<'de, T, A>(kind: &'static Kind, map: &mut A) -> Result<Option<Workload>, A::Error>
    where
        T: Deserialize<'de> + Shape<'de>,
        A: MapAccess<'de>,
    {
        let object = map.next_value::<Option<Map<T>>>()?;
        Ok(object.map(|Map(object)| assemble(kind, object)))
    }

    match kind.pod {
        PodAt::Spec => next::<Object<'_, PodSpec<'_>>, A>(kind, map),
        PodAt::Template => next::<PodTemplate<'_>, A>(kind, map),
        PodAt::SpecTemplate => next::<Object<'_, Templated<'_>>, A>(kind, map),
        PodAt::JobTemplate => next::<Object<'_, JobTemplated<'_>>, A>(kind, map),
    }
}

/// An object in which a pod is somewhere.
trait Shape<'a> {
    fn parts(self) -> (Option<Metadata<'a>>, Option<PodSpec<'a>>);
}

impl<'a> Shape<'a> for Object<'a, PodSpec<'a>> {
    fn parts(self) -> (Option<Metadata<'a>>, Option<PodSpec<'a>>) {
        (self.metadata, self.spec)
    }
}

impl<'a> Shape<'a> for PodTemplate<'a> {
    fn parts(self) -> (Option<Metadata<'a>>, Option<PodSpec<'a>>) {
        (self.metadata, self.template.and_then(inner))
    }
}

impl<'a> Shape<'a> for Object<'a, Templated<'a>> {
    fn parts(self) -> (Option<Metadata<'a>>, Option<PodSpec<'a>>) {
        (self.metadata, self.spec.and_then(templated))
    }
}

impl<'a> Shape<'a> for Object<'a, JobTemplated<'a>> {
    fn parts(self) -> (Option<Metadata<'a>>, Option<PodSpec<'a>>) {
        let job = self.spec.and_then(|spec| spec.job_template).and_then(inner);
        (self.metadata, job.and_then(templated))
    }
}

fn inner<S>(inner: Inner<S>) -> Option<S> {
    inner.spec
}

fn templated(spec: Templated<'_>) -> Option<PodSpec<'_>> {
    spec.template.and_then(inner)
}

/// Parses without keeping track of paths, and once more with them if that fails.
fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, ExtractError> {
    match serde_json::from_str(json) {
        Ok(Map(object)) => Ok(object),
        Err(error) => Err(explain(&error, || {
            let mut deserializer = serde_json::Deserializer::from_str(json);
            path_of::<Map<T>, _>(&mut deserializer)
        })),
    }
}

/// The path at which `T` cannot be read, if it cannot.
pub(crate) fn path_of<'de, T, D>(deserializer: D) -> Option<String>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let error = serde_path_to_error::deserialize::<_, T>(deserializer).err()?;
    Some(field_path::printable(&error.path().to_string()))
}

/// Says what is wrong without a word of the input: serde's own message quotes values.
pub(crate) fn explain(
    error: &serde_json::Error,
    path: impl FnOnce() -> Option<String>,
) -> ExtractError {
    if error.classify() != Category::Data {
        return ExtractError::Syntax { line: error.line(), column: error.column() };
    }
    let message = error.to_string();
    let problem = if message.starts_with("duplicate field") {
        Problem::Duplicate
    } else {
        // What is expected comes last, after anything quoted, and is text of our own types.
        let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
        Problem::Type(
            expected
                .map(|expected| expected.split(" at line ").next().unwrap_or(expected).to_owned()),
        )
    };
    ExtractError::Field { field: path().unwrap_or_else(|| ".".to_owned()), problem }
}

fn assemble<'a>(kind: &'static Kind, object: impl Shape<'a>) -> Workload {
    let (metadata, pod) = object.parts();
    let (metadata, pod) = (metadata.unwrap_or_default(), pod.unwrap_or_default());
    let base = kind.pod.path();
    let mut uses = Uses { base, images: Vec::new(), misplaced: Vec::new() };
    uses.containers("initContainers", Role::InitContainer, pod.init_containers);
    uses.containers("containers", Role::Container, pod.containers);
    uses.containers("ephemeralContainers", Role::EphemeralContainer, pod.ephemeral_containers);
    for (index, volume) in entries(pod.volumes) {
        let Some(image) = volume.image else { continue };
        let reference = Text::or_empty(image.reference);
        // A template may leave the reference to whoever makes pods of it.
        if reference.is_empty() && kind.is_template() {
            continue;
        }
        uses.images.push(ImageUse {
            field: FieldPath::entry(base, "volumes", index).child("image.reference"),
            image: reference,
            pull_policy: policy(image.pull_policy.as_ref()),
            role: Role::Volume,
            name: Text::or_empty(volume.name),
        });
    }

    let controller = metadata
        .owner_references
        .and_then(|owners| owners.0.into_iter().find(|owner| owner.controller == Some(true)));
    let secrets = pod.image_pull_secrets.unwrap_or_default().0;
    let names_secrets = !secrets.is_empty();
    let pull_secrets = secrets
        .into_iter()
        .enumerate()
        .filter_map(|(index, secret)| {
            let field = FieldPath::entry(base, "imagePullSecrets", index);
            Text::non_empty(secret.name).map(|name| PullSecretRef { field, name })
        })
        .collect();

    Workload {
        kind,
        namespace: Text::non_empty(metadata.namespace),
        name: Text::non_empty(metadata.name)
            .unwrap_or_else(|| Text::or_empty(metadata.generate_name)),
        is_template: kind.is_template(),
        controller_owned: controller.is_some(),
        owner: controller.and_then(owner),
        // On anything but a Pod the annotation means nothing, and must not hide the object.
        mirror: !kind.is_template() && metadata.annotations.is_some_and(|all| all.mirror),
        deleting: metadata.deletion_timestamp.is_some(),
        images: uses.images,
        pull_secrets,
        names_secrets,
        service_account: Text::non_empty(pod.service_account_name)
            .or_else(|| Text::non_empty(pod.service_account)),
        node: NodeConstraints {
            selector: pod.node_selector.unwrap_or_default().0,
            node_name: Text::non_empty(pod.node_name),
            os: pod.os.and_then(|os| Text::non_empty(os.name)),
            runtime_class: Text::non_empty(pod.runtime_class_name),
            required_affinity: pod
                .affinity
                .and_then(|affinity| affinity.node_affinity)
                .and_then(|node| node.required_during_scheduling_ignored_during_execution)
                .and_then(json_text),
            tolerations: pod.tolerations.and_then(json_text),
        },
        misplaced_pull_secrets: uses.misplaced,
    }
}

/// A reference that lacks something names no object.
fn owner(reference: OwnerReference<'_>) -> Option<Owner> {
    Some(Owner {
        api_version: Text::non_empty(reference.api_version)?,
        kind: Text::non_empty(reference.kind)?,
        name: Text::non_empty(reference.name)?,
        uid: Text::non_empty(reference.uid)?,
    })
}

struct Uses {
    base: &'static str,
    images: Vec<ImageUse>,
    misplaced: Vec<FieldPath>,
}

impl Uses {
    fn containers(&mut self, list: &str, role: Role, containers: Option<List<Container<'_>>>) {
        for (index, container) in entries(containers) {
            let path = FieldPath::entry(self.base, list, index);
            if container.image_pull_secrets.is_some() {
                self.misplaced.push(path.child("imagePullSecrets"));
            }
            self.images.push(ImageUse {
                field: path.child("image"),
                image: Text::or_empty(container.image),
                pull_policy: policy(container.image_pull_policy.as_ref()),
                role,
                name: Text::or_empty(container.name),
            });
        }
    }
}

fn entries<T>(list: Option<List<T>>) -> impl Iterator<Item = (usize, T)> {
    list.unwrap_or_default().0.into_iter().enumerate()
}

fn policy(text: Option<&Text<'_>>) -> Option<PullPolicy> {
    match text?.0.as_ref() {
        "Always" => Some(PullPolicy::Always),
        "IfNotPresent" => Some(PullPolicy::IfNotPresent),
        "Never" => Some(PullPolicy::Never),
        _ => None,
    }
}

/// The text of a value, unless the value is empty.
fn json_text(value: &RawValue) -> Option<String> {
    Some(value.get()).filter(|text| !matches!(*text, "null" | "[]" | "{}")).map(str::to_owned)
}
