//! TLS as a client: a checked and an unchecked configuration, one provider, and what a failed
//! handshake means. A certificate of our own is shown only where the operator configures one.

mod client_certificates;

use std::io;
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, Error,
    RootCertStore, SignatureScheme,
};
use secrecy::ExposeSecret;

use super::config::BuildError;
use super::hosts::Material;
use client_certificates::ClientCertificates;

/// The two ways to speak TLS.
#[derive(Debug, Clone)]
pub(super) struct TlsConfigs {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
    /// Certificates are checked against the system's roots and the extra ones.
    pub(super) checked: Arc<ClientConfig>,
    /// Certificates are not checked: insecure hosts and localhost, as containerd has it.
    pub(super) unchecked: Arc<ClientConfig>,
}

impl TlsConfigs {
    /// Loads the roots. A system without any is no error: then only insecure hosts, plain HTTP
    /// and hosts under the extra roots can be reached.
    pub(super) fn new(extra_roots_pem: &[u8]) -> Result<Self, BuildError> {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for certificate in extra_roots(extra_roots_pem)? {
            roots.add(certificate).map_err(|error| BuildError::Roots(error.to_string()))?;
        }
        Self::of(Arc::new(roots), provider, None)
    }

    /// These, with further roots, and with certificates to show to servers.
    ///
    /// # Errors
    /// What of it is of no use: containerd, too, then fails every pull.
    pub(super) fn with(&self, material: &Material) -> Result<Self, String> {
        let mut roots = RootCertStore::clone(&self.roots);
        for (name, pem) in &material.ca {
            // What else is in a bundle is left aside, as in Go.
            let certificates = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
            if roots.add_parsable_certificates(certificates).0 == 0 {
                return Err(format!("{name} holds no usable certificate"));
            }
        }
        let mut clients = Vec::new();
        for client in &material.clients {
            let pair = client_certificates::read(
                &client.certificate,
                client.key.expose_secret(),
                &self.provider,
            );
            let refused = |what| format!("{} is no client certificate: {what}", client.name);
            clients.push(pair.map_err(refused)?);
        }
        let clients = (!clients.is_empty()).then(|| Arc::new(ClientCertificates::new(clients)));
        let provider = self.provider.clone();
        Self::of(Arc::new(roots), provider, clients.as_ref()).map_err(|error| error.to_string())
    }

    fn of(
        roots: Arc<RootCertStore>,
        provider: Arc<CryptoProvider>,
        clients: Option<&Arc<ClientCertificates>>,
    ) -> Result<Self, BuildError> {
        let builder = || {
            ClientConfig::builder_with_provider(provider.clone())
                .with_safe_default_protocol_versions()
        };
        let complete = |builder: ConfigBuilder<ClientConfig, WantsClientCert>| {
            let mut config = match clients {
                Some(clients) => builder.with_client_cert_resolver(clients.clone()),
                None => builder.with_no_client_auth(),
            };
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            Arc::new(config)
        };
        let checked = complete(builder()?.with_root_certificates(roots.clone()));
        let any = Arc::new(AnyCertificate(provider.clone()));
        let unchecked = complete(builder()?.dangerous().with_custom_certificate_verifier(any));
        Ok(Self { roots, provider, checked, unchecked })
    }
}

fn extra_roots(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    let roots = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| BuildError::Roots(error.to_string()))?;
    if roots.is_empty() && !pem.trim_ascii().is_empty() {
        return Err(BuildError::Roots("no certificate in it".to_owned()));
    }
    Ok(roots)
}

/// Accepts every certificate, but still insists that the server holds its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What a failed handshake says about the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HandshakeFailure {
    /// It does not speak TLS: it answered something else, plain HTTP as a rule.
    NotTls,
    /// It closed the connection instead of answering.
    Closed,
    /// It speaks TLS, and this is wrong with it; in our own words.
    Tls(String),
}

impl HandshakeFailure {
    /// Classifies the error of a handshake.
    pub(super) fn of(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(error) => Self::of_rustls(error),
            None => Self::Closed,
        }
    }

    fn of_rustls(error: &Error) -> Self {
        match error {
            Error::InvalidMessage(_) => Self::NotTls,
            Error::InvalidCertificate(error) => Self::Tls(certificate_words(error).to_owned()),
            Error::AlertReceived(alert) => Self::Tls(alert_words(*alert)),
            Error::PeerIncompatible(_) => {
                Self::Tls("no TLS version or cipher in common".to_owned())
            }
            _ => Self::Tls("the TLS handshake failed".to_owned()),
        }
    }
}

fn certificate_words(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "certificate expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "certificate not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "certificate is for another name"
        }
        CertificateError::UnknownIssuer => "certificate signed by an unknown authority",
        CertificateError::Revoked => "certificate revoked",
        _ => "certificate invalid",
    }
}

fn alert_words(alert: AlertDescription) -> String {
    match alert.as_str() {
        Some(name) => format!("TLS alert {name}"),
        None => "an unknown TLS alert".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extra_bundle_without_a_certificate_is_refused_and_an_empty_one_is_not() {
        assert!(TlsConfigs::new(b"").is_ok());
        assert!(TlsConfigs::new(b"\n").is_ok());
        for bad in ["not pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let error = TlsConfigs::new(bad.as_bytes()).unwrap_err();
            assert!(matches!(error, BuildError::Roots(_)), "{bad}: {error}");
        }
    }

    #[test]
    fn a_handshake_that_ends_without_tls_is_told_from_one_that_fails() {
        let closed = io::Error::new(io::ErrorKind::UnexpectedEof, "tls handshake eof");
        assert_eq!(HandshakeFailure::of(&closed), HandshakeFailure::Closed);
        let alert = Error::AlertReceived(AlertDescription::HandshakeFailure);
        let failed = HandshakeFailure::of(&io::Error::other(alert));
        assert_eq!(failed, HandshakeFailure::Tls("TLS alert HandshakeFailure".to_owned()));
    }
}
