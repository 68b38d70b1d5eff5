//! Certificates minted for one test: good ones and the kinds that must be refused.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tempfile::TempDir;

use super::hex;

/// A certificate authority of one test.
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    pem: String,
    dir: TempDir,
}

/// A server certificate with its key.
pub struct Leaf {
    der: CertificateDer<'static>,
    pem: String,
    key: KeyPair,
    dir: TempDir,
}

/// How a server certificate is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Valid, for `127.0.0.1`, `::1` and `localhost` and the names asked for.
    Good,
    /// Ended in 2020.
    Expired,
    /// Valid, but only for `someone-else.test`.
    WrongName,
}

fn crypto() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Writes a file unless it is there: who reads it meanwhile must not find half of it.
fn write(dir: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = dir.path().join(name);
    if std::fs::read_to_string(&path).is_ok_and(|there| there == text) {
        return path;
    }
    std::fs::write(&path, text).unwrap();
    path
}

impl Ca {
    /// A new authority; one that nobody was told of is an unknown one.
    pub fn mint() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        // A name of its own: one authority that bears another's name is a different fault.
        let mut serial = [0; 8];
        getrandom::fill(&mut serial).unwrap();
        let name = format!("pullcheck test CA {}", hex(&serial));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let cert = params.self_signed(&key).unwrap();
        Self {
            der: cert.der().clone(),
            pem: cert.pem(),
            issuer: Issuer::new(params, key),
            dir: TempDir::new().unwrap(),
        }
    }

    /// A server certificate for the loopback addresses, `localhost` and `names`, addresses or DNS
    /// names.
    pub fn leaf(&self, kind: Kind, names: &[&str]) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "pullcheck test server");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let names: &[&str] = if kind == Kind::WrongName { &["someone-else.test"] } else { names };
        for name in names {
            params.subject_alt_names.push(match name.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName((*name).try_into().unwrap()),
            });
        }
        if kind != Kind::WrongName {
            params.subject_alt_names.extend([
                SanType::DnsName("localhost".try_into().unwrap()),
                SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                SanType::IpAddress("::1".parse().unwrap()),
            ]);
        }
        if kind == Kind::Expired {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        Leaf { der: cert.der().clone(), pem: cert.pem(), key, dir: TempDir::new().unwrap() }
    }

    /// A good certificate for loopback.
    pub fn good(&self) -> Leaf {
        self.leaf(Kind::Good, &[])
    }

    /// The PEM text.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A PEM file, for `--ca-file`; lives as long as the authority.
    pub fn file(&self) -> PathBuf {
        write(&self.dir, "ca.pem", &self.pem)
    }

    /// A client configuration that trusts only this authority.
    pub fn client(&self, http2: bool) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(crypto())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![if http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
        Arc::new(config)
    }
}

impl Leaf {
    /// The PEM text of the certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The PEM text of the key.
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// A PEM file, for `--tls-cert`; lives as long as the certificate.
    pub fn cert_file(&self) -> PathBuf {
        write(&self.dir, "cert.pem", &self.pem)
    }

    /// A PEM file, for `--tls-key`.
    pub fn key_file(&self) -> PathBuf {
        write(&self.dir, "key.pem", &self.key_pem())
    }

    /// A server configuration that offers HTTP/2 and HTTP/1.1.
    pub fn server(&self) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(crypto())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}
