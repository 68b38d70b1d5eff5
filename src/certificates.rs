//! Mints certificate authorities and server certificates, and says when new ones are due.
//!
//! Here is what such certificates must hold so that rustls and Go's crypto/x509 (the API server)
//! accept them, and what is to be done about those that `serve` keeps in a Secret of its own
//! (`kept`). Never here: files (`cli::certs` writes them), the Secret itself (`keeper` reads and
//! writes it), certificates in use (`server::tls` shows them), and the clock.

mod authority;
mod hosts;
mod kept;
mod plan;
mod read;

use std::fmt;

pub use authority::Authority;
pub use hosts::checked as checked_host;
pub use kept::{Kept, Stored};
pub use plan::{Step, Why};
pub use read::{Certificate, all as read_all, is_accepted};

/// How long an authority lasts, in days: ten years.
pub const CA_DAYS: u16 = 3650;

/// How long a server certificate lasts unless told otherwise, in days.
pub const SERVER_DAYS: u16 = 365;

/// A certificate and its private key, both as PEM.
#[derive(Clone)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The private key, PKCS#8.
    pub key: String,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// Why a certificate could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// The server certificate would name nobody, and nobody would accept it.
    #[error("a server certificate needs at least one host name or address")]
    NoHosts,
    /// Not a name that a certificate can hold.
    #[error(
        "{0:?} is neither an IP address nor a DNS name of letters, digits, hyphens and dots; write it without scheme, port and path"
    )]
    Host(String),
    /// Outlasts the authority, or does not last at all.
    #[error("a server certificate can last from 1 to {CA_DAYS} days, not {0}")]
    Days(u16),
    /// The cryptography failed.
    #[error("the certificate could not be made")]
    Failed(#[from] rcgen::Error),
}

#[cfg(test)]
mod tests;
