//! A finding, and the one way to make it.

use super::{Basis, Cause, Certainty, Code, Severity, Standing};
use crate::facts::ImageFact;
use crate::message;

/// Something that is true of one image, pull secret or ServiceAccount of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which cause.
    pub code: Code,
    /// Whether the pull fails of it.
    pub severity: Severity,
    /// How sure it is.
    pub certainty: Certainty,
    /// Its catalogue entry's standing.
    pub standing: Standing,
    /// Its catalogue entry's basis.
    pub basis: Basis,
    /// Field path as Kubernetes prints it.
    pub field: String,
    /// The image as written, where the finding is about one.
    pub image: Option<String>,
    /// That image's normalised name with tag and digest, if it is a valid reference.
    pub reference: Option<String>,
    /// The host an `Unknown` finding is about: those of one host are shown as one warning.
    pub host: Option<String>,
    /// One line in the house's form, at most 256 printable ASCII characters.
    pub message: String,
}

impl Finding {
    /// A finding of `cause` about an image.
    pub(super) fn of_image(
        cause: &Cause,
        severity: Severity,
        certainty: Certainty,
        image: &ImageFact<'_>,
        what: &str,
        fix: &str,
    ) -> Self {
        let message = message::line(image.field, Some(image.image), what, fix, cause.code);
        Self {
            image: Some(image.image.to_owned()),
            reference: image.reference.as_ref().ok().map(ToString::to_string),
            ..Self::new(cause, severity, certainty, image.field, message)
        }
    }

    /// A finding of `cause` about a field that names `object` (a Secret, a ServiceAccount).
    pub(super) fn of_object(
        cause: &Cause,
        severity: Severity,
        certainty: Certainty,
        (field, object): (&str, &str),
        what: &str,
        fix: &str,
    ) -> Self {
        let message = message::line(field, Some(object), what, fix, cause.code);
        Self::new(cause, severity, certainty, field, message)
    }

    /// The same finding, about one host.
    pub(super) fn at_host(self, host: &str) -> Self {
        Self { host: Some(host.to_owned()), ..self }
    }

    /// A finding with a ready message.
    pub(super) fn new(
        cause: &Cause,
        severity: Severity,
        certainty: Certainty,
        field: &str,
        message: String,
    ) -> Self {
        Self {
            code: cause.code,
            severity,
            certainty,
            standing: cause.standing,
            basis: cause.basis,
            field: field.to_owned(),
            image: None,
            reference: None,
            host: None,
            message,
        }
    }
}
