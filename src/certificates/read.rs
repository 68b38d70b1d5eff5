//! Reads certificates: how long they hold, whom they name, and whether a client would accept one.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::prelude::GeneralName;

/// Certificates read of one text; no bundle of ours comes near it.
const MOST: usize = 64;

/// A certificate that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Its bytes.
    pub der: CertificateDer<'static>,
    /// From when it holds.
    pub not_before: SystemTime,
    /// Until when it holds.
    pub not_after: SystemTime,
    /// The DNS names and addresses that it is for.
    pub names: Vec<String>,
    /// Its key, as a `SubjectPublicKeyInfo`.
    pub public_key: Vec<u8>,
    /// Whether it may issue others.
    pub is_authority: bool,
}

impl Certificate {
    /// Reads one; `None` if it is not a certificate.
    pub fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let (rest, parsed) = x509_parser::parse_x509_certificate(der).ok()?;
        let names = match parsed.subject_alternative_name().ok()? {
            None => Vec::new(),
            Some(names) => names.value.general_names.iter().filter_map(name).collect(),
        };
        rest.is_empty().then(|| Self {
            der: der.clone().into_owned(),
            not_before: time(parsed.validity().not_before.timestamp()),
            not_after: time(parsed.validity().not_after.timestamp()),
            names,
            public_key: parsed.public_key().raw.to_vec(),
            is_authority: parsed.is_ca(),
        })
    }

    /// Whether it holds at this moment.
    pub fn holds_at(&self, now: SystemTime) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    /// As PEM text.
    pub fn pem(&self) -> String {
        let base64 = STANDARD.encode(&self.der);
        let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
        let mut rest = base64.as_str();
        while !rest.is_empty() {
            let (line, more) = rest.split_at(rest.len().min(64));
            text.push_str(line);
            text.push('\n');
            rest = more;
        }
        text + "-----END CERTIFICATE-----\n"
    }
}

/// The certificates of a PEM text, up to the first that cannot be read.
pub fn all(pem: &[u8]) -> Vec<Certificate> {
    CertificateDer::pem_slice_iter(pem)
        .take(MOST)
        .map_while(Result::ok)
        .map_while(|der| Certificate::read(&der))
        .collect()
}

/// Whether a client that trusts `authorities`, and asks for `host`, accepts this chain at `now`.
pub fn is_accepted(
    chain: &[Certificate],
    authorities: &[Certificate],
    host: &str,
    now: SystemTime,
) -> bool {
    let Some((leaf, others)) = chain.split_first() else { return false };
    let (Ok(host), Ok(now)) =
        (ServerName::try_from(host), now.duration_since(SystemTime::UNIX_EPOCH))
    else {
        return false;
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities.iter().map(|it| it.der.clone()));
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(default_provider()));
    // It fails where no authority is any good.
    let Ok(verifier) = verifier.build() else { return false };
    let others: Vec<_> = others.iter().map(|it| it.der.clone()).collect();
    let now = UnixTime::since_unix_epoch(now);
    verifier.verify_server_cert(&leaf.der, &others, &host, &[], now).is_ok()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

/// Certificates may name times before 1970, and after those that this machine can.
fn time(seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let time = if seconds < 0 { epoch.checked_sub(distance) } else { epoch.checked_add(distance) };
    time.unwrap_or(epoch)
}
