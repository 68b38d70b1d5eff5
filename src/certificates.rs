//! Mints a certificate authority and server certificates, for development, the demo and tests.
//!
//! Here is what such certificates must hold so that rustls and Go's crypto/x509 (the API server)
//! accept them. Never here: files (`cli::certs` writes them) and certificates in use
//! (`server::tls` loads them).

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long an authority lasts, in days: ten years.
pub const CA_DAYS: u16 = 3650;

/// How long a server certificate lasts unless told otherwise, in days.
pub const SERVER_DAYS: u16 = 365;

/// Certificates begin this long ago, for machines whose clocks are a little behind.
const BACKDATED: Duration = Duration::from_secs(60 * 60);

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

/// A certificate authority with its key, able to issue server certificates.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    made: SystemTime,
}

impl Authority {
    /// Mints an authority that is valid from a little before `now`, for [`CA_DAYS`].
    pub fn mint(now: SystemTime) -> Result<Self, MintError> {
        let mut params = params("pullcheck authority", now, CA_DAYS);
        // Without intermediates: a leaked server certificate cannot become an authority.
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)?, made: now })
    }

    /// The authority's own certificate and key.
    pub fn pair(&self) -> Pair {
        Pair { certificate: self.issuer.pem(), key: self.issuer.key().serialize_pem() }
    }

    /// Issues a server certificate for `hosts` (DNS names and IP addresses), with a new key, valid
    /// for `days` from the moment the authority was made.
    pub fn issue(&self, hosts: &[impl AsRef<str>], days: u16) -> Result<Pair, MintError> {
        if hosts.is_empty() {
            return Err(MintError::NoHosts);
        }
        if days == 0 || days > CA_DAYS {
            return Err(MintError::Days(days));
        }
        let hosts: Vec<String> = hosts
            .iter()
            .map(|host| checked(host.as_ref()).map(str::to_owned))
            .collect::<Result<_, _>>()?;
        let mut params = params("pullcheck", self.made, days);
        params.subject_alt_names = CertificateParams::new(hosts)?.subject_alt_names;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("made", &self.made).finish_non_exhaustive()
    }
}

fn params(name: &str, now: SystemTime, days: u16) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = (now - BACKDATED).into();
    params.not_after = (now + DAY * u32::from(days)).into();
    params
}

/// rcgen takes any ASCII as a DNS name; a certificate for `https://host:8443` would be accepted by
/// nobody, and nobody would say why.
fn checked(host: &str) -> Result<&str, MintError> {
    if host.parse::<IpAddr>().is_ok() {
        return Ok(host);
    }
    let name = host.strip_prefix("*.").unwrap_or(host);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let fits = name.len() <= 253 && name.split('.').all(label);
    // Four numbers with dots that are no address would be taken for a name that nobody can ask for.
    let numeric =
        name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if fits && !numeric { Ok(host) } else { Err(MintError::Host(host.chars().take(64).collect())) }
}

#[cfg(test)]
mod tests;
