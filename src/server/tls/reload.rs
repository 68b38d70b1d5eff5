//! Takes up a renewed certificate, and refuses half of one.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use super::Certificates;
use super::pair::{self, CertificateFiles, Contents, PairError};
use crate::server::Shutdown;
use crate::telemetry::Metrics;

/// What a look at the files led to.
#[derive(Debug)]
pub enum Reload {
    /// They are as they were at the last look, good or bad.
    Unchanged,
    /// They changed, and the new pair is in use.
    Replaced,
    /// They changed, to something unusable; the old pair stays in use.
    Refused(PairError),
}

/// Compares the files with what was read last. By contents, not by time stamps: those of a mounted
/// Secret follow the symlinks that Kubernetes exchanges, and a copied file may keep an old one.
pub struct Reloader {
    files: CertificateFiles,
    certificates: Arc<Certificates>,
    seen: [u8; 32],
}

impl Reloader {
    pub(super) async fn open(
        files: CertificateFiles,
    ) -> Result<(Arc<Certificates>, Self), PairError> {
        let (files, read) = read(files).await;
        let seen = fingerprint(&read);
        let certificates = Certificates::none();
        certificates.replace(read?.check(&files)?);
        let reloader = Self { files, certificates: Arc::clone(&certificates), seen };
        Ok((certificates, reloader))
    }

    /// Looks at the files once.
    pub async fn check(&mut self) -> Reload {
        let (_, read) = read(self.files.clone()).await;
        let seen = fingerprint(&read);
        if seen == self.seen {
            return Reload::Unchanged;
        }
        self.seen = seen;
        match read.and_then(|contents| contents.check(&self.files)) {
            Ok(pair) => {
                self.certificates.replace(pair);
                Reload::Replaced
            }
            Err(error) => Reload::Refused(error),
        }
    }

    /// Looks at the files `every` so often, and at once when `nudged`, until `shutdown`. Logs and
    /// counts every change once.
    pub async fn run(
        mut self,
        every: Duration,
        nudged: Arc<Notify>,
        metrics: Arc<Metrics>,
        mut shutdown: Shutdown,
    ) {
        loop {
            let asked = tokio::select! {
                () = shutdown.fired() => return,
                () = nudged.notified() => true,
                () = tokio::time::sleep(every) => false,
            };
            let found = self.check().await;
            let certificate = self.files.certificate.display();
            match found {
                Reload::Unchanged if asked => {
                    tracing::info!(%certificate, "asked to reload: the certificate is unchanged");
                }
                Reload::Unchanged => {}
                Reload::Replaced => {
                    metrics.tls_reloaded();
                    tracing::info!(%certificate, "a new certificate is in use");
                }
                Reload::Refused(error) => {
                    metrics.tls_refused();
                    tracing::error!(%certificate, %error, "a changed certificate is refused, the old one stays in use");
                }
            }
        }
    }
}

impl std::fmt::Debug for Reloader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloader").field("files", &self.files).finish_non_exhaustive()
    }
}

/// Files may lie on a slow mount, so they are read apart from the runtime's own threads.
async fn read(files: CertificateFiles) -> (CertificateFiles, Result<Contents, PairError>) {
    let named = files.clone();
    let read = tokio::task::spawn_blocking(move || pair::read(&named)).await;
    let read = read.unwrap_or_else(|error| {
        let why = std::io::Error::other(error.to_string());
        Err(PairError::Unreadable { path: files.certificate.clone(), why })
    });
    (files, read)
}

/// Stands for what was read, or why it could not be; a key is not kept for comparing.
fn fingerprint(read: &Result<Contents, PairError>) -> [u8; 32] {
    let mut hash = Sha256::new();
    match read {
        Ok(contents) => {
            hash.update([0]);
            hash.update(contents.certificate.len().to_le_bytes());
            hash.update(&contents.certificate);
            hash.update(contents.key.expose_secret());
        }
        Err(error) => {
            hash.update([1]);
            hash.update(error.to_string());
        }
    }
    hash.finalize().into()
}

/// Nudges at every SIGHUP, the signal by which operators ask a server to read its files again.
///
/// The signal, which by default ends a process, is caught from this call on; the nudging is done by
/// the future that is returned.
///
/// # Errors
///
/// If the signal cannot be listened for.
#[cfg(unix)]
pub fn reload_on_hangup(
    nudged: Arc<Notify>,
    mut shutdown: Shutdown,
) -> std::io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        loop {
            tokio::select! {
                () = shutdown.fired() => return,
                received = hangup.recv() => match received {
                    Some(()) => nudged.notify_one(),
                    None => return,
                },
            }
        }
    })
}

#[cfg(test)]
mod tests;
