//! TLS for the webhook: which certificate is shown, and how it is renewed while the server runs.
//!
//! A certificate in use is only ever replaced by a pair that was read and checked as a whole, so
//! a renewal caught half-way, an empty file or a typing error costs a log line and no request.
//! Connections that exist stay as they are; new ones see the new certificate.

mod pair;
mod reload;

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

pub use pair::{CertificateFiles, PairError};
pub use reload::{Reload, Reloader, reload_on_hangup};

/// The certificate in use, exchanged as a whole.
pub struct Certificates(ArcSwap<CertifiedKey>);

impl Certificates {
    /// Reads and checks the pair in `files`; the [`Reloader`] keeps it up to date if it is run.
    ///
    /// # Errors
    ///
    /// At start there is no old pair to go on with, so whatever is wrong with this one is an error.
    pub async fn open(files: CertificateFiles) -> Result<(Arc<Self>, Reloader), PairError> {
        Reloader::open(files).await
    }

    /// A certificate that stays, from PEM text.
    ///
    /// # Errors
    ///
    /// If either is not what it should be, or the two do not go together.
    pub fn fixed(certificate: &str, key: &str) -> Result<Arc<Self>, PairError> {
        pair::check(certificate.as_bytes(), key.as_bytes(), &CertificateFiles::in_memory())
            .map(Self::new)
    }

    fn new(pair: CertifiedKey) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(pair)))
    }

    fn replace(&self, pair: CertifiedKey) {
        self.0.store(Arc::new(pair));
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

/// TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1, showing whatever `certificates` holds at the moment.
///
/// # Errors
///
/// Only if the crypto provider supports no TLS version, which a build would have to be broken for.
pub fn server_config(certificates: Arc<Certificates>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
