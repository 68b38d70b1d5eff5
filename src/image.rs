//! Image references as the kubelet and containerd read them. Knows nothing else of ours.

mod digest;
pub mod hub;
pub mod platform;
mod reference;

pub use digest::{Algorithm, Digest, DigestError, Hasher};
pub use platform::Platform;
pub use reference::{BrokenRule, DomainFault, Reference, ReferenceError};
