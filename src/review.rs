//! AdmissionReview in and out.

pub mod request;
