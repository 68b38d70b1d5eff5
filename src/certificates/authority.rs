//! A certificate authority with its key: minted, read back from PEM, and what it issues.

use std::fmt;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _,
};

use super::{CA_DAYS, MintError, Pair, hosts, read};

pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Certificates begin this long ago, for machines whose clocks are a little behind.
pub(super) const BACKDATED: Duration = Duration::from_secs(60 * 60);

/// A certificate authority with its key, able to issue server certificates.
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
    made: SystemTime,
}

impl Authority {
    /// Mints an authority that is valid from a little before `now`, for [`CA_DAYS`].
    pub fn mint(now: SystemTime) -> Result<Self, MintError> {
        // Without intermediates: a leaked server certificate cannot become an authority.
        Self::self_signed(params_of_authority(now, CA_DAYS, 0)?, now)
    }

    /// Mints one that lasts for `days` and can vouch for the one that comes after it.
    pub(super) fn mint_first(now: SystemTime, days: u16) -> Result<Self, MintError> {
        Self::self_signed(params_of_authority(now, days, 1)?, now)
    }

    /// Mints the one that comes after this one, together with this one's word for it: a
    /// certificate by which whoever trusts only this one accepts what the next one issues.
    pub(super) fn mint_next(
        &self,
        now: SystemTime,
        days: u16,
    ) -> Result<(Self, String), MintError> {
        let mut params = params_of_authority(now, days, 1)?;
        let next = Self::self_signed(params.clone(), now)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.use_authority_key_identifier_extension = true;
        let vouched = params.signed_by(next.issuer.key(), &self.issuer)?;
        Ok((next, vouched.pem()))
    }

    fn self_signed(params: CertificateParams, made: SystemTime) -> Result<Self, MintError> {
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self { certificate, issuer: Issuer::new(params, key), made })
    }

    /// The authority of this certificate, if `key` is its key.
    pub(super) fn known(certificate: &read::Certificate, key: KeyPair) -> Option<Self> {
        let issuer = Issuer::from_ca_cert_der(&certificate.der, key).ok()?;
        let made = certificate.not_before + BACKDATED;
        let is_its = issuer.key().subject_public_key_info() == certificate.public_key;
        is_its.then(|| Self { certificate: certificate.pem(), issuer, made })
    }

    /// The authority's own certificate and key.
    pub fn pair(&self) -> Pair {
        Pair { certificate: self.certificate.clone(), key: self.issuer.key().serialize_pem() }
    }

    /// Issues a server certificate for `hosts` (DNS names and IP addresses), with a new key, valid
    /// for `days` from the moment the authority was made.
    pub fn issue(&self, hosts: &[impl AsRef<str>], days: u16) -> Result<Pair, MintError> {
        self.issue_at(hosts, self.made, days)
    }

    /// The same, from a little before `now`.
    pub(super) fn issue_at(
        &self,
        hosts: &[impl AsRef<str>],
        now: SystemTime,
        days: u16,
    ) -> Result<Pair, MintError> {
        if hosts.is_empty() {
            return Err(MintError::NoHosts);
        }
        if days == 0 || days > CA_DAYS {
            return Err(MintError::Days(days));
        }
        let hosts: Vec<String> = hosts
            .iter()
            .map(|host| hosts::checked(host.as_ref()).map(str::to_owned))
            .collect::<Result<_, _>>()?;
        let mut params = params("pullcheck".to_owned(), now, days);
        params.subject_alt_names = CertificateParams::new(hosts)?.subject_alt_names;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate: Certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// When it was made.
    pub(super) fn made(&self) -> SystemTime {
        self.made
    }

    pub(super) fn certificate(&self) -> &str {
        &self.certificate
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("made", &self.made).finish_non_exhaustive()
    }
}

/// `below` is how many authorities there may be between it and a server's certificate.
fn params_of_authority(
    now: SystemTime,
    days: u16,
    below: u8,
) -> Result<CertificateParams, MintError> {
    // Names differ, or a client that trusts two of them could take one for the other.
    let mut number = [0; 8];
    getrandom::fill(&mut number).map_err(|_| MintError::Failed(rcgen::Error::RingUnspecified))?;
    let number = u64::from_be_bytes(number);
    let mut params = params(format!("pullcheck authority {number:016x}"), now, days);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn params(name: String, now: SystemTime, days: u16) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = (now - BACKDATED).into();
    params.not_after = (now + DAY * u32::from(days)).into();
    params
}
