//! Client certificates: which one is shown to a server that asks for one.

use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, SignatureScheme};

/// Several certificates, in the operator's order.
#[derive(Debug)]
pub(super) struct ClientCertificates(Vec<Arc<CertifiedKey>>);

impl ClientCertificates {
    pub(super) fn new(certificates: Vec<Arc<CertifiedKey>>) -> Self {
        Self(certificates)
    }
}

impl ResolvesClientCert for ClientCertificates {
    /// The first that the server says it takes, as in Go's `CertificateRequestInfo`.
    fn resolve(
        &self,
        authorities: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let fits = |key: &&Arc<CertifiedKey>| {
            let issuers = || key.cert.iter().filter_map(|certificate| issuer(certificate));
            key.key.choose_scheme(schemes).is_some()
                && (authorities.is_empty() || issuers().any(|issuer| authorities.contains(&issuer)))
        };
        self.0.iter().find(fits).cloned()
    }

    fn has_certs(&self) -> bool {
        !self.0.is_empty()
    }
}

/// Reads a chain and its key, which must belong together.
pub(super) fn read(
    certificate: &[u8],
    key: &[u8],
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, &'static str> {
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| "it is no PEM")?;
    if chain.is_empty() {
        return Err("it holds no certificate");
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| "its key is none")?;
    let key = provider.key_provider.load_private_key(key).map_err(|_| "its key is of no use")?;
    let pair = CertifiedKey::new(chain, key);
    match pair.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {
            Ok(Arc::new(pair))
        }
        Err(_) => Err("its key belongs to another certificate"),
    }
}

/// The issuer's name in a certificate, as it is written there (RFC 5280, 4.1).
fn issuer<'a>(certificate: &'a CertificateDer<'_>) -> Option<&'a [u8]> {
    const VERSION: u8 = 0xa0;
    let (_, whole, _) = element(certificate)?;
    let (_, mut rest, _) = element(whole)?;
    if rest.first() == Some(&VERSION) {
        rest = after(rest)?;
    }
    let serial_and_algorithm = after(after(rest)?)?;
    let (name, ..) = element(serial_and_algorithm)?;
    Some(name)
}

fn after(der: &[u8]) -> Option<&[u8]> {
    element(der).map(|(_, _, after)| after)
}

/// The first element of DER: all of it, what it holds, and what comes after it.
fn element(der: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let first = usize::from(*der.get(1)?);
    let (length, start) = match first {
        0..=0x7f => (first, 2),
        // A length of more bytes than four is none that we have in memory.
        0x81..=0x84 => {
            let bytes = der.get(2..2 + (first & 0x7f))?;
            let length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            (length, 2 + bytes.len())
        }
        _ => return None,
    };
    let end = start.checked_add(length)?;
    Some((der.get(..end)?, der.get(start..end)?, der.get(end..)?))
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

    use super::*;

    fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    fn issued(by: &CertifiedIssuer<'static, KeyPair>) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["client.test".to_owned()]).unwrap();
        (params.signed_by(&key, by).unwrap().pem(), key.serialize_pem())
    }

    fn load((certificate, key): &(String, String)) -> Arc<CertifiedKey> {
        let provider = rustls::crypto::ring::default_provider();
        read(certificate.as_bytes(), key.as_bytes(), &provider).unwrap()
    }

    #[test]
    fn the_first_certificate_of_an_authority_that_the_server_names_is_shown() {
        let (one, two) = (authority("one"), authority("two"));
        let (first, second) = (load(&issued(&one)), load(&issued(&two)));
        let resolver = ClientCertificates::new(vec![first.clone(), second.clone()]);
        // The subject of an authority that signed itself is its issuer too.
        let (name_one, name_two) = (issuer(one.der()).unwrap(), issuer(two.der()).unwrap());
        assert_ne!(name_one, name_two);
        let schemes = [SignatureScheme::ECDSA_NISTP256_SHA256];
        let shown = |names: &[&[u8]]| resolver.resolve(names, &schemes).map(|key| key.cert.clone());
        assert_eq!(shown(&[]), Some(first.cert.clone()));
        assert_eq!(shown(&[name_one]), Some(first.cert.clone()));
        assert_eq!(shown(&[name_two]), Some(second.cert.clone()));
        assert_eq!(shown(&[name_two, name_one]), Some(first.cert.clone()));
        assert_eq!(shown(&[b"0\0"]), None);
        assert!(resolver.resolve(&[], &[SignatureScheme::ED25519]).is_none());
    }

    #[test]
    fn what_is_no_pair_is_refused() {
        let by = authority("one");
        let (pair, other) = (issued(&by), issued(&by));
        let provider = rustls::crypto::ring::default_provider();
        let fault = |certificate: &str, key: &str| {
            read(certificate.as_bytes(), key.as_bytes(), &provider).unwrap_err()
        };
        assert_eq!(fault(&pair.0, &other.1), "its key belongs to another certificate");
        assert_eq!(fault(&pair.1, &pair.1), "it holds no certificate");
        assert_eq!(fault(&pair.0, &pair.0), "its key is none");
        assert_eq!(fault("", ""), "it holds no certificate");
    }

    #[test]
    fn what_is_no_certificate_has_no_issuer() {
        for der in [&b""[..], b"0", b"0\x80", b"0\x05abc", b"0\x84\xff\xff\xff\xff", b"0\0"] {
            assert_eq!(issuer(&CertificateDer::from(der)), None, "{der:?}");
        }
    }
}
