//! TLS for the webhook: which certificate is shown, and how it is renewed while the server runs.
//!
//! A certificate in use is only ever replaced by a pair that was read and checked as a whole, so
//! a renewal caught half-way, an empty file or a typing error costs a log line and no request.
//! Connections that exist stay as they are; new ones see the new certificate.

mod expiry;
mod pair;
mod reload;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::Notify;

pub use expiry::watch_expiry;
pub use pair::{CertificateFiles, PairError};
pub use reload::{Reload, Reloader, reload_on_hangup};

use crate::certificates::Certificate;

/// The certificate in use, exchanged as a whole.
pub struct Certificates {
    shown: ArcSwapOption<Shown>,
    changed: Notify,
}

/// What is shown to clients.
struct Shown {
    pair: Arc<CertifiedKey>,
    not_after: SystemTime,
}

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
        let certificates = Self::none();
        certificates.show(certificate, key)?;
        Ok(certificates)
    }

    /// None yet: until one is [shown](Self::show) every handshake fails.
    pub fn none() -> Arc<Self> {
        Arc::new(Self { shown: ArcSwapOption::empty(), changed: Notify::new() })
    }

    /// From now on shows this pair, PEM text, to new connections.
    ///
    /// # Errors
    ///
    /// If either is not what it should be, or the two do not go together; nothing changes then.
    pub fn show(&self, certificate: &str, key: &str) -> Result<(), PairError> {
        let files = CertificateFiles::in_memory();
        self.replace(pair::check(certificate.as_bytes(), key.as_bytes(), &files)?);
        Ok(())
    }

    /// The end of the certificate that is shown; `None` while none is.
    pub fn not_after(&self) -> Option<SystemTime> {
        self.shown.load().as_ref().map(|shown| shown.not_after)
    }

    /// Whether it is this chain that is shown.
    pub fn shows(&self, chain: &[Certificate]) -> bool {
        let shown = self.shown.load();
        let shown = shown.as_ref().map_or(&[][..], |shown| &shown.pair.cert);
        shown.iter().eq(chain.iter().map(|certificate| &certificate.der))
    }

    fn replace(&self, pair: CertifiedKey) {
        // Whatever rustls takes for a certificate has an end; one that cannot be read is over.
        let leaf = pair.cert.first().and_then(Certificate::read);
        let not_after = leaf.map_or(SystemTime::UNIX_EPOCH, |leaf| leaf.not_after);
        self.shown.store(Some(Arc::new(Shown { pair: Arc::new(pair), not_after })));
        self.changed.notify_one();
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.shown.load().as_ref().map(|shown| Arc::clone(&shown.pair))
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
