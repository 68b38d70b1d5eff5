//! AdmissionReview in and out.

pub mod request;
pub mod response;
